"""A career centre that hands drafts over, and candidates who claim them, with real keys and a stopped clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from consent_service.clock import SettableClock
from consent_service.notes.claiming import Claimed, NotClaimed, claim
from consent_service.notes.content import NoteContent
from consent_service.notes.handover import HandedOver, hand_over, make_ready, withdraw
from consent_service.persons.arrival import arrive
from consent_service.persons.numbers import NationalId
from consent_service.storage.engine import Database
from consent_service.vault.keys import CandidateKey, Keys
from tests.persons.conftest import CONTROLLER, NOON, fresh_keys
from tests.support.acting import BY

CENTRE = "career-centre"


def note(text: str = "Jeg har kokt i kantina.", **changed: Any) -> dict[str, Any]:
    """A body with one section, and whatever a test changes."""
    return {"language": "nb", "sections": {"motivation": text}, "questions": [], **changed}


def content(text: str = "Jeg har kokt i kantina.", **changed: Any) -> NoteContent:
    """The same as content."""
    return NoteContent.model_validate(note(text, **changed))


@dataclass
class Room:
    """The notes' room with everything it needs."""

    db: Database
    keys: Keys
    clock: SettableClock

    async def hand_over(self, said: NoteContent | None = None, *, unit_id: str = CENTRE) -> HandedOver:
        """The career centre hands a draft over."""
        service = self.keys.service
        ready = await make_ready(service.waiting, said or content(), unit_id=unit_id, by=BY)
        async with self.db.transaction() as tx:
            return await hand_over(tx, service.log, ready, at=self.clock.now())

    async def withdraw(self, draft_id: str, *, unit_id: str = CENTRE) -> bool:
        """The career centre takes a draft back."""
        async with self.db.transaction() as tx:
            log_key, at = self.keys.service.log, self.clock.now()
            return await withdraw(tx, log_key, unit_id=unit_id, draft_id=draft_id, by=BY, at=at)

    async def claim(self, who: NationalId, code: str) -> Claimed | NotClaimed:
        """``who`` types ``code``."""
        return await claim(self.db, self.keys, self.clock, who, code, held_for=CONTROLLER, receivers={})

    async def key_of(self, who: NationalId) -> CandidateKey:
        """``who`` becomes a candidate, if not one yet; the key."""
        arrived = await arrive(self.db, self.keys, self.clock, who, held_for=CONTROLLER, receivers={})
        return await self.keys.candidate(arrived)


@pytest.fixture
async def room(db: Database) -> Room:
    """An empty notes' room."""
    clock = SettableClock(NOON)
    return Room(db, await fresh_keys(db, clock), clock)
