"""Two logins in one browser show that two numbers are one person's: once, soon, and not by halves."""

from __future__ import annotations

import asyncio

import pytest

from consent_service.persons import proofs, proposals
from consent_service.persons.proofs import PATIENCE, Proof
from consent_service.storage.engine import Statement
from tests.persons.conftest import KARI, NOON, Reception
from tests.persons.test_linking import D_NUMBER

FIRST, SECOND, ELSEWHERE = b"first session", b"second session", b"another browser's"


async def show_first(reception: Reception, session: bytes = FIRST) -> Proof:
    """She logs in anew with the number she has had."""
    service = reception.keys.service
    async with reception.db.transaction() as tx:
        await proofs.first(tx, service, D_NUMBER, session, at=reception.clock.now())
    shown = await seen(reception, session)
    assert shown is not None
    return shown


async def show_second(reception: Reception, *, held_by: bytes = FIRST) -> bool:
    """She logs in anew with the number she has now, in the browser that held ``held_by``."""
    service, now = reception.keys.service, reception.clock.now()
    async with reception.db.transaction() as tx:
        return await proofs.second(tx, service, held_by=held_by, session_hash=SECOND, at=now)


async def seen(reception: Reception, session: bytes) -> Proof | None:
    """What a session has shown."""
    async with reception.db.snapshot() as view:
        return await proofs.shown(view, reception.keys.service, session, now=reception.clock.now())


async def take(reception: Reception, session: bytes = SECOND) -> Proof | None:
    """Use a session's proof up."""
    async with reception.db.transaction() as tx:
        return await proofs.take(tx, reception.keys.service, session, now=reception.clock.now())


async def test_two_logins_are_a_proof_for_one_use(reception: Reception) -> None:
    """It moves from the first session to the second, and of many who press at once one gets it."""
    first = await show_first(reception)
    assert (first.first, first.whole) == (D_NUMBER.digits, False)
    assert await show_second(reception)
    assert await seen(reception, FIRST) is None
    assert await seen(reception, SECOND) == Proof(D_NUMBER.digits, whole=True)
    taken = await asyncio.gather(*(take(reception) for _ in range(4)))
    assert [one.first for one in taken if one is not None] == [D_NUMBER.digits]
    assert await seen(reception, SECOND) is None
    assert D_NUMBER.digits not in repr(first)


async def test_half_a_proof_is_none(reception: Reception) -> None:
    """One login links nothing, and asking for it uses the half up."""
    await show_first(reception)
    assert await take(reception, FIRST) is None
    assert await seen(reception, FIRST) is None


async def test_a_proof_is_of_one_browser(reception: Reception) -> None:
    """A second login in a browser that holds no proof completes nobody's, and a third none at all."""
    await show_first(reception)
    await show_first(reception, ELSEWHERE)
    assert not await show_second(reception, held_by=b"nobody's")
    assert await seen(reception, SECOND) is None
    assert await show_second(reception)
    assert not await show_second(reception, held_by=SECOND)
    assert await take(reception) is None
    left = await seen(reception, ELSEWHERE)
    assert left is not None
    assert not left.whole


async def test_a_proof_does_not_wait(reception: Reception) -> None:
    """Twenty minutes after the first login it shows nothing, whether or not it was swept away."""
    await show_first(reception)
    assert await show_second(reception)
    reception.clock.advance(seconds=PATIENCE // 1_000_000)
    assert await seen(reception, SECOND) is None
    assert await take(reception) is None
    await show_first(reception)
    reception.clock.advance(seconds=PATIENCE // 1_000_000)
    async with reception.db.transaction() as tx:
        assert await proposals.lapse(tx, now=reception.clock.now()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE number_proof SET whole = 1",
        "UPDATE number_proof SET session_hash = :other",
        "UPDATE number_proof SET lapses_at = lapses_at + 1",
        "UPDATE number_proof SET lookup = 'another'",
        "UPDATE number_proof SET sealed = :other",
    ],
)
async def test_a_changed_proof_shows_nothing(reception: Reception, change: str) -> None:
    """Whoever can write to the database makes no whole proof of a half, and hands none to another session."""
    await show_first(reception)
    async with reception.db.transaction() as tx:
        given = {"other": SECOND} if ":other" in change else {}
        await tx.run(Statement(change), **given)
    for session in (FIRST, SECOND):
        assert await seen(reception, session) is None
    assert not await show_second(reception)
    assert await take(reception) is None


async def test_what_is_stored_names_nobody(reception: Reception) -> None:
    """The number is sealed, and an erasure of the person finds the proof by the hash beside it."""
    await reception.arrive(D_NUMBER)
    await reception.arrive(KARI)
    await show_first(reception)
    async with reception.db.snapshot() as view:
        row = await view.row(Statement("SELECT * FROM number_proof"))
    assert row is not None
    assert D_NUMBER.digits.encode() not in b"|".join(str(value).encode() for value in dict(row).values())
    assert row["lapses_at"] == NOON + PATIENCE
