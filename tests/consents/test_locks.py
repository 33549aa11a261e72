"""One lock, one order: a chain has one holder at a time, and chains are locked in the order of their ids.

Each rule is here with what goes wrong without it: a lock that several hold lets none of them write, and batches that
lock in the order of their members, or in that of the table, wait for each other until one is thrown out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import asyncpg
import pytest

from consent_service.audit.log import Head, lock, lock_concerned, lock_known, open_chain
from consent_service.consents import standing_refusals
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from consent_service.storage.engine import Database, Statement, Transaction
from consent_service.storage.opening import open_database
from tests.consents.conftest import NOON, Town
from tests.consents.waiting import WAITS

postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)

Lock = Callable[[Transaction, Iterable[str]], Awaitable[object]]


@pytest.fixture
async def chains(db: Database) -> Database:
    """Three chains, of which a fourth that is gone has left its place in the table free."""
    async with db.transaction() as tx:
        for chain in ("gone", "a", "b", "c"):
            await open_chain(tx, chain, at=NOON)
        await tx.run(Statement("DELETE FROM chain WHERE chain_id = 'gone'"))
    return db


async def test_a_chain_has_one_holder_at_a_time(town: Town, elsewhere: Town) -> None:
    """The second waits, and then has the head as the first one left it."""

    async def second() -> Head:
        async with elsewhere.db.transaction() as tx:
            return (await lock(tx, [town.candidate_id]))[town.candidate_id]

    async with town.db.transaction() as tx:
        before = (await lock(tx, [town.candidate_id]))[town.candidate_id].length
        waiting = asyncio.create_task(second())
        await asyncio.sleep(WAITS)
        assert not waiting.done()
        await standing_refusals.place(tx, town.desk, town.candidate_id, "nav", now=town.clock.now())
    assert (await waiting).length == before + 1


@postgresql
async def test_who_does_not_wait_is_told_who_holds_what(town: Town, elsewhere: Town) -> None:
    """The gate takes what is free; what somebody else holds it leaves to him, and does not hold beside him."""
    hers = [town.candidate_id]
    async with town.db.transaction() as tx, elsewhere.db.transaction() as other:
        assert set((await lock_concerned(tx, hers, wait=False))[0]) == set(hers)
        assert await lock_concerned(other, hers, wait=False) == ({}, set(hers))


async def test_of_many_at_several_gates_one_spends_the_use(town: Town, elsewhere: Town) -> None:
    """And every other hears that it is spent: none fails, none waits in vain."""
    consent = await town.grant(town.choice(max_uses=1))
    gates = [Gate(here.db, here.keys, here.desk, here.clock) for here in (town, elsewhere) for _ in range(2)]
    asks = [ReleaseAsk(consent.id, town.nav.id, "A123456", "0501", str(number)) for number in range(40)]
    answers = await asyncio.gather(*(gates[number % 4].release(ask) for number, ask in enumerate(asks)))
    assert sum(isinstance(answer, Released) for answer in answers) == 1
    assert [answer for answer in answers if not isinstance(answer, Released)] == [Refused("used_up")] * 39


@pytest.mark.parametrize("locking", [lock, lock_known, lambda tx, ids: lock_concerned(tx, ids, wait=True)])
async def test_in_whatever_order_chains_are_named(chains: Database, migrated_url: str, locking: Lock) -> None:
    """They are locked in one: of two that name them crosswise, neither holds what the other needs."""
    other = await open_database(migrated_url)

    async def all_of(db: Database, *ids: str) -> None:
        async with db.transaction() as tx:
            await locking(tx, ids)

    async with chains.transaction() as tx:
        await lock(tx, ["c"])
        first = asyncio.create_task(all_of(other, "b", "c", "a"))
        await asyncio.sleep(WAITS)
        second = asyncio.create_task(all_of(chains, "a", "b"))
        await asyncio.sleep(WAITS)
    await asyncio.gather(first, second)
    await other.close()


@postgresql
async def test_wherever_chains_lie_in_the_table(chains: Database, migrated_url: str) -> None:
    """They are locked by id: one that moves to an earlier place while others wait is not locked before its turn."""
    table = await asyncpg.connect(migrated_url)
    await table.execute("VACUUM chain")

    async def all_of(*ids: str) -> None:
        async with chains.transaction() as tx:
            await lock(tx, ids)

    async with chains.transaction() as tx:
        await lock(tx, ["b"])
        first = asyncio.create_task(all_of("a", "b", "c"))
        await asyncio.sleep(WAITS)
        await table.execute("UPDATE chain SET last_at = last_at + 1 WHERE chain_id = 'c'")
        places = await table.fetch("SELECT chain_id FROM chain WHERE chain_id IN ('a', 'b', 'c') ORDER BY ctid")
        assert [row["chain_id"] for row in places] == ["c", "a", "b"]
        second = asyncio.create_task(all_of("a", "c"))
        await asyncio.sleep(WAITS)
    await asyncio.gather(first, second)
    await table.close()
