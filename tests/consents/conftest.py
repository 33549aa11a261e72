"""A small town: three units, a candidate with a note, real keys, a stopped clock, and the gate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from uuid import uuid4

import pytest

from consent_service.audit.log import SERVICE_CHAIN, open_chain
from consent_service.clock import SettableClock, end_of_day, local_date
from consent_service.consents import _store, endings, grants
from consent_service.consents._store import Stored
from consent_service.consents.desk import Controller, Desk
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import Choice, preview
from consent_service.consents.purposes import Purposes
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.identity import registry
from consent_service.identity.units import Unit, UnitKind
from consent_service.persons.arrival import arrive
from consent_service.persons.number import set_name
from consent_service.persons.numbers import NationalId, parse
from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database
from consent_service.vault.keys import MAILBOX, Keys, create_service_keys, open_keys
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal

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
WORDS = {"interests": "Motorer og fjell", "way_forward": "Bilfag", "needs": "Rolig rom"}


def nid(digits: str) -> NationalId:
    """The test person with this number."""
    number = parse(digits, new_style=False)
    assert isinstance(number, NationalId)
    return number


@dataclass
class Town:
    """What the tests of this room act on."""

    db: Database
    keys: Keys
    clock: SettableClock
    desk: Desk
    gate: Gate
    nav: Unit
    other_nav: Unit
    training: Unit
    candidate_id: str
    note_id: str

    def note(self, part: str) -> PartRef:
        """A section of the candidate's note."""
        return PartRef(self.candidate_id, "note", self.note_id, 1, part)

    def choice(self, *parts: str, last_day: date | None = None, max_uses: int | None = None) -> Choice:
        """What the candidate would share with NAV."""
        day = last_day or date.fromordinal(local_date(self.clock.now()).toordinal() + 30)
        refs = tuple(self.note(part) for part in parts or ("interests", "way_forward"))
        return Choice(self.desk.purposes.get("guidance_follow_up"), self.nav, refs, end_of_day(day), max_uses)

    async def keyring(self, recipient_id: str) -> Keyring:
        """The keys that a grant needs."""
        return Keyring(
            await self.keys.candidate(self.candidate_id),
            await self.keys.recipient(recipient_id),
            await self.keys.recipient(MAILBOX),
        )

    async def sha256(self, choice: Choice) -> str:
        """The hash of the preview of ``choice``."""
        key = await self.keys.candidate(self.candidate_id)
        async with self.db.snapshot() as view:
            return (await preview(view, key, self.keys.service.log, choice)).sha256

    async def grant(self, choice: Choice | None = None, *, sha256: str | None = None) -> Stored:
        """The candidate looks at the preview of ``choice`` and says yes."""
        choice = choice or self.choice()
        seen = sha256 or await self.sha256(choice)
        keyring = await self.keyring(choice.recipient.id)
        async with self.db.transaction() as tx:
            return await grants.grant(tx, self.desk, Yes(keyring, choice, seen, "nb"), now=self.clock.now())

    async def revoke(self, consent_id: str) -> Stored:
        """The candidate takes a consent back; a changed row stays as it was found."""
        async with self.db.transaction() as tx:
            found = await _store.find(tx, consent_id)
            ended = await endings.revoke(tx, self.desk, self.candidate_id, consent_id, now=self.clock.now()) or found
        assert ended is not None
        return ended

    async def release(self, consent_id: str, *, unit: Unit | None = None, key: str | None = None) -> Released | Refused:
        """A unit (NAV) asks for what a consent lets it have."""
        return await self.gate.release(
            ReleaseAsk(consent_id, (unit or self.nav).id, "A123456", "0501", key or str(uuid4()))
        )


@pytest.fixture
async def town(db: Database) -> Town:
    """The town on the morning of the first grant."""
    clock = SettableClock(NOON)
    keyring = LocalKeyring({1: new_key()})
    await create_service_keys(db, keyring)
    keys = await open_keys(db, keyring, clock)
    async with db.transaction() as tx:
        await open_chain(tx, SERVICE_CHAIN, at=NOON)
    desk = Desk(keys.service, Purposes.load(), CONTROLLER)
    async with db.transaction() as tx:
        nav, other_nav, training = [
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
                ("889640782", "0502", "Nav Fosen", UnitKind.NAV),
                ("817920632", "fag", "Fagopplæring", UnitKind.VOCATIONAL_TRAINING),
            )
        ]
    candidate_id = await arrive(
        db, keys, clock, nid("21879498012"), held_for=CONTROLLER.organisation_number, receivers={}
    )
    key = await keys.candidate(candidate_id)
    note_id = str(uuid4())
    async with db.transaction() as tx:
        await set_name(tx, key, keys.service.log, "Kari Test", held_for="county", at=NOON)
        for part, text in WORDS.items():
            ref = PartRef(candidate_id, "note", note_id, 1, part)
            await seal(tx, key, ref, canonical({"text": text}), held_for="county", at=NOON)
    return Town(db, keys, clock, desk, Gate(db, keys, desk, clock), nav, other_nav, training, candidate_id, note_id)


@pytest.fixture
async def elsewhere(town: Town, migrated_url: str) -> AsyncIterator[Town]:
    """The same town seen from another process: a database opened anew, and a gate of its own."""
    db = await open_database(migrated_url)
    yield replace(town, db=db, gate=Gate(db, town.keys, town.desk, town.clock))
    await db.close()
