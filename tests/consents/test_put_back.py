"""What is put back whole, with the proof that it had: it is refused, and she can end what she shares all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from consent_service.audit.log import read
from consent_service.consents import endings, requests
from consent_service.consents.counter import Counter
from consent_service.consents.gate import Gate, Refused, Released
from consent_service.consents.standing import TAMPERED
from consent_service.errors import NotAvailable, StorageUnavailable, Tampered
from consent_service.storage.engine import Database, Row, Statement, Transaction
from tests.audit.tampering import tamper
from tests.consents.conftest import Town
from tests.consents.requesting import answer, bind, leave
from tests.consents.townspeople import another
from tests.support.acting import BY

OTHER = "21818297804"
CONSENT = Statement("SELECT * FROM consent WHERE id = :id")
HEAD = Statement("SELECT * FROM chain WHERE chain_id = :id")
SHARES = Statement("SELECT * FROM share WHERE consent_id = :id")


def alarms() -> float:
    """How many there were."""
    return next(sample.value for metric in TAMPERED.collect() for sample in metric.samples)


async def rows(town: Town, statement: Statement, of: str) -> list[Row]:
    """What is stored."""
    async with town.db.snapshot() as view:
        return await view.rows(statement, id=of)


async def put_back(town: Town, table: str, row: Row) -> None:
    """Write a row over what stands in its place."""
    given = dict(row)
    key, *others = given
    changed = ", ".join(f"{name} = :{name}" for name in others)
    await tamper(town.db, f"UPDATE {table} SET {changed} WHERE {key} = :{key}", **given)


@pytest.mark.parametrize(
    ("hide", "reason", "alarmed"),
    [("changes_state = changes_state", "tampered", 1), ("changes_state = 0", "unknown", 0)],
)
async def test_a_consent_that_is_nobodys_again_can_be_ended(town: Town, hide: str, reason: str, alarmed: int) -> None:
    """A request was nobody's once, and in no chain: put back to that, also with its steps hidden, it keeps nobody from
    taking back what she shares, and put back once more lets nothing out.
    """
    consent_id = await leave(town)
    (before,) = await rows(town, CONSENT, consent_id)
    await bind(town, consent_id)
    await answer(town, consent_id)
    (granted,) = await rows(town, CONSENT, consent_id)
    await put_back(town, "consent", before)
    await tamper(town.db, f"UPDATE entry SET {hide} WHERE consent_id = :id", id=consent_id)
    so_far = alarms()
    assert await town.release(consent_id) == Refused(reason)
    assert alarms() == so_far + alarmed
    assert await Counter(town.db, town.desk, town.clock).revoke(town.candidate_id, consent_id) is None
    assert alarms() == so_far + alarmed + 1
    assert await rows(town, SHARES, consent_id) == []
    assert await rows(town, CONSENT, consent_id) == [before]
    await put_back(town, "consent", granted)
    assert await town.release(consent_id) == Refused("tampered")


async def test_a_head_that_was_put_back_keeps_nobody_from_ending(town: Town) -> None:
    """What ends goes behind the last entry, for her and for those who come in the same moment; she can be erased."""
    consent, mate = await town.grant(), await town.grant()
    she = await another(town, OTHER)
    hers = await she.grant()
    (before,) = await rows(town, HEAD, town.candidate_id)
    assert isinstance(await town.release(consent.id), Released)
    (after,) = await rows(town, HEAD, town.candidate_id)
    await put_back(town, "chain", before)
    counter = Counter(town.db, town.desk, town.clock)
    taken = ((she, hers), (town, consent))
    await asyncio.gather(*(counter.revoke(who.candidate_id, one.id) for who, one in taken))
    async with town.db.snapshot() as view:
        entries = await read(view, town.candidate_id)
    assert [row["event"] for row in entries][-2:] == ["release.released", "consent.revoked"]
    assert [row["position"] for row in entries] == list(range(len(entries)))
    assert [row["at"] for row in entries] == sorted({row["at"] for row in entries})
    for _, one in taken:
        assert await rows(town, SHARES, one.id) == []
    assert await town.release(mate.id) == Refused("tampered")
    await put_back(town, "chain", after)
    with pytest.raises(Tampered):
        await town.release(mate.id)
    async with town.db.transaction() as tx:
        assert await endings.end_all(tx, town.desk, town.candidate_id, now=town.clock.now()) == [mate.id]


@pytest.mark.parametrize("take", ["UPDATE chain SET closed = 1", "DELETE FROM chain"])
async def test_a_chain_that_was_taken_keeps_nobody_from_ending(town: Town, take: str) -> None:
    """Nobody is erased who shares: it alarms, and what she takes back is gone, though nothing can be written down."""
    consent, mate = await town.grant(), await town.grant()
    (before,) = await rows(town, HEAD, town.candidate_id)
    await tamper(town.db, f"{take} WHERE chain_id = :id", id=town.candidate_id)
    town.clock.advance(seconds=1)
    so_far = alarms()
    assert await town.release(consent.id) == Refused("tampered")
    counter = Counter(town.db, town.desk, town.clock)
    assert await counter.revoke(town.candidate_id, consent.id) is None
    assert alarms() == so_far + 2
    assert await rows(town, SHARES, consent.id) == []
    with pytest.raises(NotAvailable):
        await counter.revoke(town.candidate_id, consent.id)
    with pytest.raises(NotAvailable):
        await counter.revoke((await another(town, OTHER)).candidate_id, mate.id)
    await tamper(town.db, "DELETE FROM chain WHERE chain_id = :id", id=town.candidate_id)
    names = ", ".join(dict(before))
    values = ", ".join(f":{name}" for name in dict(before))
    await tamper(town.db, f"INSERT INTO chain ({names}) VALUES ({values})", **dict(before))
    assert await town.release(consent.id) == Refused("tampered")
    assert isinstance(await town.release(mate.id), Released)


class _Interrupted:
    """A transaction in which something is done by somebody else after the read of a consent's row that is told."""

    def __init__(self, tx: Transaction, act: Callable[[], Awaitable[None]], *, after: int) -> None:
        self._tx, self._act, self._left = tx, act, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        found = await self._tx.rows(statement, **given)
        await self._read(statement)
        return found

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        found = await self._tx.row(statement, **given)
        await self._read(statement)
        return found

    async def _read(self, statement: Statement) -> None:
        self._left -= "row_mac" in statement.text("postgresql")
        if self._left == 0:
            self._left = -1
            await self._act()


class _Interrupting:
    """A database whose transactions are interrupted so."""

    def __init__(self, db: Database, act: Callable[[], Awaitable[None]]) -> None:
        self._db, self._act = db, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._db.transaction() as tx:
            yield _Interrupted(tx, self._act, after=1)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_who_is_bound_while_a_request_is_read_alarms_nobody(town: Town) -> None:
    """No lock holds what is nobody's: it is read anew, or the call can be repeated."""
    asked, cancelled = await leave(town), await leave(town)
    so_far = alarms()
    db: Any = _Interrupting(town.db, lambda: bind(town, asked))
    assert await replace(town, gate=Gate(db, town.keys, town.desk, town.clock)).release(asked) == Refused("unknown")
    async with town.db.transaction() as tx:
        between: Any = _Interrupted(tx, lambda: bind(town, cancelled), after=2)
        with pytest.raises(StorageUnavailable):
            await requests.cancel(between, town.desk, cancelled, town.nav, by=BY, at=town.clock.now())
        await requests.cancel(tx, town.desk, cancelled, town.nav, by=BY, at=town.clock.now())
    assert alarms() == so_far
