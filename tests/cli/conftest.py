"""An operator at a terminal: the settings, and a process that logs as before afterwards."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

Environment = dict[str, str | None]


@pytest.fixture(autouse=True)
def _logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An operator's settings, and nothing of the machine's own that begins like one."""
    return {
        **{name: None for name in os.environ if name.startswith(("CONSENT_", "DIGIPOST_"))},
        "CONSENT_ENVIRONMENT": "test",
        "CONSENT_DATABASE_URL": f"sqlite:///{tmp_path / 'consent.db'}",
        "CONSENT_KEYRING": str(tmp_path / "keyring.json"),
    }
