"""The worker's stories, against a local Digipost on loopback that goes wrong in every way it knows."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from consent_service.clock import HOUR, MINUTE, SECOND
from consent_service.consents.gate import DispatchAsk, Dispatched, Refused
from consent_service.delivery import operators
from consent_service.delivery.backoff import Timing
from consent_service.errors import KeyProviderDown
from consent_service.mailbox.port import (
    DocumentEvent,
    DocumentStatus,
    Identification,
    Mailbox,
    Outcome,
    OutgoingLetter,
    Unanswered,
)
from consent_service.storage.engine import Statement
from tests.delivery.conftest import Office
from tests.support.digipost import DEACTIVATED, USER, intruder, signer

OLA = "20914695016"


async def test_a_letter_goes_from_accepted_to_delivered(office: Office) -> None:
    """The mailbox has exactly the accepted PDF, once, under the ids that were stored; log and history say so."""
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate), text="Din plan")
    stored = await office.show(letter)
    await office.work()
    assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]
    (taken,) = await office.digipost.letters()
    assert (taken["message_id"], taken["document_uuid"]) == (stored.message_id, stored.document_uuid)
    assert taken["size"] == len(b"%PDF-1.7 Din plan")
    assert taken["sender"]["name"] == "Trøndelag fylkeskommune"
    assert (taken["authentication_level"], taken["sensitivity_level"]) == ("IDPORTEN_4", "SENSITIVE")
    assert await office.logged(candidate) == [
        "letter.accepted",
        "letter.released",
        "letter.dispatched",
        "letter.delivered",
    ]


@pytest.mark.parametrize("digits", [OLA, DEACTIVATED])
async def test_a_person_without_an_account_makes_the_letter_undeliverable(office: Office, digits: str) -> None:
    """A confirmed non-user ends the letter, whether she never had an account or closed it."""
    letter = await office.letter(await office.consent(await office.candidate(digits)))
    await office.work()
    assert await office.seen(letter) == ["accepted", "undeliverable"]
    assert (await office.show(letter)).next_attempt_at is None
    assert await office.digipost.letters() == []


async def test_who_is_not_a_user_is_asked_about_before_the_letter_ends(office: Office) -> None:
    """A send that names no user, and no answer about who she is: tried again, and delivered once she has an account."""
    letter = await office.letter(await office.consent(await office.candidate(OLA)))
    await office.digipost.order("unavailable", calls="others")
    await office.work()
    waiting = await office.show(letter)
    assert (waiting.status, waiting.may_be_out) == ("accepted", False)
    await office.digipost.people(OLA, "user")
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "delivered"


async def test_a_revoke_stops_a_letter_that_has_not_left(office: Office) -> None:
    """The gate says no, the letter is cancelled, and the mailbox never hears of it."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.revoke(consent)
    assert await office.out(consent) == []
    await office.work()
    assert await office.seen(letter) == ["accepted", "cancelled"]
    assert await office.digipost.letters() == []


async def test_expiry_leaves_an_accepted_letter_to_go(office: Office) -> None:
    """The plan is the candidate's own: the consent's running out does not take it from her."""
    consent = await office.consent(await office.candidate(), days=1)
    letter = await office.letter(consent)
    office.clock.advance(days=3)
    await office.sweep()
    await office.work()
    assert await office.status(letter) == "delivered"


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "wrong_signature", "slow_answer"])
async def test_an_unknown_outcome_is_asked_about_and_never_sent_anew(office: Office, fault: str) -> None:
    """The mailbox took the letter but did not say so: the next attempt asks, and one letter was delivered."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order(fault, seconds=4)
    await office.work()
    assert await office.seen(letter) == ["accepted", "dispatched"]
    assert (await office.show(letter)).may_be_out
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]
    assert len(await office.digipost.letters()) == 1


@pytest.mark.parametrize("fault", ["drop_before", "error_before", "unavailable", "too_many"])
async def test_what_the_mailbox_did_not_take_is_tried_again(office: Office, fault: str) -> None:
    """The mailbox failed before it took anything, five times over: the letter is delivered once it recovers."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order(fault, times=5)
    for _ in range(6):
        await office.work()
        office.clock.advance(seconds=60)
    assert await office.status(letter) == "delivered"
    assert len(await office.digipost.letters()) == 1


async def test_a_mailbox_that_is_not_there_leaves_the_letter_waiting(office: Office) -> None:
    """Nothing was sent, so nothing is in doubt; the wait grows."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.work(mailbox=office.digipost.mailbox(base_url="http://127.0.0.1:9"))
    waiting = await office.show(letter)
    assert waiting.status == "accepted"
    assert not waiting.may_be_out
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > office.clock.now()


async def test_a_revoke_after_an_unknown_outcome_does_not_call_back_what_the_mailbox_has(office: Office) -> None:
    """The letter was out when the candidate revoked: it is told as out, and shown as delivered, not as cancelled."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("drop_after")
    await office.work()
    await office.revoke(consent)
    assert await office.out(consent) == ["dispatched"]
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "delivered"


async def test_a_revoke_after_an_unknown_outcome_cancels_once_a_denial_is_final(office: Office) -> None:
    """What the mailbox denies is cancelled when nothing signed before can reach it any more, and not before."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("drop_before")
    await office.work()
    await office.revoke(consent)
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=5 * 60)
    await office.work()
    assert await office.status(letter) == "cancelled"
    assert (await office.show(letter)).history[-1].note == "denied"
    assert await office.digipost.letters() == []


async def test_a_revoke_after_an_unknown_outcome_parks_what_the_mailbox_never_answers_for(office: Office) -> None:
    """Only the document's status is asked, nothing is sent; without an answer a person looks, and may ask again."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("drop_after")
    await office.work()
    await office.revoke(consent)
    await office.digipost.order("unavailable", calls="status", times=1000)
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=6 * 60)
    await office.work()
    parked = await office.show(letter)
    assert (parked.status, parked.history[-1].note) == ("parked", "unanswered-after-end")
    assert await office.out(consent) == ["dispatched"]
    await office.digipost.put_right()
    await operators.retry(office.db, office.keys.service, office.clock, letter)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert len(await office.digipost.letters()) == 1


async def test_an_unanswered_letter_whose_consent_is_in_force_is_asked_about_again_and_again(office: Office) -> None:
    """Nobody needs to look while it may still be sent."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_after")
    await office.work()
    await office.digipost.order("unavailable", calls="status", times=1000)
    for _ in range(3):
        office.clock.advance(seconds=6 * 60)
        await office.work()
    assert await office.status(letter) == "dispatched"
    await office.digipost.put_right()
    office.clock.advance(seconds=6 * 60)
    await office.work()
    assert await office.status(letter) == "delivered"


async def test_a_letter_that_the_mailbox_holds_back_is_waited_for(office: Office) -> None:
    """Taken but not yet delivered: dispatched until the mailbox says delivered, and sent once."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("held_back", seconds=30)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=60)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert len(await office.digipost.letters()) == 1


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


async def test_a_worker_killed_after_the_mailbox_answered_makes_no_second_letter(office: Office) -> None:
    """Sent and not written down (failpoint F4): the next worker finds out and writes it down."""
    letter = await office.letter(await office.consent(await office.candidate()))
    shown = await office.show(letter)
    (attempt,) = await office.outbox().claim(10)
    answer = await office.gate.dispatch(office.ask(attempt.letter))
    assert isinstance(answer, Dispatched)
    await office.digipost.mailbox().send(
        OutgoingLetter(shown.message_id, shown.document_uuid, answer.national_id, "x", answer.pdf, "817920632")
    )
    office.clock.advance(seconds=61)
    await office.work()
    assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]
    assert len(await office.digipost.letters()) == 1


async def test_a_letter_that_the_mailbox_has_though_nothing_was_in_doubt_is_delivered(office: Office) -> None:
    """After a restored backup we may not know what we sent: the duplicate is confirmed, not sent under a new id."""
    letter = await office.letter(await office.consent(await office.candidate()))
    shown = await office.show(letter)
    mailbox = office.digipost.mailbox()
    await mailbox.send(OutgoingLetter(shown.message_id, shown.document_uuid, USER, "x", b"%PDF-", "817920632"))
    await office.work()
    assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]
    assert len(await office.digipost.letters()) == 1


async def test_an_id_that_was_used_for_something_else_parks_the_letter(office: Office) -> None:
    """A duplicate that the mailbox does not have under our document is nobody's to guess about."""
    letter = await office.letter(await office.consent(await office.candidate()))
    shown = await office.show(letter)
    mailbox = office.digipost.mailbox()
    await mailbox.send(OutgoingLetter(shown.message_id, str(uuid4()), USER, "x", b"%PDF-", "817920632"))
    await office.work()
    parked = await office.show(letter)
    assert (parked.status, parked.history[-1].note) == ("parked", "DUPLICATE_MESSAGE")


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


class Choking(Mailbox):
    """A mailbox whose adapter breaks on one letter."""

    def __init__(self, inner: Mailbox, on: str) -> None:
        self._inner, self._on = inner, on

    async def send(self, letter: OutgoingLetter) -> Outcome:
        if letter.message_id == self._on:
            raise RuntimeError("a fault of ours")
        return await self._inner.send(letter)

    async def status(self, document_uuid: str, sender_organisation: str | None = None) -> DocumentStatus:
        return await self._inner.status(document_uuid, sender_organisation)

    async def identify(self, national_id: str) -> Identification:
        return await self._inner.identify(national_id)

    async def events(self, since: int, until: int) -> tuple[DocumentEvent, ...] | Unanswered:
        return await self._inner.events(since, until)


async def test_one_poisoned_letter_delays_no_other(office: Office) -> None:
    """Twenty good letters behind a bad one are delivered in the same turn; the bad one waits for itself."""
    consent = await office.consent(await office.candidate())
    bad = await office.letter(consent, text="bad")
    good = [await office.letter(consent, text=f"good {n}") for n in range(20)]
    choking = Choking(office.digipost.mailbox(), (await office.show(bad)).message_id)
    await office.work(mailbox=choking)
    assert {await office.status(letter) for letter in good} == {"delivered"}
    waiting = await office.show(bad)
    assert waiting.status == "accepted"
    assert waiting.may_be_out


async def test_a_letter_that_never_succeeds_is_parked_in_the_end(office: Office) -> None:
    """After so many attempts a person has a look; it is neither lost nor tried for ever."""
    letter = await office.letter(await office.consent(await office.candidate()))
    choking = Choking(office.digipost.mailbox(), (await office.show(letter)).message_id)
    timing = Timing(most_attempts=3)
    for _ in range(3):
        await office.worker(mailbox=choking, timing=timing).run_until_idle()
        office.clock.advance(seconds=3600)
    assert await office.status(letter) == "parked"
    assert await office.seen(letter) == ["accepted"]


async def test_a_wrong_certificate_parks_letters_and_an_operator_lets_them_go_on(office: Office) -> None:
    """What only an operator can put right is parked at once, listed, and delivered after retry."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.work(mailbox=office.digipost.mailbox(sign=signer(intruder())))
    async with office.db.snapshot() as view:
        (parked,) = await operators.listed(view)
        assert await operators.counts(view) == {"parked": 1}
    assert (parked.id, parked.history[-1].note) == (letter, "INVALID_SIGNATURE")
    assert not parked.may_be_out
    office.clock.advance(days=1)
    await office.work()
    assert await office.status(letter) == "parked"
    await operators.retry(office.db, office.keys.service, office.clock, letter)
    await office.work()
    assert await office.status(letter) == "delivered"


class ShutGate:
    """The gate while the key provider is down."""

    async def dispatch(self, ask: DispatchAsk) -> Dispatched | Refused:
        raise KeyProviderDown


async def test_a_key_provider_that_is_down_delays_and_loses_nothing(office: Office) -> None:
    """Nothing can be opened, so nothing is sent; the letter goes when the keys are back."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.work(gate=ShutGate())
    waiting = await office.show(letter)
    assert (waiting.status, waiting.may_be_out) == ("accepted", False)
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "delivered"


async def test_a_paused_consent_holds_its_letters_back(office: Office) -> None:
    """A paused letter waits without using up its attempts, however long that is."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.pause(consent)
    for _ in range(3):
        await office.work()
        office.clock.advance(seconds=2 * 3600)
    waiting = await office.show(letter)
    assert (waiting.status, waiting.attempts) == ("accepted", 0)
    assert await office.digipost.letters() == []


async def test_many_workers_deliver_every_letter_once(office: Office) -> None:
    """Three workers at once over forty letters: each is delivered, none twice."""
    consent = await office.consent(await office.candidate())
    letters = [await office.letter(consent, text=str(n)) for n in range(40)]
    await asyncio.gather(*(office.work() for _ in range(3)))
    assert {await office.status(letter) for letter in letters} == {"delivered"}
    assert len(await office.digipost.letters()) == 40


async def test_a_running_worker_stops_when_told_and_leaves_nothing_half_done(office: Office) -> None:
    """Cancelled while a letter is under way, it lets that end, claims no more, and raises only its cancellation."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("slow", seconds=0.5)
    running = asyncio.create_task(office.worker().run())
    await asyncio.sleep(0.3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await office.status(letter) == "delivered"


async def test_a_running_worker_sees_a_letter_that_comes_later(office: Office) -> None:
    """Nobody wakes it: it looks often enough."""
    consent = await office.consent(await office.candidate())
    running = asyncio.create_task(office.worker().run())
    await asyncio.sleep(0.1)
    letter = await office.letter(consent)
    await asyncio.sleep(1.5)
    assert await office.status(letter) == "delivered"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_wait_doubles_up_to_an_hour_with_jitter() -> None:
    """Half of the wait is fixed, half chance."""
    timing = Timing()
    assert [timing.wait(n, lambda: 1.0) // SECOND for n in (1, 2, 3, 12)] == [1, 2, 4, 2048]
    assert timing.wait(60, lambda: 1.0) == HOUR
    assert timing.wait(60, lambda: 0.0) == 30 * MINUTE
