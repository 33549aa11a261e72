"""Putting the log's head where an operator says: never over a newer one, nor over one that this log does not continue.

Into a *file*, which is replaced whole or not at all; or into a *folder*, where each head gets a file of its own, named
by its size, that is never written again: for places that only take new files, and for whoever wants every head.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from consent_service.audit import sequencer
from consent_service.audit.notes import Note, VerifierKey, read_note
from consent_service.storage.engine import Snapshot

_log = structlog.get_logger()

_NAME = "checkpoint-{:015d}.txt"
_NAMES = "checkpoint-" + "[0-9]" * 15 + ".txt"


class NotContinued(Exception):
    """What is published already is larger than this log, or of another. It was left as it is."""


@dataclass(frozen=True)
class Published:
    """Where a head of so many leaves is, now or already."""

    path: Path
    size: int


async def publish(view: Snapshot, note: str, where: Path, keys: Sequence[VerifierKey]) -> Published:
    """Put the checkpoint ``note`` into ``where``, a file or a folder; it is on the disk when this returns.

    ``keys`` are those that sign this log. Raises NotContinued, after an alarm, and OSError.
    """
    new = read_note(note)
    assert new is not None
    with _alone(where):
        there = _newest_there(where)
        if there is not None:
            await _demand_continued(view, new, there, keys)
        return Published(_put(where, new.size, note.encode()), new.size)


async def _demand_continued(view: Snapshot, new: Note, there: Path, keys: Sequence[VerifierKey]) -> None:
    old = read_note(_text(there))
    if old is None:
        raise _refused(there, "is not a checkpoint")
    if old.origin != new.origin or not old.signed_by(keys):
        raise _refused(there, "is not signed by a key of this log's")
    if old.size > new.size:
        raise _refused(there, f"has {old.size} leaves, and this log {new.size}")
    if await sequencer.root_at(view, old.size) != old.root:
        raise _refused(there, f"has {old.size} leaves that are not the first of this log's {new.size}")


def _refused(there: Path, why: str) -> NotContinued:
    _log.error("a published checkpoint is not continued by the log", reason=why, alarm="log")
    return NotContinued(f"{there} {why}. It was left as it is. See: consent-service audit verify --checkpoint {there}")


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _newest_there(where: Path) -> Path | None:
    if where.is_dir():
        return max(where.glob(_NAMES), default=None)
    return where if where.exists() else None


@contextmanager
def _alone(where: Path) -> Iterator[None]:
    """No other command looks or writes there meanwhile. A folder needs none of that: nothing in it is written twice."""
    if where.is_dir():
        yield
        return
    handle = os.open(where.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _put(where: Path, size: int, content: bytes) -> Path:
    if not where.is_dir():
        _replace(where, content)
        return where
    path = where / _NAME.format(size)
    _add(path, content)
    return path


def _add(path: Path, content: bytes) -> None:
    """A new file; one that is there already, with this head, is left."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        return
    _fill(handle, content)
    _sync_folder(path.parent)


def _replace(path: Path, content: bytes) -> None:
    """Whoever reads meanwhile, or after a power cut, finds the old or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _fill(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644), content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _fill(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
