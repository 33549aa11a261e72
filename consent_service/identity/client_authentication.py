"""How we prove to ID-porten that we are the registered client: ``private_key_jwt`` (RFC 7523, section 2.2)."""

import uuid
from collections.abc import Mapping
from typing import Any

from jose import jwk, jwt
from jose.backends.base import Key

from consent_service.clock import SECOND

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE_SECONDS = 60  # ID-porten refuses more than 120


class ClientKey:
    """The client's private RSA key as a JWK with ``kid``. Neither its repr nor its errors show it."""

    __slots__ = ("_read", "_written", "kid")

    def __init__(self, written: Mapping[str, Any]) -> None:
        """Take the JWK as registered. Raises ValueError unless it is a private RSA key with a ``kid``."""
        kid = written.get("kid")
        if written.get("kty") != "RSA" or not isinstance(written.get("d"), str) or not isinstance(kid, str):
            raise ValueError("the client's key is a private RSA key as a JWK, with the kid that is registered")
        self._written = dict(written)
        self._read: Key | None = None
        self.kid: str = kid

    def assertion(self, *, client_id: str, audience: str, at: int) -> str:
        """One assertion, good once and for a minute from ``at`` (microseconds)."""
        issued = at // SECOND
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": str(uuid.uuid4()),
            "iat": issued,
            "exp": issued + _LIFE_SECONDS,
        }
        if self._read is None:  # checking an RSA key takes longer than signing with it fifty times
            self._read = jwk.construct(self._written, "RS256")
        return jwt.encode(claims, self._read, algorithm="RS256", headers={"kid": self.kid})
