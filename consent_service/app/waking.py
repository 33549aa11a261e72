"""A database that tells when something was committed, so that what follows a commit need not be polled for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from consent_service.storage.engine import Database, Dialect, Snapshot, Transaction


class WakingDatabase:
    """``db``, and whoever is to be woken after each transaction of this process. Implements ``Database``."""

    def __init__(self, db: Database) -> None:
        """Stand in front of ``db``."""
        self.behind = db
        self._wakers: list[asyncio.Event] = []

    def waker(self) -> asyncio.Event:
        """An event that each commit sets, for one who clears it."""
        self._wakers.append(asyncio.Event())
        return self._wakers[-1]

    @property
    def dialect(self) -> Dialect:
        """See ``Database.dialect``."""
        return self.behind.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """See ``Database.transaction``."""
        async with self.behind.transaction() as tx:
            yield tx
        for waker in self._wakers:
            waker.set()

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """See ``Database.snapshot``."""
        return self.behind.snapshot()

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        """See ``Database.glance``."""
        return self.behind.glance()

    async def close(self) -> None:
        """See ``Database.close``."""
        await self.behind.close()
