"""The feed: each unit hears of everything once, in one order, and of nothing that was taken back in time."""

from __future__ import annotations

import asyncio

import pytest

from consent_service.clock import HOUR, SECOND
from consent_service.errors import EventsGone
from consent_service.events import sequencer
from consent_service.events.feed import Event, News, announce, read, retract
from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database

NOON = 1_780_000_000_000_000
LEASE = 15 * SECOND
NAV, TRAINING = "nav", "training"


async def tell(db: Database, unit: str, state: str, *, at: int = NOON, not_before: int = 0) -> None:
    """Announce one event, in a transaction of its own."""
    async with db.transaction() as tx:
        await announce(tx, News(unit, "consent", consent_id="c1", state=state, at=at, not_before=not_before))


async def number(db: Database, *, holder: str = "one", at: int = NOON) -> int:
    """Number what waits, in a transaction of its own."""
    async with db.transaction() as tx:
        return await sequencer.number(tx, holder=holder, now=at)


async def heard(db: Database, unit: str, *, after: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
    """What a unit reads."""
    async with db.snapshot() as view:
        return [(event.number, event.state) for event in await read(view, unit, after=after, limit=limit)]


async def test_each_unit_has_a_feed_of_its_own(db: Database) -> None:
    """Numbered from 1, in the order of what happened; no unit sees another's."""
    told = [(NAV, "requested"), (TRAINING, "received"), (NAV, "granted"), (NAV, "revoked")]
    for at, (unit, state) in enumerate(told):
        await tell(db, unit, state, at=NOON + at)
    assert await heard(db, NAV) == []
    assert await number(db) == 4
    assert await heard(db, NAV) == [(1, "requested"), (2, "granted"), (3, "revoked")]
    assert await heard(db, TRAINING) == [(1, "received")]
    assert await heard(db, "nobody") == []
    await tell(db, TRAINING, "answered")
    assert await number(db) == 1
    assert await heard(db, TRAINING) == [(1, "received"), (2, "answered")]


async def test_an_event_is_ids_and_a_state(db: Database) -> None:
    """As they were announced."""
    async with db.transaction() as tx:
        await announce(
            tx, News(NAV, "plan", state="delivered", at=NOON, consent_id="c1", mapping_request_id="m1", plan_id="p1")
        )
        await announce(tx, News(NAV, "consent", state="granted", at=NOON + 1))
    await number(db)
    async with db.snapshot() as view:
        assert await read(view, NAV, after=0, limit=10) == [
            Event(1, "plan", "c1", "m1", "p1", "delivered", NOON),
            Event(2, "consent", None, None, None, "granted", NOON + 1),
        ]


async def test_a_feed_is_read_in_pages(db: Database) -> None:
    """From a number on, up to a limit; the end is an empty page."""
    for at in range(5):
        await tell(db, NAV, f"s{at}", at=NOON + at)
    await number(db)
    assert await heard(db, NAV, limit=2) == [(1, "s0"), (2, "s1")]
    assert await heard(db, NAV, after=2, limit=2) == [(3, "s2"), (4, "s3")]
    assert await heard(db, NAV, after=4, limit=2) == [(5, "s4")]
    assert await heard(db, NAV, after=5) == []


async def test_what_is_laid_down_ahead_is_told_when_its_time_comes(db: Database) -> None:
    """Not before, and then after what was told meanwhile."""
    await tell(db, NAV, "not_granted", at=NOON + HOUR, not_before=NOON + HOUR)
    await tell(db, NAV, "requested")
    assert await number(db) == 1
    assert await number(db, at=NOON + HOUR - 1) == 0
    assert await heard(db, NAV) == [(1, "requested")]
    assert await number(db, at=NOON + HOUR) == 1
    assert await heard(db, NAV) == [(1, "requested"), (2, "not_granted")]


async def test_what_was_taken_back_in_time_is_never_told(db: Database) -> None:
    """And leaves no gap; what was told already stays told, and another consent's stays."""
    await tell(db, NAV, "not_granted", at=NOON + HOUR, not_before=NOON + HOUR)
    await tell(db, NAV, "requested")
    later = NOON + HOUR
    async with db.transaction() as tx:
        await announce(tx, News(NAV, "consent", consent_id="c2", state="not_granted", at=later, not_before=later))
    await number(db)
    async with db.transaction() as tx:
        await retract(tx, "c1", state="not_granted")
        await retract(tx, "c1", state="requested")
    await tell(db, NAV, "granted", at=NOON + 1)
    await number(db, at=NOON + 2 * HOUR)
    assert await heard(db, NAV) == [(1, "requested"), (2, "granted"), (3, "not_granted")]


async def test_an_event_of_a_transaction_that_failed_is_never_told(db: Database) -> None:
    """It is told in the transaction that makes it true, and goes with it."""

    class Stop(Exception):
        pass

    async def fail() -> None:
        async with db.transaction() as tx:
            await announce(tx, News(NAV, "consent", state="granted", at=NOON))
            raise Stop

    with pytest.raises(Stop):
        await fail()
    await tell(db, NAV, "requested")
    assert await number(db) == 1
    assert await heard(db, NAV) == [(1, "requested")]


async def test_one_numbers_at_a_time(db: Database) -> None:
    """Another process numbers nothing until the lease has ended."""
    await tell(db, NAV, "requested")
    assert await number(db, holder="one") == 1
    await tell(db, NAV, "granted")
    assert await number(db, holder="other", at=NOON + LEASE - 1) == 0
    assert await number(db, holder="other", at=NOON + LEASE) == 1
    assert await heard(db, NAV) == [(1, "requested"), (2, "granted")]


async def test_numbers_have_no_gap_and_no_double_while_all_write(db: Database, migrated_url: str) -> None:
    """Writers of two processes, two sequencers that take the lease from each other, and a reader that never misses."""
    other = await open_database(migrated_url)
    at, seen = NOON, list[tuple[int, str]]()

    async def numbering(process: Database, holder: str) -> None:
        nonlocal at
        for _ in range(6):
            at += LEASE
            await number(process, holder=holder, at=at)

    async def reading() -> None:
        for _ in range(12):
            seen.extend(await heard(db, NAV, after=len(seen)))
            await asyncio.sleep(0)

    writing = [tell(process, NAV, f"s{n}", at=NOON + n) for n, process in enumerate((db, other) * 8)]
    await asyncio.gather(*writing, numbering(db, "one"), numbering(other, "other"), reading())
    await number(db, holder="last", at=at + LEASE)
    seen.extend(await heard(db, NAV, after=len(seen)))
    assert [number for number, _ in seen] == list(range(1, 17))
    assert sorted(state for _, state in seen) == sorted(f"s{n}" for n in range(16))
    assert seen == await heard(db, NAV)
    await other.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_what_is_being_taken_back_gets_no_number(db: Database) -> None:
    """A sequencer that meets a retraction that is not committed yet passes over it: no gap, and no waiting."""
    await tell(db, NAV, "not_granted", not_before=NOON)
    await tell(db, NAV, "requested", at=NOON + 1)
    async with db.transaction() as tx:
        await retract(tx, "c1", state="not_granted")
        assert await number(db) == 1
    assert await number(db) == 0
    await tell(db, NAV, "granted")
    assert await number(db) == 1
    assert await heard(db, NAV) == [(1, "requested"), (2, "granted")]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_an_event_that_was_numbered_first_is_not_taken_back(db: Database) -> None:
    """A retraction that waited for the sequencer finds it told."""
    await tell(db, NAV, "not_granted", not_before=NOON)

    async def take_back() -> None:
        async with db.transaction() as tx:
            await retract(tx, "c1", state="not_granted")

    async with db.transaction() as tx:
        assert await sequencer.number(tx, holder="one", now=NOON) == 1
        waiting = asyncio.create_task(take_back())
        await asyncio.sleep(0.05)
    await waiting
    assert await heard(db, NAV) == [(1, "not_granted")]


async def test_a_reader_who_was_away_for_longer_than_events_are_kept_is_told_so(db: Database) -> None:
    """Before the first event that is kept; from the last one dropped on, nothing is missing."""
    for at, (unit, state) in enumerate([(NAV, "a"), (NAV, "b"), (TRAINING, "t"), (NAV, "c"), (NAV, "d")]):
        await tell(db, unit, state, at=NOON + at)
    await tell(db, NAV, "waits", at=NOON, not_before=NOON + HOUR)
    await number(db, at=NOON + 10)
    async with db.transaction() as tx:
        assert await sequencer.drop_old(tx, before=NOON + 3) == 2
        assert await sequencer.drop_old(tx, before=NOON + 3) == 0
    for after in (0, 1):
        with pytest.raises(EventsGone):
            await heard(db, NAV, after=after)
    with pytest.raises(EventsGone):
        await heard(db, TRAINING)
    assert await heard(db, NAV, after=2) == [(3, "c"), (4, "d")]
    assert await heard(db, TRAINING, after=1) == []
    await tell(db, TRAINING, "u", at=NOON + 20)
    await number(db, at=NOON + HOUR)
    assert await heard(db, TRAINING, after=1) == [(2, "u")]
    assert await heard(db, NAV, after=4) == [(5, "waits")]
