"""NAV, fagopplæring and people, with real keys, a stopped clock and both databases."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from consent_service.audit.log import read as read_log
from consent_service.clock import DAY, SettableClock, end_of_day, local_date
from consent_service.consents import endings, grants
from consent_service.consents.desk import Controller, Desk
from consent_service.consents.gate import Gate
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import Choice, preview
from consent_service.consents.purposes import Purposes
from consent_service.consents.reading import find_for_candidate
from consent_service.crypto.canonical import canonical
from consent_service.events import sequencer
from consent_service.events.feed import Event
from consent_service.events.feed import read as read_feed
from consent_service.identity import registry
from consent_service.identity.units import Unit, UnitKind
from consent_service.persons.arrival import arrive
from consent_service.persons.number import set_name
from consent_service.persons.numbers import NationalId
from consent_service.plans import mapping, push
from consent_service.plans.authority import addressee_of
from consent_service.plans.content import MappingRequestContent, TrainingPlan
from consent_service.plans.mapping import Asked
from consent_service.plans.newer import tell_resumed
from consent_service.plans.parts import Message, request_parts, request_ref
from consent_service.plans.progress import Reported, report
from consent_service.plans.push import Incoming, Pushed
from consent_service.plans.states import State
from consent_service.storage.engine import Database
from consent_service.storage.statement import Statement
from consent_service.vault.keys import MAILBOX, CandidateKey, Keys
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal
from tests.persons.conftest import KARI, NOON, fresh_keys
from tests.plans.examples import plan, request
from tests.support.acting import BY

CONTROLLER = Controller(
    name="Fylket",
    organisation_number="817920632",
    address="Fylkets hus",
    privacy_contact="personvern@example.no",
    hosting_countries=("NO",),
    authority="Datatilsynet",
    withdrawal_url="https://example.no/me",
)


@dataclass
class Office:
    """Everything that the room needs. Verbs are done by NAV, fagopplæring and Kari."""

    db: Database
    keys: Keys
    clock: SettableClock
    desk: Desk
    nav: Unit
    training: Unit
    other_training: Unit
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.db, self.keys, self.desk, self.clock)

    def day(self, days: int) -> date:
        """The day so many days ahead."""
        return local_date(self.clock.now()) + timedelta(days=days)

    async def ask(
        self,
        who: NationalId = KARI,
        content: MappingRequestContent | None = None,
        *,
        sections: tuple[str, ...] = ("strengths",),
        days: int = 21,
    ) -> Asked:
        """NAV asks fagopplæring to map somebody's competence."""
        now = self.clock.now()
        async with self.db.transaction() as tx:
            return await mapping.ask(
                tx,
                self.desk,
                who,
                content or request(),
                requester=self.nav,
                by=BY,
                recipient=self.training,
                note_sections=sections,
                reply_by=end_of_day(self.day(days)),
                lapses_at=now + 365 * DAY,
                at=now,
            )

    async def comes(self, who: NationalId = KARI) -> CandidateKey:
        """Somebody comes, says her name, and takes over what waits for her."""
        candidate_id = await arrive(
            self.db,
            self.keys,
            self.clock,
            who,
            held_for=CONTROLLER.organisation_number,
            receivers={"mapping_request": mapping.receiver(self.keys.service)},
        )
        key = await self.keys.candidate(candidate_id)
        async with self.db.transaction() as tx:
            await set_name(tx, key, self.keys.service.log, "Kari Test", held_for="county", at=self.clock.now())
        return key

    async def note(self, key: CandidateKey, *names: str) -> tuple[PartRef, ...]:
        """Parts of a note of hers."""
        note_id = str(uuid4())
        refs = tuple(PartRef(key.candidate_id, "note", note_id, 1, name) for name in names or ("strengths",))
        async with self.db.transaction() as tx:
            for ref in refs:
                await seal(tx, key, ref, canonical({"text": "Tålmodig"}), held_for="county", at=self.clock.now())
        return refs

    def choice(self, key: CandidateKey, asked: Asked, *names: str, days: int = 60) -> Choice:
        """What she would share of the request."""
        chosen = names or tuple(request_parts(request()))
        parts = tuple(request_ref(key.candidate_id, asked.id, name) for name in chosen)
        return Choice(self.desk.purposes.get(mapping.PURPOSE), self.training, parts, end_of_day(self.day(days)))

    async def yes(
        self, key: CandidateKey, asked: Asked, *names: str, also: tuple[PartRef, ...] = (), days: int = 60
    ) -> None:
        """She grants what was asked, or some of it, and parts of her note."""
        choice = self.choice(key, asked, *names, days=days)
        choice = replace(choice, parts=(*choice.parts, *also))
        keyring = Keyring(key, await self.keys.recipient(self.training.id), await self.keys.recipient(MAILBOX))
        async with self.db.snapshot() as view:
            shown = await preview(view, key, self.keys.service.log, choice)
        async with self.db.transaction() as tx:
            await grants.answer(
                tx, self.desk, asked.consent_id, Yes(keyring, choice, shown.sha256, "nb"), now=self.clock.now()
            )

    async def gives(self, key: CandidateKey, choice: Choice) -> str:
        """She grants unasked; the consent's id."""
        keyring = Keyring(key, await self.keys.recipient(choice.recipient.id), await self.keys.recipient(MAILBOX))
        async with self.db.snapshot() as view:
            shown = await preview(view, key, self.keys.service.log, choice)
        now = self.clock.now()
        async with self.db.transaction() as tx:
            granted = await grants.grant(tx, self.desk, Yes(keyring, choice, shown.sha256, "nb"), now=now)
        return granted.id

    async def no(self, key: CandidateKey, asked: Asked) -> None:
        """She refuses."""
        async with self.db.transaction() as tx:
            await endings.refuse(tx, self.desk, key.candidate_id, asked.consent_id, now=self.clock.now())

    async def revoke(self, key: CandidateKey, consent_id: str) -> None:
        """She takes her yes back."""
        async with self.db.transaction() as tx:
            await endings.revoke(tx, self.desk, key.candidate_id, consent_id, now=self.clock.now())

    async def pause(self, key: CandidateKey, consent_id: str) -> None:
        """She lets nothing out for a time."""
        async with self.db.transaction() as tx:
            await endings.pause(tx, self.desk, key.candidate_id, consent_id, now=self.clock.now())

    async def resume(self, key: CandidateKey, consent_id: str) -> None:
        """She lets it go on, as the doors do it."""
        async with self.db.snapshot() as view:
            consent = await find_for_candidate(
                view, self.keys.service, key.candidate_id, consent_id, now=self.clock.now()
            )
        recipient = await self.keys.recipient(consent.recipient_id)
        keyring = Keyring(key, recipient, await self.keys.recipient(MAILBOX))
        async with self.db.transaction() as tx:
            await grants.resume(tx, self.desk, keyring, consent_id, now=self.clock.now())
            await tell_resumed(tx, consent, at=self.clock.now())

    async def granted(self) -> tuple[CandidateKey, Asked]:
        """NAV has asked, Kari has come and said yes."""
        asked = await self.ask()
        key = await self.comes()
        await self.yes(key, asked)
        return key, asked

    async def report(
        self, asked: Asked, state: State, text: str = "Vi har begynt.", *, by: Unit | None = None
    ) -> Reported:
        """Fagopplæring says how it goes."""
        unit, now = by or self.training, self.clock.now()
        addressee = await addressee_of(self.db, self.keys, asked.id, unit.id, now=now)
        async with self.db.transaction() as tx:
            return await report(tx, self.desk, addressee, state, Message(text=text), unit=unit, by=BY, at=now)

    async def push(
        self, consent_id: str, content: TrainingPlan | None = None, *, by: Unit | None = None, **more: Any
    ) -> Pushed:
        """Fagopplæring pushes a plan."""
        unit, now = by or self.training, self.clock.now()
        incoming = Incoming(consent_id, content or plan(), **more)
        ready = await push.make_ready(self.db, self.keys, self.desk, incoming, unit=unit, by=BY, now=now)
        async with self.db.transaction() as tx:
            return await push.push(tx, self.desk, ready, at=now)

    async def stored(self, *tables: str) -> bytes:
        """Everything in ``tables``, as it lies there."""
        raw: list[bytes] = []
        async with self.db.snapshot() as view:
            for table in tables:
                rows = [dict(row) for row in await view.rows(Statement(f"SELECT * FROM {table}"))]
                raw += [
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    for row in rows
                    for value in row.values()
                ]
        return b"\n".join(raw)

    async def hears(self, unit: Unit) -> list[Event]:
        """What a unit's feed says."""
        async with self.db.transaction() as tx:
            await sequencer.number(tx, holder="test", now=self.clock.now() + DAY)
        async with self.db.snapshot() as view:
            return await read_feed(view, unit.id, after=0, limit=100)

    async def events_in(self, chain_id: str) -> list[str]:
        """What a log says has happened, in order."""
        async with self.db.snapshot() as view:
            rows = await read_log(view, chain_id, limit=1000)
        return [row["event"] for row in sorted(rows, key=lambda row: int(row["position"]))]


@pytest.fixture
async def office(db: Database) -> Office:
    """The office on a morning when nobody has asked anything."""
    clock = SettableClock(NOON)
    keys = await fresh_keys(db, clock)
    async with db.transaction() as tx:
        nav, training, other = [
            await registry.add(
                tx,
                keys.service,
                organisation_number=number,
                unit_code=code,
                name=name,
                region="Trøndelag",
                kind=kind,
                at=NOON,
            )
            for number, code, name, kind in (
                ("889640782", "0501", "Nav Innherred", UnitKind.NAV),
                ("817920632", "fag", "Fagopplæringen i fylket", UnitKind.VOCATIONAL_TRAINING),
                ("817920632", "fag2", "Fagopplæringen i nabofylket", UnitKind.VOCATIONAL_TRAINING),
            )
        ]
    return Office(db, keys, clock, Desk(keys.service, Purposes.load(), CONTROLLER), nav, training, other)
