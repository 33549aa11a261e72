"""Where files that need not outlast the tests are quickest: in memory, if this machine has room for them there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only folders that tempfile makes are put here
_ENOUGH = 2 * 1024**3


def folder_in_memory() -> Path | None:
    """A folder whose files are kept in memory; None where there is none, or less than 2 GiB is free in it.

    Containers often have 64 MiB there. What is put there by name must be in a folder that ``tempfile`` makes.
    """
    if not _IN_MEMORY.is_dir() or not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ENOUGH else None
