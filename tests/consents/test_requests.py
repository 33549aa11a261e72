"""Requests: narrowed, refused, left unanswered, taken back; and what the asker may know of it."""

from __future__ import annotations

import pytest

from consent_service.consents import requests
from consent_service.consents.gate import Released
from consent_service.consents.reading import find_for_unit
from consent_service.errors import Invalid, NotAnswerable, NotAvailable
from consent_service.events import feed
from consent_service.identity.units import Unit
from tests.consents.conftest import Town
from tests.consents.requesting import answer, ask, heard, refuse
from tests.support.acting import BY


async def test_a_request_is_narrowed_never_widened(town: Town) -> None:
    """Less than was asked for is granted; more is refused, and the request still waits."""
    consent_id = await ask(town, "note.interests")
    with pytest.raises(Invalid):
        await answer(town, consent_id, "interests", "needs")
    await answer(town, consent_id, "interests")
    assert isinstance(await town.release(consent_id), Released)
    with pytest.raises(NotAnswerable):
        await answer(town, consent_id, "interests")
    assert await heard(town, town.nav) == ["granted"]


async def test_a_no_and_silence_reach_the_asker_alike(town: Town) -> None:
    """In view and feed, refused, lapsed and unanswered requests are the same before and after the reply-by date."""
    refused, unanswered, lapsed = [await ask(town) for _ in range(3)]
    await refuse(town, refused)

    async def seen(consent_id: str) -> dict[str, object]:
        async with town.db.snapshot() as view:
            found = await find_for_unit(view, town.desk.keys, town.nav.id, consent_id, now=town.clock.now())
        return {**vars(found), "id": None}

    assert await seen(refused) == await seen(unanswered)
    assert await heard(town, town.nav) == []
    town.clock.advance(days=1)
    async with town.db.transaction() as tx:
        await requests.lapse(tx, town.desk, lapsed, town.candidate_id, at=town.clock.now())
    assert await seen(refused) == await seen(unanswered) == await seen(lapsed)
    assert (await seen(lapsed))["state"] == "not_granted"
    assert await heard(town, town.nav) == ["not_granted"] * 3
    async with town.db.snapshot() as view:
        told = await feed.read(view, town.nav.id, after=0, limit=9)
    assert len({event.at for event in told}) == 1


async def test_a_late_answer_is_no_answer(town: Town) -> None:
    """After the reply-by date neither yes nor no is taken, whether or not the sweep has been."""
    consent_id = await ask(town)
    town.clock.advance(days=2)
    with pytest.raises(NotAnswerable):
        await answer(town, consent_id, "interests")
    with pytest.raises(NotAnswerable):
        await refuse(town, consent_id)


async def cancel(town: Town, consent_id: str, unit: Unit) -> None:
    """A unit takes a request back."""
    async with town.db.transaction() as tx:
        await requests.cancel(tx, town.desk, consent_id, unit, by=BY, at=town.clock.now())


async def test_only_the_asker_cancels_and_only_what_waits(town: Town) -> None:
    """A cancelled request can't be granted; somebody else's, and a granted one, are not there to cancel."""
    waiting, granted = await ask(town), await ask(town)
    await answer(town, granted, "interests")
    for unit, consent_id in ((town.other_nav, waiting), (town.nav, granted)):
        with pytest.raises(NotAvailable):
            await cancel(town, consent_id, unit)
    await cancel(town, waiting, town.nav)
    with pytest.raises(NotAnswerable):
        await answer(town, waiting, "interests")


async def test_cancelling_does_not_tell_a_no_from_silence(town: Town) -> None:
    """Taken back, a refused request and an unopened one look and sound the same."""
    refused, silent = await ask(town), await ask(town)
    await refuse(town, refused)
    seen = []
    for consent_id in (refused, silent):
        await cancel(town, consent_id, town.nav)
        async with town.db.snapshot() as view:
            found = await find_for_unit(view, town.desk.keys, town.nav.id, consent_id, now=town.clock.now())
        seen.append({**vars(found), "id": None})
    assert seen[0] == seen[1]
    assert seen[0]["state"] == "cancelled"
    assert await heard(town, town.nav) == ["cancelled", "cancelled"]
