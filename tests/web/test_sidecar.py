"""Behind a login sidecar the pages take its word on who is there, on every call, and their own forms' on what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.house import House, house
from tests.support.issuers import KARI, OLA, VERGE
from tests.support.serving import calling, reserve, serving
from tests.support.sidecar import COOKIE, SidecarInFront
from tests.web.conftest import forms_of

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

NO_CLIENT = {"IDPORTEN_CLIENT_ID": "", "IDPORTEN_CLIENT_JWK": "", "IDPORTEN_REDIRECT_URI": ""}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class Street:
    """A service without a client of its own, the sidecar before it, and a browser on the other side of that."""

    house: House
    sidecar: SidecarInFront
    browser: httpx.AsyncClient

    async def submit(self, page: httpx.Response, action: str, **filled: str) -> httpx.Response:
        """Send a page's form."""
        fields = {**dict(forms_of(page.text)[action]), **filled}
        origin = {"origin": self.house.service.settings.public_url, "sec-fetch-site": "same-origin"}
        return await self.browser.post(action, data=fields, headers=origin)

    async def start(self) -> httpx.Response:
        """Log in, and say yes to start: the overview."""
        return await self.submit(await self.browser.get("/overview"), "/welcome", name="Kari Testdatter")


@pytest.fixture
async def street(migrated_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    """The service in its second mode; its settings are those that NAIS gives, and who is before it."""
    async with AsyncExitStack() as stack:
        place = reserve()
        stack.callback(place.socket.close)
        settings = {**NO_CLIENT, "CONSENT_LOGIN": "sidecar", "CONSENT_PUBLIC_URL": place.base_url}
        running = await stack.enter_async_context(house(migrated_url, tmp_path, **settings))
        sidecar = SidecarInFront(
            upstream=running.url,
            idporten=running.idporten,
            callback=f"{running.url}/login/callback",
            audience=running.url,
            clock=running.clock,
            http=running.outside,
            at_the_keyboard=KARI.pid,
        )
        await stack.enter_async_context(serving(sidecar.app(), place))
        browser = calling(base_url=place.base_url, follow_redirects=True, headers={"accept": "text/html"})
        yield Street(running, sidecar, await stack.enter_async_context(browser))


async def test_a_person_logs_in_by_the_sidecar_and_uses_the_pages(street: Street) -> None:
    """She is sent to it with our level and her language, comes back to where she was going, and her forms are taken."""
    welcome = await street.browser.get("/overview", headers={"accept-language": "nn"})
    assert (welcome.status_code, welcome.url.path) == (200, "/welcome")
    assert {name: street.sidecar.asked[name] for name in ("level", "locale")} == {
        "level": "idporten-loa-high",
        "locale": "nn",
    }
    overview = await street.submit(welcome, "/welcome", name="Kari Testdatter")
    assert (overview.status_code, overview.url.path) == (200, "/overview")


async def test_the_page_is_hers_only_while_the_sidecar_says_so(street: Street) -> None:
    """Without its token, with somebody else's, or with a forged one, our own session shows nothing."""
    await street.start()
    ours = {name: value for name, value in street.browser.cookies.items() if name != COOKIE}
    others = await street.house.as_person(OLA.pid)
    async with calling(base_url=street.house.url, cookies=ours) as past_the_sidecar:
        for headers in ({}, others, {"Authorization": "Bearer a.b.c"}):
            answer = await past_the_sidecar.get("/overview", headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/overview")
        hers = await past_the_sidecar.get("/overview", headers=await street.house.as_person(KARI.pid))
        assert hers.status_code == 200


async def test_who_takes_over_the_browser_gets_a_session_of_her_own(street: Street) -> None:
    """When the sidecar's login becomes another person's, the first one's session shows her nothing."""
    await street.start()
    street.sidecar.at_the_keyboard = OLA.pid
    await street.browser.get("/oauth2/login", params={"redirect": "/", "level": "idporten-loa-high"})
    assert (await street.browser.get("/overview")).url.path == "/welcome"


async def test_logging_out_ends_both(street: Street) -> None:
    """Our own session at once, then the browser is sent on to the sidecar's address, which ends its own."""
    overview = await street.start()
    out = await street.submit(overview, "/logout")
    assert out.headers["refresh"] == "0; url=/oauth2/logout"
    street.browser.cookies.delete(COOKIE)
    answer = await street.browser.get("/overview", follow_redirects=False)
    assert answer.headers["location"] == "/login?to=/overview"


async def test_a_token_that_is_not_accepted_ends_in_a_page(street: Street) -> None:
    """What the sidecar has is not enough (here: for another audience): told so, and not sent round and round."""
    street.sidecar.audience = "https://another.example"
    answer = await street.browser.get("/overview")
    assert (answer.status_code, answer.url.path) == (400, "/login")


async def test_who_acts_for_another_is_told_where_to_get_help(street: Street) -> None:
    """A representation is no login of her own here either: the page says so, and not that something failed."""
    street.sidecar.at_the_keyboard = VERGE.pid
    answer = await street.browser.get("/overview")
    assert (answer.status_code, answer.url.path) == (403, "/login")
    assert "Du må logge inn som deg selv" in answer.text


async def test_who_logged_in_with_too_little_is_told(street: Street) -> None:
    """The sidecar was asked for our level, and came back with less: the page says which login is needed."""
    street.sidecar.level = "idporten-loa-substantial"
    answer = await street.browser.get("/overview")
    assert (answer.status_code, answer.url.path) == (403, "/login")
    assert "BankID" in answer.text


async def test_the_sidecars_token_makes_no_form_ours(street: Street) -> None:
    """It comes with every call of the browser, those that another site makes it send too: pages and API refuse them."""
    await street.start()
    for origin in ("https://evil.example", "null"):
        sent = await street.browser.post("/logout", content="csrf=", headers={**FORM, "origin": origin})
        assert sent.status_code == 403
    street.browser.cookies.delete("session")  # a call with both is refused anyhow
    for origin in ("https://evil.example", "null"):
        erased = await street.browser.delete("/v1/me", headers={"origin": origin})
        assert erased.status_code == 403


async def test_nobody_tells_us_of_logouts_there(street: Street) -> None:
    """The client that ID-porten tells is the sidecar: its addresses are not ours."""
    assert (await street.browser.get("/logout/frontchannel")).status_code == 404
    assert (await street.browser.post("/logout/backchannel", data={"logout_token": "a.b.c"})).status_code == 404
    assert (await street.browser.get("/login/callback")).status_code == 404


async def test_another_number_is_linked_by_operators_here(street: Street) -> None:
    """We can't make the sidecar ask her anew, so two logins prove nothing: the page says whom to ask, and no more."""
    await street.start()
    page = await street.browser.get("/numbers")
    assert "Fødselsnummer som begynner på 218794" in page.text
    assert "Vi hjelper deg med det." in page.text
    assert "/numbers/first" not in page.text
    for path in ("/numbers/first", "/numbers/second", "/numbers/link"):
        assert (await street.browser.get(path)).status_code == 404
