"""How we prove who we are with a registered key: to ID-porten as its client (``private_key_jwt``, RFC 7523, section
2.2), and to Maskinporten, where the signed statement is itself what a token is given for (section 2.1).
"""

import uuid
from collections.abc import Mapping
from typing import Any

from jose import jwk, jwt
from jose.backends.base import Key

from consent_service.clock import SECOND

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE_SECONDS = 60  # both refuse more than 120


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
        return self._signed({"iss": client_id, "sub": client_id, "aud": audience}, at)

    def grant(self, *, client_id: str, audience: str, scope: str, at: int) -> str:
        """One grant, as ``assertion``. Maskinporten refuses claims that it does not know, ``sub`` among them."""
        return self._signed({"iss": client_id, "aud": audience, "scope": scope}, at)

    def _signed(self, said: Mapping[str, str], at: int) -> str:
        issued = at // SECOND
        claims = {**said, "jti": str(uuid.uuid4()), "iat": issued, "exp": issued + _LIFE_SECONDS}
        if self._read is None:  # checking an RSA key takes longer than signing with it fifty times
            self._read = jwk.construct(self._written, "RS256")
        return jwt.encode(claims, self._read, algorithm="RS256", headers={"kid": self.kid})
