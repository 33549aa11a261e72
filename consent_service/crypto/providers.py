"""The port to whatever guards the master key: a local file, or a key management service.

A provider wraps other keys and never hands its own out. ``context`` binds a wrapped key to what it is for; the
same context must be given to unwrap it. Wrapped keys name the master version that wrapped them, so that
rotation can tell what is left to do.
"""

from typing import Protocol

from consent_service.errors import KeyProviderDown

__all__ = ["KeyProvider", "KeyProviderDown", "UnwrapRefused"]


class UnwrapRefused(Exception):
    """The wrapped key is not this master key's, or not for this context. Never a reason to try again."""


class KeyProvider(Protocol):
    """Wraps keys under a versioned master key. Every call may raise errors.KeyProviderDown."""

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` (32 bytes) wrapped under the current master version, for ``context`` only."""
        ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key. Raises UnwrapRefused for another master key, version or context."""
        ...

    async def current_version(self) -> int:
        """The master version that ``wrap`` uses now."""
        ...

    def version_of(self, wrapped: bytes) -> int:
        """The master version that ``wrapped`` needs."""
        ...
