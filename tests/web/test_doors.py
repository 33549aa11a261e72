"""Every page and every form at once: nothing is reached by the wrong person, and no form is taken from elsewhere."""

import re
from collections.abc import Iterator
from urllib.parse import unquote
from uuid import uuid4

import pytest
from starlette.routing import Route

from consent_service.storage.statement import Statement
from consent_service.web.site import routes
from tests.support.issuers import OLA, OUR_AUDIENCE
from tests.web.conftest import Browser, Town, forms_of, id_in

OPEN_TO_ALL = {
    "/",
    "/claim",
    "/language/{language}",
    "/login",
    "/login/callback",
    "/logged-out",
    "/logout/frontchannel",
    "/static/{name}",
}
BEFORE_HER_YES = {"/welcome", "/numbers", "/numbers/first", "/numbers/second", "/numbers/link"}
"""For whoever is logged in: one who has been here with another number links it, and begins nothing anew."""

TOLD_BY_TOKEN = {"/logout/backchannel"}
"""ID-porten calls here itself, without a browser: a signed token stands in for all that a form of ours has."""

FOREIGN = [
    {},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": OUR_AUDIENCE, "sec-fetch-site": "cross-site"},
    {"origin": OUR_AUDIENCE.replace("https", "http")},
    {"origin": f"{OUR_AUDIENCE}:8443"},
]


def addresses(town: Town, method: str) -> Iterator[str]:
    """Every address that takes ``method``, with ids that nobody has."""
    for route in routes(town.pages):
        assert isinstance(route, Route)
        if method in (route.methods or set()) and route.path not in TOLD_BY_TOKEN:
            yield route.path


def somewhere(path: str) -> str:
    """``path`` with an id that nobody has."""
    return path.replace("{id:uuid}", str(uuid4())).replace("{type}", "given")


async def everything(town: Town) -> list[tuple[object, ...]]:
    """What is stored that a form could change."""
    found: list[tuple[object, ...]] = []
    async with town.db.snapshot() as view:
        for table in ("candidate", "note", "consent", "mapping_request", "entry", "note_draft"):
            found += [tuple(dict(row).values()) for row in await view.rows(Statement(f"SELECT * FROM {table}"))]
    return found


async def test_every_page_but_the_open_ones_asks_to_log_in(town: Town) -> None:
    """Whoever is not logged in is led to the login, and comes back to the page."""
    closed = [path for path in addresses(town, "GET") if path not in OPEN_TO_ALL]
    assert len(closed) > 15
    for path in closed:
        answer = await town.browser().http.get(somewhere(path))
        assert (answer.status_code, answer.headers["location"][:10]) == (303, "/login?to="), path


async def test_every_page_but_the_open_ones_asks_for_a_yes_first(town: Town) -> None:
    """Whoever is logged in and has not said yes to start is led to the welcome."""
    browser = town.browser()
    await browser.log_in()
    for path in addresses(town, "GET"):
        if path not in OPEN_TO_ALL - {"/claim"} | BEFORE_HER_YES:
            answer = await browser.http.get(somewhere(path))
            assert (answer.status_code, answer.headers["location"][:8]) == (303, "/welcome"), path


async def test_no_form_is_taken_from_another_site(town: Town, kari: Browser) -> None:
    """Without our exact Origin every form is refused, however right its token, and nothing happens."""
    token = dict(next(iter(forms_of(kari.page.text).values())))["csrf_token"]
    before = await everything(town)
    for path in addresses(town, "POST"):
        for headers in FOREIGN:
            answer = await kari.post(somewhere(path), [("csrf_token", token), ("word", "SLETT")], headers)
            assert answer.status_code == 403, (path, headers)
            assert "Det kom ikke fra våre sider" in answer.text
    assert await everything(town) == before


@pytest.mark.parametrize("token", [None, "", "x" * 43, "of another session"])
async def test_no_form_is_taken_without_the_session_s_own_token(town: Town, kari: Browser, token: str | None) -> None:
    """A form without the token, or with somebody else's, is refused, and nothing happens."""
    if token == "of another session":
        other = town.browser()
        await other.start(OLA.pid, name="Ola")
        token = dict(next(iter(forms_of(other.page.text).values())))["csrf_token"]
    before = await everything(town)
    fields = [("word", "SLETT")] + ([("csrf_token", token)] if token is not None else [])
    for path in addresses(town, "POST"):
        assert (await kari.post(somewhere(path), fields)).status_code == 403, path
    assert await everything(town) == before


async def test_a_form_from_somebody_who_is_logged_out_is_refused(town: Town) -> None:
    """A session that is over takes no forms."""
    for path in addresses(town, "POST"):
        answer = await town.browser().post(somewhere(path), [("csrf_token", "x")])
        assert answer.status_code == 401, path
        assert "Du må logge inn" in answer.text


async def test_nobody_finds_what_is_somebody_else_s(town: Town, kari: Browser) -> None:
    """Kari's addresses and addresses that never were look alike to Ola."""
    note = id_in(kari.page.url)
    consent = await town.ask_mapping()
    await kari.open("/overview")
    ola = town.browser()
    await ola.start(OLA.pid, name="Ola")
    for path, own in (
        ("/notes/{}", note),
        ("/notes/{}/edit", note),
        ("/notes/{}/delete", note),
        ("/consents/{}", consent),
        ("/consents/{}/revoke", consent),
        ("/consents/{}/receipt/given", consent),
        ("/requests/{}", consent),
        ("/requests/{}/choose", consent),
    ):
        hers, nobodys = await ola.open(path.format(own)), await ola.open(path.format(uuid4()))
        assert hers.status_code == nobodys.status_code == 404, path
        assert without_code(hers.text) == without_code(nobodys.text).replace(str(uuid4()), ""), path


def without_code(page: str) -> str:
    """A page without what differs from request to request: its code and its own address."""
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", page)


async def test_nobody_changes_what_is_somebody_else_s(town: Town, kari: Browser) -> None:
    """Kari's note and her answers are out of Ola's reach."""
    note, consent = id_in(kari.page.url), await town.ask_mapping()
    await kari.open("/overview")
    ola = town.browser()
    await ola.start(OLA.pid, name="Ola")
    token = dict(next(iter(forms_of(ola.page.text).values())))["csrf_token"]
    before = await everything(town)
    for path, fields in (
        (f"/notes/{note}/delete", []),
        (f"/notes/{note}/edit", [("version", "1"), ("language", "nb"), ("values", "Mitt")]),
        (f"/requests/{consent}", [("answer", "no")]),
        (f"/requests/{consent}/preview", [("part", f"note:{note}:1:interests"), ("until", "2026-06-30")]),
        (f"/requests/{consent}/grant", [("part", f"note:{note}:1:interests"), ("until", "2026-06-30")]),
        (f"/consents/{consent}/revoke", []),
        ("/share/preview", [("part", f"note:{note}:1:interests"), ("until", "2026-06-30"), ("recipient", town.nav.id)]),
    ):
        assert (await ola.post(path, [("csrf_token", token), *fields])).status_code == 404, path
    assert await everything(town) == before


async def test_every_page_forbids_what_it_does_not_need(town: Town, kari: Browser) -> None:
    """No script or style but our own files, in nobody's frame, forms to ourselves alone, never stored."""
    for path in ("/", "/claim", "/overview", "/log", "/rights", "/nothing-here"):
        headers = (await kari.open(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for rule in ("script-src 'self'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
            assert rule in policy, path
        assert headers["cache-control"] == "no-store", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["x-content-type-options"] == "nosniff", path


async def test_what_pages_refer_to_is_there(town: Town, kari: Browser) -> None:
    """Style, script and icon are found, may be kept for good, and nothing else is found beside them."""
    page = (await kari.open("/claim")).text
    found = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert len(found) == 4
    for address in found:
        answer = await kari.http.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for wrong in ("/static/style.css", "/static/..%2fpages.py", "/static/"):
        assert (await kari.http.get(wrong)).status_code == 404


async def test_no_address_carries_a_name_or_a_number(town: Town, kari: Browser) -> None:
    """What stands in the browser's history says nothing about anybody: words of ours and random ids."""
    await town.ask_mapping()
    for path in ("/overview", "/consents", "/share", "/plans", "/log", "/rights"):
        for address in re.findall(r'(?:href|action)="([^"]+)"', (await kari.open(path)).text):
            assert re.fullmatch(r"[a-z0-9/#?=_.:-]*|/[a-z]+/[0-9a-f-]{36}(/[a-z]+)*", unquote(address)), address
