"""Writes that share a transaction: each is answered for itself, after the commit, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from consent_service.errors import Conflict, StorageUnavailable
from consent_service.storage.engine import Database, Dialect, Snapshot, Transaction
from consent_service.storage.turnstile import ALONE, Answer, Turnstile
from tests.storage.conftest import ids
from tests.storage.things import ADD


class Slow:
    """A database whose commits take time, and fail as long as it is told so."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.full = self.down = False
        self.committed: list[list[str]] = []

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.down:
            raise StorageUnavailable
        async with self._db.transaction() as tx:
            yield tx
            await asyncio.sleep(0.01)
            if self.full:
                raise StorageUnavailable
        self.committed.append(await ids(self._db))

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.snapshot()

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.glance()

    async def close(self) -> None:
        await self._db.close()


class Writing:
    """Adds a row for each member, but for those who are told something else; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.told: dict[str, Answer[str]] = {}
        self.fails: dict[str, BaseException] = {}

    async def __call__(self, tx: Transaction, members: Sequence[str], alone: bool) -> list[Answer[str]]:
        self.batches.append(list(members))
        answers: list[Answer[str]] = []
        for member in members:
            told = self.told.get(member, member.upper())
            if isinstance(told, str) or alone:
                await tx.run(ADD, id=member, n=1)
                told = member.upper()
            if member in self.fails:
                raise self.fails[member]
            answers.append(told)
        return answers


@pytest.fixture
def writing() -> Writing:
    return Writing()


@pytest.fixture
def slow(things: Database) -> Slow:
    return Slow(things)


@pytest.fixture
def turnstile(slow: Slow, writing: Writing) -> Turnstile[str, str]:
    return Turnstile(slow, writing, name="test")


async def test_who_comes_while_a_commit_runs_shares_the_next(turnstile: Turnstile[str, str], writing: Writing) -> None:
    """The first goes at once, the others together, and each has her own answer."""
    first = asyncio.create_task(turnstile.go("a"))
    await asyncio.sleep(0.005)
    assert await asyncio.gather(first, *map(turnstile.go, "bcd")) == ["A", "B", "C", "D"]
    assert writing.batches == [["a"], ["b", "c", "d"]]


async def test_nobody_is_answered_before_the_commit(turnstile: Turnstile[str, str], slow: Slow) -> None:
    """Whoever has an answer finds what it says in the database."""
    going = asyncio.create_task(turnstile.go("a"))
    await going
    assert slow.committed == [["a"]]


async def test_a_caller_who_goes_away_cancels_nothing(
    turnstile: Turnstile[str, str], writing: Writing, things: Database
) -> None:
    """Her own write is done too: it had begun."""
    first = asyncio.create_task(turnstile.go("a"))
    second = asyncio.create_task(turnstile.go("b"))
    await asyncio.sleep(0.005)
    first.cancel()
    assert await second == "B"
    assert writing.batches == [["a", "b"]]
    assert await ids(things) == ["a", "b"]


async def test_a_bad_member_is_refused_alone(turnstile: Turnstile[str, str], writing: Writing) -> None:
    """What is wrong with her is her answer; the others have theirs."""
    writing.told["b"] = Conflict("no")
    answers = await asyncio.gather(*map(turnstile.go, "abc"), return_exceptions=True)
    assert [answers[0], type(answers[1]), answers[2]] == ["A", Conflict, "C"]
    assert writing.batches == [["a", "b", "c"]]


async def test_who_would_have_to_wait_goes_on_alone(turnstile: Turnstile[str, str], writing: Writing) -> None:
    """The others are answered first."""
    writing.told["b"] = ALONE
    assert await asyncio.gather(*map(turnstile.go, "abc")) == ["A", "B", "C"]
    assert writing.batches == [["a", "b", "c"], ["b"]]


async def test_a_batch_that_fails_is_rolled_back_and_each_goes_on_alone(
    turnstile: Turnstile[str, str], writing: Writing, things: Database
) -> None:
    """Only she whose fault it is hears of it; also where it is her row alone that can't be had."""
    writing.fails |= {"b": ValueError("of b alone"), "d": StorageUnavailable()}
    answers = await asyncio.gather(*map(turnstile.go, "abcd"), return_exceptions=True)
    assert [answers[0], type(answers[1]), answers[2], type(answers[3])] == ["A", ValueError, "C", StorageUnavailable]
    assert await ids(things) == ["a", "c"]


async def test_where_no_transaction_can_begin_all_hear_of_it(
    turnstile: Turnstile[str, str], slow: Slow, writing: Writing
) -> None:
    """Nobody tries again by herself, and nothing was done."""
    slow.down = True
    answers = await asyncio.gather(*map(turnstile.go, "abc"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
    assert writing.batches == []


async def test_nothing_is_done_twice_when_a_commit_fails(
    turnstile: Turnstile[str, str], writing: Writing, slow: Slow
) -> None:
    """Nobody can tell what was committed: all hear of the failure, and afterwards all goes on as before."""
    slow.full = True
    answers = await asyncio.gather(*map(turnstile.go, "abc"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
    assert writing.batches == [["a", "b", "c"]]
    slow.full = False
    assert await turnstile.go("a") == "A"


async def test_nobody_waits_for_ever_on_one_that_was_stopped(turnstile: Turnstile[str, str], writing: Writing) -> None:
    """Who shares the batch hears that the storage is not there, and the next to come begins anew."""
    writing.fails["b"] = asyncio.CancelledError()
    answers = await asyncio.gather(*map(turnstile.go, "ab"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 2
    assert await turnstile.go("c") == "C"


async def test_more_than_a_batch_holds_go_in_several(turnstile: Turnstile[str, str], writing: Writing) -> None:
    """Sixty-four share a transaction."""
    many = [chr(0x100 + number) for number in range(100)]
    assert await asyncio.gather(*map(turnstile.go, many)) == [one.upper() for one in many]
    assert [len(batch) for batch in writing.batches] == [64, 36]
