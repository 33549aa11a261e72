"""The service as a machine drives it: real rooms on a real database, opened anew whenever it is told to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from consent_service.audit.log import SERVICE_CHAIN, open_chain
from consent_service.audit.log import read as read_log
from consent_service.clock import SettableClock, end_of_day, local_date
from consent_service.consents import endings, grants, requests, standing_refusals
from consent_service.consents.counter import Counter
from consent_service.consents.desk import Desk
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import Choice, preview
from consent_service.consents.purposes import Purposes
from consent_service.consents.sweep import sweep
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.errors import Invalid, ServiceError, StorageUnavailable, Tampered
from consent_service.identity import registry, units
from consent_service.identity.units import Unit, UnitKind
from consent_service.notes import writing
from consent_service.notes.content import NoteContent
from consent_service.persons.arrival import arrive
from consent_service.persons.number import set_name
from consent_service.persons.waiting import leave
from consent_service.rights import erasure
from consent_service.rights.journal import NO_JOURNAL, Journal, JournalFile
from consent_service.storage.engine import Database, Statement
from consent_service.storage.opening import open_database
from consent_service.vault.keys import MAILBOX, Keys, create_service_keys, open_keys
from consent_service.vault.parts import PartRef
from tests.consents.conftest import CONTROLLER, NOON, nid
from tests.support.acting import BY

T = TypeVar("T")

PURPOSES = {"nav": "guidance_follow_up", "vocational_training": "competence_mapping"}

_SHARES = Statement("SELECT DISTINCT consent_id, recipient_id FROM share WHERE recipient_id <> 'mailbox'")
_OWNERS = Statement("SELECT candidate_id FROM candidate_key")
_RECEIPTS = Statement("SELECT consent_id, type FROM receipt")


class World:
    """The rooms, the clock, and the units."""

    db: Database
    keys: Keys
    desk: Desk
    gate: Gate
    counter: Counter
    journal: Journal

    def __init__(
        self,
        url: str,
        *,
        master_key: bytes | None = None,
        through: Callable[[Database], Database] = lambda db: db,
        erasures: Path | None = None,
    ) -> None:
        """On this migrated database. ``through`` stands in front of it, from the next opening on.

        ``erasures`` is where the erasure journal is, if one is kept.
        """
        self.url = url
        self.clock = SettableClock(NOON)
        self.keyring = LocalKeyring({1: master_key or new_key()})
        self.through = through
        self.erasures = erasures
        self.units: dict[str, Unit] = {}

    async def begin(self) -> None:
        """The first opening, and the units."""
        db = await open_database(self.url)
        await create_service_keys(db, self.keyring)
        keys = (await open_keys(db, self.keyring, self.clock)).service
        async with db.transaction() as tx:
            await open_chain(tx, SERVICE_CHAIN, at=NOON)
            for kind, code in ((UnitKind.NAV, "1"), (UnitKind.NAV, "2"), (UnitKind.VOCATIONAL_TRAINING, "3")):
                await registry.add(
                    tx,
                    keys,
                    organisation_number="889640782",
                    unit_code=code,
                    name=code,
                    region="T",
                    kind=kind,
                    at=NOON,
                )
        await db.close()
        await self.open()

    async def open(self) -> None:
        """A process that has just started: nothing of an earlier one is in memory."""
        self.db = self.through(await open_database(self.url))
        self.keys = await open_keys(self.db, self.keyring, self.clock)
        async with self.db.snapshot() as view:
            # The model knows them as they were: whether one is enabled is the service's to find out.
            self.units = self.units or {unit.id: unit for unit in await units.every(view, self.keys.service)}
        self.desk = Desk(self.keys.service, Purposes.load(), CONTROLLER)
        self.gate = Gate(self.db, self.keys, self.desk, self.clock)
        self.counter = Counter(self.db, self.desk, self.clock)
        rows = self.keys.service.rows
        self.journal = NO_JOURNAL if self.erasures is None else JournalFile(self.erasures, rows)

    async def restart(self) -> None:
        """The process ends, another begins."""
        await self.db.close()
        await self.open()

    def until(self, days: int) -> int:
        """The end of the day so many days ahead."""
        return end_of_day(date.fromordinal(local_date(self.clock.now()).toordinal() + days))

    async def come(self, number: str, name: str) -> str:
        """Somebody comes, and says her name if she is new."""
        receivers = {"consent_request": requests.receiver(self.keys.service)}
        async with self.db.snapshot() as view:
            known = {row["candidate_id"] for row in await view.rows(_OWNERS)}
        candidate_id = await arrive(self.db, self.keys, self.clock, nid(number), held_for="county", receivers=receivers)
        if candidate_id not in known:
            await self.rename(candidate_id, name)
        return candidate_id

    async def rename(self, owner: str, name: str) -> None:
        key, at = await self.keys.candidate(owner), self.clock.now()
        async with self.db.transaction() as tx:
            await set_name(tx, key, self.keys.service.log, name, held_for="county", at=at)

    async def write(self, owner: str, note: str | None, version: int, sections: dict[str, str]) -> str:
        """A new note, or the version after ``version``; its id."""
        content = NoteContent.model_validate({"language": "nb", "sections": sections})
        key, log, at = await self.keys.candidate(owner), self.keys.service.log, self.clock.now()
        async with self.db.transaction() as tx:
            if note is None:
                return (await writing.create(tx, key, log, content, held_for="county", at=at)).id
            await writing.revise(tx, key, log, note, content, expected=version, held_for="county", at=at)
            return note

    async def delete(self, owner: str, note: str) -> None:
        """As the door does."""
        now = self.clock.now()
        async with self.db.transaction() as tx:
            await endings.end_on_resource(tx, self.desk, owner, "note", note, now=now)
            await writing.delete(tx, owner, self.keys.service.log, note, at=now)

    async def erase(self, owner: str) -> None:
        """As the door does."""
        async with self.db.transaction() as tx:
            await erasure.erase(tx, self.desk, owner, now=self.clock.now(), journal=self.journal)
        self.keys.forget(owner)

    async def refuse_standing(self, owner: str, against: str, *, placed: bool) -> None:
        verb = standing_refusals.place if placed else standing_refusals.lift
        async with self.db.transaction() as tx:
            await verb(tx, self.desk, owner, against, now=self.clock.now())

    async def enable(self, unit: str, *, enabled: bool) -> None:
        async with self.db.transaction() as tx:
            await (registry.enable if enabled else registry.disable)(tx, self.keys.service, unit, at=self.clock.now())

    async def ask(self, number: str, unit: str, sections: Sequence[str], reply_by: int) -> str | None:
        """A unit asks for a consent, and leaves it for the person; its id, or None for a unit that can't ask."""
        try:
            return await self._asked(number, unit, sections, reply_by)
        except Invalid:
            return None

    async def _asked(self, number: str, unit: str, sections: Sequence[str], reply_by: int) -> str:
        at, asker, service = self.clock.now(), self.units[unit], self.keys.service
        purpose = self.desk.purposes.get(PURPOSES[asker.kind])
        async with self.db.transaction() as tx:
            consent_id = await requests.ask(
                tx,
                self.desk,
                purpose,
                recipient=asker,
                requester=asker,
                part_kinds=[f"note.{section}" for section in sections],
                reply_by=reply_by,
                at=at,
            )
            await leave(
                tx,
                service.waiting,
                service.lookup,
                nid(number),
                kind="consent_request",
                item_id=consent_id,
                payload=requests.payload(consent_id, "Hei", BY),
                from_unit=unit,
                at=at,
                lapses_at=reply_by,
            )
        return consent_id

    async def grant(
        self,
        owner: str,
        unit: str,
        refs: tuple[PartRef, ...],
        until: int,
        max_uses: int | None,
        consent_id: str | None,
    ) -> str | None:
        """She looks, and says yes (to a request, if one is named); the consent's id, or None if it did not count."""
        choice = Choice(
            self.desk.purposes.get(PURPOSES[self.units[unit].kind]), self.units[unit], refs, until, max_uses
        )
        key = await self.keys.candidate(owner)
        keyring = Keyring(key, await self.keys.recipient(unit), await self.keys.recipient(MAILBOX))
        now = self.clock.now()

        async def said() -> str:
            async with self.db.snapshot() as view:
                seen = (await preview(view, key, self.keys.service.log, choice)).sha256
            yes = Yes(keyring, choice, seen, "nb")
            if consent_id is None:
                return (await self.counter.grant(yes)).id
            async with self.db.transaction() as tx:
                return (await grants.answer(tx, self.desk, consent_id, yes, now=now)).id

        return await let(said())

    async def end(self, verb: str, owner: str, consent_id: str) -> bool:
        """She revokes, refuses, pauses or resumes, as the doors do; whether it was let."""
        now = self.clock.now()

        async def done() -> bool:
            if verb == "resume":
                unit = await self._recipient(consent_id)
                key = await self.keys.candidate(owner)
                keyring = Keyring(key, await self.keys.recipient(unit), await self.keys.recipient(MAILBOX))
                async with self.db.transaction() as tx:
                    await grants.resume(tx, self.desk, keyring, consent_id, now=now)
                return True
            if verb == "revoke":
                await self.counter.revoke(owner, consent_id)
                return True
            act = {"refuse": endings.refuse, "pause": endings.pause}[verb]
            async with self.db.transaction() as tx:
                await act(tx, self.desk, owner, consent_id, now=now)
            return True

        return await let(done()) or False

    async def _recipient(self, consent_id: str) -> str:
        async with self.db.snapshot() as view:
            found = await view.value(Statement("SELECT recipient_id FROM consent WHERE id = :id"), id=consent_id)
        return str(found)

    async def cancel(self, unit: str, consent_id: str) -> bool:
        """The asker takes its request back; whether it was let."""

        async def done() -> bool:
            async with self.db.transaction() as tx:
                await requests.cancel(tx, self.desk, consent_id, self.units[unit], by=BY, at=self.clock.now())
            return True

        return await let(done()) or False

    async def release(self, consent_id: str, unit: str, key: str) -> dict[str, Any] | None:
        """What crosses to the unit: who, and which words; None for a refusal."""
        answer = await self.gate.release(ReleaseAsk(consent_id, unit, "A123456", "0501", key))
        if isinstance(answer, Refused):
            assert answer.reason not in {"tampered", "undecidable"}, answer
            return None
        return said_in(answer)

    async def sweep(self) -> None:
        await sweep(self.db, self.desk, self.clock)

    async def shares(self) -> set[tuple[str, str]]:
        """Which unit holds shares under which consent."""
        async with self.db.snapshot() as view:
            return {(row["consent_id"], row["recipient_id"]) for row in await view.rows(_SHARES)}

    async def owners(self) -> set[str]:
        """Whose keys there are."""
        async with self.db.snapshot() as view:
            return {row["candidate_id"] for row in await view.rows(_OWNERS)}

    async def receipts(self) -> list[tuple[str, str]]:
        """Which receipts of which consents there are."""
        async with self.db.snapshot() as view:
            return [(row["consent_id"], row["type"]) for row in await view.rows(_RECEIPTS)]

    async def log(self, chain: str) -> list[dict[str, Any]]:
        """What a chain says, in order."""
        async with self.db.snapshot() as view:
            return [json.loads(row["body"]) for row in await read_log(view, chain, limit=10_000)]


async def let(verb: Awaitable[T]) -> T | None:
    """What the verb answers, or None if she, or the unit, was refused. A fault of the service is no refusal."""
    try:
        return await verb
    except (StorageUnavailable, Tampered):
        raise
    except ServiceError:
        return None


def said_in(answer: Released) -> dict[str, Any]:
    """A release in the words of the model."""
    content = json.loads(answer.content)
    parts = {(p["resource_id"], p["version"], p["part"]): p["content"]["text"] for p in content["parts"]}
    return {**content["person"], "parts": parts}


def refs_of(owner: str, note: str, version: int, sections: set[str]) -> tuple[PartRef, ...]:
    return tuple(PartRef(owner, "note", note, version, section) for section in sorted(sections))
