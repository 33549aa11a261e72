"""Statements for many rows at once: the same on both databases."""

from __future__ import annotations

import pytest

from consent_service.storage.engine import Database, Duplicate, Row, Rows, Statement, inserting, updating
from consent_service.storage.lease import LeaseRow
from tests.storage import things

ADD = inserting(LeaseRow, ("name", "holder", "until", "fence"))
MOVE = updating(LeaseRow, ("holder", "until"), key="name")
ADD_THINGS = Rows(
    "INSERT INTO thing (id, n) VALUES (:id, :n)",
    "INSERT INTO thing (id, n) SELECT * FROM unnest($1::text[], $2::bigint[])",
    ("id", "n"),
)
ALL = Statement("SELECT name, holder, until, fence FROM lease ORDER BY name")
FOUND = Statement(
    "SELECT l.name, w.n FROM ROWS(:wanted AS w(name text, fence bigint, n text))"
    " JOIN lease l ON l.name = w.name AND l.fence = w.fence ORDER BY l.name"
)
THREE = [{"name": name, "holder": "å", "until": 2**60, "fence": n} for n, name in enumerate(["a", "b'", 'c"'])]


@pytest.fixture
async def leases(things: Database) -> Database:
    """The database with an empty table of three kinds of columns."""
    async with things.transaction() as tx:
        await tx.run(Statement("DROP TABLE IF EXISTS lease"))
        await tx.run(
            Statement("CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT, until BIGINT, fence BIGINT NOT NULL)")
        )
    return things


async def every(db: Database) -> list[Row]:
    async with db.snapshot() as view:
        return [dict(row) for row in await view.rows(ALL)]


async def test_many_rows_are_written_in_one_statement(leases: Database) -> None:
    """All of them, as they were given, NULL too; and how many they were is answered."""
    given: list[dict[str, object]] = [*THREE, {"name": "d", "holder": None, "until": None, "fence": -1}]
    async with leases.transaction() as tx:
        assert await tx.run_rows(ADD, given) == 4
        assert await tx.run_rows(ADD, []) == 0
    assert await every(leases) == given


async def test_many_rows_are_changed_in_one_statement(leases: Database) -> None:
    """Those with the keys, and no others; how many they were is answered."""
    async with leases.transaction() as tx:
        await tx.run_rows(ADD, THREE)
        moved = [{"name": row["name"], "holder": "new", "until": 1} for row in THREE]
        assert await tx.run_rows(MOVE, [*moved[:2], {**moved[2], "name": "nobody"}]) == 2
    assert [row["holder"] for row in await every(leases)] == ["new", "new", "å"]
    assert [row["fence"] for row in await every(leases)] == [0, 1, 2]


async def test_rows_of_several_tables_are_written_at_once(leases: Database) -> None:
    """Each table gets its own, whatever the others get, nothing too; what one refuses, none has."""
    async with leases.transaction() as tx:
        await tx.run_each((ADD, THREE), (ADD_THINGS, [{"id": "x", "n": 7}, {"id": "y", "n": 8}]))
        await tx.run_each((ADD, []), (ADD_THINGS, []))
    async with leases.transaction() as tx:
        moved = [{"name": row["name"], "holder": "new", "until": 1} for row in THREE]
        await tx.run_each((MOVE, moved), (ADD_THINGS, [{"id": "z", "n": 9}]))
    with pytest.raises(Duplicate):
        async with leases.transaction() as tx:
            await tx.run_each((ADD_THINGS, [{"id": "x", "n": 0}]), (MOVE, [{**moved[0], "holder": "newer"}]))
    assert [(row["holder"], row["fence"]) for row in await every(leases)] == [("new", n) for n in range(3)]
    async with leases.snapshot() as view:
        assert [(row["id"], row["n"]) for row in await view.rows(things.ALL)] == [("x", 7), ("y", 8), ("z", 9)]


async def test_rows_that_do_not_fit_are_refused(leases: Database) -> None:
    """A missing value is a KeyError, a surplus one a TypeError, as of any statement."""
    for wrong, error in (({"name": "a"}, (KeyError, TypeError)), ({**THREE[0], "more": 1}, TypeError)):
        with pytest.raises(error):
            async with leases.transaction() as tx:
                await tx.run_rows(ADD, [wrong])
    assert await every(leases) == []


async def test_one_row_too_many_is_a_duplicate_and_none_is_written(leases: Database) -> None:
    """All of the rows or none."""
    with pytest.raises(Duplicate):
        async with leases.transaction() as tx:
            await tx.run_rows(ADD, [*THREE, THREE[0]])
    assert await every(leases) == []


async def test_rows_are_joined_with(leases: Database) -> None:
    """What is given is read as a table, whatever stands in it."""
    async with leases.transaction() as tx:
        await tx.run_rows(ADD, THREE)
        wanted = [{"name": row["name"], "fence": 2, "n": "ø'\""} for row in THREE]
        assert [tuple(row) for row in await tx.rows(FOUND, wanted=wanted)] == [('c"', "ø'\"")]
        assert await tx.rows(FOUND, wanted=[]) == []
