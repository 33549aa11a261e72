"""Whoever can write the database changes a consent's row: no letter is decided on by the row's looks."""

from __future__ import annotations

import pytest

from consent_service.consents.gate import Dispatched
from consent_service.delivery.outbox import tidy
from consent_service.events import feed
from consent_service.events.sequencer import number
from consent_service.storage.engine import Statement
from tests.delivery.conftest import Office

_LOOK_LIKE = Statement("UPDATE consent SET state = :state, ended_at = :at WHERE id = :id")


async def look_like(office: Office, consent_id: str, state: str, at: int | None = None) -> None:
    """Somebody else's hand."""
    async with office.db.transaction() as tx:
        await tx.run(_LOOK_LIKE, state=state, at=at, id=consent_id)


async def test_a_row_made_to_look_expired_destroys_nothing(office: Office) -> None:
    """The mailbox keeps its shares: put back as it was, the consent lets the letter go as before."""
    consent = await office.consent(await office.candidate())
    await office.letter(consent)
    await office.work()
    letter = await office.letter(consent)
    async with office.db.snapshot() as view:
        assert (await office.stored(view, consent.id)).state == "granted"
    await look_like(office, consent.id, "expired", office.clock.now())
    (attempt,) = await office.outbox().claim(1)
    await office.digipost.order("error_before", times=3)
    assert await tidy(office.db, office.keys.service, office.clock) == 0
    await look_like(office, consent.id, "granted")
    assert isinstance(await office.gate.dispatch(office.ask(attempt.letter)), Dispatched)
    assert attempt.letter.id == letter


async def test_a_revoked_row_made_to_look_granted_tells_the_unit_nothing(office: Office) -> None:
    """The letter was out when she revoked; that it arrived is no longer the unit's to know."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.digipost.order("drop_after")
    await office.work()
    await office.revoke(consent)
    await look_like(office, consent.id, "granted")
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "delivered"
    async with office.db.transaction() as tx:
        await number(tx, holder="test", now=office.clock.now())
    async with office.db.snapshot() as view:
        events = await feed.read(view, office.training.id, after=0, limit=100)
    assert [event.state for event in events if event.type == "plan"] == []


@pytest.mark.parametrize("state", ["revoked", "nonsense"])
async def test_a_letter_under_a_changed_row_waits_for_a_person(office: Office, state: str) -> None:
    """It is neither sent nor cancelled: the gate alone judges, and it can't."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await look_like(office, consent.id, state, office.clock.now())
    await office.work()
    parked = await office.show(letter)
    assert (parked.status, parked.history[-1].note) == ("parked", "tampered")
    assert await office.digipost.letters() == []
