"""Real keys, a stopped clock and test persons."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from consent_service.audit.log import SERVICE_CHAIN, open_chain
from consent_service.clock import Clock, SettableClock
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.persons.arrival import arrive
from consent_service.persons.numbers import NationalId, parse
from consent_service.persons.waiting import Kind, Receivers, WaitingItem, leave
from consent_service.storage.engine import Database, Transaction
from consent_service.vault.keys import CandidateKey, Keys, create_service_keys, open_keys

NOON = 1_780_000_000_000_000
CONTROLLER = "county"


def person(digits: str) -> NationalId:
    """The test person with this number."""
    number = parse(digits, new_style=False)
    assert isinstance(number, NationalId)
    return number


KARI, OLA = person("21879498012"), person("20914695016")


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


async def fresh_keys(db: Database, clock: Clock, keyring: LocalKeyring | None = None) -> Keys:
    """The service's keys in a local keyring, made as for a new database, and the service's own chain."""
    keyring = keyring or LocalKeyring({1: new_key()})
    await create_service_keys(db, keyring)
    async with db.transaction() as tx:
        await open_chain(tx, SERVICE_CHAIN, at=clock.now())
    return await open_keys(db, keyring, clock)


@pytest.fixture
async def keys(db: Database, clock: SettableClock) -> Keys:
    """The service's keys."""
    return await fresh_keys(db, clock)


@dataclass
class Reception:
    """The persons' room with everything it needs; what receivers were given is kept in ``received``."""

    db: Database
    keys: Keys
    clock: SettableClock
    received: list[tuple[str, WaitingItem]] = field(default_factory=list)

    @property
    def receivers(self) -> Receivers:
        """One receiver for both kinds."""
        return {"mapping_request": self._receive, "consent_request": self._receive}

    async def _receive(self, tx: Transaction, candidate_id: str, key: CandidateKey, item: WaitingItem, at: int) -> None:
        assert key.candidate_id == candidate_id
        self.received.append((candidate_id, item))

    async def arrive(self, who: NationalId) -> str:
        """``who`` comes through the door."""
        return await arrive(self.db, self.keys, self.clock, who, held_for=CONTROLLER, receivers=self.receivers)

    async def leave(
        self, who: NationalId, item_id: str, payload: bytes = b"{}", *, kind: Kind = "consent_request"
    ) -> None:
        """NAV leaves an item for ``who`` that lapses in an hour."""
        service, now = self.keys.service, self.clock.now()
        async with self.db.transaction() as tx:
            await leave(
                tx,
                service.waiting,
                service.lookup,
                who,
                kind=kind,
                item_id=item_id,
                payload=payload,
                from_unit="nav",
                at=now,
                lapses_at=now + 3_600_000_000,
            )


@pytest.fixture
def reception(db: Database, keys: Keys, clock: SettableClock) -> Reception:
    """An empty persons' room."""
    return Reception(db, keys, clock)
