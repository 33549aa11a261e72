"""What the frame's tests share."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from consent_service.app import logs


@pytest.fixture
def written_lines() -> Iterator[None]:
    """Log lines are written as in production; the process's logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("info")
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
