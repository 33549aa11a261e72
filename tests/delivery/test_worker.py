"""The worker's stories, against a local Digipost on loopback."""

from __future__ import annotations

import asyncio

import pytest

from tests.delivery.conftest import Office
from tests.support.digipost import DEACTIVATED

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
