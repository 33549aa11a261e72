"""The local key provider: a file with versioned 256-bit master keys.

::

    {"format": 1, "keys": [{"version": 1, "key": "<base64, 32 bytes>", "created": "2026-11-21"}]}

The file belongs to the service alone: it is refused if anyone else may read or write it. It is made once,
exclusively, and synced before its key wraps anything. A wrapped key is ``version (4 bytes) | envelope``.
"""

import base64
import json
import os
import stat
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from consent_service.crypto.envelope import KEY_BYTES, SealBroken, new_key, open_sealed, seal
from consent_service.crypto.providers import UnwrapRefused


class KeyringUnfit(Exception):
    """The keyring file is absent, readable by others, or not a keyring. The message says which, and what to do."""


class LocalKeyring:
    """Master keys in memory, read once from a file. Implements ``KeyProvider``."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """Take ``keys`` by version; the highest version wraps."""
        self._keys = dict(keys)
        self._current = max(self._keys)

    def __repr__(self) -> str:
        """Name the versions, never a key."""
        return f"LocalKeyring(versions={sorted(self._keys)})"

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.wrap``."""
        version = self._current.to_bytes(4, "big")
        return version + seal(self._keys[self._current], key, version + context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.unwrap``."""
        master = self._keys.get(self.version_of(wrapped))
        if master is None:
            raise UnwrapRefused
        try:
            return open_sealed(master, wrapped[4:], wrapped[:4] + context)
        except SealBroken:
            raise UnwrapRefused from None

    async def current_version(self) -> int:
        """See ``KeyProvider.current_version``."""
        return self._current

    def version_of(self, wrapped: bytes) -> int:
        """See ``KeyProvider.version_of``."""
        return int.from_bytes(wrapped[:4], "big")


def read_keyring(path: Path) -> LocalKeyring:
    """The keyring at ``path``. Raises KeyringUnfit."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would wait for a writer
    except FileNotFoundError:
        raise KeyringUnfit(f"There is no keyring at {path}. Make one: consent-service keys init") from None
    except OSError:
        raise KeyringUnfit(f"The keyring at {path} can't be opened, or is a link.") from None
    try:
        _demand_ours_alone(os.fstat(handle), path)
        with os.fdopen(handle, "rb", closefd=False) as file:
            return LocalKeyring(_parse(file.read(), path))
    finally:
        os.close(handle)


def _demand_ours_alone(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeyringUnfit(f"The keyring at {path} is not a file.")
    if found.st_uid != os.geteuid():
        raise KeyringUnfit(f"The keyring at {path} is another user's. Make it yours: chown")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise KeyringUnfit(f"Others may read the keyring at {path}. Make it yours alone: chmod 600")


def _parse(raw: bytes, path: Path) -> dict[int, bytes]:
    try:
        content = json.loads(raw)
        keys = {int(item["version"]): base64.b64decode(item["key"], validate=True) for item in content["keys"]}
        fit = content["format"] == 1 and keys and all(len(key) == KEY_BYTES for key in keys.values())
    except (ValueError, KeyError, TypeError):
        fit, keys = False, {}
    if not fit:
        raise KeyringUnfit(f"The file at {path} is not a keyring of format 1.")
    return keys


def create_keyring(path: Path, today: date) -> LocalKeyring:
    """Make a keyring with one fresh key at ``path``. Raises FileExistsError: keys are never replaced."""
    key = new_key()
    content = {
        "format": 1,
        "keys": [{"version": 1, "key": base64.b64encode(key).decode(), "created": today.isoformat()}],
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(json.dumps(content, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)
    return LocalKeyring({1: key})


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
