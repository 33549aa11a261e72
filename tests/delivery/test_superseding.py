"""A newer version of a plan takes the older one's place, at the mailbox too, as far as it can."""

from __future__ import annotations

from consent_service.audit.log import lock
from consent_service.delivery import operators
from consent_service.delivery.letters import supersede
from consent_service.events import feed
from consent_service.events.sequencer import number
from tests.delivery.conftest import Office
from tests.delivery.test_at_once import Meanwhile, works
from tests.support.digipost import COUNTY, intruder, signer


async def after(office: Office, letter: str, *, text: str = "newer") -> str:
    """The letter of the next version of the plan."""
    older = await office.show(letter)
    async with office.db.snapshot() as view:
        consent = await office.stored(view, older.consent_id)
    return await office.letter(consent, plan_id=older.plan_id, version=older.plan_version + 1, text=text)


async def test_an_unsent_older_letter_is_cancelled_with_the_reason(office: Office) -> None:
    """The mailbox gets the newer one alone; history and log say why the older one did not go."""
    candidate = await office.candidate()
    older = await office.letter(await office.consent(candidate))
    newer = await after(office, older)
    cancelled = await office.show(older)
    assert (cancelled.status, cancelled.history[-1].note, cancelled.next_attempt_at) == (
        "cancelled",
        "superseded",
        None,
    )
    await office.work()
    assert await office.status(newer) == "delivered"
    (taken,) = await office.digipost.letters()
    assert taken["document_uuid"] == (await office.show(newer)).document_uuid
    assert (await office.logged(candidate))[:3] == ["letter.accepted", "letter.accepted", "letter.cancelled"]


async def test_a_parked_older_letter_is_cancelled_too(office: Office) -> None:
    """Nothing of it left, so that an operator has nothing to put right any more."""
    older = await office.letter(await office.consent(await office.candidate()))
    await office.work(mailbox=office.digipost.mailbox(sign=signer(intruder())))
    assert await office.status(older) == "parked"
    await after(office, older)
    assert await office.status(older) == "cancelled"
    async with office.db.snapshot() as view:
        assert await operators.listed(view) == []


async def test_an_older_letter_that_may_be_out_is_not_sent_anew(office: Office) -> None:
    """The mailbox denies having it, for good: cancelled, since a newer one has come; it was never sent again."""
    older = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_before")
    await office.work()
    newer = await after(office, older)
    assert await office.status(older) == "dispatched"
    office.clock.advance(seconds=5)
    await office.work()
    assert await office.status(older) == "dispatched"
    office.clock.advance(seconds=11 * 60)
    await office.work()
    cancelled = await office.show(older)
    assert (cancelled.status, cancelled.history[-1].note) == ("cancelled", "superseded")
    (taken,) = await office.digipost.letters()
    assert taken["document_uuid"] == (await office.show(newer)).document_uuid


async def test_an_older_letter_that_may_be_out_is_not_sent_after_one_for_her_pages_alone(office: Office) -> None:
    """The newer version has no letter; what may be out of the older one is asked about, and never sent again."""
    candidate = await office.candidate()
    older = await office.letter(await office.consent(candidate))
    await office.digipost.order("drop_before")
    await office.work()
    shown = await office.show(older)
    async with office.db.transaction() as tx:
        head = (await lock(tx, [candidate]))[candidate]
        await supersede(tx, office.keys.service, head, shown.plan_id, shown.plan_version + 1, now=office.clock.now())
    assert await office.status(older) == "dispatched"
    office.clock.advance(seconds=11 * 60)
    await office.work()
    cancelled = await office.show(older)
    assert (cancelled.status, cancelled.history[-1].note) == ("cancelled", "superseded")
    assert await office.digipost.letters() == []


async def test_an_older_letter_that_the_mailbox_has_is_delivered(office: Office) -> None:
    """What has arrived can't be called back, and is not said to be cancelled."""
    older = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_after")
    await office.work()
    await after(office, older)
    office.clock.advance(seconds=5)
    await office.work()
    assert await office.status(older) == "delivered"
    assert len(await office.digipost.letters()) == 2


async def test_a_delivered_older_letter_stays_delivered(office: Office) -> None:
    """A correction changes nothing about what was."""
    older = await office.letter(await office.consent(await office.candidate()))
    await office.work()
    await after(office, older)
    assert await office.status(older) == "delivered"


async def test_another_plans_letter_is_left_alone(office: Office) -> None:
    """Only versions of one plan take each other's place."""
    consent = await office.consent(await office.candidate())
    other, older = await office.letter(consent), await office.letter(consent)
    await after(office, older)
    assert await office.status(other) == "accepted"


async def test_the_unit_hears_of_the_newer_one_alone(office: Office) -> None:
    """To it there is one plan, and that one was not cancelled."""
    older = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_before")
    await office.work()
    await after(office, older)
    office.clock.advance(seconds=12 * 60)
    await office.work()
    assert await office.status(older) == "cancelled"
    async with office.db.transaction() as tx:
        await number(tx, holder="test", now=office.clock.now())
    async with office.db.snapshot() as view:
        events = await feed.read(view, office.training.id, after=0, limit=100)
    assert [event.state for event in events if event.type == "plan"] == ["delivered"]


async def test_a_newer_version_that_comes_during_the_attempt_stops_the_older(office: Office) -> None:
    """It is accepted while the mailbox is asked about the older one in doubt, which is then not sent any more."""
    older = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_before")
    await office.work()
    document = (await office.show(older)).document_uuid

    async def newer() -> None:
        await after(office, older)

    way = Meanwhile(f"/documents/{COUNTY.user_id}/{document}/status", newer)
    office.clock.advance(seconds=20 * 60)
    await works(office, way)
    cancelled = await office.show(older)
    assert (cancelled.status, cancelled.history[-1].note) == ("cancelled", "superseded")
    assert [letter["document_uuid"] == document for letter in await office.digipost.letters()] == [False]
