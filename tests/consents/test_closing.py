"""A unit that is closed: what it had ends with notice, passes to nobody, and is not readable in any way."""

from __future__ import annotations

import asyncio

import pytest

from consent_service.audit.log import lock
from consent_service.audit.reading import latest
from consent_service.clock import DAY
from consent_service.consents import closing, endings, receipts, requests
from consent_service.consents.closing import Closed, Open
from consent_service.consents.gate import Refused, Released
from consent_service.consents.reading import find_for_candidate, find_for_unit, in_force
from consent_service.errors import Invalid, NotAnswerable
from consent_service.identity import registry, units
from consent_service.identity.units import Unit
from consent_service.persons.lookup import lookup_of
from consent_service.persons.waiting import leave, waits
from consent_service.storage.engine import Statement
from tests.consents.conftest import Town, nid
from tests.consents.requesting import answer, ask, heard, refuse
from tests.consents.test_endings import held

SOMEBODY = nid("20914695016")


async def close(town: Town, unit: Unit, successor: Unit | None = None) -> Closed:
    """What the operator's command does."""
    async with town.db.transaction() as tx:
        successor_id = None if successor is None else successor.id
        await registry.close(tx, town.desk.keys, unit.id, successor_id=successor_id, at=town.clock.now())
    found = await closing.find_open(town.db, unit.id, now=town.clock.now())
    return await closing.end_all(town.db, town.desk, town.clock, unit.id, found)


async def states(town: Town, *ids: str) -> list[str]:
    """How consents stand for the candidate."""
    async with town.db.snapshot() as view:
        seen = [
            await find_for_candidate(view, town.desk.keys, town.candidate_id, one, now=town.clock.now()) for one in ids
        ]
    return [one.state for one in seen]


async def ask_for_training(town: Town) -> str:
    """NAV asks, for somebody who has not come, that vocational training may read."""
    async with town.db.transaction() as tx:
        at = town.clock.now()
        consent_id = await requests.ask(
            tx,
            town.desk,
            town.desk.purposes.get("competence_mapping"),
            recipient=town.training,
            requester=town.nav,
            part_kinds=["note.interests"],
            reply_by=at + DAY,
            at=at,
        )
        keys = town.desk.keys
        about = {"item_id": consent_id, "payload": b"{}", "from_unit": town.nav.id, "at": at, "lapses_at": at + DAY}
        await leave(tx, keys.waiting, keys.lookup, SOMEBODY, kind="mapping_request", **about)  # type: ignore[arg-type]
    return consent_id


async def test_what_a_closed_unit_had_ends_with_notice(town: Town) -> None:
    """Granted and paused end, their shares are gone; she reads why, has a receipt of it, and its feed says so."""
    granted, paused = await town.grant(), await town.grant()
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, paused.id, now=town.clock.now())
    others = await town.grant(town.choice())
    assert await close(town, town.nav, town.other_nav) == Closed(ended=3)
    assert await states(town, granted.id, paused.id, others.id) == ["invalidated"] * 3
    assert [await held(town, one.id) for one in (granted, paused, others)] == [0, 0, 0]
    async with town.db.snapshot() as view:
        lines = await latest(view, town.desk.keys.log, town.candidate_id, before=None, limit=3)
        signed = await receipts.shown(view, town.desk.keys.receipts, granted.id, granted=True)
    assert [(line.event, line.actor, line.outcome, line.unit_id) for line in lines] == [
        ("consent.invalidated", "service", "unit_closed", town.nav.id)
    ] * 3
    assert [row["type"] for row in signed] == ["given", "termination"]
    assert (await heard(town, town.nav))[-3:] == ["invalidated"] * 3


async def test_nothing_passes_to_the_successor(town: Town) -> None:
    """It has no consent, no event and no share; with a consent of its own it reads what that one lets it have."""
    consent = await town.grant()
    await close(town, town.nav, town.other_nav)
    assert await town.release(consent.id, unit=town.other_nav) == Refused("not_recipient")
    assert await heard(town, town.other_nav) == []
    async with town.db.snapshot() as view:
        now = town.clock.now()
        assert await in_force(view, town.desk.keys, town.other_nav.id, town.candidate_id, now=now) == []
    town.nav = town.other_nav
    assert isinstance(await town.release((await town.grant()).id), Released)


async def test_from_its_first_moment_nothing_is_readable(town: Town) -> None:
    """Before any consent has been ended the gate refuses already, repeats too, and nothing more is granted or asked."""
    consent = await town.grant()
    assert isinstance(await town.release(consent.id, key="the same"), Released)
    async with town.db.transaction() as tx:
        await registry.close(tx, town.desk.keys, town.nav.id, successor_id=None, at=town.clock.now())
    assert await town.release(consent.id, key="the same") == Refused("unit_disabled")
    with pytest.raises(Invalid):
        await town.grant()
    with pytest.raises(Invalid):
        await ask(town)


async def test_what_it_asked_and_what_it_was_asked_for_falls_away(town: Town) -> None:
    """The closed unit's own questions, and others' questions that it was to receive under, bound to somebody or not."""
    waiting, refused = await ask(town), await ask(town)
    await refuse(town, refused)
    asked = await ask_for_training(town)
    assert await close(town, town.nav) == Closed(fallen_away=3)
    assert await states(town, waiting, refused) == ["cancelled", "refused"]
    with pytest.raises(NotAnswerable):
        await answer(town, waiting, "interests")
    async with town.db.snapshot() as view:
        lookups = [lookup_of(town.desk.keys.lookup, SOMEBODY)]
        assert not await waits(view, lookups, now=town.clock.now())
        seen = await find_for_unit(view, town.desk.keys, town.nav.id, asked, now=town.clock.now())
    assert seen.state == "cancelled"
    assert await heard(town, town.nav) == ["cancelled"] * 3


async def test_an_asker_who_goes_on_can_not_tell_a_no_from_silence(town: Town) -> None:
    """Its question to a unit that is closed is taken back in the same words, whatever she had answered."""
    bound, silent = await ask_for_training(town), await ask_for_training(town)
    async with town.db.transaction() as tx:
        heads = await lock(tx, [town.candidate_id])
        await requests.bind(tx, town.keys.service, heads[town.candidate_id], bound, by=None, at=town.clock.now())
    await refuse(town, bound)
    assert await close(town, town.training) == Closed(fallen_away=2)
    async with town.db.snapshot() as view:
        seen = [
            vars(await find_for_unit(view, town.desk.keys, town.nav.id, one, now=town.clock.now()))
            for one in (bound, silent)
        ]
    assert {**seen[0], "id": ""} == {**seen[1], "id": ""}
    assert await heard(town, town.nav) == ["cancelled"] * 2


async def test_a_consent_that_another_unit_receives_under_stands(town: Town) -> None:
    """Who asked for it is closed; who receives, and what she said yes to, are as they were."""
    choice = town.choice()
    consent_id = await ask(town)
    await answer(town, consent_id, "interests")
    consent = await town.grant(choice)
    assert await close(town, town.training) == Closed()
    assert isinstance(await town.release(consent_id), Released)
    assert isinstance(await town.release(consent.id), Released)


async def test_closing_twice_or_after_an_interruption_changes_nothing_more(town: Town) -> None:
    """What is done is passed over: one end, one receipt, one event for each consent."""
    first, second = await town.grant(), await town.grant()
    async with town.db.transaction() as tx:
        await registry.close(tx, town.desk.keys, town.nav.id, successor_id=None, at=town.clock.now())
    found = await closing.find_open(town.db, town.nav.id, now=town.clock.now())
    await closing.end_all(town.db, town.desk, town.clock, town.nav.id, found[:1])
    assert await close(town, town.nav) == Closed(ended=1)
    assert await close(town, town.nav) == Closed()
    assert await closing.end_all(town.db, town.desk, town.clock, town.nav.id, found) == Closed()
    async with town.db.snapshot() as view:
        counts = [len(await receipts.of_consent(view, one.id)) for one in (first, second)]
    assert counts == [2, 2]
    assert await heard(town, town.nav) == ["granted", "granted", "invalidated", "invalidated"]


async def test_one_that_can_not_be_ended_stands_in_the_way_of_none(town: Town) -> None:
    """A changed row's shares are destroyed; what could not be done is counted, and the rest is done."""
    changed, sound = await town.grant(), await town.grant()
    async with town.db.transaction() as tx:
        await tx.run(Statement("UPDATE consent SET uses = 7 WHERE id = :id"), id=changed.id)
    done = await close(town, town.nav)
    assert done == Closed(ended=2)
    assert [await held(town, one.id) for one in (changed, sound)] == [0, 0]
    assert await close(town, town.nav) == Closed()
    nobodys = [Open("no such consent", town.candidate_id), Open("no such request", None)]
    assert await closing.end_all(town.db, town.desk, town.clock, town.nav.id, nobodys) == Closed(passed_over=1)


async def test_an_end_that_had_come_is_written_as_what_it_is(town: Town) -> None:
    """A consent that expired before its unit was closed did not end because of that."""
    consent = await town.grant()
    town.clock.advance(days=40)
    assert await close(town, town.nav) == Closed(ended=1)
    assert await states(town, consent.id) == ["expired"]


async def test_whoever_grants_keeps_the_unit_from_being_closed_meanwhile(town: Town) -> None:
    """So that nothing is granted after the look for what there is: the closing waits, and then sees the grant."""
    async with town.db.transaction() as tx:
        assert await units.held_enabled(tx, town.desk.keys, [town.nav.id])
        racing = asyncio.create_task(close(town, town.nav))
        await asyncio.sleep(0.1)
        assert not racing.done()
    assert await racing == Closed()
    with pytest.raises(Invalid):
        await town.grant()
