"""A whole life in the service: whatever can be held about a person is held about Kari, before she takes or ends it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from consent_service.clock import end_of_day
from consent_service.consents import requests, standing_refusals
from consent_service.consents.gate import Refused, ReleaseAsk, Released
from consent_service.consents.preview import Choice
from consent_service.identity import sessions
from consent_service.notes import writing
from consent_service.notes.claiming import Claimed, NotClaimed, claim
from consent_service.notes.content import NoteContent
from consent_service.notes.handover import HandedOver, hand_over, make_ready
from consent_service.notes.kept import Note
from consent_service.persons import proofs, proposals
from consent_service.persons.arrival import arrive
from consent_service.persons.linking import Act, Linkable, Pair, link
from consent_service.persons.numbers import NationalId
from consent_service.persons.waiting import leave
from consent_service.plans import mapping
from consent_service.plans.mapping import Asked
from consent_service.plans.push import Pushed
from consent_service.plans.states import State
from consent_service.rights import erasure, export
from consent_service.rights.erasure import Erased
from consent_service.rights.journal import NO_JOURNAL
from consent_service.storage.engine import Database, Statement
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from tests.persons.conftest import KARI
from tests.persons.test_linking import D_NUMBER
from tests.plans.conftest import CONTROLLER, Office, office
from tests.support.acting import BY

__all__ = ["office"]

CENTRE = "career-centre"
FIRST, SECOND, DRAFT = "Jeg liker sveising.", "Jeg liker sveising og fjell.", "Et utkast om morgenen."
WORDS = "Vi vil gjerne lese om ønskene dine."


def content(text: str) -> NoteContent:
    """A note with one section and one question."""
    question = {"id": "q1", "to": "nav", "text": "Hvem er min veileder?"}
    return NoteContent.model_validate({"language": "nb", "sections": {"interests": text}, "questions": [question]})


@dataclass
class Life:
    """Kari's, as it stands in the service. ``refused`` and ``waiting`` are requests of NAV's."""

    office: Office
    key: CandidateKey
    note: Note
    asked: Asked
    pushed: Pushed
    consent_id: str
    refused: str
    waiting: str
    never_came: str
    session: str

    @property
    def db(self) -> Database:
        """Where all of it lies."""
        return self.office.db

    @property
    def candidate_id(self) -> str:
        """Her id."""
        return self.key.candidate_id

    async def export(self) -> dict[str, object]:
        """She takes everything along."""
        keys = self.office.keys
        signers = await keys.checkpoints.current()
        async with self.db.transaction() as tx:
            return await export.export(tx, self.key, keys.service, signers, now=self.office.clock.now())

    async def erase(self) -> Erased:
        """She ends it, as the doors do."""
        async with self.db.transaction() as tx:
            erased = await erasure.erase(
                tx, self.office.desk, self.candidate_id, now=self.office.clock.now(), journal=NO_JOURNAL
            )
        self.office.keys.forget(self.candidate_id)
        return erased

    async def release(self) -> Released | Refused:
        """NAV asks for what she let it have."""
        ask = ReleaseAsk(self.consent_id, self.office.nav.id, "A123456", "0501", "once")
        return await self.office.gate.release(ask)


async def comes(office: Office, who: NationalId = KARI) -> str:
    """Somebody comes, and takes over what waits for her."""
    receivers = {
        "mapping_request": mapping.receiver(office.keys.service),
        "consent_request": requests.receiver(office.keys.service),
    }
    held_for = CONTROLLER.organisation_number
    return await arrive(office.db, office.keys, office.clock, who, held_for=held_for, receivers=receivers)


async def nav_asks(office: Office, who: NationalId = KARI, *, days: int = 10) -> str:
    """NAV asks to read a section of somebody's note, with a word to her; the consent's id."""
    service, now = office.keys.service, office.clock.now()
    async with office.db.transaction() as tx:
        consent_id = await requests.ask(
            tx,
            office.desk,
            office.desk.purposes.get("guidance_follow_up"),
            recipient=office.nav,
            requester=office.nav,
            part_kinds=["note.interests"],
            reply_by=end_of_day(office.day(days)),
            at=now,
        )
        await leave(
            tx,
            service.waiting,
            service.lookup,
            who,
            kind="consent_request",
            item_id=consent_id,
            payload=requests.payload(consent_id, WORDS, BY),
            from_unit=office.nav.id,
            at=now,
            lapses_at=end_of_day(office.day(days)),
        )
    return consent_id


async def draft(office: Office, text: str = DRAFT) -> HandedOver:
    """The career centre hands a draft over."""
    service = office.keys.service
    ready = await make_ready(service.waiting, content(text), unit_id=CENTRE, by=BY)
    async with office.db.transaction() as tx:
        return await hand_over(tx, service.log, ready, at=office.clock.now())


async def types(office: Office, code: str) -> Claimed | NotClaimed:
    """Kari types a code."""
    return await claim(office.db, office.keys, office.clock, KARI, code, held_for="county", receivers={})


async def log_in(office: Office, candidate_id: str | None) -> str:
    """A session of hers; the cookie's value."""
    key, now = office.keys.service.sessions, office.clock.now()
    async with office.db.transaction() as tx:
        return await sessions.begin(
            tx, key, pid=KARI.digits, acr="idporten-loa-high", sid="s", at=now, candidate_id=candidate_id
        )


async def has_another_number(office: Office, key: CandidateKey) -> None:
    """She shows that a D-number was hers too, begins to show it anew, and operators propose what she had done."""
    service, now = office.keys.service, office.clock.now()
    held_for, herself = CONTROLLER.organisation_number, Act("candidate", {})
    async with office.db.transaction() as tx:
        await proposals.propose(tx, service, Pair(D_NUMBER, KARI), "anne", at=now)
    async with office.db.transaction() as tx:
        linked = await link(tx, service, key, Pair(D_NUMBER, KARI), herself, held_for=held_for, at=now)
        assert isinstance(linked, Linkable)
        await proofs.first(tx, service, D_NUMBER, b"a session", at=now)


async def live(office: Office) -> Life:
    """Kari's life up to now."""
    key, asked = await office.granted()
    await office.report(asked, State.MORE_INFORMATION_NEEDED)
    pushed = await office.push(asked.consent_id)
    log_key, now = office.keys.service.log, office.clock.now()
    async with office.db.transaction() as tx:
        note = await writing.create(tx, key, log_key, content(FIRST), held_for="county", at=now)
        note = await writing.revise(
            tx, key, log_key, note.id, content(SECOND), expected=1, held_for="county", at=office.clock.now()
        )
    claimed = await types(office, (await draft(office)).code.shown())
    assert isinstance(claimed, Claimed)
    ref = PartRef(key.candidate_id, "note", note.id, 2, "interests")
    purpose = office.desk.purposes.get("guidance_follow_up")
    consent_id = await office.gives(key, Choice(purpose, office.nav, (ref,), end_of_day(office.day(30))))
    refused, waiting = await nav_asks(office), await nav_asks(office)
    await comes(office)
    await office.no(key, Asked("", refused, 0))
    session = await log_in(office, key.candidate_id)
    await has_another_number(office, key)
    never_came = await nav_asks(office, D_NUMBER)
    async with office.db.transaction() as tx:
        await standing_refusals.place(tx, office.desk, key.candidate_id, office.other_training.id, now=now)
    life = Life(office, key, note, asked, pushed, consent_id, refused, waiting, never_came, session)
    assert isinstance(await life.release(), Released)
    return life


@pytest.fixture
async def life(office: Office) -> Life:
    """Kari's life, on either database."""
    return await live(office)


async def tables(db: Database) -> list[str]:
    """The names of the service's tables."""
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
        "postgresql": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    }
    async with db.snapshot() as view:
        return [row["name"] for row in await view.rows(Statement(names[db.dialect]))]


async def stored(db: Database) -> dict[str, list[dict[str, object]]]:
    """Every row of every table."""
    found, names = {}, await tables(db)
    async with db.snapshot() as view:
        for table in names:
            rows = await view.rows(Statement(f"SELECT * FROM {table}"))
            found[table] = [
                {name: bytes(row[name]) if isinstance(row[name], memoryview) else row[name] for name in dict(row)}
                for row in rows
            ]
    return found


def files(folder: Path) -> bytes:
    """An SQLite database as it lies on the disk, its write-ahead log and index with it."""
    found = sorted(folder.glob("consent.sqlite*"))
    assert found
    return b"".join(file.read_bytes() for file in found)
