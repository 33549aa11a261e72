"""Leases: one holder at a time, and one that is away loses it by itself."""

from __future__ import annotations

import asyncio

from consent_service.storage.engine import Database, Statement
from consent_service.storage.lease import hold
from consent_service.storage.opening import open_database

NOON = 1_780_000_000_000_000
UNTIL = Statement("SELECT until FROM lease WHERE name = :name")
FENCE = Statement("SELECT fence FROM lease WHERE name = :name")


async def holds(db: Database, holder: str, *, at: int = NOON, name: str = "job", duration: int = 100) -> bool:
    """Whether ``holder`` gets the job, in a transaction of its own."""
    async with db.transaction() as tx:
        return await hold(tx, name, holder, now=at, duration=duration)


async def fence(db: Database) -> int:
    async with db.snapshot() as view:
        found: int = await view.value(FENCE, name="job")
        return found


async def test_one_holds_a_lease_until_it_ends(db: Database) -> None:
    """Others are refused before its end, and have it from its end on."""
    assert await holds(db, "one")
    assert not await holds(db, "other", at=NOON)
    assert not await holds(db, "other", at=NOON + 99)
    assert await holds(db, "other", at=NOON + 100)
    assert not await holds(db, "one", at=NOON + 101)


async def test_a_holder_renews_its_lease(db: Database) -> None:
    """Once half of it is over, for that long again; also after its end, when nobody else came."""
    assert await holds(db, "one")
    assert await holds(db, "one", at=NOON + 49)
    async with db.snapshot() as view:
        assert await view.value(UNTIL, name="job") == NOON + 100
    assert await holds(db, "one", at=NOON + 60)
    assert not await holds(db, "other", at=NOON + 159)
    assert await holds(db, "one", at=NOON + 500)
    assert not await holds(db, "other", at=NOON + 599)


async def test_the_fence_grows_with_each_change_of_hands(db: Database) -> None:
    """And with nothing else: what it fences is told apart by it."""
    assert await holds(db, "one")
    first = await fence(db)
    assert await holds(db, "one", at=NOON + 1)
    assert not await holds(db, "other", at=NOON + 2)
    assert await fence(db) == first
    assert await holds(db, "other", at=NOON + 200)
    assert await fence(db) == first + 1
    assert await holds(db, "one", at=NOON + 400)
    assert await fence(db) == first + 2


async def test_leases_of_other_jobs_are_others(db: Database) -> None:
    """Two may work beside each other on two jobs."""
    assert await holds(db, "one", name="job")
    assert await holds(db, "other", name="another job")


async def test_of_many_at_once_one_has_it(db: Database, migrated_url: str) -> None:
    """Whether the lease is new or has ended, over all processes."""
    second = await open_database(migrated_url)
    for at in (NOON, NOON + 1_000):
        held = await asyncio.gather(
            *(holds(process, f"{number}", at=at) for number in range(2) for process in (db, second))
        )
        # The two processes have a holder of each name, and the same holder may hold twice.
        assert sorted(held) == [False] * 2 + [True] * 2
    await second.close()


async def test_a_lease_that_was_rolled_back_was_never_held(db: Database) -> None:
    """It is taken in the transaction of the work that it guards, and goes with it."""

    class Stop(Exception):
        pass

    async def fail() -> None:
        async with db.transaction() as tx:
            assert await hold(tx, "job", "one", now=NOON, duration=100)
            raise Stop

    assert [type(end) for end in await asyncio.gather(fail(), return_exceptions=True)] == [Stop]
    assert await holds(db, "other")
