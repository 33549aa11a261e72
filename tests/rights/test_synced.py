"""The journal asks the disk: a line is synced before anybody goes on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from consent_service.crypto.service_keys import MacKey
from consent_service.rights.journal import JournalFile


def test_what_is_appended_is_synced(tmp_path: Path) -> None:
    """The file's own content, and the folder that names it: the operating system is asked for both, after the write."""
    asked: list[Any] = []

    def watch(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called in {os.write, os.fsync}:
            asked.append(called)

    journal = JournalFile(tmp_path / "erasures.jsonl", MacKey(bytes(32)))
    sys.setprofile(watch)
    try:
        journal.demand_fit()
    finally:
        sys.setprofile(None)
    assert asked == [os.write, os.fsync, os.fsync]
