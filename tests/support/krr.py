"""A local KRR beside a local Maskinporten on loopback, and the adapter that speaks to both as the service would."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from consent_service.clock import Clock
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.own_tokens import OwnTokens
from consent_service.mailbox.krr import SCOPE, Krr
from consent_service.sandbox.keys import IssuerKeys
from consent_service.sandbox.krr import KrrConfig, krr_app
from consent_service.sandbox.maskinporten import MaskinportenClient, MaskinportenConfig, maskinporten_app
from consent_service.settings import Environment
from tests.support.issuers import COUNTY, key
from tests.support.serving import calling, reserve, serving

CLIENT = "consent-service-at-maskinporten"


@dataclass
class LocalKrr:
    """A served local KRR, and the Maskinporten whose tokens it takes."""

    base_url: str
    maskinporten: str
    http: httpx.AsyncClient
    clock: Clock

    @property
    def url(self) -> str:
        """The address of the look-up."""
        return f"{self.base_url}/rest/v2/personer"

    def tokens(self, *, scope: str = SCOPE, signer: str = CLIENT) -> OwnTokens:
        """The service's tokens."""
        return OwnTokens(
            self.http,
            self.clock,
            endpoint=f"{self.maskinporten}token",
            issuer=self.maskinporten,
            client_id=CLIENT,
            client_key=ClientKey(key(signer).private_jwk),
            scope=scope,
        )

    def register(self, **changed: Any) -> Krr:
        """The adapter."""
        return Krr(self.http, self.url, self.tokens(**changed).token)

    async def stands(self, national_id: str, *, reserved: bool = False, supplier: str | None = None) -> None:
        """Say how somebody stands there."""
        body = {"national_id": national_id, "reserved": reserved, "supplier": supplier}
        (await self.http.put(f"{self.base_url}/sandbox/people", json=body)).raise_for_status()

    async def goes_down(self, down: bool = True) -> None:
        """Have it answer 503, or answer again."""
        (await self.http.post(f"{self.base_url}/sandbox/down", json={"down": down})).raise_for_status()

    async def looked_up(self) -> list[str]:
        """Whom it was asked about."""
        answer: list[str] = (await self.http.get(f"{self.base_url}/sandbox/looked-up")).json()
        return answer


@contextlib.asynccontextmanager
async def local_krr(clock: Clock) -> AsyncIterator[LocalKrr]:
    """Serve both."""
    place, keys = reserve(), IssuerKeys()
    issuer = f"{place.base_url}/"
    client = MaskinportenClient(
        client_id=CLIENT,
        organisation_number=COUNTY,
        scopes=frozenset({SCOPE, "krr:global/kontaktinformasjon.read", "consent:consents.read"}),
        keys=(key(CLIENT).public_jwk,),
    )
    local = Environment.LOCAL
    maskinporten = MaskinportenConfig(issuer=issuer, environment=local, clients=(client,), keys=keys, clock=clock)
    krr = KrrConfig(issuer=issuer, keys=keys, environment=local, clock=clock)
    async with (
        serving(maskinporten_app(maskinporten), at=place),
        serving(krr_app(krr)) as base_url,
        calling(timeout=2.0) as http,
    ):
        yield LocalKrr(base_url, issuer, http, clock)
