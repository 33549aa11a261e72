"""PostgreSQL's own promises: its settings are in force, and whatever ends a session is a database not to be had."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from consent_service.errors import OutcomeUnknown, StorageUnavailable
from consent_service.storage.engine import Database, Statement, Transaction
from consent_service.storage.opening import open_database
from tests.provision.postgresql import standby
from tests.storage.conftest import add, ids
from tests.storage.things import ADD, LOCK, SET

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)

ME = Statement("SELECT pg_backend_pid()")
END = Statement("SELECT pg_terminate_backend(:pid)")
SHORT_LOCK = Statement("SET LOCAL lock_timeout = '100ms'")
SHORT_PAUSE = Statement("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
SHORT_DEADLOCK = Statement("SET LOCAL deadlock_timeout = '50ms'")


async def end(db: Database, pid: int) -> None:
    """Terminate another session, as an operator or a failover does, and wait until it is gone."""
    gone = Statement("SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = :pid)")
    async with db.snapshot() as view:
        assert await view.value(END, pid=pid)
    for _ in range(100):
        async with db.snapshot() as view:
            if await view.value(gone, pid=pid):
                return
        await asyncio.sleep(0.01)


async def write_and_be_ended(db: Database, *, at_commit: bool) -> None:
    """A transaction whose session is terminated before its next statement, or before its commit."""
    async with db.transaction() as tx:
        await tx.run(ADD, id="lost", n=1)
        await end(db, await tx.value(ME))
        if not at_commit:
            await tx.run(ADD, id="lost too", n=1)


async def pause(tx: Transaction) -> None:
    """Do nothing for longer than a transaction may."""
    await tx.run(SHORT_PAUSE)
    await asyncio.sleep(0.3)


async def test_the_settings_are_in_force(things: Database) -> None:
    """On each connection: pauses end before waits do, statements in ten seconds, commits that are on disk, UTC."""
    expected = {
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "1500ms",
        "statement_timeout": "10s",
        "synchronous_commit": "on",
        "TimeZone": "UTC",
        "application_name": "consent-service",
    }
    async with things.transaction() as tx, things.snapshot() as view:
        for name, value in expected.items():
            assert await tx.value(Statement(f"SHOW {name}")) == value
            assert await view.value(Statement(f"SHOW {name}")) == value
        if int(await tx.value(Statement("SHOW server_version_num"))) >= 170000:
            lasts = Statement("SHOW transaction_timeout")
            assert (await tx.value(lasts), await view.value(lasts)) == ("5s", "0")


async def test_writers_read_what_is_committed_and_readers_one_view(things: Database) -> None:
    """Writers lock first and read in later statements, which see what was committed meanwhile; readers can't write."""
    isolation, read_only = Statement("SHOW transaction_isolation"), Statement("SHOW transaction_read_only")
    async with things.transaction() as tx, things.snapshot() as view:
        assert (await tx.value(isolation), await tx.value(read_only)) == ("read committed", "off")
        assert (await view.value(isolation), await view.value(read_only)) == ("repeatable read", "on")


@pytest.mark.parametrize("at_commit", [False, True])
async def test_a_session_that_is_terminated_is_unavailable(things: Database, *, at_commit: bool) -> None:
    """Nothing of its transaction stays, and the pool serves the next one. At the commit nobody can tell."""
    with pytest.raises(StorageUnavailable) as lost:
        await write_and_be_ended(things, at_commit=at_commit)
    assert isinstance(lost.value, OutcomeUnknown) == at_commit
    await add(things, "next")
    assert await ids(things) == ["next"]


async def test_sessions_that_were_terminated_while_idle_are_replaced(things_url: str, things: Database) -> None:
    """A failover ends every session of the pool at once; each is replaced at its next use."""
    db = await open_database(things_url)
    async with db.snapshot() as one, db.snapshot() as other:
        pids = [await one.value(ME), await other.value(ME)]
    for pid in pids:
        await end(things, pid)
    served = 0
    for _ in range(2 * len(pids)):
        try:
            async with db.snapshot() as view:
                served += await view.value(ME) not in pids
        except StorageUnavailable:
            continue
    assert served >= len(pids)
    await db.close()


async def test_a_lock_that_is_held_too_long_is_unavailable(things: Database) -> None:
    """The waiting is bounded, and the holder is not disturbed."""
    await add(things, "a")

    async def second() -> None:
        async with things.transaction() as tx:
            await tx.run(SHORT_LOCK)
            await tx.value(LOCK, id="a")

    async with things.transaction() as tx:
        await tx.value(LOCK, id="a")
        with pytest.raises(StorageUnavailable):
            await second()
        assert await tx.run(SET, id="a", n=2) == 1


async def test_a_holder_that_is_paused_loses_its_lock(things: Database) -> None:
    """Its transaction is gone before a waiter's patience is, so that it can't hold up a revoke."""
    await add(things, "a")
    locked = asyncio.Event()

    async def paused() -> None:
        async with things.transaction() as tx:
            await tx.run(SET, id="a", n=7)
            locked.set()
            await pause(tx)
            await tx.run(SET, id="a", n=8)

    holding = asyncio.create_task(paused())
    await locked.wait()
    async with things.transaction() as tx:
        assert await tx.value(LOCK, id="a") == 1
    with pytest.raises(StorageUnavailable):
        await holding


async def test_a_deadlock_is_unavailable_to_one_of_the_two(things: Database) -> None:
    """The other goes on; a caller may repeat the call as it was."""
    await add(things, "a", "b")
    both = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with things.transaction() as tx:
            await tx.run(SHORT_DEADLOCK)
            await tx.value(LOCK, id=first)
            await both.wait()
            await tx.value(LOCK, id=second)

    ends = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [StorageUnavailable]


async def test_an_argument_of_the_wrong_type_is_not_a_database_that_is_down(things: Database) -> None:
    """A number beyond 64 bits is our mistake, and no reason to try again in a moment."""

    async def write() -> None:
        async with things.transaction() as tx:
            await tx.run(ADD, id="a", n=2**63)

    with pytest.raises(asyncpg.DataError):
        await write()


async def test_the_primary_alone_is_opened(things_url: str) -> None:
    """A standby may be behind: a consent that was revoked on the primary can still stand there."""
    await (await open_database(things_url)).close()
    with standby() as server, pytest.raises(StorageUnavailable):
        await open_database(server.url)


async def test_a_server_that_does_not_answer_is_unavailable(things_url: str) -> None:
    """Nobody listens on that port."""
    with pytest.raises(StorageUnavailable):
        await open_database("postgresql://consent@127.0.0.1:1/consent")
