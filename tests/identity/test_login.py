"""A login through a real ID-porten over HTTP, and every way in which it must not come to an end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from consent_service.clock import MINUTE, SECOND, SettableClock
from consent_service.errors import LoginUnavailable
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.issuers import Issuer
from consent_service.identity.login import PATIENCE, LoggedIn, Login, LoginRefused, LoginSettings
from consent_service.identity.tokens import LoginTokens
from consent_service.sandbox.idporten import IdportenConfig, idporten_app
from consent_service.storage.engine import Database, Statement
from tests.support.issuers import (
    KARI,
    OUR_CALLBACK,
    OUR_CLIENT,
    idporten_config,
    idporten_issuer,
    key,
    pick,
)
from tests.support.serving import calling, reserve, serving

SETTINGS = LoginSettings(
    client_id=OUR_CLIENT,
    client_key=ClientKey(key("ours").private_jwk),
    redirect_uri=OUR_CALLBACK,
    return_paths=re.compile(r"/|/consents/[a-z0-9-]{1,36}"),
)


@dataclass
class Desk:
    """Our side of a login, ID-porten behind a socket, and a browser that follows nothing by itself."""

    db: Database
    clock: SettableClock
    http: httpx.AsyncClient
    issuer: Issuer
    idporten: IdportenConfig
    login: Login

    def with_settings(self, **changes: Any) -> Login:
        """The same desk with other settings."""
        settings = replace(SETTINGS, **changes)
        tokens = LoginTokens(self.issuer, client_id=settings.client_id, clock=self.clock)
        return Login(settings, self.issuer, tokens, self.http, self.clock)

    async def log_in(self, location: str, **form: str) -> dict[str, str]:
        """Pick Kari on ID-porten's page; the parameters that the browser comes back with."""
        return await pick(self.http, location, KARI.pid, **form)


@pytest.fixture
async def desk(db: Database, clock: SettableClock) -> AsyncIterator[Desk]:
    """A login desk."""
    place = reserve()
    config = idporten_config(clock, issuer=place.base_url, code_seconds=3600)
    async with serving(idporten_app(config), place), calling() as http:
        issuer = idporten_issuer(http, clock, place.base_url)
        tokens = LoginTokens(issuer, client_id=OUR_CLIENT, clock=clock)
        yield Desk(db, clock, http, issuer, config, Login(SETTINGS, issuer, tokens, http, clock))


async def test_a_person_logs_in_and_comes_back_to_where_she_was(desk: Desk) -> None:
    """The whole flow gives number, level and the provider's session; none of it stands in a repr."""
    begun = await desk.login.begin(desk.db, return_to="/consents/7", browser=None)
    answer = await desk.log_in(begun.location)
    person = await desk.login.finish(desk.db, answer=answer, browser=begun.browser)
    assert isinstance(person, LoggedIn)
    assert (person.pid, person.acr, person.return_to) == (KARI.pid, "idporten-loa-high", "/consents/7")
    assert person.sid
    assert KARI.pid not in repr(person)
    assert begun.browser not in repr(begun)


async def test_the_browser_carries_only_the_name_of_its_request(desk: Desk) -> None:
    """ID-porten takes pushed requests, so nothing of one stands in an address; its name is good once."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    carried = parse_qs(urlsplit(begun.location).query)
    assert carried.keys() == {"client_id", "request_uri"}
    assert begun.browser not in begun.location
    await desk.log_in(begun.location)
    assert (await desk.http.get(begun.location)).status_code == 400


async def test_a_login_anew_asks_who_is_logged_in_already_too(desk: Desk) -> None:
    """ID-porten is told to ask again, and the login says that it was one of those; an ordinary one does not."""
    for anew in (True, False):
        begun = await desk.login.begin(desk.db, return_to="/", browser=None, anew=anew)
        person = await desk.login.finish(desk.db, answer=await desk.log_in(begun.location), browser=begun.browser)
        assert isinstance(person, LoggedIn)
        assert person.anew is anew


async def test_a_login_anew_that_leans_on_an_older_one_is_refused(desk: Desk) -> None:
    """Whatever the browser was sent with, the person has to have shown herself since: a silent login shows nobody."""
    for seconds, outcome in ((20, LoggedIn), (60, LoginRefused)):
        begun = await desk.login.begin(desk.db, return_to="/", browser=None)
        answer = await desk.log_in(begun.location)
        desk.clock.advance(seconds=seconds)
        async with desk.db.transaction() as tx:
            later = Statement("UPDATE login_attempt SET anew = 1, begun_at = :now")
            await tx.run(later, now=desk.clock.now())
        person = await desk.login.finish(desk.db, answer=answer, browser=begun.browser)
        assert isinstance(person, outcome), seconds


async def test_two_tabs_can_log_in(desk: Desk) -> None:
    """A browser that begins twice may finish either."""
    first = await desk.login.begin(desk.db, return_to="/consents/1", browser=None)
    second = await desk.login.begin(desk.db, return_to="/consents/2", browser=first.browser)
    for begun, path in ((first, "/consents/1"), (second, "/consents/2")):
        person = await desk.login.finish(desk.db, answer=await desk.log_in(begun.location), browser=begun.browser)
        assert isinstance(person, LoggedIn)
        assert person.return_to == path


async def test_what_the_database_holds_of_a_login_logs_nobody_in(desk: Desk) -> None:
    """State and cookie stand there as hashes, so that whoever reads them can't finish the login."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    async with desk.db.snapshot() as view:
        row = await view.row(Statement("SELECT * FROM login_attempt"))
    assert row is not None
    stored = b"|".join(v if isinstance(v, bytes) else str(v).encode() for v in dict(row).values())
    assert (await desk.log_in(begun.location))["state"].encode() not in stored
    assert begun.browser.encode() not in stored


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/consents/../../evil",
        "/consents/7\n",
        "consents/7",
        "",
        "/consents/7?next=//evil.example",
        "/" + "a" * 300,
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_login_leads_only_to_paths_of_ours(desk: Desk, wanted: str) -> None:
    """Anything that is not among the known paths leads to the first page."""
    begun = await desk.login.begin(desk.db, return_to=wanted, browser=None)
    person = await desk.login.finish(desk.db, answer=await desk.log_in(begun.location), browser=begun.browser)
    assert isinstance(person, LoggedIn)
    assert person.return_to == "/"


async def test_an_open_pattern_still_leads_nowhere_else(desk: Desk) -> None:
    """Even a pattern that matches everything lets no login leave our pages."""
    login = desk.with_settings(return_paths=re.compile(r".*"))
    begun = await login.begin(desk.db, return_to="//evil.example", browser=None)
    person = await login.finish(desk.db, answer=await desk.log_in(begun.location), browser=begun.browser)
    assert isinstance(person, LoggedIn)
    assert person.return_to == "/"


async def test_an_answer_counts_once(desk: Desk) -> None:
    """Sent a second time, the same answer finds no login."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location)
    assert isinstance(await desk.login.finish(desk.db, answer=answer, browser=begun.browser), LoggedIn)
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.LAPSED


async def test_an_answer_counts_in_the_browser_that_began(desk: Desk) -> None:
    """Another browser, or one without the cookie, can't finish it: nobody is logged in as somebody else."""
    for other in (None, "", "x" * 43, "é" * 43):
        begun = await desk.login.begin(desk.db, return_to="/", browser=None)
        answer = await desk.log_in(begun.location)
        assert await desk.login.finish(desk.db, answer=answer, browser=other) is LoginRefused.LAPSED
        assert isinstance(await desk.login.finish(desk.db, answer=answer, browser=begun.browser), LoggedIn)


async def test_a_login_lapses_after_ten_minutes(desk: Desk) -> None:
    """To the microsecond; and what has lapsed is removed when somebody comes."""
    for late, outcome in ((-1, LoggedIn), (0, LoginRefused)):
        begun = await desk.login.begin(desk.db, return_to="/", browser=None)
        answer = await desk.log_in(begun.location)
        desk.clock.advance(seconds=(PATIENCE + late) / SECOND)
        assert isinstance(await desk.login.finish(desk.db, answer=answer, browser=begun.browser), outcome)
    async with desk.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM login_attempt")) == 0
    assert PATIENCE == 10 * MINUTE


async def test_cancelling_is_no_failure(desk: Desk) -> None:
    """The person pressed cancel at ID-porten: said as such, and the login is used up."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location, cancel="1")
    assert answer["error"] == "access_denied"
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.CANCELLED
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.LAPSED


async def test_an_error_that_is_no_cancelling_is_not_said_to_be_one(desk: Desk) -> None:
    """ID-porten sends more errors back than that the person changed her mind."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = {**await desk.log_in(begun.location, cancel="1"), "error": "server_error"}
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.NOT_VERIFIED


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": ""},
        {"code": ""},
        {"code": "guessed"},
        {"code": "é"},
        {"code": "x" * 3000},
    ],
)
async def test_an_answer_that_was_tampered_with_logs_nobody_in(desk: Desk, changes: dict[str, str]) -> None:
    """Another issuer (mix-up), or a code that ID-porten does not know."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = {**await desk.log_in(begun.location), **changes}
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.NOT_VERIFIED


async def test_an_answer_without_its_issuer_is_not_verified(desk: Desk) -> None:
    """ID-porten's metadata promises ``iss``, so an answer without it is not ID-porten's."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location)
    del answer["iss"]
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.NOT_VERIFIED


async def test_an_issuer_that_was_encoded_twice_is_still_itself(desk: Desk) -> None:
    """Digdir's platform has been seen to do so."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location)
    answer["iss"] = quote(answer["iss"], safe="")
    assert isinstance(await desk.login.finish(desk.db, answer=answer, browser=begun.browser), LoggedIn)


async def test_a_code_of_another_login_logs_nobody_in(desk: Desk) -> None:
    """A code that was planted in the victim's answer fails on the verifier: it was begun elsewhere."""
    attacker = await desk.login.begin(desk.db, return_to="/", browser=None)
    victim = await desk.login.begin(desk.db, return_to="/", browser=None)
    planted = (await desk.log_in(attacker.location))["code"]
    answer = {**await desk.log_in(victim.location), "code": planted}
    assert await desk.login.finish(desk.db, answer=answer, browser=victim.browser) is LoginRefused.NOT_VERIFIED


async def test_a_lower_level_is_not_enough(desk: Desk) -> None:
    """ID-porten answered at substantial where high is demanded: said as such."""
    begun = await desk.with_settings(acr="idporten-loa-substantial").begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location)
    assert await desk.login.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.LEVEL_TOO_LOW


async def test_a_higher_level_than_demanded_is_enough(desk: Desk) -> None:
    """Where substantial suffices, high does too."""
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location)
    lenient = desk.with_settings(acr="idporten-loa-substantial")
    assert isinstance(await lenient.finish(desk.db, answer=answer, browser=begun.browser), LoggedIn)


async def test_a_client_with_another_key_is_not_us(desk: Desk) -> None:
    """ID-porten takes no request from, and refuses the code to, whoever can't prove to be the client."""
    stranger = desk.with_settings(client_key=ClientKey(key("stranger").private_jwk))
    with pytest.raises(LoginUnavailable):
        await stranger.begin(desk.db, return_to="/", browser=None)
    begun = await desk.login.begin(desk.db, return_to="/", browser=None)
    answer = await desk.log_in(begun.location)
    assert await stranger.finish(desk.db, answer=answer, browser=begun.browser) is LoginRefused.NOT_VERIFIED


async def test_without_idporten_there_is_no_login_and_no_crash(db: Database, clock: SettableClock) -> None:
    """An ID-porten that can't be reached is our failure, and says so."""
    async with calling() as http:
        gone = reserve()
        gone.socket.close()
        issuer = idporten_issuer(http, clock, gone.base_url)
        login = Login(SETTINGS, issuer, LoginTokens(issuer, client_id=OUR_CLIENT, clock=clock), http, clock)
        with pytest.raises(LoginUnavailable):
            await login.begin(db, return_to="/", browser=None)


@pytest.mark.parametrize(
    "jwk", [{}, key("ours").public_jwk, {**key("ours").private_jwk, "kid": 1}, {"kty": "oct", "k": "AA", "kid": "x"}]
)
def test_a_client_key_is_a_private_rsa_key_with_a_name(jwk: dict[str, Any]) -> None:
    """Anything else is a mistake that shows at start, not at the first login."""
    with pytest.raises(ValueError, match="private RSA key"):
        ClientKey(jwk)


def test_the_client_key_does_not_show_itself() -> None:
    """Neither the key's repr nor that of the settings holds the key."""
    secret = key("ours").private_jwk["d"]
    assert secret not in repr(SETTINGS)
    assert secret not in repr(SETTINGS.client_key)
