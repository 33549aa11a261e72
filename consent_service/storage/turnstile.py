"""Writes that share a transaction: who comes while one commits goes into the next, with all others who wait.

A commit costs the same for one as for many. There are no timers: who comes alone goes at once. The rules:

- A batch runs in a task of its own, so that a caller who goes away cancels nothing.
- Nobody is answered before the commit.
- A member who is refused is refused alone: ``work`` answers her with the exception.
- One whom ``work`` answers with ``ALONE`` goes on in a transaction of her own, so that she keeps nobody waiting.
- Where ``work`` fails, the batch is rolled back, and each goes on alone: only she whose fault it is hears of it.
- Where the commit fails, nobody can tell what was done: nothing is done again, and all of them hear of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Transaction

M = TypeVar("M")
R = TypeVar("R")

_BATCH = 64
_ON_THE_WAY = 4
"""How many turns of the event loop a call that has arrived takes to come here: those on the way come along. No timer:
where nobody is on the way, these are some microseconds."""


class _Alone(Enum):
    ALONE = "alone"


ALONE: Final = _Alone.ALONE
"""What ``work`` answers to a member who is to go on in a transaction of her own."""

Answer: TypeAlias = R | Exception | Literal[_Alone.ALONE]


@dataclass(frozen=True)
class _Waiting(Generic[M, R]):
    """One who waits for an answer."""

    member: M
    answer: asyncio.Future[R]


class Turnstile(Generic[M, R]):
    """One for each process; any number of processes. ``work`` is told whether its member is alone, and so may wait."""

    def __init__(
        self,
        db: Database,
        work: Callable[[Transaction, Sequence[M], bool], Awaitable[Sequence[Answer[R]]]],
        *,
        name: str,
    ) -> None:
        """Take where to write, and how; ``name`` is what its tasks are called."""
        self._db, self._work, self._name = db, work, name
        self._waiting: list[_Waiting[M, R]] = []
        self._turning: asyncio.Task[None] | None = None
        self._alone: set[asyncio.Task[object]] = set()

    async def go(self, member: M) -> R:
        """What ``work`` answers to ``member``, once it is committed. Raises what it answered, or what failed."""
        one = _Waiting[M, R](member, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._turning is None or self._turning.done():
            self._turning = asyncio.create_task(self._turn(), name=self._name)
        return await one.answer

    async def _turn(self) -> None:
        """Let those who wait through, a batch to a transaction, until nobody waits."""
        try:
            while self._waiting:
                for _ in range(_ON_THE_WAY):
                    await asyncio.sleep(0)
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                for one in await self._let_through(batch, alone=False):
                    task = asyncio.create_task(self._let_through([one], alone=True), name=f"{self._name} alone")
                    self._alone.add(task)
                    task.add_done_callback(self._alone.discard)
        except BaseException:
            batch, self._waiting = self._waiting, []
            _answer(batch, [StorageUnavailable()] * len(batch))  # nobody waits for ever on one that has stopped
            raise

    async def _let_through(self, batch: Sequence[_Waiting[M, R]], *, alone: bool) -> list[_Waiting[M, R]]:
        """Answer a batch; those who are to go on alone are given back."""
        answers: Sequence[Answer[R]]
        working = False
        try:
            async with self._db.transaction() as tx:
                working = True
                answers = await self._work(tx, [one.member for one in batch], alone)
                working = False
        except Exception as failure:  # noqa: BLE001  # whatever it is, they hear of it
            answers = [ALONE if working and not alone else failure] * len(batch)
        except BaseException:
            _answer(batch, [StorageUnavailable()] * len(batch))
            raise
        _answer(batch, answers)
        return [one for one, answer in zip(batch, answers, strict=True) if answer is ALONE]


def _answer(batch: Sequence[_Waiting[M, R]], answers: Sequence[Answer[R]]) -> None:
    for one, answer in zip(batch, answers, strict=True):
        if answer is ALONE or one.answer.done():  # one who went away gets nothing; what was done stands
            continue
        if isinstance(answer, Exception):
            one.answer.set_exception(answer)
        else:
            one.answer.set_result(answer)
