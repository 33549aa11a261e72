"""The file that a local keyring lies in.

::

    {"format": 1, "keys": [{"version": 1, "key": "<base64, 32 bytes>", "created": "2026-11-21"}]}

The file belongs to the service alone: it is refused if anyone else may read or write it. A change is written beside,
synced, renamed, and the folder synced: whoever reads, and whenever the power goes, finds the file from before or the
file from after. Those who change it exclude each other by a lock on its folder.
"""

import base64
import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from consent_service.crypto.envelope import KEY_BYTES
from consent_service.crypto.providers import KeysUnfit

FORMAT = 1
_HIGHEST = 2**32 - 1  # a wrapped key names its version in four bytes


class KeyringUnfit(KeysUnfit):
    """The keyring file is absent, readable by others, or not a keyring. The message says which, and what to do."""


@dataclass(frozen=True)
class MasterKey:
    """One version's key, and the day on which it was made."""

    secret: bytes = field(repr=False)
    created: date


@dataclass(frozen=True)
class Content:
    """What the file held, and the mark by which a later content can be told from it."""

    keys: Mapping[int, MasterKey] = field(repr=False)
    mark: tuple[int, ...]


def mark_of(path: Path) -> tuple[int, ...] | None:
    """The mark of the file as it is now, or None if it can't be looked at."""
    try:
        return _mark(path.lstat())
    except OSError:
        return None


def _mark(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def read(path: Path) -> Content:
    """What is in the file. Raises KeyringUnfit."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would wait for a writer
    except FileNotFoundError:
        raise KeyringUnfit(f"There is no keyring at {path}. Make one: consent-service keys init") from None
    except OSError:
        raise KeyringUnfit(f"The keyring at {path} can't be opened, or is a link.") from None
    try:
        found = os.fstat(handle)
        _demand_ours_alone(found, path)
        with os.fdopen(handle, "rb", closefd=False) as file:
            return Content(_parse(file.read(), path), _mark(found))
    finally:
        os.close(handle)


def _demand_ours_alone(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeyringUnfit(f"The keyring at {path} is not a file.")
    if found.st_uid != os.geteuid():
        raise KeyringUnfit(f"The keyring at {path} is another user's. Make it yours: chown")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise KeyringUnfit(f"Others may read the keyring at {path}. Make it yours alone: chmod 600")


def _parse(raw: bytes, path: Path) -> dict[int, MasterKey]:
    try:
        content = json.loads(raw)
        keys = {int(item["version"]): _key(item) for item in content["keys"]}
        fit = content["format"] == FORMAT and keys and 0 < min(keys) <= max(keys) <= _HIGHEST
        fit = fit and len(keys) == len(content["keys"])
        fit = fit and all(len(key.secret) == KEY_BYTES for key in keys.values())
    except (ValueError, KeyError, TypeError):
        fit, keys = False, {}
    if not fit:
        raise KeyringUnfit(f"The file at {path} is not a keyring of format {FORMAT}.")
    return keys


def _key(item: Mapping[str, str]) -> MasterKey:
    return MasterKey(base64.b64decode(item["key"], validate=True), date.fromisoformat(item["created"]))


def _text(keys: Mapping[int, MasterKey]) -> bytes:
    items = [
        {"version": version, "key": base64.b64encode(key.secret).decode(), "created": key.created.isoformat()}
        for version, key in sorted(keys.items())
    ]
    return json.dumps({"format": FORMAT, "keys": items}, indent=1).encode()


def create(path: Path, keys: Mapping[int, MasterKey]) -> None:
    """Make the file. Raises FileExistsError: a keyring is never made over another."""
    with locked(path):
        if path.is_symlink() or path.exists():
            raise FileExistsError(f"There is a keyring at {path} already.")
        _put(path, keys)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else changes the file while the block lasts. Waits for whoever does."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace(path: Path, keys: Mapping[int, MasterKey]) -> None:
    """Let the file hold ``keys``; whoever calls holds the lock.

    What it held before is overwritten where it lay: as far as the disk lets it, a key that was removed is gone.
    """
    before = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        _put(path, keys)
        os.pwrite(before, bytes(os.fstat(before).st_size), 0)
        os.fsync(before)
    finally:
        os.close(before)


def _put(path: Path, keys: Mapping[int, MasterKey]) -> None:
    """Write beside, sync, rename, sync the folder. What a crash left beside was never used, and is dropped."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(_text(keys))
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
