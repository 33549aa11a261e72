"""The pages as people meet them: the application with its frame, a real log-in at a local ID-porten, real keys.

A ``Browser`` does what a browser does: it keeps cookies, follows links, sends the forms that a page has with what the
page put into them, and its Origin. A test that leaves something of that out says so.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from consent_service.app.doors import bare_app
from consent_service.app.frame import framed
from consent_service.app.metrics import Metrics
from consent_service.clock import DAY, SettableClock, end_of_day, local_date
from consent_service.consents import requests
from consent_service.consents.desk import Controller, Desk
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from consent_service.consents.purposes import Purposes
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.identity import registry
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.employee import Acting, ActingEmployee
from consent_service.identity.login import Login, LoginSettings
from consent_service.identity.logout_tokens import LogoutTokens
from consent_service.identity.tokens import LoginTokens
from consent_service.identity.units import Unit, UnitKind
from consent_service.mailbox.port import PostalAddress
from consent_service.notes.content import NoteContent
from consent_service.notes.handover import hand_over, make_ready
from consent_service.persons.lookup import find
from consent_service.persons.numbers import NumberRule
from consent_service.persons.waiting import leave
from consent_service.plans import mapping, push
from consent_service.plans.authority import addressee_of
from consent_service.plans.parts import Message
from consent_service.plans.progress import report
from consent_service.plans.states import State
from consent_service.rights.journal import NO_JOURNAL
from consent_service.storage.engine import Database
from consent_service.vault.keys import Keys
from consent_service.web import assets, templates, words
from consent_service.web.errors import error_pages
from consent_service.web.pages import Pages
from consent_service.web.paths import RETURN_PATHS
from consent_service.web.site import routes
from tests.persons.conftest import NOON, fresh_keys, person
from tests.plans.examples import plan, request
from tests.support.acting import BY
from tests.support.issuers import (
    IDPORTEN,
    KARI,
    OUR_AUDIENCE,
    OUR_CALLBACK,
    OUR_CLIENT,
    idporten_config,
    idporten_issuer,
    key,
    maskinporten_config,
    without_sockets,
)

# Read and compiled once for the whole run.
TEXTS, ASSETS, TEMPLATES = words.load(), assets.load(), templates.environment()

CONTROLLER = Controller(
    name="Trøndelag fylkeskommune",
    organisation_number="817920632",
    address="Fylkets hus, Steinkjer",
    privacy_contact="personvern@example.org",
    hosting_countries=("Norge",),
    authority="Datatilsynet, www.datatilsynet.no",
    withdrawal_url=OUR_AUDIENCE,
    withdrawal_phone="74 17 40 00",
)
NOTE = {
    "language": "nb",
    "sections": {
        "education_and_work": "Vg1 helse, to somre på lager",
        "interests": "Motorer og fjell",
        "needs": "Rolig rom",
    },
    "questions": [
        {"id": "q1", "to": "nav", "text": "Kan jeg beholde støtten?"},
        {"id": "q2", "to": "vocational_training", "text": "Teller praksisen min?"},
    ],
}


class _Forms(HTMLParser):
    """The forms of a page: where each goes, and what a browser would send with it untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._text: str | None = None
        self._name = ""
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((about.get("action", ""), []))
        elif not self.forms:
            return
        elif tag == "input" and "name" in about:
            ticked = about.get("type") not in {"checkbox", "radio"} or "checked" in about
            if ticked:
                self.forms[-1][1].append((about["name"], about.get("value", "")))
        elif tag == "textarea":
            self._name, self._text = about["name"], ""
        elif tag == "select":
            self._select = about["name"]
        elif tag == "option" and self._select and "selected" in about:
            self.forms[-1][1].append((self._select, about["value"]))

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            self.forms[-1][1].append((self._name, self._text.removeprefix("\n")))
            self._text = None
        elif tag == "select":
            self._select = None


def forms_of(page: str) -> dict[str, list[tuple[str, str]]]:
    """Each form of ``page`` by its action."""
    parser = _Forms()
    parser.feed(page)
    return dict(parser.forms)


@dataclass
class Browser:
    """One person's browser. ``page`` is what it shows."""

    http: httpx.AsyncClient
    idporten: httpx.AsyncClient = field(repr=False)
    page: httpx.Response = field(init=False, repr=False)

    async def open(self, path: str) -> httpx.Response:
        """Open an address of ours, by redirects if need be, but never to another site."""
        self.page = await self.http.get(path)
        return await self._follow()

    async def submit(self, action: str, **filled: str | list[str]) -> httpx.Response:
        """Send the page's form to ``action``, with ``filled`` in place of what stood in it."""
        fields = [(name, value) for name, value in forms_of(self.page.text)[action] if name not in filled]
        for name, value in filled.items():
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return await self.post(action, fields)

    async def post(
        self, path: str, fields: list[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form to ``path`` as it stands."""
        sent = {"origin": OUR_AUDIENCE, "sec-fetch-site": "same-origin"} if headers is None else headers
        body = urlencode(fields)
        self.page = await self.http.post(
            path, content=body, headers={"content-type": "application/x-www-form-urlencoded", **sent}
        )
        return await self._follow()

    async def _follow(self) -> httpx.Response:
        while self.page.status_code == 303 and self.page.headers["location"].startswith("/"):
            self.page = await self.http.get(self.page.headers["location"])
        return self.page

    async def log_in(self, pid: str = KARI.pid, *, to: str = "/overview") -> httpx.Response:
        """Log in at ID-porten, on the way to ``to``."""
        await self.open(f"/login?to={to}")
        asked = dict(httpx.URL(self.page.headers["location"]).params)
        answer = await self.idporten.post(f"{IDPORTEN}/authorize", data={**asked, "pid": pid})
        back = urlsplit(answer.headers["location"])
        return await self.open(f"{back.path}?{back.query}")

    async def start(self, pid: str = KARI.pid, *, name: str = "Kari Testdatter", to: str = "/overview") -> None:
        """Log in for the first time, and say yes to start."""
        await self.log_in(pid, to=to)
        assert "/welcome" in str(self.page.url)
        await self.submit("/welcome", name=name)


@dataclass
class Town:
    """The pages, and the units around them."""

    db: Database
    keys: Keys
    clock: SettableClock
    desk: Desk
    gate: Gate
    pages: Pages
    app: FastAPI
    idporten: httpx.AsyncClient
    centre: Unit
    nav: Unit
    training: Unit

    def with_desk(self, desk: Desk, browser: Browser) -> Browser:
        """The same person's browser, after the service was started anew with another ``desk``."""
        app = application(replace(self.pages, desk=desk))
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=OUR_AUDIENCE, headers=browser.http.headers
        )
        http.cookies = browser.http.cookies
        return Browser(http, self.idporten)

    def browser(self, language: str = "nb") -> Browser:
        """A new person's browser."""
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=OUR_AUDIENCE,
            headers={"accept": "text/html", "accept-language": language},
        )
        return Browser(http, self.idporten)

    async def candidate_id(self, who: str = KARI.pid) -> str:
        """Somebody who has been here."""
        async with self.db.snapshot() as view:
            found = await find(view, self.keys.service.lookup, person(who))
        assert found is not None
        return found

    async def hand_over(self, **changed: Any) -> str:
        """The career centre hands a draft over; the code."""
        service = self.keys.service
        content = NoteContent.model_validate({**NOTE, **changed})
        by = Acting(ActingEmployee(id="K123456", office="Levanger"))
        ready = await make_ready(service.waiting, content, unit_id=self.centre.id, by=by)
        async with self.db.transaction() as tx:
            return (await hand_over(tx, service.log, ready, at=self.clock.now())).code.shown()

    async def ask_mapping(self, who: str = KARI.pid) -> str:
        """NAV asks fagopplæring to map somebody's competence; the consent that it asks for."""
        now = self.clock.now()
        async with self.db.transaction() as tx:
            asked = await mapping.ask(
                tx,
                self.desk,
                person(who),
                request(),
                requester=self.nav,
                by=BY,
                recipient=self.training,
                note_sections=("education_and_work", "needs", "question_vocational_training"),
                reply_by=end_of_day(local_date(now) + timedelta(days=21)),
                lapses_at=now + 90 * DAY,
                at=now,
            )
        return asked.consent_id

    async def ask_to_read(self, message: str, who: str = KARI.pid) -> str:
        """NAV asks to read a person's note; the consent that it asks for."""
        now, purpose = self.clock.now(), self.desk.purposes.get("guidance_follow_up")
        reply_by = end_of_day(local_date(now) + timedelta(days=14))
        async with self.db.transaction() as tx:
            consent_id = await requests.ask(
                tx,
                self.desk,
                purpose,
                recipient=self.nav,
                requester=self.nav,
                part_kinds=["note.interests", "note.question_nav"],
                reply_by=reply_by,
                at=now,
            )
            await leave(
                tx,
                self.keys.service.waiting,
                self.keys.service.lookup,
                person(who),
                kind="consent_request",
                item_id=consent_id,
                payload=requests.payload(consent_id, message, BY),
                from_unit=self.nav.id,
                at=now,
                lapses_at=reply_by,
            )
        return consent_id

    async def report(self, request_id: str, state: State, words: str) -> None:
        """Fagopplæring says how the mapping goes."""
        now = self.clock.now()
        addressee = await addressee_of(self.db, self.keys, request_id, self.training.id, now=now)
        async with self.db.transaction() as tx:
            await report(tx, self.desk, addressee, state, Message(text=words), unit=self.training, by=BY, at=now)

    async def push(self, consent_id: str, *, address: PostalAddress | None = None, **changed: Any) -> str:
        """Fagopplæring pushes a plan, perhaps with an address for paper; its id."""
        now = self.clock.now()
        incoming = push.Incoming(consent_id, plan(**changed), address=address, printed=True)
        ready = await push.make_ready(self.db, self.keys, self.desk, incoming, unit=self.training, by=BY, now=now)
        async with self.db.transaction() as tx:
            return (await push.push(tx, self.desk, ready, at=now)).plan_id

    async def release(self, consent_id: str) -> Released | Refused:
        """NAV asks for what a consent lets it have."""
        ask = ReleaseAsk(consent_id, self.nav.id, "A123456", "0501", f"key-{self.clock.now()}")
        return await self.gate.release(ask)


def application(pages: Pages) -> FastAPI:
    """The pages in the frame that they are served in."""
    return framed(bare_app(routes(pages), documented=False), metrics=Metrics(), tls=True, error_page=error_pages(pages))


async def _units(db: Database, keys: ServiceKeys) -> list[Unit]:
    given = (
        ("817920632", "karriere", "Karriere Trøndelag", UnitKind.CAREER_CENTRE),
        ("889640782", "0501", "Nav Innherred", UnitKind.NAV),
        ("817920632", "fag", "Fagopplæringen i Trøndelag", UnitKind.VOCATIONAL_TRAINING),
    )
    async with db.transaction() as tx:
        return [
            await registry.add(
                tx,
                keys,
                organisation_number=number,
                unit_code=code,
                name=name,
                region="Trøndelag",
                kind=kind,
                at=NOON,
            )
            for number, code, name, kind in given
        ]


@cache
def _our_key() -> ClientKey:
    """The pages' key at ID-porten; reading one takes longer than a login."""
    return ClientKey(key("ours").private_jwk)


@pytest.fixture
def database_kind() -> str:
    """The pages add no statements of their own: one kind of database says it all, and the journeys use both."""
    return "sqlite"


@pytest.fixture
async def town(db: Database) -> AsyncIterator[Town]:
    """A town where nobody has been yet."""
    clock = SettableClock(NOON)
    keys = await fresh_keys(db, clock)
    desk = Desk(keys.service, Purposes.load(), CONTROLLER)
    async with without_sockets(clock, maskinporten_config(clock), idporten_config(clock)) as http:
        issuer = idporten_issuer(http, clock)
        settings = LoginSettings(
            client_id=OUR_CLIENT,
            client_key=_our_key(),
            redirect_uri=OUR_CALLBACK,
            return_paths=RETURN_PATHS,
        )
        pages = Pages(
            db=db,
            clock=clock,
            keys=keys,
            login=Login(settings, issuer, LoginTokens(issuer, client_id=OUR_CLIENT, clock=clock), http, clock),
            logout_tokens=LogoutTokens(issuer, client_id=OUR_CLIENT, clock=clock),
            issuer=issuer,
            client_id=OUR_CLIENT,
            desk=desk,
            receivers={
                "consent_request": requests.receiver(keys.service),
                "mapping_request": mapping.receiver(keys.service),
            },
            numbers=NumberRule(synthetic=True),
            minimum_age=18,
            held_for=CONTROLLER.organisation_number,
            public_url=OUR_AUDIENCE,
            draft_days=14,
            waiting_days=90,
            journal=NO_JOURNAL,
            texts=TEXTS,
            assets=ASSETS,
            templates=TEMPLATES,
        )
        app = application(pages)
        centre, nav, training = await _units(db, keys.service)
        yield Town(db, keys, clock, desk, Gate(db, keys, desk, clock), pages, app, http, centre, nav, training)


@pytest.fixture
async def kari(town: Town) -> Browser:
    """Kari, who has started and claimed her note: it stands at ``/notes/…``, which she is looking at."""
    browser = town.browser()
    await browser.start(to="/claim")
    await browser.submit("/claim", code=await town.hand_over())
    action = next(action for action in forms_of(browser.page.text) if action.startswith("/drafts/"))
    await browser.submit(action, becomes="new")
    return browser


def parts_of(page: str) -> list[str]:
    """What can be ticked on a page, in order."""
    return re.findall(r'name="part" id="[^"]+" value="([^"]+)"', page)


def id_in(url: object) -> str:
    """The UUID in an address."""
    found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(url))
    assert found is not None, url
    return found.group()
