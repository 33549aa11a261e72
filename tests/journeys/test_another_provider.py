"""A certified OpenID provider in ID-porten's place, by settings alone: in, by its own names for things, and out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.provision.openid import installed, openid_provider
from tests.support.house import House, house
from tests.support.issuers import KARI, UNG, key
from tests.support.serving import reserve

HIGH = "urn:example:high"
PEOPLE = {"kari": KARI.pid, "ung": UNG.pid}


@pytest.fixture(scope="module")
def provider_folder() -> Iterator[Path]:
    """The provider, installed once."""
    with installed() as folder:
        yield folder


@dataclass
class Town:
    """Our service, and the provider that it was told of."""

    house: House
    provider: str

    def browser(self) -> httpx.AsyncClient:
        """Somebody's browser."""
        return httpx.AsyncClient(headers={"accept": "text/html"}, verify=False, timeout=20)  # noqa: S501 - loopback

    async def log_in(self, browser: httpx.AsyncClient, login: str) -> httpx.Response:
        """Follow every redirect of both, and say at the provider who one is."""
        page = await self._follow(browser, await browser.get(f"{self.house.url}/login?to=/overview"))
        assert str(page.url).startswith(f"{self.provider}/interaction/"), page.text
        return await self._follow(browser, await browser.post(page.url, data={"login": login}))

    async def _follow(self, browser: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
        while answer.has_redirect_location:
            answer = await browser.get(urljoin(str(answer.url), answer.headers["location"]))
        return answer


@pytest.fixture
async def town(
    migrated_url: str, tmp_path: Path, provider_folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Town]:
    """The service with settings for another provider; ``request.param`` is what that one is like."""
    place = reserve()
    place.socket.close()  # the provider takes the port itself, once it can be told where the service is
    issuer, port = place.base_url, urlsplit(place.base_url).port
    like: dict[str, Any] = {"levels": [HIGH], "numberClaim": "national_number", **request.param}
    settings = {
        "IDPORTEN_ISSUER": issuer,
        "IDPORTEN_WELL_KNOWN_URL": f"{issuer}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "a-client",
        "IDPORTEN_CLIENT_JWK": json.dumps(key("ours").private_jwk),
        "CONSENT_IDPORTEN_ACR": HIGH,
        "CONSENT_IDPORTEN_SCOPE": "openid person",
        "CONSENT_IDPORTEN_PID_CLAIM": "national_number",
    }
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(house(migrated_url, tmp_path, **settings))
        client = {
            "client_id": "a-client",
            "redirect_uris": [f"{ours.url}/login/callback"],
            "post_logout_redirect_uris": [f"{ours.url}/"],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "scope": "openid person",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [key("ours").public_jwk]},
            "backchannel_logout_uri": f"{ours.url}/logout/backchannel",
            "backchannel_logout_session_required": True,
        }
        told = {**like, "issuer": issuer, "port": port, "client": client, "people": PEOPLE}
        await stack.enter_async_context(openid_provider(provider_folder, told))
        yield Town(ours, issuer)


ALL = [{"pushed": pushed, "conform": conform} for pushed in ("never", "offered", "always") for conform in (True, False)]


@pytest.mark.parametrize("town", ALL, indirect=True, ids=lambda like: "-".join(map(str, like.values())))
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_person_logs_in_and_out_at_another_provider(town: Town) -> None:
    """Whether it offers, demands or does not know pushed requests; whether an id_token tells more than it must.

    Who logs out there is told of it by the back channel, and is logged out here before she is back.
    """
    async with town.browser() as browser:
        page = await town.log_in(browser, "kari")
        assert page.url.path == "/welcome", page.text
        assert "session" in browser.cookies
        leave = {"client_id": "a-client", "post_logout_redirect_uri": f"{town.house.url}/"}
        asked = await browser.get(f"{town.provider}/session/end", params=leave)
        xsrf = asked.text.partition('name="xsrf" value="')[2].partition('"')[0]
        gone = await browser.post(f"{town.provider}/session/end/confirm", data={"xsrf": xsrf, "logout": "yes"})
        assert gone.headers["location"] == f"{town.house.url}/"
        assert (await browser.get(f"{town.house.url}/welcome")).headers["location"] == "/login?to=/welcome"


@pytest.mark.parametrize("town", [{"pushed": "offered", "conform": False}], indirect=True, ids=["usual"])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_another_provider_lets_nobody_in_that_id_porten_would_not(town: Town) -> None:
    """Nobody who is too young, and nobody without a number."""
    for login, said in (("ung", "18"), ("stranger", "ikke fullført")):
        async with town.browser() as browser:
            browser.headers["accept-language"] = "nb"
            page = await town.log_in(browser, login)
            assert page.status_code >= 400
            assert said in page.text
            assert "session" not in browser.cookies


@pytest.mark.parametrize(
    "town", [{"pushed": "offered", "conform": False, "levels": ["urn:example:low"]}], indirect=True, ids=["low"]
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_another_provider_s_lower_level_is_not_enough(town: Town) -> None:
    """Its levels are compared with the one in the settings for equality, whatever it takes them to mean."""
    async with town.browser() as browser:
        page = await town.log_in(browser, "kari")
        assert page.status_code >= 400
        assert "session" not in browser.cookies
