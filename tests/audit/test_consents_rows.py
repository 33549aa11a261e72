"""Consents' rows are held against the log: put back as it once was, or edited, a row is named with the consent's id."""

from __future__ import annotations

import pytest

from consent_service.audit import sequencer
from consent_service.audit.notes import VerifierKey
from consent_service.audit.verification.verify import verify
from consent_service.consents import endings, standing
from consent_service.consents.gate import Refused
from consent_service.storage.engine import Statement
from tests.audit.conftest import ORIGIN
from tests.audit.tampering import tamper
from tests.consents.conftest import Town, town
from tests.consents.requesting import bind, leave

__all__ = ["town"]

COLUMNS = ("state", "state_position", "row_mac", "uses", "ended_at", "withdrawn_at", "exhausted_at")
ROW = Statement(f"SELECT id, {', '.join(COLUMNS)} FROM consent WHERE id = :id")
LAST = Statement("SELECT MAX(position) AS last FROM entry WHERE consent_id = :id AND changes_state = 1")


async def found(town: Town) -> list[str]:
    """What verification says, the consents' rows before it."""
    signers = await town.keys.checkpoints.current()
    async with town.db.transaction() as tx:
        await sequencer.sequence(tx, town.keys.service.log, holder="test", now=town.clock.now())
        await sequencer.sign_now(tx, signers, ORIGIN, now=town.clock.now())
    async with town.db.snapshot() as view:
        verifier = VerifierKey(ORIGIN, signers.signing.public)
        changed = standing.changed(town.keys.service.rows)
        verified = await verify(view, town.keys.service.log, [verifier], changed=changed)
    return [str(finding) for finding in verified.findings]


async def a_life(town: Town) -> str:
    """A consent that was used, paused and taken back, beside another in force; its id."""
    consent = await town.grant(town.choice("needs", max_uses=2))
    await town.grant()
    await town.release(consent.id)
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    return consent.id


async def test_rows_that_the_service_wrote_are_as_the_log_says(town: Town) -> None:
    """Granted, counted, paused, taken back: nothing is found."""
    consent = await a_life(town)
    assert await found(town) == []
    await town.revoke(consent)
    assert await found(town) == []


async def test_a_row_put_back_as_it_once_was_is_named(town: Town) -> None:
    """With the MAC it then had: that is sound, and the log has gone on."""
    consent = await a_life(town)
    async with town.db.snapshot() as view:
        before = await view.row(ROW, id=consent)
    assert before is not None
    await town.revoke(consent)
    given = dict(before)
    await tamper(town.db, f"UPDATE consent SET {', '.join(f'{c} = :{c}' for c in COLUMNS)} WHERE id = :id", **given)
    (line,) = await found(town)
    assert line.startswith(f"A1 a row was edited: consent {consent}: "), line


async def test_a_row_put_back_to_when_it_was_nobodys_is_named(town: Town) -> None:
    """A request that nobody was bound to has no step in the log: where there is one, the row is older than that."""
    consent = await leave(town)
    async with town.db.snapshot() as view:
        row = await view.row(Statement("SELECT id, candidate_id, state, state_position, row_mac FROM consent"))
    assert row is not None
    assert await found(town) == []
    await bind(town, consent)
    assert await found(town) == []
    given = dict(row)
    await tamper(town.db, f"UPDATE consent SET {', '.join(f'{c} = :{c}' for c in given)} WHERE id = :id", **given)
    (line,) = await found(town)
    assert line.startswith(f"A1 a row was edited: consent {consent}: "), line


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("value", [0, 2, -1])
async def test_a_step_that_the_gate_would_overlook_is_named(town: Town, value: int) -> None:
    """A step is marked by 1 and by nothing else, whatever else counts as true: the gate looks for 1."""
    consent = await a_life(town)
    async with town.db.snapshot() as view:
        last = await view.value(LAST, id=consent)
    await tamper(
        town.db,
        "UPDATE entry SET changes_state = :value WHERE consent_id = :id AND position = :last",
        value=value,
        id=consent,
        last=last,
    )
    (line,) = await found(town)
    assert line.startswith("A1 a row was edited: chain "), line
    assert f"position {last}: its columns are not what it says" in line


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_an_edited_row_is_named(town: Town) -> None:
    """Any column: here how often it was used."""
    consent = await a_life(town)
    await tamper(town.db, "UPDATE consent SET uses = 0 WHERE id = :id", id=consent)
    (line,) = await found(town)
    assert f"consent {consent}: its row is not as the log's last step left it" in line


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_each_edited_row_is_named(town: Town) -> None:
    """Several at once: a line for each consent."""
    consents = sorted([await a_life(town), await a_life(town)])
    await tamper(town.db, "UPDATE consent SET uses = 0 WHERE uses > 0")
    assert [line.split(": ")[1] for line in await found(town)] == [f"consent {one}" for one in consents]


@pytest.mark.parametrize("ended", [True, False])
async def test_a_row_that_was_taken_is_named(town: Town, ended: bool) -> None:
    """In force or over: no row of a consent is ever deleted by the service, not even by erasure."""
    consent = await a_life(town)
    if ended:
        await town.revoke(consent)
    await tamper(town.db, "DELETE FROM consent WHERE id = :id", id=consent)
    (line,) = await found(town)
    assert line.startswith(f"A1 a row was edited: consent {consent}: "), line
    assert line.endswith("or gone")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("change", ["terms = 'text'", "terms = CAST(terms AS TEXT)", "row_mac = 'x'", "uses = 'x'"])
async def test_a_column_of_another_type_is_an_edit(town: Town, change: str) -> None:
    """SQLite takes any value in any column: the gate refuses it, and verification names it."""
    consent = await town.grant()
    await tamper(town.db, f"UPDATE consent SET {change} WHERE id = :id", id=consent.id)
    assert await town.release(consent.id) == Refused("tampered")
    (line,) = await found(town)
    assert line.startswith(f"A1 a row was edited: consent {consent.id}: "), line
