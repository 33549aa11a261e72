"""Outcomes are written down together, and each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from consent_service.audit.closing import close
from consent_service.audit.log import lock
from consent_service.delivery.attempt import Attempt
from consent_service.delivery.finding import Finding
from consent_service.delivery.letters import forget
from consent_service.delivery.states import Status
from consent_service.storage.engine import Database, Dialect, Snapshot, Transaction
from tests.delivery.conftest import Office
from tests.support.digipost import USER

SENT = Finding(Status.DELIVERED, None, at=1, went_out_at=1)
OTHER = "20914695016"


class Counted(Database):
    """A database that counts what is committed."""

    def __init__(self, behind: Database) -> None:
        self._behind, self.commits = behind, 0

    @property
    def dialect(self) -> Dialect:
        return self._behind.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._behind.transaction() as tx:
            yield tx
        self.commits += 1

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._behind.snapshot()

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._behind.glance()

    async def close(self) -> None:
        await self._behind.close()


async def claimed(office: Office, *people: str, each: int = 1) -> list[Attempt]:
    """Attempts at letters to these people, in the order of their letters."""
    letters = []
    for digits in people:
        consent = await office.consent(await office.candidate(digits))
        letters += [await office.letter(consent, text=f"{digits} {number}") for number in range(each)]
    attempts = {attempt.letter.id: attempt for attempt in await office.outbox().claim(100)}
    return [attempts[letter] for letter in letters]


async def test_what_ends_in_the_same_moment_is_one_commit(office: Office) -> None:
    """Six letters of two people end at once: written down in one transaction, each with its own history and entries."""
    attempts = await claimed(office, USER, OTHER, each=3)
    office.db = Counted(office.db)
    outbox = office.outbox()
    assert await asyncio.gather(*(outbox.finish(attempt, SENT) for attempt in attempts)) == [True] * 6
    assert office.db.commits == 1
    for attempt in attempts:
        assert await office.seen(attempt.letter.id) == ["accepted", "dispatched", "delivered"]
    told = await office.logged(attempts[0].letter.candidate_id)
    assert (told.count("letter.dispatched"), told.count("letter.delivered")) == (3, 3)


async def test_one_whose_lease_has_passed_on_says_nothing_and_holds_up_no_other(office: Office) -> None:
    """Its word counts no more, though it comes with words that do; who was erased has no letter to write of."""
    late, erased, kept = await claimed(office, USER, OTHER, "13116900216")
    office.clock.advance(seconds=61)
    again = {one.letter.id: one for one in await office.outbox("heir").claim(10)}
    async with office.db.transaction() as tx:
        heads = await lock(tx, [erased.letter.candidate_id])
        await forget(tx, erased.letter.candidate_id)
        await close(tx, office.keys.service.log, heads[erased.letter.candidate_id])
    outbox = office.outbox()
    said = [(late, SENT), (again[erased.letter.id], SENT), (again[kept.letter.id], SENT)]
    assert await asyncio.gather(*(outbox.finish(*one) for one in said)) == [False, False, True]
    assert await office.status(late.letter.id) == "accepted"
    assert await office.logged(late.letter.candidate_id) == ["letter.accepted"]
    assert await office.status(kept.letter.id) == "delivered"


async def test_of_two_claims_of_one_letter_the_later_counts(office: Office) -> None:
    """A worker that lost a lease and got the letter again says both at once: what it said of the first is void."""
    (lost,) = await claimed(office, USER)
    office.clock.advance(seconds=61)
    outbox = office.outbox()
    (again,) = await outbox.claim(10)
    said = [outbox.finish(lost, outbox.lost(lost, "timeout")), outbox.finish(again, SENT)]
    assert await asyncio.gather(*said) == [False, True]
    assert await office.status(lost.letter.id) == "delivered"


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_one_whose_chain_is_held_keeps_nobody_waiting(office: Office) -> None:
    """Somebody else is writing to her chain just now: the other's letter is written down meanwhile, and then hers."""
    held, free = await claimed(office, USER, OTHER)
    outbox = office.outbox()
    async with office.db.transaction() as tx:
        await lock(tx, [held.letter.candidate_id])
        waiting = asyncio.create_task(outbox.finish(held, SENT))
        async with asyncio.timeout(1):
            assert await outbox.finish(free, SENT)
        assert not waiting.done()
    assert await waiting
    assert await office.status(held.letter.id) == "delivered"
