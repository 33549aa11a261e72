"""What runs beside the requests, where no request would show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_service.clock import MINUTE, SECOND
from tests.support.house import house as running_house

KARI = "21879498012"
NOTE = {"language": "nb", "sections": {"interests": "Motorer"}, "questions": []}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_keys_leave_the_memory_of_an_idle_service(migrated_url: str, tmp_path: Path) -> None:
    """Nobody calls any more: what was unwrapped is dropped all the same, once its few minutes are over."""
    async with running_house(migrated_url, tmp_path) as house:
        await house.own_note(KARI, NOTE)
        keys, jobs = house.service.keys, house.service.jobs()
        await jobs.lapse()
        assert keys._cache
        house.clock.advance(seconds=6 * MINUTE / SECOND)
        await jobs.lapse()
        assert not keys._cache
