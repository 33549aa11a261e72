"""Coming in and going out: what is stored when, and who is led where."""

import httpx
import pytest

from consent_service.clock import HOUR, SECOND
from consent_service.identity.logout_tokens import EVENT
from consent_service.persons.lookup import find
from consent_service.storage.statement import Statement
from tests.persons.conftest import KARI as KARI_NUMBER
from tests.support.issuers import IDPORTEN, KARI, OLA, OUR_AUDIENCE, OUR_CLIENT, UNG, VERGE, key
from tests.web.conftest import Browser, Town


async def is_candidate(town: Town) -> bool:
    """Whether anything is stored about Kari."""
    async with town.db.snapshot() as view:
        return await find(view, town.keys.service.lookup, KARI_NUMBER) is not None


async def test_the_first_page_says_who_why_how_long_and_where_to_turn(town: Town) -> None:
    """Before anything is stored, a person is told what GDPR art. 13 says she must be."""
    page = (await town.browser().open("/")).text
    assert all(told in page for told in ("Trøndelag fylkeskommune", "817920632", "Norge", "Datatilsynet"))
    assert all(help_at in page for help_at in ("personvern@example.org", "74 17 40 00"))
    assert "Ingenting er lagret om deg ennå." in page
    assert "Det er frivillig" in page


async def test_a_login_alone_stores_nothing_about_the_person(town: Town) -> None:
    """She is a candidate from her yes on, and not from her login."""
    browser = town.browser()
    page = await browser.log_in()
    assert page.url.path == "/welcome"
    assert not await is_candidate(town)
    await browser.submit("/welcome", name="Kari Testdatter")
    assert await is_candidate(town)
    assert browser.page.url.path == "/overview"
    assert "Hei, Kari Testdatter" in browser.page.text


async def test_a_no_at_the_welcome_leaves_nothing(town: Town) -> None:
    """Whoever says no is logged out, and nothing is stored."""
    browser = town.browser()
    await browser.log_in()
    await browser.submit("/logout")
    assert not await is_candidate(town)
    assert (await browser.open("/overview")).status_code == 303


@pytest.mark.parametrize("name", ["", "   ", "Kari\nTest", "x" * 201, "Kari\u202eTest"])
async def test_a_name_that_is_none_is_asked_for_again(town: Town, name: str) -> None:
    """What was typed stays in the field, and nothing is stored."""
    browser = town.browser()
    await browser.log_in()
    page = await browser.submit("/welcome", name=name)
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert not await is_candidate(town)


async def test_whoever_has_been_here_comes_straight_to_her_pages(town: Town) -> None:
    """The welcome is for the first time."""
    await town.browser().start()
    assert (await town.browser().log_in(to="/log")).url.path == "/log"


async def test_a_login_leads_back_to_our_own_pages_alone(town: Town) -> None:
    """An address of another site, or of no page, leads to the overview."""
    await town.browser().start()
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "/v1/me", "/overview?x=1"):
        assert (await town.browser().log_in(to=elsewhere)).url == f"{OUR_AUDIENCE}/overview"


async def test_a_login_ends_the_browser_s_earlier_session(town: Town) -> None:
    """A session that somebody planted in the browser beforehand is worth nothing afterwards."""
    browser = town.browser()
    await browser.start()
    before = browser.http.cookies["__Host-session"]
    browser.http.cookies.delete("__Host-session")
    await town.browser().open("/")
    browser.http.cookies.set("__Host-session", before, domain="consent.example.org", path="/")
    await browser.submit("/logout")
    await browser.log_in()
    other = town.browser()
    other.http.cookies.set("__Host-session", before, domain="consent.example.org", path="/")
    assert (await other.open("/overview")).status_code == 303


async def test_an_answer_that_names_something_twice_logs_nobody_in(town: Town) -> None:
    """An answer from ID-porten that can be read in two ways is not read at all."""
    page = await town.browser().open("/login/callback?state=a&state=b&code=c")
    assert page.status_code == 400
    assert "Innloggingen ble ikke fullført" in page.text


async def test_a_login_begun_in_another_browser_is_not_finished_here(town: Town) -> None:
    """Nobody is logged in as somebody else by a link (login CSRF)."""
    theirs, mine = town.browser(), town.browser()
    await theirs.open("/login")
    asked = dict(theirs.page.next_request.url.params) if theirs.page.next_request else {}
    answer = await town.idporten.post(f"{IDPORTEN}/authorize", data={**asked, "pid": OLA.pid})
    back = answer.headers["location"].removeprefix(OUR_AUDIENCE)
    assert (await mine.open(back)).status_code == 400
    assert "__Host-session" not in mine.http.cookies


async def test_the_cookies_are_for_this_host_and_no_script(town: Town) -> None:
    """Session and login cookies: __Host-, Secure, HttpOnly, SameSite=Lax, of no domain; the session's until the end."""
    browser = town.browser()
    begun = await browser.http.get("/login")
    ended = await browser.http.get(await _back(town, begun))
    for page, name in ((begun, "__Host-login"), (ended, "__Host-session")):
        (cookie,) = (one for one in page.headers.get_list("set-cookie") if one.startswith(f"{name}="))
        for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert attribute in cookie.split("; ")
        assert "domain" not in cookie.lower()
        assert ("Max-Age" in cookie) is (name == "__Host-login")


async def _back(town: Town, begun: httpx.Response) -> str:
    """Log in as Kari with the request that ``begun`` carries; where the browser is sent back to."""
    asked = dict(httpx.URL(begun.headers["location"]).params)
    answer = await town.idporten.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid})
    return answer.headers["location"].removeprefix(OUR_AUDIENCE)


async def test_a_session_that_was_planted_is_nobody_s_after_the_login(town: Town) -> None:
    """Whatever cookie the browser came back with, the login makes a new one, and ends the session of the old."""
    mallory, kari = town.browser(), town.browser()
    await mallory.start(OLA.pid, name="Ola Testmann")
    planted = mallory.http.cookies["__Host-session"]
    back = await _back(town, await kari.http.get("/login"))
    kari.http.cookies.set("__Host-session", planted, domain="consent.example.org", path="/")
    await kari.http.get(back)
    assert (await mallory.open("/overview")).status_code == 303
    assert planted not in [cookie.value for cookie in kari.http.cookies.jar]
    assert "__Host-login" not in kari.http.cookies
    assert (await kari.open("/overview")).url.path == "/welcome"


async def test_logging_out_ends_the_session_and_tells_id_porten(town: Town) -> None:
    """The session is over on the server, and the browser goes on to end ID-porten's."""
    browser = town.browser()
    await browser.start()
    value = browser.http.cookies["__Host-session"]
    page = await browser.submit("/logout")
    assert page.url.path == "/logged-out"
    assert page.headers["refresh"].startswith(f"0; url={IDPORTEN}/")
    browser.http.cookies.set("__Host-session", value, domain="consent.example.org", path="/")
    assert (await browser.open("/overview")).status_code == 303


async def test_logging_out_elsewhere_ends_the_session_here(town: Town) -> None:
    """ID-porten's front channel ends the sessions of that login, and says in whose frame it may be shown."""
    browser = town.browser()
    await browser.start()
    async with town.db.snapshot() as view:
        sid = await view.value(Statement("SELECT sid FROM session"))
    elsewhere = town.browser()
    for iss, over in (("https://evil.example", False), (f"{IDPORTEN}/", True)):
        page = await elsewhere.open(f"/logout/frontchannel?iss={iss}&sid={sid}")
        assert page.status_code == 200
        assert f"frame-ancestors {IDPORTEN}" in page.headers["content-security-policy"]
        assert ((await browser.open("/overview")).status_code == 303) is over


async def _sid(town: Town) -> str:
    async with town.db.snapshot() as view:
        return str(await view.value(Statement("SELECT sid FROM session")))


@pytest.mark.parametrize(
    "sent",
    [
        "iss={iss}&sid={sid}&sid={sid}",
        "iss={iss}&iss=https://evil.example&sid={sid}",
        "sid={sid}",
        "iss={iss}",
        "iss={iss}&sid=",
        "iss={iss}&sid=%00",
        "iss={iss}&sid=%ff",
        "iss={iss}.evil.example&sid={sid}",
    ],
)
async def test_a_front_channel_that_says_something_else_ends_nothing(town: Town, sent: str) -> None:
    """Another issuer, another session, or two of either: an empty answer as ever, and nobody is logged out."""
    browser = town.browser()
    await browser.start()
    page = await town.browser().open("/logout/frontchannel?" + sent.format(iss=IDPORTEN, sid=await _sid(town)))
    assert (page.status_code, page.content) == (200, b"")
    assert (await browser.open("/overview")).status_code == 200


async def test_only_the_front_channel_may_be_framed(town: Town) -> None:
    """And that by ID-porten alone; no other page by anybody."""
    browser = town.browser()
    await browser.start()
    for path, framed in (("/", False), ("/overview", False), ("/logged-out", False), ("/logout/frontchannel", True)):
        headers = (await browser.http.get(path)).headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["frame-ancestors"] == (IDPORTEN if framed else "'none'")
        assert "x-frame-options" not in headers


async def test_a_logout_elsewhere_reaches_us_behind_the_browser(town: Town) -> None:
    """A logout token by the back channel ends the session of that login: once, without a cookie, never stored."""
    browser = town.browser()
    await browser.start()
    now = town.clock.now() // SECOND
    claims = {
        "iss": IDPORTEN,
        "aud": OUR_CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": "one",
        "events": {EVENT: {}},
        "sid": await _sid(town),
    }
    idporten = Browser(town.browser().http, town.idporten)
    forged = [("logout_token", key("stranger").jwt(claims))]
    token = [("logout_token", key("idporten").jwt(claims))]
    for sent, status, over in ((forged, 400, False), (token * 2, 400, False), (token, 200, True), (token, 400, True)):
        answer = await idporten.post("/logout/backchannel", sent, {})
        assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
        assert ((await browser.open("/overview")).status_code == 303) is over


async def test_who_is_too_young_is_told_where_to_get_help(town: Town) -> None:
    """In her language, with a telephone number; no session, nothing stored, and the way out of ID-porten."""
    for language, told in (("nb", "oppfølgingstjenesten"), ("nn", "oppfølgingstenesta"), ("en", "follow-up service")):
        browser = town.browser(language)
        page = await browser.log_in(UNG.pid)
        assert page.status_code == 403
        assert all(help_at in page.text for help_at in ("18", told, "74 17 40 00", "/logged-out?done=here"))
        assert "__Host-session" not in browser.http.cookies
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM session")) == 0


async def test_who_comes_for_somebody_else_is_told_to_come_herself(town: Town) -> None:
    """A power of attorney gives nobody's consent: no session, and where help is."""
    browser = town.browser()
    page = await browser.log_in(VERGE.pid)
    assert page.status_code == 403
    assert "Du må logge inn som deg selv" in page.text
    assert "verge" in page.text
    assert "__Host-session" not in browser.http.cookies


async def test_who_changes_her_mind_is_not_told_of_a_failure(town: Town) -> None:
    """Cancelling at ID-porten leads to a page that says so."""
    browser = town.browser()
    await browser.open("/login")
    asked = dict(httpx.URL(browser.page.headers["location"]).params)
    answer = await town.idporten.post(f"{IDPORTEN}/authorize", data={**asked, "cancel": "1"})
    page = await browser.open(answer.headers["location"].removeprefix(OUR_AUDIENCE))
    assert "Du avbrøt innloggingen" in page.text


async def test_erasing_ends_the_sessions_of_every_browser(town: Town) -> None:
    """Those too in which she had only just logged in, or had before she was a candidate."""
    before, here, after = town.browser(), town.browser(), town.browser()
    await before.log_in()
    await here.start()
    await after.http.get("/login")
    asked = dict(httpx.URL((await after.http.get("/login")).headers["location"]).params)
    back = (await town.idporten.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid})).headers["location"]
    await after.http.get(back.removeprefix(OUR_AUDIENCE))
    await here.open("/rights/erase")
    await here.submit("/rights/erase", word="SLETT")
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM session")) == 0
    for browser in (before, here, after):
        assert (await browser.http.get("/welcome")).status_code == 303


async def test_a_session_left_alone_is_over(town: Town) -> None:
    """After half an hour without use the person logs in again, and comes back to where she was going."""
    browser = town.browser()
    await browser.start()
    town.clock.advance(seconds=HOUR // SECOND)
    assert (await browser.open("/log")).headers["location"].startswith(IDPORTEN)
    assert (await browser.log_in(to="/log")).url.path == "/log"


async def test_a_language_chosen_stays(town: Town) -> None:
    """The language is kept in a cookie, and the change comes back to the same page."""
    browser = town.browser("en")
    assert '<html lang="en">' in (await browser.open("/claim")).text
    page = await browser.open("/language/nn?to=/claim")
    assert page.url.path == "/claim"
    assert '<html lang="nn">' in page.text
    assert (await browser.open("/language/se?to=/")).status_code == 404
    assert (await browser.open("/language/nb?to=//evil.example")).url == f"{OUR_AUDIENCE}/"


async def test_two_people_in_one_browser_do_not_meet(town: Town) -> None:
    """Whoever logs in after somebody else sees her own pages."""
    browser = Browser(town.browser().http, town.idporten)
    await browser.start(KARI.pid)
    await browser.submit("/logout")
    await browser.start(OLA.pid, name="Ola Testmann")
    page = await browser.open("/overview")
    assert "Ola Testmann" in page.text
    assert "Kari" not in page.text
