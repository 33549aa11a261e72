"""Reads that callers share: nobody hears less than was committed before she asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Snapshot, Statement
from consent_service.storage.joint import Joint
from tests.storage.things import ADD, SET

GET = Statement("SELECT id, n FROM thing WHERE id IN (:ids[])")


class Reading:
    """Counts its snapshots, and can be told to fail or to wait."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.fails: BaseException | None = None
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()
        self.goes_on.set()

    async def __call__(self, view: Snapshot, ids: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(ids))
        self.began.set()
        found = {row["id"]: row["n"] for row in await view.rows(GET, ids=ids)}
        await self.goes_on.wait()
        if self.fails is not None:
            raise self.fails
        return found


async def put(db: Database, key: str, number: int) -> None:
    async with db.transaction() as tx:
        if not await tx.run(SET, id=key, n=number):
            await tx.run(ADD, id=key, n=number)


async def test_who_asks_at_once_shares_one_snapshot(things: Database) -> None:
    """Each gets the answer to her own question, None where there is nothing."""
    await put(things, "a", 1)
    await put(things, "b", 2)
    reading = Reading()
    joint = Joint(things, reading)
    assert await asyncio.gather(*map(joint.of, ("a", "b", "c", "a"))) == [1, 2, None, 1]
    assert reading.asked == [["a", "b", "c"]]


async def test_no_answer_is_older_than_its_question(things: Database) -> None:
    """Who asks while a read is under way waits for the next, and hears what was committed meanwhile."""
    await put(things, "a", 1)
    reading = Reading()
    reading.goes_on.clear()
    joint = Joint(things, reading)
    early = asyncio.create_task(joint.of("a"))
    await reading.began.wait()
    await put(things, "a", 2)
    late = asyncio.create_task(joint.of("a"))
    await asyncio.sleep(0)
    reading.goes_on.set()
    assert (await early, await late) == (1, 2)


async def test_nothing_is_kept(things: Database) -> None:
    """The same question later is a new read."""
    joint = Joint(things, Reading())
    for number in (1, 2, 3):
        await put(things, "a", number)
        assert await joint.of("a") == number


async def test_who_goes_away_takes_nobody_along(things: Database) -> None:
    """One caller is cancelled; the others have their answers."""
    await put(things, "a", 1)
    reading = Reading()
    reading.goes_on.clear()
    joint = Joint(things, reading)
    first, second = asyncio.create_task(joint.of("a")), asyncio.create_task(joint.of("a"))
    await reading.began.wait()
    first.cancel()
    reading.goes_on.set()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_read_that_fails_fails_for_those_who_shared_it(things: Database) -> None:
    """They hear what happened; the next read is another one."""
    reading = Reading()
    joint = Joint(things, reading)
    reading.fails = StorageUnavailable()
    answers = await asyncio.gather(joint.of("a"), joint.of("b"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable, StorageUnavailable]
    reading.fails = None
    assert await joint.of("a") is None


async def test_a_read_that_is_stopped_leaves_nobody_waiting(things: Database) -> None:
    """The task that reads is cancelled when the process ends: its callers get no answer, but an end."""
    reading = Reading()
    joint = Joint(things, reading)
    reading.fails = asyncio.CancelledError()
    with pytest.raises(StorageUnavailable):
        await joint.of("a")
