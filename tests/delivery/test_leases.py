"""Claims on letters: whoever dies, pauses or comes back under an old name holds none for longer than its time."""

from __future__ import annotations

import asyncio

from consent_service.consents.gate import DispatchAsk, Dispatched, Refused
from consent_service.storage.engine import Statement
from tests.delivery.conftest import Office


async def test_a_worker_that_died_with_the_claim_loses_it_by_time(office: Office) -> None:
    """Another worker takes the letter after the lease, asks the mailbox first, and what the dead one says is void."""
    letter = await office.letter(await office.consent(await office.candidate()))
    dead = office.outbox()
    (attempt,) = await dead.claim(10)
    await office.work()
    assert await office.status(letter) == "accepted"
    office.clock.advance(seconds=61)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert not await dead.finish(attempt, dead.lost(attempt, "timeout"))
    assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]


async def test_a_restarted_worker_with_the_same_name_does_not_keep_the_claim_alive(office: Office) -> None:
    """Procrastinate #1518: a pod that comes back under its old name must not hide what it left."""
    letter = await office.letter(await office.consent(await office.candidate()))
    before, after = office.outbox("pod-1"), office.outbox("pod-1")
    (old,) = await before.claim(10)
    assert await after.claim(10) == []
    office.clock.advance(seconds=61)
    (new,) = await after.claim(10)
    assert (old.letter.id, new.letter.id) == (letter, letter)
    assert new.letter.doubt_until is not None
    assert not await before.finish(old, before.lost(old, "timeout"))
    assert await after.finish(new, after.lost(new, "timeout"))


async def test_a_dead_worker_of_which_nothing_is_known_any_more_keeps_no_claim(office: Office) -> None:
    """Procrastinate #1518, the other way: its row pruned first, the job was under way for ever. Here a claim is a time
    in the letter's own row: there is no row of workers to prune, and without the name it runs out all the same.
    """
    letter = await office.letter(await office.consent(await office.candidate()))
    assert len(await office.outbox().claim(10)) == 1
    async with office.db.transaction() as tx:
        await tx.run(Statement("UPDATE letter SET leased_by = NULL"))
        await tx.run(Statement("DELETE FROM lease"))
    office.clock.advance(seconds=61)
    await office.work()
    assert await office.status(letter) == "delivered"


async def test_every_worker_has_a_name_that_nobody_had_before(office: Office) -> None:
    """Two starts in one pod, or after one crash, are two workers."""
    assert len({office.worker().name for _ in range(100)}) == 100


class SlowGate:
    """The gate as a process finds it that was paused right after it had passed."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def dispatch(self, ask: DispatchAsk) -> Dispatched | Refused:
        answer = await self._office.gate.dispatch(ask)
        self._office.clock.advance(seconds=70)
        return answer


async def test_a_worker_paused_between_the_gate_and_the_mailbox_sends_nothing(office: Office) -> None:
    """Its lease has run out, so the letter is another's: nothing leaves, and the other delivers it."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.worker(gate=SlowGate(office))._deal_with((await office.outbox().claim(1))[0])
    assert await office.digipost.letters() == []
    await office.work()
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert len(await office.digipost.letters()) == 1


async def test_many_workers_deliver_every_letter_once(office: Office) -> None:
    """Three workers at once over forty letters: each is delivered, none twice."""
    consent = await office.consent(await office.candidate())
    letters = [await office.letter(consent, text=str(n)) for n in range(40)]
    await asyncio.gather(*(office.work() for _ in range(3)))
    assert {await office.status(letter) for letter in letters} == {"delivered"}
    assert len(await office.digipost.letters()) == 40
