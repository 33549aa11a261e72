"""Who the log says ended a consent whose row somebody changed."""

from __future__ import annotations

from consent_service.audit.reading import about_consent
from consent_service.clock import DAY
from consent_service.consents.sweep import sweep
from consent_service.storage.engine import Statement
from tests.consents.conftest import Town

_CHANGE = Statement("UPDATE consent SET uses = 9 WHERE id = :id")


async def _ended_by(town: Town, consent_id: str) -> list[str]:
    async with town.db.snapshot() as view:
        log = await about_consent(view, town.desk.keys.log, town.candidate_id, consent_id)
    return [line.actor for line in log if line.event == "consent.revoked"]


async def test_log_says_who_met_a_changed_row(town: Town) -> None:
    """The candidate when she took it back, the service when its sweep came by."""
    mine, left = await town.grant(), await town.grant()
    async with town.db.transaction() as tx:
        for consent in (mine, left):
            await tx.run(_CHANGE, id=consent.id)
    await town.revoke(mine.id)
    town.clock.advance(seconds=31 * DAY / 1_000_000)
    assert await sweep(town.db, town.desk, town.clock) == 1
    assert (await _ended_by(town, mine.id), await _ended_by(town, left.id)) == (["candidate"], ["service"])
