"""Where files that need not outlast the tests are quickest: in memory, if this machine has room for them there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only folders that tempfile makes are put here
_ENOUGH = 2 * 1024**3
_SETTLED_SECONDS = 60


def folder_in_memory() -> Path | None:
    """A folder whose files are kept in memory; None where there is none, or less than 2 GiB is free in it.

    Nor where nothing may be executed, as in many containers: some tests install commands.
    """
    if not _IN_MEMORY.is_dir() or not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
        return None
    if os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ENOUGH else None


@contextmanager
def folder(prefix: str, *, on_disk: bool = False) -> Iterator[Path]:
    """A folder until the block ends, in memory where there is room unless ``on_disk``.

    What others of this prefix left there is removed if their process was killed: memory is not emptied as disks are.
    """
    memory = None if on_disk else folder_in_memory()
    if memory is not None:
        _clear(memory, prefix)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=memory))
    lock = os.open(made, os.O_RDONLY)
    flock(lock, LOCK_EX)  # until this process ends, in whatever way
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _clear(memory: Path, prefix: str) -> None:
    for left in memory.glob(f"{prefix}*"):
        with suppress(OSError):  # somebody else's, gone meanwhile, or in use
            if time.time() - left.stat().st_mtime < _SETTLED_SECONDS:
                continue
            lock = os.open(left, os.O_RDONLY)
            try:
                flock(lock, LOCK_EX | LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
