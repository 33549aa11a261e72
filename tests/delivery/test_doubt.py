"""Letters that may be out: the mailbox is asked, and nothing is sent anew, cancelled or given up on a guess."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from consent_service.consents.gate import Dispatched
from consent_service.delivery import operators
from consent_service.mailbox.port import DocumentStatus, Mailbox, NotHeld, OutgoingLetter
from tests.delivery.conftest import Office
from tests.delivery.test_printing import Watched
from tests.support.digipost import USER, Unlinked


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
    office.clock.advance(seconds=10 * 60)
    await office.work()
    assert await office.status(letter) == "cancelled"
    assert (await office.show(letter)).history[-1].note == "denied"
    assert await office.digipost.letters() == []


async def test_a_revoke_after_an_unknown_outcome_parks_what_the_mailbox_never_answers_for(office: Office) -> None:
    """Only the document's status is asked, nothing is sent; without an answer a person is called, and may ask again."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("drop_after")
    await office.work()
    await office.revoke(consent)
    await office.digipost.order("unavailable", calls="status", times=1000)
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=11 * 60)
    with capture_logs() as told:
        await office.work()
    parked = await office.show(letter)
    assert (parked.status, parked.history[-1].note) == ("parked", "unanswered-after-end")
    assert [(one["status"], one["alarm"]) for one in told if one["event"] == "letter"] == [("parked", "outbox")]
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
        office.clock.advance(seconds=11 * 60)
        await office.work()
    assert await office.status(letter) == "dispatched"
    await office.digipost.put_right()
    office.clock.advance(seconds=11 * 60)
    await office.work()
    assert await office.status(letter) == "delivered"


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


@pytest.fixture
async def unlinked(office: Office) -> AsyncIterator[Office]:
    """The office, whose Digipost does not say under which account a sender's documents stand."""
    async with httpx.AsyncClient(transport=Unlinked("get_sender_information"), timeout=2.0) as http:
        office.digipost = replace(office.digipost, http=http)
        yield office


async def test_a_denial_about_another_account_cancels_nothing(unlinked: Office) -> None:
    """After the revoke the mailbox denies it under our own account, and has it under the county's: a person looks."""
    consent = await unlinked.consent(await unlinked.candidate())
    letter = await unlinked.letter(consent)
    await unlinked.digipost.order("drop_after")
    await unlinked.work()
    await unlinked.revoke(consent)
    unlinked.clock.advance(seconds=2)
    await unlinked.work()
    assert await unlinked.status(letter) == "dispatched"
    unlinked.clock.advance(seconds=20 * 60)
    await unlinked.work()
    assert await unlinked.status(letter) == "parked"
    assert (await unlinked.show(letter)).may_be_out


async def test_a_letter_whose_account_nobody_knew_is_found_once_another_of_the_sender_s_was_taken(
    unlinked: Office,
) -> None:
    """The answer to the other names the account; the letter in doubt is delivered, and went out once."""
    consent = await unlinked.consent(await unlinked.candidate())
    letter = await unlinked.letter(consent)
    worker = unlinked.worker()
    await unlinked.digipost.order("drop_after")
    await worker.run_until_idle()
    other = await unlinked.letter(consent, text="other")
    await worker.run_until_idle()
    unlinked.clock.advance(seconds=2)
    await unlinked.revoke(consent)
    await worker.run_until_idle()
    assert (await unlinked.status(other), await unlinked.status(letter)) == ("delivered", "delivered")
    assert len(await unlinked.digipost.letters()) == 2


async def test_a_letter_that_was_not_taken_is_sent_though_nobody_knows_the_account(unlinked: Office) -> None:
    """In force it goes again under the same ids: a mailbox that has it would refuse it."""
    letter = await unlinked.letter(await unlinked.consent(await unlinked.candidate()))
    await unlinked.digipost.order("drop_before")
    await unlinked.work()
    unlinked.clock.advance(seconds=2)
    await unlinked.work()
    assert await unlinked.status(letter) == "delivered"
    assert len(await unlinked.digipost.letters()) == 1


class Lagging(Watched):
    """A mailbox that denies a document for a while: it has its ids, and does not show it yet."""

    def __init__(self, inner: Mailbox, times: int) -> None:
        super().__init__(inner)
        self._times = times

    async def status(
        self, document_uuid: str, sender_organisation: str | None = None, sent_as: str | None = None
    ) -> DocumentStatus:
        self._times -= 1
        return await super().status(document_uuid, sender_organisation, sent_as) if self._times < 0 else NotHeld()


async def test_a_duplicate_that_our_own_earlier_attempt_explains_is_asked_about_again(office: Office) -> None:
    """The mailbox has the ids and not yet the document: no person is needed while what was sent may still get there."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_after")
    await office.work()
    lagging = Lagging(office.digipost.mailbox(), 2)
    office.clock.advance(seconds=2)
    await office.work(mailbox=lagging)
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=20)
    await office.work(mailbox=lagging)
    assert await office.status(letter) == "delivered"
    assert len(await office.digipost.letters()) == 1


async def test_a_duplicate_that_nothing_of_ours_explains_any_more_waits_for_a_person(office: Office) -> None:
    """Denied still when whatever we sent has arrived or never will: the ids are somebody else's."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_after")
    await office.work()
    office.clock.advance(seconds=20 * 60)
    await office.work(mailbox=Lagging(office.digipost.mailbox(), 2))
    parked = await office.show(letter)
    assert (parked.status, parked.history[-1].note) == ("parked", "DUPLICATE_MESSAGE")


async def test_a_denial_is_final_when_no_clock_within_five_minutes_of_ours_takes_the_signature(office: Office) -> None:
    """Digipost's may be five minutes behind, and then takes what we signed for ten minutes of ours."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("drop_before")
    await office.work()
    await office.revoke(consent)
    office.clock.advance(seconds=9 * 60)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=2 * 60)
    await office.work()
    assert await office.status(letter) == "cancelled"
