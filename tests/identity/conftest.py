"""The issuers in this process, the tokens they sign, and what verifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from jose import jwt

from consent_service.clock import SECOND, SettableClock
from consent_service.identity.candidate_tokens import IdportenTokens, TokenXTokens
from consent_service.identity.levels import levels_from
from consent_service.identity.tokens import BearerTokens, LoginTokens
from consent_service.identity.unit_tokens import MaskinportenTokens
from consent_service.sandbox.idporten import IdportenConfig
from consent_service.sandbox.maskinporten import MaskinportenConfig
from tests.identity.attacks.ground import Ground
from tests.support.issuers import (
    IDPORTEN,
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
from tests.support.tokenx import OUR_NAME, TOKEN_X, tokenx_app, tokenx_issuer, tokenx_keys

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

    async def shown_to(self, door: str, token: str) -> object:
        """Show ``token`` at the units' door or at the candidates' (``me``). Raises what the door raises."""
        read = self.bearer.unit if door == "units" else self.bearer.candidate
        return await read([f"Bearer {token}"])

    @staticmethod
    def read(token: str) -> dict[str, Any]:
        """What a token says, believed without looking."""
        claims: dict[str, Any] = jwt.get_unverified_claims(token)
        return claims

    @property
    def ground(self) -> Ground:
        """What the claims are made of."""
        return Ground(
            now=self.clock.now() // SECOND,
            maskinporten=MASKINPORTEN,
            idporten=IDPORTEN,
            token_x=TOKEN_X,
            audience=OUR_AUDIENCE,
            our_client=OUR_CLIENT,
            our_name=OUR_NAME,
            organisation=NAV,
            client="nav-client",
            scope="consent:consents.read consent:content.read",
        )

    def unit_claims(self, **changes: Any) -> dict[str, Any]:
        """A Maskinporten token's claims; a change to OUT leaves the claim out."""
        return self.ground.unit_claims(**changes)

    def candidate_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an ID-porten access token that was made for us."""
        return self.ground.person_claims(**changes)

    def login_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an id_token for our client."""
        return self.ground.login_claims(**changes)


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


@pytest.fixture
async def world(clock: SettableClock) -> AsyncIterator[World]:
    """All three issuers, without sockets."""
    maskinporten, idporten = maskinporten_config(clock), idporten_config(clock)
    tokenx = httpx.ASGITransport(tokenx_app(TOKEN_X, tokenx_keys()))
    async with without_sockets(clock, maskinporten, idporten, {f"{TOKEN_X}/": tokenx}) as http:
        levels = levels_from("idporten-loa-high")
        at_idporten = idporten_issuer(http, clock)
        yield World(
            clock=clock,
            http=http,
            maskinporten=maskinporten,
            idporten=idporten,
            bearer=BearerTokens(
                [
                    MaskinportenTokens(maskinporten_issuer(http, clock)),
                    IdportenTokens(at_idporten, audience=OUR_AUDIENCE, acr=levels),
                    TokenXTokens(
                        tokenx_issuer(http, clock), audience=OUR_NAME, acr=levels, providers=frozenset({IDPORTEN})
                    ),
                ],
                clock,
            ),
            login=LoginTokens(at_idporten, client_id=OUR_CLIENT, clock=clock),
        )
