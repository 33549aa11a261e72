"""The local key provider: versioned 256-bit master keys in a file (see ``keyring_file``).

A wrapped key is ``version (4 bytes) | envelope``. A process holds the keys in memory and looks at the file again when
it was changed, or when it meets a version that it does not know: rotation needs no restart. If the file can't be read
then, or is another keyring or an older one, it goes on with what it holds: what was wrapped under a wrong master key
would be lost when the right one is put back.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import structlog

from consent_service.crypto import keyring_file
from consent_service.crypto.envelope import SealBroken, format_of, new_key, open_sealed, seal
from consent_service.crypto.keyring_file import KeyringUnfit, MasterKey
from consent_service.crypto.providers import KeyProviderDown, MasterVersion, UnwrapRefused

__all__ = ["VERSION_BYTES", "KeyringUnfit", "LocalKeyring", "create_keyring", "read_keyring"]

_log = structlog.get_logger()

VERSION_BYTES = 4
"""What stands before the envelope in a wrapped key."""

_UNDATED = date(1970, 1, 1)


class LocalKeyring:
    """Master keys in memory and, unless it was made without one, their file. Implements ``MasterKeys``."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """Take ``keys`` by version, without a file; the highest version wraps."""
        self._keys = {version: MasterKey(key, _UNDATED) for version, key in keys.items()}
        self._path: Path | None = None
        self._mark: tuple[int, ...] | None = None

    @classmethod
    def of_file(cls, path: Path) -> "LocalKeyring":
        """The keyring in the file. Raises KeyringUnfit."""
        content = keyring_file.read(path)
        keyring = cls({})
        keyring._path, keyring._keys, keyring._mark = path, dict(content.keys), content.mark
        return keyring

    def __repr__(self) -> str:
        """Name the versions, never a key."""
        return f"LocalKeyring(versions={sorted(self._keys)})"

    @property
    def kind(self) -> str:
        """See ``KeyProvider.kind``."""
        return "keyring"

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.wrap``."""
        self._look_again()
        version = max(self._keys)
        named = version.to_bytes(VERSION_BYTES, "big")
        return named + seal(self._keys[version].secret, key, named + context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.unwrap``. Raises KeyProviderDown for a version that this file does not have yet."""
        version = int.from_bytes(wrapped[:VERSION_BYTES], "big")
        if version not in self._keys:
            self._look_again()
        if version > max(self._keys) and self.version_of(wrapped):
            _log.error("the keyring lacks a newer master version: put the new file here", version=version, alarm="keys")
            raise KeyProviderDown
        master = self._keys.get(version)
        if master is None:
            raise UnwrapRefused
        try:
            return open_sealed(master.secret, wrapped[VERSION_BYTES:], wrapped[:VERSION_BYTES] + context)
        except SealBroken:
            raise UnwrapRefused from None

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.rewrap``."""
        return await self.wrap(await self.unwrap(wrapped, context), context)

    def version_of(self, wrapped: bytes) -> int:
        """See ``KeyProvider.version_of``."""
        return int.from_bytes(wrapped[:VERSION_BYTES], "big") if format_of(wrapped[VERSION_BYTES:]) else 0

    async def versions(self) -> list[MasterVersion]:
        """See ``MasterKeys.versions``."""
        self._look_again()
        return [MasterVersion(version, key.created) for version, key in sorted(self._keys.items())]

    async def add_version(self, today: date) -> MasterVersion:
        """See ``MasterKeys.add_version``."""
        made = MasterKey(new_key(), today)
        with keyring_file.locked(self._file):
            keys = dict(keyring_file.read(self._file).keys)
            version = max(keys) + 1
            keyring_file.replace(self._file, {**keys, version: made})
        self._look_again()
        return MasterVersion(version, today)

    async def remove_through(self, version: int) -> None:
        """See ``MasterKeys.remove_through``."""
        with keyring_file.locked(self._file):
            keys = keyring_file.read(self._file).keys
            kept = {number: key for number, key in keys.items() if number > version}
            if not kept:
                raise ValueError("the newest master version is needed")
            if len(kept) < len(keys):
                keyring_file.replace(self._file, kept)
        self._look_again()

    @property
    def _file(self) -> Path:
        if self._path is None:
            raise KeyringUnfit("This keyring has no file.")
        return self._path

    def _look_again(self) -> None:
        """Read the file anew if it was changed: one call of the operating system when it was not."""
        if self._path is None or keyring_file.mark_of(self._path) == self._mark:
            return
        try:
            content = keyring_file.read(self._path)
        except KeyringUnfit as unfit:
            _log.error("the keyring can't be read again", reason=str(unfit), alarm="keys")
            return
        if not _continues(content.keys, self._keys):
            _log.error("the keyring was replaced by another or an older one: put the right one back", alarm="keys")
            return
        self._keys, self._mark = dict(content.keys), content.mark


def _continues(after: Mapping[int, MasterKey], before: Mapping[int, MasterKey]) -> bool:
    """Whether versions were only added at one end and removed at the other."""
    same = all(after[version].secret == key.secret for version, key in before.items() if version in after)
    return same and max(after) >= max(before)


def read_keyring(path: Path) -> LocalKeyring:
    """The keyring at ``path``. Raises KeyringUnfit."""
    return LocalKeyring.of_file(path)


def create_keyring(path: Path, today: date) -> LocalKeyring:
    """Make a keyring with one fresh key at ``path``. Raises FileExistsError: keys are never replaced."""
    keyring_file.create(path, {1: MasterKey(new_key(), today)})
    return LocalKeyring.of_file(path)
