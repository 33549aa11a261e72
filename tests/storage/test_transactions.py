"""Transactions and snapshots: the same promises on both databases."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Duplicate, Statement
from consent_service.storage.opening import open_database
from tests.storage.conftest import add, ids
from tests.storage.things import ADD, ALL, COUNT, LOCK, SET

ADD_ONE = Statement("INSERT INTO thing (id, n) VALUES ('one', 1) RETURNING id")


class Stop(Exception):
    """What a block of a test is left by."""


async def test_a_transaction_commits_at_its_end(things: Database) -> None:
    """What it wrote is there for the next one, and on another connection, but not before."""
    async with things.transaction() as tx:
        assert await tx.run(ADD, id="a", n=1) == 1
        assert await tx.value(COUNT) == 1
        assert await ids(things) == []
    assert await ids(things) == ["a"]


async def test_a_transaction_that_is_left_by_an_exception_did_nothing(things: Database) -> None:
    """All or nothing."""
    with pytest.raises(Stop):
        await add(things, "a", then=Stop())
    assert await ids(things) == []


async def test_a_cancelled_transaction_did_nothing_and_lets_the_next_one_in(things: Database) -> None:
    """A caller that goes away in the middle leaves no write and no lock behind."""
    inside = asyncio.Event()

    async def write() -> None:
        async with things.transaction() as tx:
            await tx.run(ADD, id="a", n=1)
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with things.transaction() as tx:
        await tx.run(ADD, id="a", n=2)
    assert await ids(things) == ["a"]


async def test_a_snapshot_sees_one_view(things: Database) -> None:
    """What is committed after its first read stays unseen until it ends."""
    async with things.snapshot() as view:
        assert await view.value(COUNT) == 0
        async with things.transaction() as tx:
            await tx.run(ADD, id="a", n=1)
        assert await view.value(COUNT) == 0
        assert await view.rows(ALL) == []
    assert await ids(things) == ["a"]


async def test_a_snapshot_cannot_write(things: Database) -> None:
    """Not even by a statement that looks like a read."""
    with pytest.raises(StorageUnavailable):
        async with things.snapshot() as view:
            await view.row(ADD_ONE)
    assert await ids(things) == []


async def test_a_unique_rule_that_is_violated_is_a_duplicate(things: Database) -> None:
    """By one statement or by one of many, and nothing of its transaction stays."""
    await add(things, "b")
    with pytest.raises(Duplicate):
        await add(things, "a", "b")
    with pytest.raises(Duplicate):
        async with things.transaction() as tx:
            await tx.run_many(ADD, [{"id": "a", "n": 1}, {"id": "b", "n": 2}, {"id": "c", "n": 3}])
    async with things.snapshot() as view:
        assert [dict(row) for row in await view.rows(ALL)] == [{"id": "b", "n": 1}]


async def test_a_failure_that_is_swallowed_still_ends_the_transaction(things: Database) -> None:
    """Code that catches it inside can't commit half of what it meant: the end raises it again."""

    async def swallow() -> None:
        async with things.transaction() as tx:
            await tx.run(ADD, id="a", n=1)
            with suppress(Duplicate):
                await tx.run(ADD, id="a", n=2)

    with pytest.raises(Duplicate):
        await swallow()
    assert await ids(things) == []


async def test_a_mistake_in_a_statement_is_not_a_database_that_is_down(things: Database) -> None:
    """A column that does not exist is no reason to try again in a moment."""
    for mistaken in (Statement("SELECT nothing FROM thing"), Statement("SELEC 1")):
        with pytest.raises(Exception, match=r"nothing|SELEC") as raised:
            async with things.snapshot() as view:
                await view.rows(mistaken)
        assert not isinstance(raised.value, StorageUnavailable)


async def test_values_come_back_as_they_were_given(things: Database) -> None:
    """Text with any letter, 64-bit integers and NULL."""
    given = {"æøå 🗝": 2**63 - 1, "": -(2**63), "'; DROP TABLE thing; --": None}
    async with things.transaction() as tx:
        await tx.run_many(ADD, [{"id": name, "n": n} for name, n in given.items()])
    async with things.snapshot() as view:
        assert {row["id"]: row["n"] for row in await view.rows(ALL)} == given


async def test_lists_find_what_is_in_them(things: Database) -> None:
    """Text and integers; an empty list finds nothing."""
    texts = Statement("SELECT id FROM thing WHERE id IN (:ids[]) ORDER BY id")
    numbers = Statement("SELECT id FROM thing WHERE n IN (:ns[]) AND id <> :but ORDER BY id")
    async with things.transaction() as tx:
        await tx.run_many(ADD, [{"id": name, "n": n} for n, name in enumerate(["å", "b'", 'c"'])])
    async with things.snapshot() as view:
        assert [row["id"] for row in await view.rows(texts, ids=["å", 'c"', "d"])] == sorted(["å", 'c"'])
        assert [row["id"] for row in await view.rows(numbers, ns=[0, 1, 2**62], but="å")] == ["b'"]
        assert await view.rows(texts, ids=[]) == []


async def test_rows_row_value_and_run_answer_each_in_its_way(things: Database) -> None:
    """All, the first or None, its first column or None, and how many were touched."""
    by_id = Statement("SELECT n, id FROM thing WHERE id = :id")
    async with things.transaction() as tx:
        await tx.run_many(ADD, [])
        await tx.run_many(ADD, [{"id": "a", "n": 1}, {"id": "b", "n": 2}])
        assert len(await tx.rows(ALL)) == 2
        row = await tx.row(by_id, id="b")
        assert row is not None
        assert (row["n"], row["id"]) == (2, "b")
        assert await tx.row(by_id, id="c") is None
        assert await tx.value(by_id, id="b") == 2
        assert await tx.value(by_id, id="c") is None
        assert await tx.run(SET, id="a", n=3) == 1
        assert await tx.run(SET, id="c", n=3) == 0
        assert await tx.run(Statement("DELETE FROM thing")) == 2


async def test_concurrent_transactions_lose_no_update(things: Database) -> None:
    """Twenty at once read a number under its lock and write it one higher; it ends twenty higher."""
    async with things.transaction() as tx:
        await tx.run(ADD, id="a", n=0)

    async def count() -> None:
        async with things.transaction() as tx:
            n = await tx.value(LOCK, id="a")
            await asyncio.sleep(0)
            await tx.run(SET, id="a", n=n + 1)

    await asyncio.gather(*(count() for _ in range(20)))
    async with things.snapshot() as view:
        assert await view.value(ALL) == "a"
        assert await view.value(Statement("SELECT n FROM thing")) == 20


@pytest.mark.parametrize("url", ["", "mysql://x", "sqlite:///", "sqlite:///:memory:", "sqlite://x"])
async def test_other_databases_are_refused(url: str) -> None:
    """Only a SQLite file and PostgreSQL: a database in memory would be another one for each connection."""
    with pytest.raises(ValueError, match=r"SQLite needs a file|a database URL starts with"):
        await open_database(url)
