"""RSA keys for the sandbox's issuers and their clients, and the JWTs signed with them.

The tokens are put together here by hand, so that their headers hold what the real issuers' hold and nothing that
a library adds.
"""

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import BaseModel, ConfigDict, Field

Jwk = Mapping[str, Any]

_PUBLISHED = 16
"""Keys. Even rotated every few seconds, an issuer takes none back while tokens live that it signed."""

_HASHES: dict[str, hashes.HashAlgorithm] = {"RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


class SigningKey:
    """A private RSA key with a ``kid``, for one of RS256, RS384 and RS512."""

    def __init__(self, private: rsa.RSAPrivateKey, kid: str, *, alg: str = "RS256") -> None:
        """Take the key, its name and its use."""
        self._private = private
        self.kid = kid
        self.alg = alg

    @classmethod
    def generate(cls, kid: str | None = None, *, bits: int = 2048, alg: str = "RS256") -> "SigningKey":
        """A fresh key; its ``kid`` is random when not given."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        return cls(private, kid or str(uuid.uuid4()), alg=alg)

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key as it is registered and published."""
        numbers = self._private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": self.alg,
            "kid": self.kid,
            "n": _integer(numbers.n),
            "e": _integer(numbers.e),
        }

    @property
    def private_jwk(self) -> dict[str, str]:
        """The private key as a client's settings take it."""
        numbers = self._private.private_numbers()
        return {
            **self.public_jwk,
            "d": _integer(numbers.d),
            "p": _integer(numbers.p),
            "q": _integer(numbers.q),
            "dp": _integer(numbers.dmp1),
            "dq": _integer(numbers.dmq1),
            "qi": _integer(numbers.iqmp),
        }

    def jwt(self, claims: Mapping[str, Any], *, header: Mapping[str, Any] | None = None) -> str:
        """``claims`` as a compact JWS. ``header`` replaces the usual one (``kid`` and ``alg``) altogether."""
        head = {"kid": self.kid, "alg": self.alg} if header is None else header
        return self.jws(_json(head), _json(claims), alg=str(head.get("alg")))

    def jws(self, header: bytes, payload: bytes, *, alg: str = "RS256") -> str:
        """Any bytes as a compact JWS, signed as RS256 unless ``alg`` says RS384 or RS512."""
        signed = f"{_base64url(header)}.{_base64url(payload)}"
        digest = _HASHES.get(alg, hashes.SHA256())
        return f"{signed}.{_base64url(self._private.sign(signed.encode(), padding.PKCS1v15(), digest))}"


class IssuerKeys:
    """What an issuer signs with, and what it publishes: the present key, and those whose tokens may still live."""

    def __init__(self, first: SigningKey | None = None) -> None:
        """Begin with ``first``, or a fresh key."""
        self.signing = first or SigningKey.generate()
        self._published = [self.signing]

    def rotate(self, following: SigningKey | None = None) -> str:
        """Sign with a new key from now on; its ``kid``. What the last few keys signed can still be verified."""
        self.signing = following or SigningKey.generate()
        self._published = [self.signing, *self._published][:_PUBLISHED]
        return self.signing.kid

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The JWK Set."""
        return {"keys": [key.public_jwk for key in self._published]}


class ClientJwks(BaseModel):
    """The keys that a client registers: public ones, five at most, as at Digdir."""

    model_config = ConfigDict(extra="forbid")
    keys: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=5)]


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _integer(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
