"""Letters in, out of sight and out of existence; what units, the candidate and operators see of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from consent_service.audit.log import lock
from consent_service.consents.gate import Refused
from consent_service.consents.standing import terms_of
from consent_service.delivery import letters, operators, reading
from consent_service.delivery.letters import NewLetter
from consent_service.delivery.outbox import tidy
from consent_service.errors import NotAvailable, WrongState
from consent_service.events import feed
from consent_service.events.sequencer import number
from consent_service.vault.keys import MAILBOX
from consent_service.vault.parts import ShareTerms
from consent_service.vault.seal import erase, seal
from tests.delivery.conftest import Office
from tests.support.acting import BY


async def test_a_letter_of_another_plan_or_consent_is_not_taken_in(office: Office) -> None:
    """The PDF, the letter and the terms must be about one plan, one candidate and one consent."""
    consent, other = await office.consent(await office.candidate()), uuid4()
    assert consent.candidate_id is not None
    owner, mailbox = await office.keys.candidate(consent.candidate_id), await office.keys.recipient(MAILBOX)
    letter = NewLetter("plan", 1, consent.id, office.training.id, "817920632", "Brev", "nb")
    terms = terms_of(consent).share_terms(MAILBOX)
    wrong = [
        (replace(letter, plan_version=2), terms),
        (replace(letter, consent_id=str(other)), terms),
        (letter, terms._replace(recipient_id=office.training.id)),
    ]

    async def enqueue(bad: NewLetter, bad_terms: ShareTerms) -> None:
        assert consent.candidate_id is not None
        async with office.db.transaction() as tx:
            head = (await lock(tx, [consent.candidate_id]))[consent.candidate_id]
            ref = letters.pdf_of(consent.candidate_id, "plan", 1)
            pdf = await seal(tx, owner, ref, b"%PDF-", held_for="county", at=office.clock.now())
            log_key, now = office.keys.service.log, office.clock.now()
            await letters.enqueue(tx, log_key, head, bad, pdf, bad_terms, mailbox, by=BY, now=now)

    for bad, bad_terms in wrong:
        with pytest.raises(ValueError, match=r"belong|recipient"):
            await enqueue(bad, bad_terms)
    async with office.db.snapshot() as view:
        assert await reading.of_candidate(view, consent.candidate_id) == []


async def test_two_letters_never_share_an_id(office: Office) -> None:
    """Each letter has a message and a document of its own, known before anything is sent."""
    consent = await office.consent(await office.candidate())
    one, two = [await office.show(await office.letter(consent)) for _ in range(2)]
    assert len({one.message_id, one.document_uuid, two.message_id, two.document_uuid}) == 4


async def test_two_workers_claim_no_letter_twice(office: Office) -> None:
    """Whatever they claim at the same moment, no letter is among both."""
    consent = await office.consent(await office.candidate())
    for _ in range(12):
        await office.letter(consent)
    claims = await asyncio.gather(*(office.outbox(f"w{n}").claim(5) for n in range(4)))
    claimed = [attempt.letter.id for claim in claims for attempt in claim]
    assert len(claimed) == len(set(claimed)) == 12


async def test_the_unit_hears_of_the_delivery_while_the_consent_is_in_force(office: Office) -> None:
    """One event with the plan's id and its state, and none once the consent was revoked."""
    consent = await office.consent(await office.candidate())
    await office.letter(consent)
    await office.work()
    await office.letter(consent)
    await office.revoke(consent)
    await office.work()
    async with office.db.transaction() as tx:
        office.clock.advance(seconds=1)
        await number(tx, holder="test", now=office.clock.now())
    async with office.db.snapshot() as view:
        events = await feed.read(view, office.training.id, after=0, limit=100)
    assert [event.state for event in events if event.type == "plan"] == ["delivered"]


async def test_letters_out_names_what_may_be_out_and_nothing_else(office: Office) -> None:
    """Delivered and doubtful letters are named; waiting and undelivered ones are not."""
    consent = await office.consent(await office.candidate())
    await office.letter(consent)
    await office.work()
    await office.digipost.order("drop_before")
    await office.letter(consent)
    await office.work()
    await office.letter(consent)
    assert sorted(await office.out(consent)) == ["delivered", "dispatched"]
    (claimed,) = await office.outbox().claim(10)
    assert sorted(await office.out(consent)) == ["delivered", "dispatched", "dispatched"]
    assert claimed.letter.doubt_until is None


async def test_the_mailbox_can_open_nothing_once_its_letters_and_the_consent_are_over(office: Office) -> None:
    """After expiry the shares stay for the letter on its way, and go with its delivery."""
    consent = await office.consent(await office.candidate(), days=1)
    letter = await office.letter(consent)
    office.clock.advance(days=3)
    await office.sweep()
    assert await tidy(office.db, office.keys.service, office.clock) == 0
    (attempt,) = await office.outbox().claim(1)
    office.clock.advance(seconds=61)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert isinstance(await office.gate.dispatch(office.ask(attempt.letter)), Refused)
    assert await tidy(office.db, office.keys.service, office.clock) == 0


async def test_shares_left_by_a_delivered_letter_go_when_the_consent_expires(office: Office) -> None:
    """The sweep finds consents that ran out after their letters were delivered."""
    consent = await office.consent(await office.candidate(), days=1)
    letter = await office.letter(consent)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert await tidy(office.db, office.keys.service, office.clock) == 0
    office.clock.advance(days=3)
    await office.sweep()
    assert await tidy(office.db, office.keys.service, office.clock) == 1
    assert await tidy(office.db, office.keys.service, office.clock) == 0


async def test_shares_stay_while_another_letter_under_the_consent_is_open(office: Office) -> None:
    """Of two letters the first is delivered and the consent runs out: the second can still be opened and sent."""
    consent = await office.consent(await office.candidate(), days=1)
    await office.letter(consent)
    await office.work()
    waiting = await office.letter(consent)
    office.clock.advance(days=3)
    await office.sweep()
    assert await tidy(office.db, office.keys.service, office.clock) == 0
    await office.work()
    assert await office.status(waiting) == "delivered"


async def test_an_erased_persons_letters_are_gone_while_one_is_under_way(office: Office) -> None:
    """What the worker then has to say about it is about nobody."""
    consent = await office.consent(await office.candidate())
    assert consent.candidate_id is not None
    letter = await office.letter(consent)
    outbox = office.outbox()
    (attempt,) = await outbox.claim(1)
    async with office.db.transaction() as tx:
        await lock(tx, [consent.candidate_id])
        assert await letters.forget(tx, consent.candidate_id) == 1
        await erase(tx, consent.candidate_id)
    assert not await outbox.finish(attempt, outbox.lost(attempt, "timeout"))
    async with office.db.snapshot() as view:
        assert await reading.of_candidate(view, consent.candidate_id) == []
        with pytest.raises(NotAvailable):
            await operators.show(view, letter)
    await office.work()
    assert await office.digipost.letters() == []


async def test_an_operator_cancels_what_has_not_left(office: Office) -> None:
    """It is in the candidate's log as an operator's act, and nothing is sent."""
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate))
    shown = await operators.cancel(office.db, office.keys.service, office.clock, letter)
    assert (shown.status, shown.history[-1].note) == ("cancelled", "operator")
    await office.work()
    assert await office.digipost.letters() == []
    assert await office.logged(candidate) == ["letter.accepted", "letter.cancelled"]
    with pytest.raises(WrongState):
        await operators.retry(office.db, office.keys.service, office.clock, letter)


async def test_an_operator_calls_back_nothing_that_may_be_out(office: Office) -> None:
    """Neither under way nor in doubt; and the refusal leaves no trace of an act that was not done."""
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate))
    await office.digipost.order("drop_after")
    await office.work()
    before = await office.logged(candidate)
    with pytest.raises(WrongState):
        await operators.cancel(office.db, office.keys.service, office.clock, letter)
    assert await office.logged(candidate) == before


async def test_a_retry_waits_for_an_attempt_that_is_under_way(office: Office) -> None:
    """Two attempts at one letter at once are never an operator's doing."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.outbox().claim(1)
    with pytest.raises(WrongState):
        await operators.retry(office.db, office.keys.service, office.clock, letter)
