"""The erasure journal: a file, kept where the database is not, of who was erased when; for after a restore.

A restored backup has people in it who were erased since. A line is written and synced before an erasure commits, so
that no erasure that was answered can be missing here. One line, JSON::

    {"format": 1, "candidate": "<random id>", "at": <microseconds>, "mac": "<hex>"}

It names nobody: the id is random, and nothing outside the erased data says whose it was. The MAC (the service's rows
key) keeps whoever can write the file from having others erased. A line that a crash cut short stood before no commit.

A whole line may stand before no commit either: the database failed, or the process died, in the moment between. She
was told that nothing was erased, or heard nothing. After a restore nobody can tell that from an erasure that the backup
does not have yet, so the line counts: she asked for it. Unless the log says that she did something herself afterwards.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey
from consent_service.errors import StorageUnavailable

FORMAT = 1

_BEGINS = b'{"at":'

_log = structlog.get_logger()


@dataclass(frozen=True)
class Line:
    """Somebody was erased, or was about to be."""

    candidate_id: str
    at: int


@dataclass(frozen=True)
class Read:
    """What the journal holds: each candidate's last line, how many are not ours, and how many a crash cut short."""

    lines: tuple[Line, ...]
    unreadable: int
    cut: int


class Journal(Protocol):
    """Where an erasure is written down before it is committed."""

    async def record(self, candidate_id: str, at: int) -> None:
        """Write it down for good. Raises StorageUnavailable: then nothing may be erased."""
        ...


class NoJournal:
    """Keeps nothing: for a machine without real people (production demands a journal), and for replaying one."""

    async def record(self, candidate_id: str, at: int) -> None:
        """See ``Journal.record``."""


NO_JOURNAL = NoJournal()


class JournalFile:
    """The journal at ``path``. Any number of processes may append to it."""

    def __init__(self, path: Path, key: MacKey) -> None:
        """Take the ``rows`` key."""
        self._path = path
        self._key = key

    async def record(self, candidate_id: str, at: int) -> None:
        """See ``Journal.record``. The disk is waited for in a thread: others are served meanwhile."""
        line = {"format": FORMAT, "candidate": candidate_id, "at": at, "mac": self._mac(candidate_id, at).hex()}
        try:
            await asyncio.to_thread(self._append, canonical(line) + b"\n")
        except OSError as failure:
            _log.error("the erasure journal can't be written", error=type(failure).__name__, alarm="journal")
            raise StorageUnavailable from None

    def demand_fit(self) -> None:
        """Raises OSError unless lines can be appended."""
        self._append(b"")

    def read(self) -> Read:
        """Everything in it. Raises OSError."""
        found: dict[str, Line] = {}
        unreadable = cut = 0
        for raw in self._path.read_bytes().splitlines():
            line = self._line(raw) if raw.strip() else None
            if line is not None:
                found[line.candidate_id] = max(line, found.get(line.candidate_id, line), key=lambda one: one.at)
            elif _is_cut(raw):
                cut += 1
            elif raw.strip():
                unreadable += 1
        return Read(tuple(found.values()), unreadable, cut)

    def _line(self, raw: bytes) -> Line | None:
        try:
            said: dict[str, Any] = json.loads(raw)
            line, mac = Line(str(said["candidate"]), int(said["at"])), bytes.fromhex(said["mac"])
        except (ValueError, KeyError, TypeError):
            return None
        ours = said["format"] == FORMAT and self._key.verify(self._message(line.candidate_id, line.at), mac)
        return line if ours else None

    def _append(self, line: bytes) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            for part in _after_what_a_crash_left(handle, line):
                if os.write(handle, part) != len(part):
                    raise OSError("the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)
        _sync_folder(self._path.parent)  # always: who made the file may not have come to it yet

    def _mac(self, candidate_id: str, at: int) -> bytes:
        return self._key.mac(self._message(candidate_id, at))

    @staticmethod
    def _message(candidate_id: str, at: int) -> bytes:
        return canonical(["erasure journal", FORMAT, candidate_id, at])


def _is_cut(raw: bytes) -> bool:
    """Whether it is the beginning of a line, as ``canonical`` writes it, and no more."""
    return (raw.startswith(_BEGINS) and b"}" not in raw) or (bool(raw) and _BEGINS.startswith(raw))


def _after_what_a_crash_left(handle: int, line: bytes) -> Iterator[bytes]:
    """``line``, on a line of its own also where the last one was cut short."""
    end = os.fstat(handle).st_size
    cut = line and end and os.pread(handle, 1, end - 1) != b"\n"
    yield b"\n" + line if cut else line


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
