"""A process that dies where it is told to: ``python -m tests.consents.crash_victim``.

It reads orders (JSON, one a line) and forks for each a child that carries one verb out against the database and kills
itself (SIGKILL) at the step named; it answers ``killed`` or ``done``. Steps are what is sent to the database in
transactions, each commit, what comes just after it, and a line of the erasure journal. Only the database and the
journal stand behind a wrapper; the rooms are the service's own, and do it as for the doors.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from consent_service.rights.journal import Journal
from consent_service.storage.engine import Database, Dialect, Row, Rows, Snapshot, Statement, Transaction
from tests.consents.lifecycle_world import World, refs_of

UNTIL_DAYS = 20


class Fuse:
    """Burns a step at a time."""

    def __init__(self, length: int) -> None:
        self.left = length

    def burn(self) -> None:
        """One step further, or the end."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalTransaction:
    """A transaction before each of whose statements the process may die."""

    def __init__(self, tx: Transaction, fuse: Fuse) -> None:
        self._tx = tx
        self._fuse = fuse

    @property
    def dialect(self) -> Dialect:
        return self._tx.dialect

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        self._fuse.burn()
        return await self._tx.rows(statement, **given)

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        self._fuse.burn()
        return await self._tx.row(statement, **given)

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        self._fuse.burn()
        return await self._tx.value(statement, **given)

    async def run(self, statement: Statement, /, **given: Any) -> int:
        self._fuse.burn()
        return await self._tx.run(statement, **given)

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        self._fuse.burn()
        await self._tx.run_many(statement, given)

    async def run_rows(self, statement: Rows, given: Sequence[Mapping[str, Any]], /) -> int:
        if given:
            self._fuse.burn()
        return await self._tx.run_rows(statement, given)

    async def run_each(self, *writes: tuple[Rows, Sequence[Mapping[str, Any]]]) -> None:
        """SQLite is sent one after the other; PostgreSQL all in one, between whose parts nobody can be killed."""
        if self.dialect == "sqlite":
            for statement, given in writes:
                await self.run_rows(statement, given)
        else:
            self._fuse.burn()
            await self._tx.run_each(*writes)

    def scrub_after_commit(self) -> None:
        self._tx.scrub_after_commit()


class MortalDatabase:
    """A database at which the process may die."""

    def __init__(self, db: Database, fuse: Fuse) -> None:
        self._db = db
        self._fuse = fuse

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._db.transaction() as tx:
            yield MortalTransaction(tx, self._fuse)
            self._fuse.burn()  # all done, nothing committed
        self._fuse.burn()  # committed, nothing said

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.snapshot()

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.glance()

    async def close(self) -> None:
        await self._db.close()


class MortalJournal:
    """An erasure journal at which the process may die, just before a line and just after it."""

    def __init__(self, journal: Journal, fuse: Fuse) -> None:
        self._journal = journal
        self._fuse = fuse

    async def record(self, candidate_id: str, at: int) -> None:
        self._fuse.burn()
        await self._journal.record(candidate_id, at)
        self._fuse.burn()  # written for good, nothing committed


async def carry_out(order: Mapping[str, Any], fuse: Fuse) -> None:
    """The verb of an order."""
    world = World(
        order["url"],
        master_key=bytes.fromhex(order["master_key"]),
        through=lambda db: MortalDatabase(db, fuse),
        erasures=Path(order["erasures"]),
    )
    await world.open()
    world.journal = MortalJournal(world.journal, fuse)
    await verb(world, order)
    await world.db.close()


async def verb(world: World, order: Mapping[str, Any]) -> None:
    """What the order asks for, done as the doors do it."""
    owner, consent, unit = order["owner"], order["consent"], order["unit"]
    if order["verb"] == "grant":
        refs = refs_of(owner, order["note"], 1, {"interests", "strengths"})
        granted = await world.grant(owner, unit, refs, world.until(UNTIL_DAYS), 2, None)
        assert granted is not None
    elif order["verb"] == "release":
        assert await world.release(consent, unit, "once") is not None
    elif order["verb"] == "erase":
        await world.erase(owner)
    else:
        assert await world.end(order["verb"], owner, consent)


def obey(order: Mapping[str, Any]) -> str:
    """Fork, let the child carry the order out, and say what became of it."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(carry_out(order, Fuse(order["step"])))
        except BaseException as failure:  # noqa: BLE001 - the child says why, and never comes back to the parent's loop
            print(f"{type(failure).__name__}: {failure}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else "crashed"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(obey(json.loads(line)), flush=True)
