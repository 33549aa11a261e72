"""Two key providers at once, while keys move from the one to the other: the one wraps, both open.

Which of them wrapped a key is told by the wrapped key itself. What the other one wrapped counts as version 0: older
than any, so that rotation takes it along and nothing is retired over it.
"""

from datetime import date

from consent_service.crypto.providers import MasterKeys, MasterVersion


class Moving:
    """``to`` wraps. Implements ``MasterKeys``, for ``to``."""

    def __init__(self, to: MasterKeys, other: MasterKeys) -> None:
        """Take two providers of different kinds."""
        if to.kind == other.kind:
            raise ValueError("keys move between two kinds of providers")
        self._to = to
        self.other = other

    @property
    def kind(self) -> str:
        """See ``KeyProvider.kind``."""
        return self._to.kind

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.wrap``."""
        return await self._to.wrap(key, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.unwrap``."""
        return await self._who_wrapped(wrapped).unwrap(wrapped, context)

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See ``KeyProvider.rewrap``. A key that moves is in our memory for a moment; one that stays is not."""
        if self._who_wrapped(wrapped) is self._to:
            return await self._to.rewrap(wrapped, context)
        return await self._to.wrap(await self.other.unwrap(wrapped, context), context)

    def version_of(self, wrapped: bytes) -> int:
        """See ``KeyProvider.version_of``. 0 for what the other wrapped."""
        return self._to.version_of(wrapped)

    async def versions(self) -> list[MasterVersion]:
        """See ``MasterKeys.versions``."""
        return await self._to.versions()

    async def add_version(self, today: date) -> MasterVersion:
        """See ``MasterKeys.add_version``."""
        return await self._to.add_version(today)

    async def remove_through(self, version: int) -> None:
        """See ``MasterKeys.remove_through``."""
        await self._to.remove_through(version)

    def _who_wrapped(self, wrapped: bytes) -> MasterKeys:
        return self.other if self.other.version_of(wrapped) else self._to
