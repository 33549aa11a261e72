"""Tokens for units: the RFC 7523 grant to Maskinporten, and the token kept until shortly before its end.

Maskinporten's rules kept here: the grant names the issuer as its only audience, carries no claim beyond
those documented, is used once (`jti`), lives at most 120 seconds, and is signed with RS256 by a key whose
`kid` is registered with the client. The access token is opaque to the one who asks for it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

import httpx

from consent_clients.problems import TokenRefused
from consent_clients.signing import signed
from consent_clients.trust import authorities

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
METADATA = ".well-known/oauth-authorization-server"
GRANT_LIFE = 60
"""Seconds; Maskinporten refuses more than 120."""

MARGIN = 20.0
"""Seconds before its end at which a token is no longer handed out: the call it serves takes time too."""


class Maskinporten:
    """A registered client of one organisation, with the scopes it asks for.

    `issuer` is Maskinporten's issuer identifier, with its slash at the end; `key` the private RSA key as a
    JWK with `kid`; `resource` the service's audience, where the service demands restricted tokens.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        key: Mapping[str, Any],
        scopes: Sequence[str],
        resource: str | None = None,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not key.get("kid"):
            raise ValueError("the key needs the kid that is registered with the client")
        self._issuer = issuer
        self._client_id = client_id
        self._key = dict(key)
        self._scopes = tuple(scopes)
        self._resource = resource
        self._now = now
        self._http = httpx.AsyncClient(verify=authorities(), timeout=timeout, transport=transport)
        self._one_at_a_time = asyncio.Lock()
        self._endpoint: str | None = None
        self._token = ""
        self._until = 0.0

    async def bearer(self) -> str:
        """The cached token, or a new one. Raises `TokenRefused` with Maskinporten's own error code."""
        async with self._one_at_a_time:
            if self._now() >= self._until:
                await self._fetch()
            return self._token

    async def close(self) -> None:
        """Closes the sockets."""
        await self._http.aclose()

    async def _fetch(self) -> None:
        form = {"grant_type": GRANT_TYPE, "assertion": self._grant()}
        try:
            response = await self._http.post(await self._token_endpoint(), data=form)
        except httpx.TransportError as lost:
            raise TokenRefused(f"Maskinporten is not reachable: {type(lost).__name__}") from lost
        answer = token_answer(response, "Maskinporten")
        self._token = str(answer["access_token"])
        self._until = self._now() + max(0.0, float(answer.get("expires_in", 0)) - MARGIN)

    async def _token_endpoint(self) -> str:
        if self._endpoint is None:
            response = await self._http.get(urljoin(self._issuer, METADATA))
            self._endpoint = str(token_answer(response, "Maskinporten", field="token_endpoint")["token_endpoint"])
        return self._endpoint

    def _grant(self) -> str:
        issued = int(self._now())
        claims: dict[str, Any] = {
            "aud": self._issuer,
            "iss": self._client_id,
            "scope": " ".join(self._scopes),
            "iat": issued,
            "exp": issued + GRANT_LIFE,
            "jti": str(uuid.uuid4()),
        }
        if self._resource is not None:
            claims["resource"] = [self._resource]
        return signed(claims, self._key)


def token_answer(response: httpx.Response, issuer: str, *, field: str = "access_token") -> Mapping[str, Any]:
    """An issuer's JSON answer that has `field`; anything else is `TokenRefused` with its error code."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise TokenRefused(f"{issuer} answered {response.status_code} and no JSON")
    if not response.is_success or field not in answer:
        code = answer.get("error", response.status_code)
        raise TokenRefused(f"{issuer} refused: {code}: {answer.get('error_description', 'no reason given')}")
    return answer
