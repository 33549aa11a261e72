"""What an operator changes in the registry stands in the log, and a row put back as it once was does not agree."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from hashlib import sha256

import pytest

from consent_service.audit.log import read
from consent_service.crypto.canonical import canonical
from consent_service.errors import Conflict, Tampered
from consent_service.identity import registry, units
from consent_service.identity.units import Unit, UnitKind
from consent_service.storage.engine import Database, Row, Statement, Transaction
from tests.identity.test_units import KEYS, NOW, alarms, let_call, register
from tests.support.issuers import NAV

ROW = Statement("SELECT * FROM unit WHERE id = :id")
HEAD = Statement("SELECT * FROM chain WHERE chain_id = 'registry-' || :id")


async def put_back(db: Database, table: str, row: Row) -> None:
    """Write a whole row as it once was, whether one is there or not."""
    key = "chain_id" if table == "chain" else "id"
    names = list(row.keys())
    given = ", ".join(f":{name}" for name in names)
    whole = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({given}) ON CONFLICT ({key}) DO UPDATE SET "
    async with db.transaction() as tx:
        await tx.run(Statement(whole + ", ".join(f"{name} = excluded.{name}" for name in names)), **dict(row))


async def client_removed(tx: Transaction, _: Unit) -> None:
    await registry.remove_client(tx, KEYS, organisation_number=NAV, client_id="client", at=NOW)


async def disabled(tx: Transaction, unit: Unit) -> None:
    await registry.disable(tx, KEYS, unit.id, at=NOW)


async def closed(tx: Transaction, unit: Unit) -> None:
    await registry.close(tx, KEYS, unit.id, successor_id=None, at=NOW)


@pytest.mark.parametrize("change", [client_removed, disabled, closed])
@pytest.mark.parametrize("tables", [("unit",), ("unit", "chain"), ("unit", "chain", "unit_client")])
async def test_a_unit_put_back_as_it_once_was_is_none(
    db: Database, change: Callable[[Transaction, Unit], Awaitable[None]], tables: tuple[str, ...]
) -> None:
    """Enabled, open or with its client again: all that it then said is whole, and the log has gone on."""
    unit, client = await register(db, UnitKind.NAV, NAV), units.Client(NAV, "client")
    await let_call(db, unit, "client")
    async with db.snapshot() as view:
        row, head = await view.row(ROW, id=unit.id), await view.row(HEAD, id=unit.id)
        assert await units.of_clients(view, KEYS, [client]) == {client: unit}
    assert row is not None
    assert head is not None
    async with db.transaction() as tx:
        await change(tx, unit)
        if "unit_client" in tables:
            await tx.run(Statement("DELETE FROM unit_client"))
            columns = {"number": NAV, "id": unit.id}
            await tx.run(Statement("INSERT INTO unit_client VALUES (:number, 'client', :id)"), **columns)
    for table, was in (("chain", head), ("unit", row)):
        if table in tables:
            await put_back(db, table, was)
    before = alarms()
    async with db.transaction() as tx:
        assert await units.find(tx, KEYS, unit.id) is None
        assert await units.held_enabled(tx, KEYS, [unit.id]) == {}
        assert alarms() == before + 2
        assert await units.of_clients(tx, KEYS, [client]) == {}
        with pytest.raises(Tampered):
            await registry.enable(tx, KEYS, unit.id, at=NOW)


async def test_a_row_that_was_lost_may_be_put_back_as_it_is(db: Database) -> None:
    """From a backup that is older than other units' changes, though not than its own."""
    unit, client = await register(db, UnitKind.NAV, NAV), units.Client(NAV, "client")
    async with db.snapshot() as view:
        row = await view.row(ROW, id=unit.id)
    assert row is not None
    await let_call(db, await register(db, UnitKind.NAV, NAV), "other")
    async with db.transaction() as tx:
        await tx.run(Statement("DELETE FROM unit WHERE id = :id"), id=unit.id)
        assert await units.find(tx, KEYS, unit.id) is None
    await put_back(db, "unit", row)
    await let_call(db, unit, "client")
    async with db.transaction() as tx:
        assert await units.of_clients(tx, KEYS, [client]) == {client: unit}
        await tx.run(Statement("DELETE FROM unit_client"))
        with pytest.raises(Conflict):  # the other unit's, wherever it is to be found
            await registry.add_client(tx, KEYS, unit.id, client_id="other", at=NOW)
        await registry.add_client(tx, KEYS, unit.id, client_id="client", at=NOW)
        assert await units.of_clients(tx, KEYS, [client]) == {client: unit}


async def test_every_change_of_a_unit_is_an_entry_in_the_log(db: Database) -> None:
    """In a chain of its own, each by an operator; a client stands there as a hash, and a successor by its id."""
    unit, next_one = await register(db, UnitKind.NAV, NAV), await register(db, UnitKind.NAV, NAV)
    await let_call(db, unit, "client")
    async with db.transaction() as tx:
        await registry.remove_client(tx, KEYS, organisation_number=NAV, client_id="client", at=NOW)
        await registry.disable(tx, KEYS, unit.id, at=NOW)
        await registry.enable(tx, KEYS, unit.id, at=NOW)
        await registry.close(tx, KEYS, unit.id, successor_id=next_one.id, at=NOW)
    async with db.snapshot() as view:
        said = [json.loads(row["body"]) for row in await read(view, f"registry-{unit.id}")]
    verbs = ("registered", "client_added", "client_removed", "disabled", "enabled", "closed")
    assert [(one["event"], one["actor"], one["unit"]) for one in said] == [
        (f"unit.{verb}", "operator", unit.id) for verb in verbs
    ]
    client = sha256(canonical([[NAV, "client"]])).hexdigest()
    assert [one["resource"] for one in said] == [None, client, client, None, None, next_one.id]


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_unit_that_is_changed_meanwhile_raises_no_alarm(db: Database, *, enabled: bool) -> None:
    """Who waits for the change to be over reads the unit, and its place in the log, as they are after it."""
    unit = await register(db, UnitKind.NAV, NAV)
    async with db.transaction() as tx:
        await (registry.disable if enabled else registry.enable)(tx, KEYS, unit.id, at=NOW)
    begun, before = asyncio.Event(), alarms()

    async def ask() -> dict[str, Unit]:
        await begun.wait()
        async with db.transaction() as tx:
            return await units.held_enabled(tx, KEYS, [unit.id])

    asking = asyncio.create_task(ask())
    async with db.transaction() as tx:
        await (registry.enable if enabled else registry.disable)(tx, KEYS, unit.id, at=NOW)
        begun.set()
        await asyncio.sleep(0.3)
    assert await asking == ({unit.id: unit} if enabled else {})
    assert alarms() == before
