"""An erasure takes the seals that an edit shows by: the sequencer looks at them before, and closing looks once more."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from consent_service.audit.sequencer import HistoryChanged
from consent_service.storage.engine import Statement
from tests.audit.conftest import ANNA, BERIT, Log
from tests.audit.tampering import number, rewrite, tamper
from tests.audit.test_verification import Attack, outcome, sql

LEAVES = Statement("SELECT COUNT(*) AS leaves FROM leaf")
DETAILS = Statement("SELECT COUNT(*) AS details FROM entry_detail WHERE chain_id = :chain")


def alarms() -> float:
    """How many entries were found changed so far, as the metric says."""
    return REGISTRY.get_sample_value("log_entries_tampered_total") or 0.0


async def edited(log: Log) -> None:
    """What waits is edited, with its hash, and its chain's head."""
    await rewrite(log.db, ANNA, outcome(7))


async def edited_and_numbered(log: Log) -> None:
    """The same, and it gets its number without the sequencer, which signs later."""
    await edited(log)
    await number(log.db, ANNA, 7)
    await log.sign()


@pytest.mark.parametrize("attack", [edited, sql("DELETE FROM entry_detail WHERE chain_id = 'anna' AND position = 7")])
async def test_what_its_detail_was_not_sealed_for_gets_no_number(log: Log, attack: Attack) -> None:
    """Hash and links may be recomputed by anybody; the seal is made with the log key alone."""
    await attack(log)
    with pytest.raises(HistoryChanged):
        await log.number()
    async with log.db.snapshot() as view:
        assert await view.value(LEAVES) == 28


async def test_what_waits_of_an_erased_person_is_numbered(log: Log) -> None:
    """Its detail is gone by right, and was looked at when it went: no alarm."""
    before = alarms()
    with capture_logs() as told:
        await log.erase(ANNA)
    await log.sign()
    assert (await log.verified()).findings == ()
    assert (alarms(), told) == (before, [])


@pytest.mark.parametrize("attack", [edited, edited_and_numbered])
async def test_an_edit_is_named_after_its_person_is_erased(log: Log, attack: Attack) -> None:
    """The erasure is not held up; it alarms without content, and the chain's end says which entry it was."""
    await attack(log)
    before = alarms()
    with capture_logs() as told:
        await log.erase(ANNA)
    async with log.db.snapshot() as view:
        assert await view.value(DETAILS, chain=ANNA) == 0
    assert alarms() == before + 1
    assert told == [
        {"event": "the end of a chain tampered with", "log_level": "error", "position": 8, "alarm": "log"},
        {"event": "log entries tampered with", "log_level": "error", "count": 1, "position": 7},
    ]
    await log.write(BERIT)
    await log.sign()
    (finding,) = (await log.verified()).findings
    assert finding.attacks == ("A1", "A13")
    assert finding.where == "chain anna, position 7"


async def test_an_entry_without_a_seal_counts_as_changed(log: Log) -> None:
    """A detail that somebody deleted before leaves nothing to hold its entry against."""
    await tamper(log.db, "DELETE FROM entry_detail WHERE chain_id = 'anna' AND position IN (1, 4)")
    before = alarms()
    await log.erase(ANNA)
    assert alarms() == before + 2
    (finding,) = (await log.verified()).findings
    assert (finding.where, finding.times) == ("chain anna, position 1", 2)
