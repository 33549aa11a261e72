"""SQLite's own promises: durable, one writer over all processes, never blocking the event loop, deleted is gone."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Duplicate, Statement
from consent_service.storage.sqlite import SQLite
from tests.storage import neighbour
from tests.storage.conftest import add, ids
from tests.storage.things import ADD, COUNT

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

REPOSITORY = Path(__file__).parents[2]
IMPATIENT = 0.2


@pytest.fixture
def path(things_url: str) -> Path:
    return Path(things_url.removeprefix("sqlite:///"))


@asynccontextmanager
async def next_door(verb: str, path: Path) -> AsyncIterator[Process]:
    """The neighbour at work; it has ended when the block has."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.storage.neighbour", verb, str(path), stdin=PIPE, stdout=PIPE, cwd=REPOSITORY
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def says(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def on_disk(path: Path) -> bytes:
    """Every byte of the database's files."""
    return b"".join(Path(f"{path}{ending}").read_bytes() for ending in ("", "-wal", "-shm"))


async def test_every_connection_has_the_settings_that_the_promises_rest_on(things: Database) -> None:
    """The writer and all readers: a commit is synced, what is deleted is overwritten, SQLite itself never waits."""
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "busy_timeout": 0,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "temp_store": 2,
    }
    async with AsyncExitStack() as stack:
        views = [await stack.enter_async_context(things.snapshot()) for _ in range(4)]
        views.append(await stack.enter_async_context(things.transaction()))
        for view in views:
            assert {name: await view.value(Statement(f"PRAGMA {name}")) for name in expected} == expected
        readers = [await view.value(Statement("PRAGMA query_only")) for view in views]
    assert readers == [1, 1, 1, 1, 0]


async def test_a_writer_waits_for_another_process_without_stopping_the_loop(things: Database, path: Path) -> None:
    """While it waits others are served, and its turn comes when the neighbour is done."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    patient = SQLite(str(path), patience=60)
    async with next_door("hold", path) as process:
        assert await says(process) == "holding"
        ticking, writing = asyncio.create_task(tick()), asyncio.create_task(add(patient, "ours"))
        while ticks < 20:  # noqa: ASYNC110  # each round is what is counted
            await asyncio.sleep(0.01)
        assert not writing.done()
        assert await ids(things) == []  # readers are not in anybody's way
        await process.communicate(b"done\n")
        await writing
        ticking.cancel()
    await patient.close()
    assert await ids(things) == ["neighbour", "ours"]


async def test_a_writer_whose_patience_ends_is_told_so(things: Database, path: Path) -> None:
    """Waiting for another process is bounded; nothing was written, and the next attempt succeeds."""
    impatient = SQLite(str(path), patience=IMPATIENT)
    async with next_door("hold", path) as process:
        assert await says(process) == "holding"
        with pytest.raises(StorageUnavailable):
            async with impatient.transaction():
                pass
    async with impatient.transaction() as tx:
        await tx.run(ADD, id="ours", n=2)
    await impatient.close()
    assert await ids(things) == ["ours"]


async def test_waiting_for_ones_own_process_is_bounded_too(things: Database, path: Path) -> None:
    """A transaction that hangs, and snapshots that hang, stop nobody for ever."""
    impatient = SQLite(str(path), patience=IMPATIENT)
    async with impatient.transaction():
        with pytest.raises(StorageUnavailable):
            async with impatient.transaction():
                pass
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(impatient.snapshot())
        with pytest.raises(StorageUnavailable):
            async with impatient.snapshot():
                pass
    async with impatient.transaction(), impatient.snapshot():
        pass
    await impatient.close()


async def test_writers_of_two_processes_lose_no_update(things: Database, path: Path) -> None:
    """Each reads a number and writes it one higher, as does this process: every step counts."""
    async with things.transaction() as tx:
        await tx.run(ADD, id="number", n=0)
    async with next_door("count", path) as one, next_door("count", path) as other:
        ours = SQLite(str(path), patience=60)
        await neighbour.count(ours)
        await ours.close()
        assert await one.wait() == await other.wait() == 0
    async with things.snapshot() as view:
        assert await view.value(Statement("SELECT n FROM thing")) == 3 * neighbour.TIMES


async def test_a_writer_that_is_killed_leaves_nothing_half_written(things: Database, path: Path) -> None:
    """What it had written before its commit is not there, and the next writer need not wait."""
    async with next_door("die", path) as process:
        assert await says(process) == "dying"
        await process.wait()
    async with things.transaction() as tx:
        assert await tx.value(COUNT) == 0
        assert await tx.value(Statement("PRAGMA integrity_check")) == "ok"
        await tx.run(ADD, id="ours", n=1)
    assert await ids(things) == ["ours"]


async def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(things: Database, path: Path) -> None:
    """What was answered is stored, what was refused is not, and what is stored can be read."""
    async with next_door("fill", path) as process:
        full, kept = (await says(process)).split()
        stored, count = (await says(process)).split()
        assert await process.wait() == 0
    assert (full, stored, kept) == ("full", "stored", count)
    assert int(kept) > 10
    async with things.transaction() as tx:
        assert await tx.value(COUNT) == int(kept)
        assert await tx.value(Statement("PRAGMA integrity_check")) == "ok"


async def test_a_full_database_is_unavailable_and_can_go_on_when_there_is_room(things: Database) -> None:
    """SQLITE_FULL inside a transaction undoes all of it, and the connection serves the next."""
    async with things.transaction() as tx:
        pages = await tx.value(Statement("PRAGMA page_count"))
        await tx.value(Statement(f"PRAGMA max_page_count = {pages + 4}"))
    with pytest.raises(StorageUnavailable):
        await add(things, *(f"{number}{'x' * 1000}" for number in range(100)))
    assert await ids(things) == []
    async with things.transaction() as tx:
        await tx.run(ADD, id="small", n=1)
    assert await ids(things) == ["small"]


async def test_what_is_deleted_is_in_no_file_once_it_is_scrubbed(things: Database, path: Path) -> None:
    """Neither in the database nor in its write-ahead log, where it stands until then."""
    secret = os.urandom(200).hex()
    async with things.transaction() as tx:
        await tx.run(ADD, id=secret, n=1)
    assert secret.encode() in on_disk(path)
    async with things.transaction() as tx:
        await tx.run(Statement("DELETE FROM thing"))
    assert secret.encode() in on_disk(path)  # the log still has the page as it was
    async with things.transaction() as tx:
        tx.scrub_after_commit()
    assert secret.encode() not in on_disk(path)


async def test_a_reader_only_delays_the_scrubbing(things: Database, path: Path) -> None:
    """While an older snapshot is open its log can't go; it goes when the snapshot does, without another write."""
    secret = os.urandom(200).hex()
    async with things.transaction() as tx:
        await tx.run(ADD, id=secret, n=1)
    async with things.snapshot() as view:
        assert await view.value(COUNT) == 1
        async with things.transaction() as tx:
            await tx.run(Statement("DELETE FROM thing"))
            tx.scrub_after_commit()
        assert await view.value(COUNT) == 1
        assert secret.encode() in on_disk(path)
    assert secret.encode() not in on_disk(path)


async def test_a_transaction_that_fails_scrubs_nothing(things: Database, path: Path) -> None:
    """What was not deleted is still there."""
    await add(things, "kept")

    async def fail() -> None:
        async with things.transaction() as tx:
            await tx.run(Statement("DELETE FROM thing"))
            tx.scrub_after_commit()
            await tx.run(ADD, id="twice", n=1)
            await tx.run(ADD, id="twice", n=1)

    with pytest.raises(Duplicate):
        await fail()
    assert await ids(things) == ["kept"]
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


async def test_a_file_that_cannot_be_opened_is_unavailable(things_url: str, path: Path) -> None:
    """A folder that does not exist, or a folder in place of a file."""
    for place in (path / "nowhere" / "x.sqlite", path.parent):
        with pytest.raises(StorageUnavailable):
            SQLite(str(place))
