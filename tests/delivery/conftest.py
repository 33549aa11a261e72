"""A county that pushes plans, candidates who let it, a local Digipost, and workers that can be stopped anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

import pytest

from consent_service.audit.log import SERVICE_CHAIN, lock, open_chain
from consent_service.audit.log import read as read_log
from consent_service.clock import SettableClock, end_of_day, local_date
from consent_service.consents import _store as consents
from consent_service.consents import endings, grants
from consent_service.consents._store import Stored
from consent_service.consents.desk import Controller, Desk
from consent_service.consents.gate import DispatchAsk, Gate
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import Choice, preview
from consent_service.consents.purposes import Purposes
from consent_service.consents.standing import terms_of
from consent_service.consents.sweep import sweep
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.delivery import letters, operators, reading
from consent_service.delivery._store import Letter
from consent_service.delivery.attempt import Dispatching
from consent_service.delivery.backoff import Timing
from consent_service.delivery.letters import NewLetter
from consent_service.delivery.outbox import Outbox
from consent_service.delivery.printing import Printing, address_part, address_ref
from consent_service.delivery.worker import Worker
from consent_service.identity import registry
from consent_service.identity.units import Unit, UnitKind
from consent_service.mailbox.port import Mailbox, PostalAddress
from consent_service.mailbox.register import ContactRegister
from consent_service.persons.arrival import arrive
from consent_service.persons.number import set_name
from consent_service.persons.numbers import NationalId, parse
from consent_service.storage.engine import Database, Snapshot
from consent_service.vault.keys import MAILBOX, Keys, create_service_keys, open_keys
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal
from tests.journeys.neighbours import MovableClock
from tests.support.acting import BY
from tests.support.digipost import COUNTY, USER, LocalDigipost, local_digipost

NOON = 1_780_000_000_000_000
CONTROLLER = Controller(
    name="Trøndelag fylkeskommune",
    organisation_number="817920632",
    address="Fylkets hus, Steinkjer",
    privacy_contact="personvern@example.no",
    hosting_countries=("NO",),
    authority="Datatilsynet",
    withdrawal_url="https://example.no/me",
)


@dataclass
class Office:
    """What the stories of this room act on."""

    db: Database
    keys: Keys
    clock: SettableClock | MovableClock
    desk: Desk
    gate: Gate
    training: Unit
    digipost: LocalDigipost
    printing: Printing | None = None
    register: ContactRegister | None = None
    """Whose letters its workers may have printed."""

    async def candidate(self, digits: str = USER) -> str:
        """Somebody with a name and a note; her id."""
        number = parse(digits, new_style=False)
        assert isinstance(number, NationalId)
        candidate_id = await arrive(self.db, self.keys, self.clock, number, held_for="county", receivers={})
        key = await self.keys.candidate(candidate_id)
        async with self.db.transaction() as tx:
            await set_name(tx, key, self.keys.service.log, "Kari Prøve", held_for="county", at=NOON)
            ref = PartRef(candidate_id, "note", self._note(candidate_id), 1, "interests")
            await seal(tx, key, ref, canonical({"text": "Motorer"}), held_for="county", at=NOON)
        return candidate_id

    def _note(self, candidate_id: str) -> str:
        return f"note-of-{candidate_id}"

    async def consent(self, candidate_id: str, *, days: int = 30, version: int | None = None) -> Stored:
        """The candidate lets fagopplæring map her competence, in the newest words or in those of ``version``."""
        day = date.fromordinal(local_date(self.clock.now()).toordinal() + days)
        ref = PartRef(candidate_id, "note", self._note(candidate_id), 1, "interests")
        purpose = self.desk.purposes.get("competence_mapping", version)
        choice = Choice(purpose, self.training, (ref,), end_of_day(day))
        owner = await self.keys.candidate(candidate_id)
        keyring = Keyring(owner, await self.keys.recipient(self.training.id), await self.keys.recipient(MAILBOX))
        async with self.db.snapshot() as view:
            seen = (await preview(view, owner, self.keys.service.log, choice)).sha256
        async with self.db.transaction() as tx:
            return await grants.grant(tx, self.desk, Yes(keyring, choice, seen, "nb"), now=self.clock.now())

    async def revoke(self, consent: Stored) -> None:
        """The candidate takes it back."""
        assert consent.candidate_id is not None
        async with self.db.transaction() as tx:
            await endings.revoke(tx, self.desk, consent.candidate_id, consent.id, now=self.clock.now())

    async def stored(self, view: Snapshot, consent_id: str) -> Stored:
        """A consent's row."""
        consent = await consents.find(view, consent_id)
        assert consent is not None
        return consent

    async def sweep(self) -> None:
        """What is out of time is written down."""
        await sweep(self.db, self.desk, self.clock)

    async def pause(self, consent: Stored) -> None:
        """The candidate lets nothing out for a time."""
        assert consent.candidate_id is not None
        async with self.db.transaction() as tx:
            await endings.pause(tx, self.desk, consent.candidate_id, consent.id, now=self.clock.now())

    def ask(self, letter: Letter) -> DispatchAsk:
        """What a worker asks the gate for a letter."""
        pdf = letters.pdf_of(letter.candidate_id, letter.plan_id, letter.plan_version)
        return DispatchAsk(letter.id, letter.consent_id, letter.candidate_id, pdf)

    async def letter(
        self,
        consent: Stored,
        *,
        version: int = 1,
        text: str = "plan",
        plan_id: str | None = None,
        address: PostalAddress | None = None,
        pdf: bytes | None = None,
    ) -> str:
        """Fagopplæring's plan is accepted, a new one or a version of ``plan_id``; the letter's id."""
        assert consent.candidate_id is not None
        owner, mailbox = await self.keys.candidate(consent.candidate_id), await self.keys.recipient(MAILBOX)
        plan_id = plan_id or str(uuid4())
        async with self.db.transaction() as tx:
            head = (await lock(tx, [consent.candidate_id]))[consent.candidate_id]
            ref = letters.pdf_of(consent.candidate_id, plan_id, version)
            said = pdf or f"%PDF-1.7 {text}".encode()
            sealed = await seal(tx, owner, ref, said, held_for="county", at=self.clock.now())
            place = address_ref(consent.candidate_id, plan_id, version)
            given = None
            if address is not None:
                part = address_part(address)
                given = await seal(tx, owner, place, part, held_for="county", at=self.clock.now())
            return await letters.enqueue(
                tx,
                self.keys.service.log,
                head,
                NewLetter(
                    plan_id=plan_id,
                    plan_version=version,
                    consent_id=consent.id,
                    unit_id=self.training.id,
                    sender_organisation=COUNTY.organisation_number,
                    subject="Brev fra fagopplæringen",
                    language="nb",
                ),
                sealed,
                terms_of(consent).share_terms(MAILBOX),
                mailbox,
                by=BY,
                now=self.clock.now(),
                address=given,
            )

    def worker(
        self, *, mailbox: Mailbox | None = None, gate: Dispatching | None = None, timing: Timing | None = None
    ) -> Worker:
        """A worker of another process."""
        return Worker(
            self.db,
            gate or self.gate,
            mailbox or self.digipost.mailbox(),
            self.keys.service,
            self.clock,
            controller=CONTROLLER.organisation_number,
            timing=timing or Timing(),
            printing=self.printing,
            register=self.register,
        )

    async def work(self, *, mailbox: Mailbox | None = None, gate: Dispatching | None = None) -> None:
        """One worker does what is due now."""
        await self.worker(mailbox=mailbox, gate=gate).run_until_idle()

    def outbox(self, name: str = "dead") -> Outbox:
        """A worker's hold on the outbox, to be let go of at any point."""
        sender_of = self.digipost.mailbox().sender_of
        return Outbox(self.db, self.keys.service, self.clock, Timing(), name, CONTROLLER.organisation_number, sender_of)

    async def show(self, letter_id: str) -> operators.LetterView:
        """The letter as an operator sees it."""
        async with self.db.snapshot() as view:
            return await operators.show(view, letter_id)

    async def status(self, letter_id: str) -> str:
        """Where it stands."""
        return (await self.show(letter_id)).status

    async def seen(self, letter_id: str) -> list[str]:
        """The history as others see it."""
        async with self.db.snapshot() as view:
            (delivery,) = await reading.of_plan(view, (await operators.show(view, letter_id)).plan_id)
        return [step.status for step in delivery.history]

    async def out(self, consent: Stored) -> list[str]:
        """The states of the letters that are out."""
        async with self.db.snapshot() as view:
            return [letter.status for letter in await reading.letters_out(view, consent.id)]

    async def logged(self, candidate_id: str) -> list[str]:
        """What the candidate's log says about letters."""
        async with self.db.snapshot() as view:
            rows = await read_log(view, candidate_id)
        return [row["event"] for row in rows if row["event"].startswith("letter.")]


@pytest.fixture
async def office(db: Database) -> AsyncIterator[Office]:
    """The office on the morning of its first letter."""
    clock = SettableClock(NOON)
    provider = LocalKeyring({1: new_key()})
    await create_service_keys(db, provider)
    keys = await open_keys(db, provider, clock)
    async with db.transaction() as tx:
        await open_chain(tx, SERVICE_CHAIN, at=NOON)
    async with local_digipost(clock=clock, patience=2.0) as digipost:
        yield await opened_office(db, keys, clock, digipost)


async def opened_office(
    db: Database, keys: Keys, clock: SettableClock | MovableClock, digipost: LocalDigipost
) -> Office:
    """The office, with fagopplæring registered."""
    desk = Desk(keys.service, Purposes.load(), CONTROLLER)
    async with db.transaction() as tx:
        training = await registry.add(
            tx,
            keys.service,
            organisation_number=COUNTY.organisation_number,
            unit_code="fag",
            name="Fagopplæringen i Trøndelag",
            region="Trøndelag",
            kind=UnitKind.VOCATIONAL_TRAINING,
            at=NOON,
        )
    return Office(db, keys, clock, desk, Gate(db, keys, desk, clock), training, digipost)
