"""The built service with its three issuers on loopback, and calls that say any bytes as their token."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from consent_service.clock import SECOND
from consent_service.identity.units import UnitKind
from tests.api.raw import masked
from tests.identity.attacks.ground import Ground
from tests.support.house import ORGANISATIONS, House, house
from tests.support.serving import reserve, serving
from tests.support.tokenx import OUR_NAME, tokenx_app, tokenx_keys

DOORS = {"units": "/v1/consents", "me": "/v1/me/notes"}


@dataclass(frozen=True)
class Answered:
    """A whole answer but for its date and its random ids, and how many seconds it took."""

    text: bytes
    seconds: float

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.text.split(b" ", 2)[1])


@dataclass(frozen=True)
class BuiltService:
    """A service that takes tokens from all three issuers."""

    house: House
    token_x: str

    @property
    def ground(self) -> Ground:
        """What a forger starts from here."""
        return Ground(
            now=self.house.clock.now() // SECOND,
            maskinporten=self.house.maskinporten,
            idporten=self.house.idporten,
            token_x=self.token_x,
            audience=self.house.url,
            our_client="consent-service",
            our_name=OUR_NAME,
            organisation=ORGANISATIONS[UnitKind.NAV],
            client=UnitKind.NAV.value,
            scope="consent:consents.read consent:content.read",
        )

    async def shown(self, door: str, *fields: str, more: str = "", path: str = "") -> Answered:
        """Call ``door`` (or ``path``) with these ``Authorization`` fields, and ``more`` lines of headers."""
        place = urlsplit(self.house.url)
        lines = "".join(f"Authorization: {field}\r\n" for field in fields) + more
        text = f"GET {path or DOORS[door]} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n{lines}\r\n"
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(text.encode("utf-8", errors="surrogatepass"))
        answer = await reader.read()
        seconds = time.perf_counter() - began
        writer.close()
        return Answered(masked(answer), seconds)


@contextlib.asynccontextmanager
async def built_service(database_url: str, folder: Path) -> AsyncIterator[BuiltService]:
    """The service on a migrated database, until the block ends."""
    place = reserve()
    issuer = place.base_url
    settings = {
        "TOKEN_X_ISSUER": issuer,
        "TOKEN_X_WELL_KNOWN_URL": f"{issuer}/.well-known/oauth-authorization-server",
        "TOKEN_X_CLIENT_ID": OUR_NAME,
    }
    async with serving(tokenx_app(issuer, tokenx_keys()), place), house(database_url, folder, **settings) as running:
        yield BuiltService(running, issuer)
