"""The port to whatever guards the master key: a local file, or a key management service.

A provider wraps other keys and never hands its own out. ``context`` binds a wrapped key to what it is for; the
same context must be given to unwrap it. Wrapped keys name the master version that wrapped them, so that
rotation can tell what is left to do.

``KeyProvider`` is what the service uses, ``MasterKeys`` what an operator does. Another key management service is one
more file that has both.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from consent_service.errors import KeyProviderDown

__all__ = ["KeyProvider", "KeyProviderDown", "KeysUnfit", "MasterKeys", "MasterVersion", "UnwrapRefused"]


class UnwrapRefused(Exception):
    """The wrapped key is not this master key's, or not for this context. Never a reason to try again."""


class KeysUnfit(Exception):
    """There is no master key where the settings say, or not one to be trusted. The message says what to do."""


@dataclass(frozen=True, order=True)
class MasterVersion:
    """A version of the master key, and the day on which it was made."""

    version: int
    created: date


class KeyProvider(Protocol):
    """Wraps keys under a versioned master key. Every call may raise errors.KeyProviderDown."""

    @property
    def kind(self) -> str:
        """What kind of provider wraps: no two whose keys may lie in one database have the same."""
        ...

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` (32 bytes) wrapped under the newest master version, for ``context`` only."""
        ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key. Raises UnwrapRefused for another master key, a version that is no more, or another context."""
        ...

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The same key wrapped under the newest master version, for the same ``context``. Raises UnwrapRefused."""
        ...

    def version_of(self, wrapped: bytes) -> int:
        """The master version that ``wrapped`` needs; 0 for what no provider of this kind wrote."""
        ...


class MasterKeys(KeyProvider, Protocol):
    """A key provider whose versions an operator makes and destroys."""

    async def versions(self) -> list[MasterVersion]:
        """Every version there is, oldest first; the last one wraps."""
        ...

    async def add_version(self, today: date) -> MasterVersion:
        """Make the next version, which wraps from now on. It outlives a power cut before this returns."""
        ...

    async def remove_through(self, version: int) -> None:
        """Destroy ``version`` and every one before it, for good. Raises ValueError for the newest."""
        ...
