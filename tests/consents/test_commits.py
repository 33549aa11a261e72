"""What the gate's order is for: the lock before the reading, the MAC before the terms, the commit before the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from consent_service.audit.log import lock, read
from consent_service.consents import endings
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from consent_service.consents.terms import from_bytes
from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Dialect, Snapshot, Statement, Transaction
from tests.consents.conftest import Town


class FullDisk:
    """A database at which everything works but the commit."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.full = True

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._db.transaction() as tx:
            yield tx
            await asyncio.sleep(0)  # a commit takes time, in which others run
            if self.full:
                raise StorageUnavailable

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.snapshot()

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.glance()

    async def close(self) -> None:
        await self._db.close()


async def test_nothing_is_handed_out_that_was_not_committed(town: Town) -> None:
    """When the commit fails, every caller of the batch hears that, and gets nothing; then all goes on as before."""
    disk = FullDisk(town.db)
    town.gate = Gate(disk, town.keys, town.desk, town.clock)
    consent = await town.grant(town.choice(max_uses=3))
    answers = await asyncio.gather(*(town.release(consent.id) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
    async with town.db.snapshot() as view:
        assert "release.released" not in [row["event"] for row in await read(view, town.candidate_id)]
    disk.full = False
    answers = await asyncio.gather(*(town.release(consent.id) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, Released) for answer in answers) == 3


async def test_who_waited_for_a_revoke_sees_it(town: Town) -> None:
    """A release that waits for the lock while she revokes reads what she has done, not what was when it came."""
    consent = await town.grant()
    assert isinstance(await town.release(consent.id), Released)
    async with town.db.transaction() as tx:
        await lock(tx, [town.candidate_id])
        waiting = asyncio.create_task(town.release(consent.id))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await endings.revoke(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    assert await waiting == Refused("ended")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_two_gates_spend_one_use_once(town: Town) -> None:
    """As two processes do: of forty calls at two gates for one use, exactly one succeeds."""
    gates = [Gate(town.db, town.keys, town.desk, town.clock) for _ in range(2)]
    for number in range(3):
        consent = await town.grant(town.choice(max_uses=1))
        asks = [ReleaseAsk(consent.id, town.nav.id, "A123456", "0501", f"{number}-{i}") for i in range(40)]
        calls = [gates[i % 2].release(ask) for i, ask in enumerate(asks)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(answer, Released) for answer in answers) == 1


async def test_terms_that_read_well_and_are_not_hers_refuse_every_use(town: Town) -> None:
    """More uses, written into the terms by somebody who can write the database, are no uses: the terms have a MAC."""
    consent = await town.grant(town.choice(max_uses=1))
    widened = replace(from_bytes(consent.terms), max_uses=100).to_bytes()
    async with town.db.transaction() as tx:
        await tx.run(Statement("UPDATE consent SET terms = :terms WHERE id = :id"), id=consent.id, terms=widened)
    assert await town.release(consent.id) == Refused("tampered")
