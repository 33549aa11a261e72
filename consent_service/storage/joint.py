"""Reads that callers share: who asks while one is under way shares the next.

Rule: no answer is older than its question. The statement that answers begins after every question it answers, and
nothing is kept from one to the next, so that this is no cache: whoever asks hears what was committed before she did.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Snapshot

K = TypeVar("K")
V = TypeVar("V")


class Joint(Generic[K, V]):
    """One kind of read: ``read`` answers several keys, as a rule in one statement, leaving out what is not there."""

    def __init__(self, db: Database, read: Callable[[Snapshot, Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Take where to read, and how."""
        self._db = db
        self._read = read
        self._asked: list[tuple[K, asyncio.Future[V | None]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def of(self, key: K) -> V | None:
        """What there is for ``key``, or None. Raises errors.StorageUnavailable."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._asked.append((key, answer))
        if self._reading is None or self._reading.done():
            # A task of its own: a caller who goes away takes nobody's answer along.
            self._reading = asyncio.create_task(self._answer(), name="joint read")
        return await answer

    async def _answer(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                async with self._db.glance() as view:
                    found = await self._read(view, list({key: None for key, _ in asked}))
            except BaseException as failure:
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(failure if isinstance(failure, Exception) else StorageUnavailable())
                if not isinstance(failure, Exception):
                    raise
                continue
            for key, answer in asked:
                if not answer.done():
                    answer.set_result(found.get(key))
