"""Whatever somebody plants among the log's rows about her, she ends what she shares, and is erased; and it is named."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from consent_service.audit.log import last_words, read
from consent_service.audit.notes import VerifierKey
from consent_service.audit.verification.verify import verify
from consent_service.consents.asks import Refused
from consent_service.consents.counter import Counter
from consent_service.consents.reading import UNAVAILABLE, of_candidate
from consent_service.errors import NotAvailable
from consent_service.rights import erasure
from consent_service.rights.journal import NO_JOURNAL
from consent_service.storage.engine import Statement
from tests.audit.conftest import ORIGIN
from tests.audit.tampering import tamper
from tests.consents.conftest import Town

HERS = "WHERE chain_id = :id"
LAST = f"{HERS} AND position = (SELECT length - 1 FROM chain {HERS})"
ENTRY = "INSERT INTO entry SELECT chain_id, {}, at, event, consent_id, {}, body, digest FROM entry " + LAST
# Beside, before and far behind the place where the chain goes on, and in its head what no chain gets to.
PLANTED = {
    "a place in the queue": f"INSERT INTO pending_leaf SELECT chain_id, length FROM chain {HERS}",
    "a detail": f"INSERT INTO entry_detail SELECT chain_id, length, digest FROM chain {HERS}",
    "a number behind an entry": f"INSERT INTO leaf SELECT 70, chain_id, length + 1 FROM chain {HERS}",
    "an entry": ENTRY.format("position + 1", 0),
    "a step": ENTRY.format("position + 1", 1),
    "a place behind an entry": f"INSERT INTO pending_leaf SELECT chain_id, length + 1 FROM chain {HERS}",
    "an entry at the end of all numbers": ENTRY.format(2**53 - 1, 0),
    "a step far away": ENTRY.format(2**62 - 1, 1),
    "an entry moved away": f"UPDATE entry SET position = position + 100 {LAST}",
    "an entry changed": f"UPDATE entry SET body = digest {LAST}",
    "no details": f"DELETE FROM entry_detail {HERS}",
    "no entries": f"DELETE FROM entry {HERS}",
    "a time that can't be told": f"UPDATE chain SET last_at = {2**53} {HERS}",
    "the last time that can be told": f"UPDATE chain SET last_at = {2**53 - 1} {HERS}",
    "a length that can't be told": f"UPDATE chain SET length = {2**53} {HERS}",
    "a length below nothing": f"UPDATE chain SET length = -1 {HERS}",
    "a chain that begins": f"UPDATE chain SET length = 0, digest = :first, steps = '{{}}', mac = :none {HERS}",
    "one that begins late": f"UPDATE chain SET length = 0, digest = :first, steps = '{{}}', mac = :none,"
    f" last_at = {2**53 - 1} {HERS}",
}
COLUMNS = ("length", "last_at", "digest", "mac")
HEADS = {
    **{
        f"a word for {name}": f"UPDATE chain SET {name} = 'x' {HERS}" for name in ("length", "last_at", "digest", "mac")
    },
    "bytes for steps": f"UPDATE chain SET steps = :first {HERS}",
    "half a length": f"UPDATE chain SET length = length + 0.5 {HERS}",
}
ENTRIES = {
    "a word for the last body": f"UPDATE entry SET body = 'x' {LAST}",
    "a word for a position": f"UPDATE entry SET position = 'x' {LAST}",
    "a word for the place of a detail": f"UPDATE entry_detail SET position = 'x' {LAST}",
    "a number for a detail": f"UPDATE entry_detail SET sealed = 7 {LAST}",
    "half a position": f"UPDATE entry SET position = position + 0.5 {LAST}",
}
COPIES = {f"a word for the last {name}": f"UPDATE entry SET {name} = 'x' {LAST}" for name in ("at", "event", "digest")}
SHARES = Statement("SELECT consent_id FROM share WHERE candidate_id = :id ORDER BY consent_id")


def alarms() -> float:
    """How often the log was found changed, at a chain's end or before it, as the metrics say."""
    metrics = "log_chains_tampered_total", "log_entries_tampered_total"
    return sum(REGISTRY.get_sample_value(name) or 0.0 for name in metrics)


async def shared(town: Town) -> set[str]:
    """Under which consents anything is."""
    async with town.db.snapshot() as view:
        return {row["consent_id"] for row in await view.rows(SHARES, id=town.candidate_id)}


async def is_named(town: Town) -> bool:
    """Whether verification has something to say."""
    verifier = VerifierKey(ORIGIN, (await town.keys.checkpoints.current()).signing.public)
    async with town.db.snapshot() as view:
        return bool((await verify(view, town.keys.service.log, [verifier])).findings)


async def plant(town: Town, planted: str) -> None:
    """Somebody who can write the database writes about her."""
    given = {"id": town.candidate_id, "first": bytes(32), "none": b""}
    await tamper(town.db, planted, **{name: value for name, value in given.items() if f":{name}" in planted})


async def she_ends_it_all(town: Town, planted: str, *, loudly: bool = True) -> None:
    """She takes a consent back, which is written down; then she is erased, and the rest ends; the attack is named."""
    consent, other = await town.grant(), await town.grant()
    assert not await is_named(town)
    await plant(town, planted)
    before = alarms()
    await Counter(town.db, town.desk, town.clock).revoke(town.candidate_id, consent.id)
    assert await shared(town) == {other.id}
    async with town.db.snapshot() as view:
        assert "consent.revoked" in {row["event"] for row in await read(view, town.candidate_id)}
    assert await is_named(town)
    async with town.db.transaction() as tx:
        await erasure.erase(tx, town.desk, town.candidate_id, now=town.clock.now(), journal=NO_JOURNAL)
    assert (alarms() > before) is loudly
    assert await shared(town) == set()
    async with town.db.snapshot() as view:
        assert await view.rows(Statement(f"SELECT * FROM entry_detail {HERS}"), id=town.candidate_id) == []
        assert "person.erased" in {row["event"] for row in await read(view, town.candidate_id)}
    assert await is_named(town)


@pytest.mark.parametrize("what", PLANTED)
async def test_nothing_that_is_planted_keeps_her_from_ending(town: Town, what: str) -> None:
    """Rows beside a place that is nobody's, entries far away, times and lengths that no chain gets to."""
    await she_ends_it_all(town, PLANTED[what])


@pytest.mark.parametrize("take", ["UPDATE chain SET closed = 1", "UPDATE chain SET closed = 7", "DELETE FROM chain"])
async def test_who_has_no_chain_is_erased(town: Town, take: str) -> None:
    """Somebody closed it, or took its head: her end is written in it, loudly, and a second one finds nobody."""
    await town.grant()
    await plant(town, f"{take} {HERS}")
    before = alarms()
    async with town.db.transaction() as tx:
        await erasure.erase(tx, town.desk, town.candidate_id, now=town.clock.now(), journal=NO_JOURNAL)
    assert alarms() > before
    assert await shared(town) == set()
    async with town.db.snapshot() as view:
        assert [row["event"] for row in await read(view, town.candidate_id)][-2:] == [
            "consent.revoked",
            "person.erased",
        ]
    assert await is_named(town) is ("DELETE" in take)
    with pytest.raises(NotAvailable):
        async with town.db.transaction() as tx:
            await erasure.erase(tx, town.desk, town.candidate_id, now=town.clock.now(), journal=NO_JOURNAL)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", HEADS | ENTRIES)
async def test_no_value_of_another_type_keeps_her_from_ending(town: Town, what: str) -> None:
    """SQLite takes anything."""
    await she_ends_it_all(town, (HEADS | ENTRIES)[what])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", COPIES)
async def test_nor_does_a_copy_of_another_type(town: Town, what: str) -> None:
    """What an entry says stands in its body: the columns to search by are believed by nobody who ends something."""
    await she_ends_it_all(town, COPIES[what], loudly=False)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", HEADS)
async def test_the_gate_and_her_view_refuse_on_a_head_that_cant_be_read(town: Town, what: str) -> None:
    """Both answer: the gate with a refusal, and the view with a consent that nothing is said of."""
    consent = await town.grant()
    await plant(town, HEADS[what])
    assert await town.release(consent.id) == Refused("tampered")
    async with town.db.snapshot() as view:
        keys, her = town.keys.service, town.candidate_id
        (seen,) = await of_candidate(view, keys, her, after="", limit=9, now=town.clock.now())
        assert await last_words(view, keys.log, her) is None
    assert seen.state == UNAVAILABLE
