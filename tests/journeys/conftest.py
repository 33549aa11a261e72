"""The house that the journeys happen in, on both kinds of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.house import House, open_house


@pytest.fixture
async def house(migrated_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """Everything up, units registered, nobody known yet."""
    async with open_house(migrated_url, tmp_path) as opened:
        yield opened
