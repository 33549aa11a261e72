"""Both issuers in this process, the tokens they sign, and what verifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from consent_service.clock import SECOND, SettableClock
from consent_service.identity.levels import levels_from
from consent_service.identity.tokens import BearerTokens, IdportenTokens, LoginTokens, MaskinportenTokens
from consent_service.sandbox.idporten import IdportenConfig
from consent_service.sandbox.maskinporten import MaskinportenConfig
from tests.support.issuers import (
    IDPORTEN,
    KARI,
    MASKINPORTEN,
    NAV,
    OUR_AUDIENCE,
    OUR_CLIENT,
    idporten_config,
    idporten_issuer,
    maskinporten_config,
    maskinporten_issuer,
    without_sockets,
)

OUT: Any = object()
"""In place of a claim's value: the claim is left out. None is null."""

NOON = 1_780_000_000 * SECOND


@dataclass
class World:
    """Issuers, the service's view of them, and claims as they make them."""

    clock: SettableClock
    http: httpx.AsyncClient
    maskinporten: MaskinportenConfig
    idporten: IdportenConfig
    bearer: BearerTokens
    login: LoginTokens

    def unit_claims(self, **changes: Any) -> dict[str, Any]:
        """A Maskinporten token's claims; a change to OUT leaves the claim out."""
        return self._claims(
            {
                "iss": MASKINPORTEN,
                "client_amr": "private_key_jwt",
                "token_type": "Bearer",
                "aud": "unspecified",
                "client_id": "nav-client",
                "scope": "consent:consents.read consent:content.read",
                "consumer": {"authority": "iso6523-actorid-upis", "ID": f"0192:{NAV}"},
            },
            changes,
        )

    def candidate_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an ID-porten access token that was made for us."""
        return self._claims(
            {
                "iss": IDPORTEN,
                "sub": "pairwise",
                "client_amr": "private_key_jwt",
                "client_id": "another-application",
                "aud": OUR_AUDIENCE,
                "acr": "idporten-loa-high",
                "pid": KARI.pid,
                "scope": "openid profile",
            },
            changes,
        )

    def login_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an id_token for our client."""
        return self._claims(
            {
                "iss": IDPORTEN,
                "sub": "pairwise",
                "amr": ["TestID"],
                "pid": KARI.pid,
                "nonce": "nonce",
                "aud": OUR_CLIENT,
                "acr": "idporten-loa-high",
                "sid": "session-there",
            },
            changes,
        )

    def _claims(self, claims: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        now = self.clock.now() // SECOND
        claims = {**claims, "iat": now, "exp": now + 120, "jti": "0c1f", **changes}
        return {name: value for name, value in claims.items() if value is not OUT}


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


@pytest.fixture
async def world(clock: SettableClock) -> AsyncIterator[World]:
    """Both issuers, without sockets."""
    maskinporten, idporten = maskinporten_config(clock), idporten_config(clock)
    async with without_sockets(clock, maskinporten, idporten) as http:
        at_idporten = idporten_issuer(http, clock)
        yield World(
            clock=clock,
            http=http,
            maskinporten=maskinporten,
            idporten=idporten,
            bearer=BearerTokens(
                [
                    MaskinportenTokens(maskinporten_issuer(http, clock)),
                    IdportenTokens(at_idporten, audience=OUR_AUDIENCE, acr=levels_from("idporten-loa-high")),
                ],
                clock,
            ),
            login=LoginTokens(at_idporten, client_id=OUR_CLIENT, clock=clock),
        )
