"""Calls by cookie: they must come from our own pages, and never stand beside a token."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from consent_service.identity import sessions
from tests.api.conftest import KARI, NOTE
from tests.support.house import House
from tests.support.issuers import UNG
from tests.support.serving import calling

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


async def _session(house: House, acr: str = "idporten-loa-high", pid: str = KARI) -> tuple[dict[str, str], str]:
    """A session's cookie, and its CSRF token."""
    key, at = house.service.keys.service.sessions, house.clock.now()
    async with house.service.db.transaction() as tx:
        value = await sessions.begin(tx, key, pid=pid, acr=acr, sid=None, at=at)
    async with house.service.db.snapshot() as view:
        session = await sessions.find(view, key, value, at=at)
    assert session is not None
    return {"Cookie": f"session={value}"}, sessions.csrf_token(session)


async def test_reading_needs_the_cookie_alone(house: House) -> None:
    """A safe method by cookie needs no token of ours."""
    cookie, _ = await _session(house)
    assert (await house.http.get("/v1/me", headers=cookie)).json() == {"name": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "A" * 43},
        {"X-CSRF-Token": b"\xe5"},
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_writing_needs_our_own_page(house: House, changes: dict[str, str | bytes]) -> None:
    """An unsafe call by cookie without our Origin and the session's CSRF token is refused, and changes nothing."""
    cookie, csrf = await _session(house)
    good = {**cookie, "Origin": house.url, "X-CSRF-Token": csrf, "Sec-Fetch-Site": "same-origin"}
    wrong: Any = {name: value for name, value in {**good, **changes}.items() if value}
    answer = await house.http.put("/v1/me", json={"name": "Kari"}, headers=wrong)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site")
    assert (await house.http.get("/v1/me", headers=cookie)).json() == {"name": None}
    assert (await house.http.put("/v1/me", json={"name": "Kari"}, headers=good)).status_code == 200


@pytest.mark.parametrize(
    "said", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_a_token_that_another_site_has_sent_is_refused(house: House, said: dict[str, str]) -> None:
    """Behind a login sidecar a browser sends a token without its doing: what another site sent changes nothing."""
    token = await house.as_person(KARI)
    answer = await house.http.put("/v1/me", json={"name": "Kari"}, headers={**token, **said})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site")
    assert (await house.http.get("/v1/me", headers={**token, **said})).json() == {"name": None}


async def test_a_token_and_a_cookie_are_one_too_many(house: House) -> None:
    """Who is calling is never unclear."""
    cookie, _ = await _session(house)
    both = {**cookie, **await house.as_person(KARI)}
    assert (await house.http.get("/v1/me", headers=both)).status_code == 401


async def test_a_session_ends(house: House) -> None:
    """After half an hour without use the cookie is worth nothing."""
    cookie, _ = await _session(house)
    house.clock.advance(seconds=31 * 60)
    assert (await house.http.get("/v1/me", headers=cookie)).status_code == 401


async def test_a_session_of_a_low_level_is_refused(house: House) -> None:
    """The level is checked on every call."""
    cookie, _ = await _session(house, acr="idporten-loa-substantial")
    answer = await house.http.get("/v1/me", headers=cookie)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/insufficient-authentication")


async def test_erasure_ends_the_session(house: House) -> None:
    """Whoever erases herself by cookie is logged out by it."""
    cookie, csrf = await _session(house)
    own = {**cookie, "Origin": house.url, "X-CSRF-Token": csrf}
    assert (await house.http.post("/v1/me/notes", json=NOTE, headers=own)).status_code == 201
    assert (await house.http.delete("/v1/me", headers=own)).status_code == 200
    assert (await house.http.get("/v1/me", headers=cookie)).status_code == 401


async def test_who_is_too_young_is_refused_by_token_and_by_session(house: House) -> None:
    """There is no way around the page that says where to get help."""
    cookie, _ = await _session(house, pid=UNG.pid)
    for headers in (await house.as_person(UNG.pid), cookie):
        answer = await house.http.get("/v1/me", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/under-age")
        assert UNG.pid not in answer.text


async def test_logging_out_at_id_porten_ends_the_session_behind_the_browser(house: House) -> None:
    """ID-porten calls our back channel itself, with a token that it signed, before it answers the browser."""
    async with calling(headers={"accept": "text/html"}) as browser:
        pushed = await browser.get(f"{house.url}/login")
        answer = await browser.get(await _picked(browser, pushed.headers["location"]))
        assert answer.headers["location"].startswith("/welcome")
        assert (await browser.get(f"{house.url}/v1/me")).status_code == 200
        await browser.get(f"{house.idporten}/logout")
        assert (await browser.get(f"{house.url}/v1/me")).status_code == 401


async def _picked(browser: httpx.AsyncClient, location: str) -> str:
    asked = dict(httpx.URL(location).params)
    picked = await browser.post(location.partition("?")[0], data={**asked, "pid": KARI})
    return str(picked.headers["location"])
