"""What goes wrong with one letter, or for a while: it waits, it is parked, and it delays no other."""

from __future__ import annotations

import pytest

from consent_service.clock import HOUR, MINUTE, SECOND
from consent_service.consents.gate import DispatchAsk, Dispatched, Refused
from consent_service.delivery import operators
from consent_service.delivery.backoff import Timing
from consent_service.errors import KeyProviderDown
from consent_service.mailbox.port import Mailbox, Outcome, OutgoingLetter
from tests.delivery.conftest import Office
from tests.support.digipost import intruder, signer
from tests.support.mailbox import InFront


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


class Choking(InFront):
    """A mailbox whose adapter breaks on one letter."""

    def __init__(self, inner: Mailbox, on: str) -> None:
        super().__init__(inner)
        self._on = on

    async def send(self, letter: OutgoingLetter) -> Outcome:
        if letter.message_id == self._on:
            raise RuntimeError("a fault of ours")
        return await super().send(letter)


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


async def test_the_wait_doubles_up_to_an_hour_with_jitter() -> None:
    """Half of the wait is fixed, half chance."""
    timing = Timing()
    assert [timing.wait(n, lambda: 1.0) // SECOND for n in (1, 2, 3, 12)] == [1, 2, 4, 2048]
    assert timing.wait(60, lambda: 1.0) == HOUR
    assert timing.wait(60, lambda: 0.0) == 30 * MINUTE
