"""Units' rows are held against the log: put back as it once was, edited or gone, a row is named with the unit's id."""

from __future__ import annotations

import pytest

from consent_service.audit.verification.verify import verify
from consent_service.consents.gate import Refused
from consent_service.identity import registry
from consent_service.storage.engine import Row, Statement
from tests.audit.tampering import tamper
from tests.consents.conftest import Town, town

__all__ = ["town"]

NUMBER = "889640782"
UNIT = Statement("SELECT * FROM unit WHERE id = :id")
HEAD = Statement("SELECT * FROM chain WHERE chain_id = 'registry-' || :id")


async def found(town: Town) -> list[str]:
    """What verification says, the units' rows before it."""
    async with town.db.snapshot() as view:
        registered = registry.changed(town.keys.service)
        verified = await verify(view, town.keys.service.log, [], registered=registered)
    return [str(finding) for finding in verified.findings]


async def a_life(town: Town) -> tuple[Row, Row]:
    """NAV, with two clients, as it stands, and the head of its chain; then one is removed, and it is disabled."""
    keys, at = town.keys.service, town.clock.now()
    async with town.db.transaction() as tx:
        for client_id in ("one", "two"):
            await registry.add_client(tx, keys, town.nav.id, client_id=client_id, at=at)
        row, head = await tx.row(UNIT, id=town.nav.id), await tx.row(HEAD, id=town.nav.id)
        assert row is not None
        assert head is not None
    async with town.db.transaction() as tx:
        await registry.remove_client(tx, keys, organisation_number=NUMBER, client_id="one", at=at)
        await registry.disable(tx, keys, town.nav.id, at=at)
    return row, head


async def put_back(town: Town, table: str, key: str, row: Row) -> None:
    """Write a whole row as it once was."""
    changes = ", ".join(f"{name} = :{name}" for name in dict(row))
    await tamper(town.db, f"UPDATE {table} SET {changes} WHERE {key} = :{key}", **dict(row))


async def test_rows_that_the_service_wrote_are_as_the_log_says(town: Town) -> None:
    """Registered, with clients, one removed again, disabled: nothing is found."""
    await a_life(town)
    assert await found(town) == []


@pytest.mark.parametrize("with_head", [False, True])
async def test_a_row_put_back_as_it_once_was_lets_nothing_through_and_is_named(town: Town, *, with_head: bool) -> None:
    """Enabled, with the MAC it then had: that is sound, and the log has gone on, whatever the chain's head says."""
    consent = await town.grant()
    row, head = await a_life(town)
    assert await town.release(consent.id) == Refused("unit_disabled")
    await put_back(town, "unit", "id", row)
    if with_head:
        await put_back(town, "chain", "chain_id", head)
    assert await town.release(consent.id) == Refused("recipient_changed")
    lines = [line for line in await found(town) if line.startswith("A1 a row was edited: unit ")]
    assert lines == [f"A1 a row was edited: unit {town.nav.id}: its row is not as the log's last step left it, or gone"]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM unit_client WHERE client_id = 'two' AND :id = :id",
        "INSERT INTO unit_client (organisation_number, client_id, unit_id) VALUES ('889640782', 'one', :id)",
        "UPDATE unit_client SET client_id = 'one' WHERE unit_id = :id",
        "UPDATE unit SET position = position - 1 WHERE id = :id",
        "UPDATE unit SET clients = '[]' WHERE id = :id",
        "UPDATE unit SET enabled = 1 WHERE id = :id",
    ],
)
async def test_a_unit_that_somebody_else_changed_is_named(town: Town, change: str) -> None:
    """Its own row, or where its clients are found."""
    await a_life(town)
    await tamper(town.db, change, id=town.nav.id)
    (line,) = await found(town)
    assert line.startswith(f"A1 a row was edited: unit {town.nav.id}: "), line


async def test_a_unit_that_was_taken_or_made_is_named(town: Town) -> None:
    """Nothing of a unit is ever deleted by the service; and one of which the log says nothing is nobody's."""
    await tamper(town.db, "UPDATE unit SET id = 'another' WHERE id = :id", id=town.nav.id)
    lines = await found(town)
    assert [line.split(": ")[1] for line in lines] == sorted([f"unit {town.nav.id}", "unit another"])
