"""Several numbers: two logins in one browser and a yes, each refusal with its reason, and what she reads of it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
import pytest

from consent_service.persons import proposals
from consent_service.persons.linking import Pair
from consent_service.persons.lookup import find
from consent_service.persons.proofs import PATIENCE
from consent_service.persons.proposals import Proposal
from consent_service.storage.statement import Statement
from tests.persons.conftest import person
from tests.persons.test_linking import D_NUMBER
from tests.support.issuers import IDPORTEN, KARI, OLA
from tests.web.conftest import Browser, Town, forms_of

OLD, NEW = D_NUMBER.digits, KARI.pid
NAMED = {OLD: "D-nummer som begynner på 508462", NEW: "Fødselsnummer som begynner på 218794"}


async def shows(browser: Browser, step: str, pid: str) -> httpx.Response:
    """She presses the step's button, and logs in at ID-porten as ``pid``."""
    await browser.open(f"/numbers/{step}")
    asked = dict(httpx.URL(browser.page.headers["location"]).params)
    answer = await browser.idporten.post(f"{IDPORTEN}/authorize", data={**asked, "pid": pid})
    back = urlsplit(answer.headers["location"])
    return await browser.open(f"{back.path}?{back.query}")


async def shows_both(browser: Browser, before: str = OLD, now: str = NEW) -> httpx.Response:
    """Both logins, one after the other."""
    await shows(browser, "first", before)
    return await shows(browser, "second", now)


async def owner(town: Town, pid: str) -> str | None:
    """Whose the number is."""
    async with town.db.snapshot() as view:
        return await find(view, town.keys.service.lookup, person(pid))


async def linked(town: Town) -> bool:
    """Whether both find somebody, and the same."""
    return await owner(town, OLD) == await owner(town, NEW) is not None


@pytest.mark.parametrize("began_with", [OLD, NEW], ids=["the old", "the new"])
async def test_two_logins_and_a_yes_link_two_numbers(town: Town, began_with: str) -> None:
    """Each page says where she is; nothing is linked before her yes; then either login leads to her pages."""
    browser = town.browser()
    await browser.start(began_with)
    page = await shows(browser, "first", OLD)
    assert (page.url.path, f"Du logget inn med {NAMED[OLD]}." in page.text) == ("/numbers/link", True)
    page = await shows(browser, "second", NEW)
    assert "Er begge numrene dine?" in page.text
    assert all(named in page.text for named in NAMED.values())
    assert f"følger dette nummeret med: {NAMED[NEW]}." in page.text
    assert not await linked(town)
    page = await browser.submit("/numbers/link")
    assert "Numrene er knyttet sammen." in page.text
    assert await linked(town)
    assert re.findall(r"<li><p>(.*?)</p></li>", page.text) == [
        f'{NAMED[NEW]} <span class="tag good">Følger med når du deler</span>',
        NAMED[OLD],
    ]
    assert "Du viste at et nummer til er ditt." in (await browser.open("/log")).text
    for pid in (OLD, NEW):
        assert "Hei, Kari Testdatter" in (await town.browser().log_in(pid)).text


async def test_whoever_comes_with_a_new_number_is_shown_the_way_before_she_begins_anew(town: Town) -> None:
    """The welcome asks whether she has been here with another number, and linking from there makes no second person."""
    await town.browser().start(OLD)
    browser = town.browser()
    page = await browser.log_in(NEW)
    assert "Har du brukt tjenesten før, med et annet nummer?" in page.text
    assert 'href="/numbers"' in page.text
    assert "Disse finner deg" not in (await browser.open("/numbers")).text
    await shows_both(browser)
    await browser.submit("/numbers/link")
    assert await linked(town)
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM candidate")) == 1


async def test_two_people_s_things_are_not_joined(town: Town) -> None:
    """Where both numbers have something the page says why not and what to do, and doing that leads there."""
    browser, other = town.browser(), town.browser()
    await browser.start(OLD)
    await other.start(NEW)
    page = await shows_both(browser)
    assert "Det kan ikke slås sammen" in page.text
    assert "Ingenting er endret." in page.text
    assert "/numbers/link" not in forms_of(page.text)
    token = dict(forms_of(page.text)["/logout"])["csrf_token"]
    answer = await browser.post("/numbers/link", [("csrf_token", token)])
    assert (answer.status_code, "Det kan ikke slås sammen" in answer.text) == (409, True)
    assert await owner(town, OLD) != await owner(town, NEW)
    await other.open("/rights/erase")
    await other.submit("/rights/erase", word="SLETT")
    await browser.log_in(OLD)
    await shows_both(browser)
    await browser.submit("/numbers/link")
    assert await linked(town)


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (NEW, NEW, "samme nummeret to ganger"),
        (OLD, OLA.pid, "ingenting lagret her under noen av numrene"),
    ],
)
async def test_what_can_not_be_linked_is_said(town: Town, before: str, now: str, reason: str) -> None:
    """The same number twice, and two that nothing is stored under."""
    browser = town.browser()
    await browser.start()
    page = await shows_both(browser, before, now)
    assert reason in page.text
    assert "/numbers/link" not in forms_of(page.text)


async def test_a_yes_counts_once_and_soon(town: Town) -> None:
    """Pressed twice it links once; after twenty minutes, or with one login alone, it links nothing."""
    browser = town.browser()
    await browser.start(OLD)
    page = await shows(browser, "first", OLD)
    token = [("csrf_token", dict(forms_of(page.text)["/logout"])["csrf_token"])]
    assert "Det tok for lang tid" in (await browser.post("/numbers/link", token)).text
    await shows_both(browser)
    town.clock.advance(seconds=PATIENCE / 1_000_000)
    assert "Det tok for lang tid" in (await browser.submit("/numbers/link")).text
    assert not await linked(town)
    page = await shows_both(browser)
    token = [("csrf_token", dict(forms_of(page.text)["/numbers/link"])["csrf_token"])]
    assert "Numrene er knyttet sammen." in (await browser.post("/numbers/link", token)).text
    assert "Det tok for lang tid" in (await browser.post("/numbers/link", token)).text


async def test_an_ordinary_login_shows_nothing(town: Town) -> None:
    """Whoever was logged in before, here or at ID-porten, has shown neither the first number nor the second."""
    browser = town.browser()
    await browser.start(OLD)
    assert "done=lapsed" in str((await browser.open("/numbers/link")).url)
    await shows(browser, "first", OLD)
    await browser.submit("/logout")
    await browser.log_in(NEW, to="/numbers/link")
    page = await browser.open("/numbers/link")
    assert "Er begge numrene dine?" not in page.text
    assert not await linked(town)


async def test_what_another_browser_has_shown_does_not_count(town: Town) -> None:
    """Ola shows his number first; Kari, who logs in anew in her own browser, completes nothing of his."""
    ola, kari = town.browser(), town.browser()
    await ola.start(OLA.pid, name="Ola")
    await kari.start(NEW)
    await shows(ola, "first", OLA.pid)
    page = await shows(kari, "second", NEW)
    assert "done=lapsed" in str(page.url)
    assert "Så det andre nummeret" in (await ola.open("/numbers/link")).text


async def test_id_porten_is_told_to_ask_anew(town: Town) -> None:
    """Both logins are begun so that nobody is let through on a login from before."""
    browser = town.browser()
    await browser.start(OLD)
    for step in ("first", "second"):
        await browser.open(f"/numbers/{step}")
        async with town.db.snapshot() as view:
            row = await view.row(Statement("SELECT anew FROM login_attempt ORDER BY begun_at DESC, anew DESC LIMIT 1"))
        assert row is not None
        assert row["anew"] == 1


async def test_what_operators_propose_and_do_is_on_her_pages(town: Town) -> None:
    """She reads who proposes to link a number, until when and whom to tell; and afterwards that two did it."""
    browser = town.browser()
    await browser.start(OLD)
    service, pair, now = town.keys.service, Pair(person(OLD), person(NEW)), town.clock.now()
    async with town.db.transaction() as tx:
        made = await proposals.propose(tx, service, pair, "anne.berg", at=now)
    assert isinstance(made, Proposal)
    page = await browser.open("/numbers")
    assert "anne.berg hos oss har foreslått å knytte et nummer til deg." in page.text
    assert "personvern@example.org" in page.text
    assert "En av oss foreslo å knytte et nummer til deg." in (await browser.open("/log")).text
    key = await town.keys.candidate(made.candidate_id)
    async with town.db.transaction() as tx:
        await proposals.confirm(tx, service, key, made.id, pair, "bjorn", held_for="county", at=now)
    page = await browser.open("/log")
    assert "To av oss knyttet et nummer til deg." in page.text
    assert "Gjort av anne.berg, bjorn hos oss" in page.text
    assert "anne.berg hos oss har foreslått" not in (await browser.open("/numbers")).text
    assert NAMED[NEW] in browser.page.text
    assert await linked(town)


@pytest.mark.parametrize(("language", "said"), [("nn", "Er begge numra dine?"), ("en", "Are both numbers yours?")])
async def test_it_is_said_in_every_language(town: Town, language: str, said: str) -> None:
    """The way is the same in Nynorsk and in English."""
    browser = town.browser(language)
    await browser.start(OLD)
    assert said in (await shows_both(browser)).text
    await browser.submit("/numbers/link")
    assert await linked(town)


async def test_no_whole_number_stands_on_the_pages(town: Town) -> None:
    """Six digits tell her which it is; who looks over her shoulder learns no number."""
    browser = town.browser()
    await browser.start(OLD)
    pages = [(await shows(browser, "first", OLD)).text, (await shows(browser, "second", NEW)).text]
    pages += [(await browser.submit("/numbers/link")).text, (await browser.open("/log")).text]
    assert not [page for page in pages if OLD in page or NEW in page]
