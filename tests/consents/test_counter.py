"""The counter: candidates who share a transaction have each her own answer, and what a verb promises alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consent_service.audit.log import lock, read
from consent_service.consents import standing_refusals
from consent_service.consents.counter import Counter
from consent_service.consents.gate import Refused, Released
from consent_service.consents.grants import Yes
from consent_service.consents.reading import ConsentView
from consent_service.consents.receipts import of_consent
from consent_service.consents.standing import TAMPERED
from consent_service.errors import ConsentEnded, Invalid, NotAvailable, PreviewChanged, StandingRefusalStands
from consent_service.storage.engine import Statement
from consent_service.vault.shares import recipients
from tests.consents.conftest import Town
from tests.consents.test_shared_batches import count, write
from tests.consents.townspeople import another
from tests.support.locking import broken
from tests.support.watching import Watched

PEOPLE = ("20914695016", "25922947409", "23886799519")


@pytest.fixture
async def people(town: Town) -> list[Town]:
    """The same town as four candidates live in it, each with her own note."""
    return [town, *[await another(town, number) for number in PEOPLE]]


@pytest.fixture
async def counter(town: Town) -> Counter:
    return Counter(town.db, town.desk, town.clock)


async def yes(one: Town) -> Yes:
    """Her yes to what she was shown."""
    choice = one.choice()
    return Yes(await one.keyring(choice.recipient.id), choice, await one.sha256(choice), "nb")


async def granted(counter: Counter, people: list[Town]) -> list[ConsentView]:
    """A consent of each."""
    return await asyncio.gather(*[counter.grant(await yes(she)) for she in people])


async def test_each_grants_and_takes_back_her_own(town: Town, counter: Counter, people: list[Town]) -> None:
    """What they share is the transaction: consents, shares, receipts and logs are as of one who comes alone."""
    consents = await granted(counter, people)
    assert [one.terms.candidate_id for one in consents if one.terms] == [she.candidate_id for she in people]
    for consent in consents:
        assert isinstance(await town.release(consent.id), Released)
    ended = await asyncio.gather(
        *[counter.revoke(she.candidate_id, one.id) for she, one in zip(people, consents, strict=True)]
    )
    assert [one.state for one in ended if one is not None] == ["revoked"] * 4
    for she, consent in zip(people, consents, strict=True):
        assert await town.release(consent.id) == Refused("ended")
        async with town.db.snapshot() as view:
            assert [row["type"] for row in await of_consent(view, consent.id)] == ["given", "termination"]
            assert await recipients(view, consent.id, she.candidate_id) == []
            events = [row["event"] for row in await read(view, she.candidate_id)]
        assert events[-4:] == ["consent.granted", "release.released", "consent.revoked", "release.refused"]


async def test_they_share_a_transaction_that_begins_with_the_locks(town: Town, people: list[Town]) -> None:
    """One transaction for four of them, and nothing is read in it before all heads are locked."""
    watched = Watched(town.db)
    counter = Counter(watched, town.desk, town.clock)
    consents = await granted(counter, people)
    new = [await yes(she) for she in people[:2]]
    watched.units.clear()
    await asyncio.gather(
        *map(counter.grant, new),
        *[counter.revoke(she.candidate_id, one.id) for she, one in zip(people[2:], consents[2:], strict=True)],
    )
    (shared,) = watched.units
    assert broken(shared) == []
    assert shared.asked[0].locks
    assert len(shared.asked) < 30  # and not a statement for each of them


async def test_what_is_wrong_with_one_is_hers_alone(town: Town, counter: Counter, people: list[Town]) -> None:
    """A hash that is not of what would be shared, a unit that there is not, another's part: three refusals, one yes."""
    good, changed, nowhere, foreign = [await yes(she) for she in people]
    nobody = replace(town.nav, id="6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02")
    answers = await asyncio.gather(
        counter.grant(good),
        counter.grant(replace(changed, preview_sha256="0" * 64)),
        counter.grant(replace(nowhere, choice=replace(nowhere.choice, recipient=nobody))),
        counter.grant(replace(foreign, choice=replace(foreign.choice, parts=good.choice.parts))),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [ConsentView, PreviewChanged, Invalid, NotAvailable]
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM consent")) == 1


async def test_her_refusal_of_a_unit_stands_at_the_counter(town: Town, counter: Counter, people: list[Town]) -> None:
    """It keeps back her own yes, and nobody else's."""
    async with town.db.transaction() as tx:
        await standing_refusals.place(tx, town.desk, town.candidate_id, "nav", now=town.clock.now())
    answers = await asyncio.gather(*[counter.grant(await yes(she)) for she in people], return_exceptions=True)
    assert [type(answer) for answer in answers] == [StandingRefusalStands, ConsentView, ConsentView, ConsentView]


async def test_nobody_takes_back_what_is_not_hers(counter: Counter, people: list[Town]) -> None:
    """Another's, one that there is not, and one that has ended: each is answered as it is to one who comes alone."""
    hers, others, gone, late = await granted(counter, people)
    await counter.revoke(people[3].candidate_id, late.id)
    answers = await asyncio.gather(
        counter.revoke(people[0].candidate_id, others.id),
        counter.revoke(people[1].candidate_id, "6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02"),
        counter.revoke(people[2].candidate_id, gone.id),
        counter.revoke(people[3].candidate_id, late.id),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [NotAvailable, NotAvailable, ConsentView, ConsentEnded]
    assert isinstance(await people[0].release(hers.id), Released)
    assert isinstance(await people[0].release(others.id), Released)


async def test_one_who_was_erased_is_nobody(counter: Counter, town: Town) -> None:
    """An id that has no chain is answered as any that is not available."""
    with pytest.raises(NotAvailable):
        await counter.revoke("6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02", (await town.grant()).id)


async def test_a_changed_row_is_taken_back_in_a_transaction_of_its_own(
    town: Town, counter: Counter, people: list[Town]
) -> None:
    """Its shares are destroyed after the alarm, nothing is written over it, and the others hear nothing of it."""
    consents = await granted(counter, people)
    await write(town, "UPDATE consent SET uses = 3 WHERE id = :id", id=consents[0].id)
    alarms = count(TAMPERED)
    answers = await asyncio.gather(
        *[counter.revoke(she.candidate_id, one.id) for she, one in zip(people, consents, strict=True)]
    )
    assert [answer is None for answer in answers] == [True, False, False, False]
    assert count(TAMPERED) == alarms + 1
    async with town.db.snapshot() as view:
        assert await recipients(view, consents[0].id, town.candidate_id) == []
        assert await view.value(Statement("SELECT uses FROM consent WHERE id = :id"), id=consents[0].id) == 3


async def test_two_acts_of_one_candidate_are_done_one_after_the_other(
    town: Town, counter: Counter, people: list[Town]
) -> None:
    """The second goes on alone: a consent that is taken back twice at once has ended when the second comes."""
    consents = await granted(counter, people)
    other, first, second, new = await asyncio.gather(
        counter.revoke(people[1].candidate_id, consents[1].id),
        counter.revoke(town.candidate_id, consents[0].id),
        counter.revoke(town.candidate_id, consents[0].id),
        counter.grant(await yes(town)),
        return_exceptions=True,
    )
    assert [type(one) for one in (other, first, second, new)] == [ConsentView, ConsentView, ConsentEnded, ConsentView]
    async with town.db.snapshot() as view:
        events = [row["event"] for row in await read(view, town.candidate_id)]
    said = [event for event in events if event.startswith("consent.")]
    assert said == ["consent.granted", "consent.revoked", "consent.granted"]


async def test_two_yeses_of_one_candidate_are_two_consents(town: Town, counter: Counter) -> None:
    """Neither is written twice: what her log says was granted is what she was answered."""
    said = await asyncio.gather(counter.grant(await yes(town)), counter.grant(await yes(town)))
    async with town.db.snapshot() as view:
        logged = [row["consent_id"] for row in await read(view, town.candidate_id) if row["event"] == "consent.granted"]
    assert sorted(logged) == sorted(one.id for one in said)


async def test_who_goes_away_takes_nobody_along(counter: Counter, people: list[Town]) -> None:
    """What she asked for is done, and those beside her have their answers."""
    consents = await granted(counter, people)
    going = asyncio.create_task(counter.revoke(people[0].candidate_id, consents[0].id))
    staying = asyncio.create_task(counter.revoke(people[1].candidate_id, consents[1].id))
    await asyncio.sleep(0)
    going.cancel()
    ended = await staying
    assert ended is not None
    assert [ended.state, await people[0].release(consents[0].id)] == ["revoked", Refused("ended")]


async def test_an_entry_in_ones_way_harms_nobody_else(town: Town, counter: Counter, people: list[Town]) -> None:
    """Nothing is granted in a log into which somebody wrote ahead, what ends goes behind it, others never notice."""
    consents, yeses = await granted(counter, people), [await yes(she) for she in people]
    await write(
        town,
        "INSERT INTO entry (chain_id, position, at, event, consent_id, changes_state, body, digest)"
        " SELECT chain_id, length, 0, 'x', NULL, 0, digest, digest FROM chain WHERE chain_id = :id",
        id=town.candidate_id,
    )
    grants = [counter.grant(one) for one in yeses]
    ends = [counter.revoke(she.candidate_id, one.id) for she, one in zip(people, consents, strict=True)]
    for acts, hers in ((grants, False), (ends, True)):
        answers = await asyncio.gather(*acts, return_exceptions=True)
        assert [isinstance(answer, ConsentView) for answer in answers] == [hers, True, True, True]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_one_whose_chain_is_held_keeps_nobody_waiting(
    town: Town, elsewhere: Town, counter: Counter, people: list[Town]
) -> None:
    """She waits for it in a transaction of her own, and sees what was done meanwhile."""
    consents = await granted(counter, people)
    async with elsewhere.db.transaction() as tx:
        await lock(tx, [town.candidate_id])
        waiting = asyncio.create_task(counter.revoke(town.candidate_id, consents[0].id))
        ended = await asyncio.gather(
            *[counter.revoke(she.candidate_id, one.id) for she, one in zip(people[1:], consents[1:], strict=True)]
        )
        assert [one.state for one in ended if one is not None] == ["revoked"] * 3
        assert not waiting.done()
    ended_last = await waiting
    assert ended_last is not None
    assert ended_last.state == "revoked"
