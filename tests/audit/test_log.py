"""The log: entries linked in chains, one order of locks, details that are sealed and bound to their place."""

from __future__ import annotations

import asyncio
import json
import random
from hashlib import sha256
from typing import Any

import pytest

from consent_service.audit.closing import close
from consent_service.audit.log import (
    FIRST,
    SERVICE_CHAIN,
    Entry,
    SealBroken,
    append,
    append_all,
    last_steps,
    leaf_hash,
    lock,
    lock_known,
    open_chain,
    open_detail,
    read,
)
from consent_service.clock import SECOND
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import new_key
from consent_service.crypto.service_keys import SealKey
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Database, Row, Statement
from consent_service.storage.opening import open_database

NOON = 1_780_000_000_000_000
KEY = SealKey(new_key())
ANNA, BERIT = "anna", "berit"
DETAIL = {"employee": "A123456", "office": "0501"}
ASKED = Entry("release.refused", "unit", unit_id="nav", consent_id="c1", outcome="ended", detail=DETAIL)


@pytest.fixture
async def chains(db: Database) -> Database:
    """A database with two candidates' chains and the service's own."""
    async with db.transaction() as tx:
        for chain in (ANNA, BERIT, SERVICE_CHAIN):
            assert await open_chain(tx, chain, at=NOON)
    return db


async def write(db: Database, *entries: tuple[str, Entry], at: int = NOON) -> list[int]:
    """Append entries in one transaction, as every writer does; where they stand."""
    async with db.transaction() as tx:
        heads = await lock(tx, {chain for chain, _ in entries})
        appended = await append_all(tx, KEY, [(heads[chain], entry) for chain, entry in entries], at=at)
    return [one.position for one in appended]


async def chain(db: Database, name: str) -> list[Row]:
    """What a chain holds."""
    async with db.snapshot() as view:
        return await read(view, name)


def whole(name: str, rows: list[Row]) -> bool:
    """Whether the entries are a chain: each in its place, linked to the one before, hashed as it is stored."""
    previous = FIRST
    for position, row in enumerate(rows):
        body = json.loads(row["body"])
        place = (body["chain"], body["position"], body["previous"])
        if place != (name, position, previous.hex()) or leaf_hash(row["body"]) != row["digest"]:
            return False
        previous = row["digest"]
    return True


async def test_entries_are_linked(chains: Database) -> None:
    """Each to the one before it and the first to nothing; what is hashed is what is stored, byte by byte."""
    assert await write(chains, (ANNA, ASKED)) == [0]
    assert await write(chains, (ANNA, Entry("note.saved", "candidate", resource_id="n1"))) == [1]
    assert await write(chains, (ANNA, ASKED), (BERIT, ASKED), (ANNA, ASKED)) == [2, 0, 3]
    for name, length in ((ANNA, 4), (BERIT, 1), (SERVICE_CHAIN, 0)):
        rows = await chain(chains, name)
        assert len(rows) == length
        assert whole(name, rows)
        for row in rows:
            assert canonical(json.loads(row["body"])) == row["body"]


async def test_an_entry_says_a_closed_list_of_things(chains: Database) -> None:
    """Ids, a time, what happened and how, and a commitment; who acted for the unit is in the detail alone."""
    await write(chains, (ANNA, Entry("release.released", "unit", "nav", "c1", "r1", "letter", True, DETAIL)))
    (row,) = await chain(chains, ANNA)
    body = json.loads(row["body"])
    assert len(body.pop("commitment")) == 64
    assert body == {
        "format": 1,
        "chain": ANNA,
        "position": 0,
        "previous": "00" * 32,
        "at": row["at"],
        "event": "release.released",
        "actor": "unit",
        "unit": "nav",
        "consent": "c1",
        "resource": "r1",
        "outcome": "letter",
        "state": True,
    }
    assert (row["event"], row["consent_id"]) == ("release.released", "c1")
    stored = b"".join(value for value in dict(row).values() if isinstance(value, bytes))
    assert b"A123456" not in stored


async def test_time_never_runs_backwards_within_a_chain(chains: Database) -> None:
    """Nor stands still: a clock that is coarse, or was set back, does not let two entries share an instant."""
    for at in (NOON + 10 * SECOND, NOON + 10 * SECOND, NOON - 10 * SECOND, NOON + 11 * SECOND):
        await write(chains, (ANNA, ASKED), (ANNA, ASKED), at=at)
    times = [row["at"] for row in await chain(chains, ANNA)]
    assert times == sorted(set(times))
    assert times[0] == NOON + 10 * SECOND
    assert times[-1] == NOON + 11 * SECOND + 1
    await write(chains, (BERIT, ASKED), at=NOON - SECOND)
    assert (await chain(chains, BERIT))[0]["at"] > NOON  # when the chain was opened


async def test_what_is_rolled_back_was_never_appended(chains: Database) -> None:
    """The next entry takes the place that it would have had."""

    async def fail() -> None:
        async with chains.transaction() as tx:
            head = (await lock(tx, [ANNA]))[ANNA]
            assert (await append(tx, KEY, head, ASKED, at=NOON)).position == 1
            raise NotAvailable

    await write(chains, (ANNA, ASKED))
    with pytest.raises(NotAvailable):
        await fail()
    assert await write(chains, (ANNA, ASKED)) == [1]
    assert whole(ANNA, await chain(chains, ANNA))


async def test_a_chain_is_opened_once(chains: Database) -> None:
    """Opening it again changes nothing, whatever stands in it."""
    await write(chains, (ANNA, ASKED))
    async with chains.transaction() as tx:
        assert not await open_chain(tx, ANNA, at=NOON + 5 * SECOND)
    assert await write(chains, (ANNA, ASKED)) == [1]


async def test_a_chain_that_does_not_exist_is_not_available(chains: Database) -> None:
    """Unless the caller refuses those one by one."""
    async with chains.transaction() as tx:
        assert list(await lock(tx, [BERIT, ANNA, BERIT])) == [ANNA, BERIT]
        assert list(await lock_known(tx, [BERIT, "nobody", ANNA])) == [ANNA, BERIT]
        assert await lock(tx, []) == {}
        with pytest.raises(NotAvailable):
            await lock(tx, [ANNA, "nobody"])


async def test_writers_of_one_chain_make_no_fork(chains: Database, migrated_url: str) -> None:
    """Of two processes and many tasks: each entry follows the one before it, and none is lost."""
    other = await open_database(migrated_url)
    await asyncio.gather(*(write(process, (ANNA, ASKED)) for _ in range(8) for process in (chains, other)))
    rows = await chain(chains, ANNA)
    assert len(rows) == 16
    assert whole(ANNA, rows)
    await other.close()


async def test_writers_of_several_chains_never_deadlock(chains: Database, migrated_url: str) -> None:
    """They lock in one order, in whatever order they name them."""
    other = await open_database(migrated_url)
    shuffled = random.Random(1)  # noqa: S311  # the order in which chains are named
    names = [ANNA, BERIT, SERVICE_CHAIN]

    async def both(process: Database, wanted: list[str]) -> None:
        async with process.transaction() as tx:
            heads = await lock(tx, wanted)
            await asyncio.sleep(0)
            await append_all(tx, KEY, [(heads[name], ASKED) for name in wanted], at=NOON)

    await asyncio.gather(*(both(process, shuffled.sample(names, 2)) for _ in range(8) for process in (chains, other)))
    stored = {name: await chain(chains, name) for name in names}
    assert sum(map(len, stored.values())) == 32
    assert all(whole(name, rows) for name, rows in stored.items())
    await other.close()


async def test_a_detail_opens_beside_its_entry(chains: Database) -> None:
    """With the log key; with its salt it is what the entry committed to."""
    await write(chains, (ANNA, ASKED), (ANNA, Entry("note.saved", "candidate")))
    first, second = await chain(chains, ANNA)
    opened = [open_detail(KEY, ANNA, row) for row in (first, second)]
    assert [found and json.loads(found[1]) for found in opened] == [DETAIL, {}]
    for row, found in zip((first, second), opened, strict=True):
        assert found is not None
        salt, secret = found
        assert json.loads(row["body"])["commitment"] == sha256(salt + secret).hexdigest()
    assert opened[0] is not None
    assert opened[1] is not None
    assert opened[0][0] != opened[1][0]  # equal details would not commit alike


async def test_a_detail_is_bound_to_its_entry(chains: Database) -> None:
    """At another position, in another chain, beside other words or with another key it does not open."""
    await write(chains, (ANNA, ASKED), (ANNA, ASKED), (BERIT, ASKED))
    (first, second), (others,) = await chain(chains, ANNA), await chain(chains, BERIT)
    changed: list[tuple[str, dict[str, Any]]] = [
        (ANNA, {**first, "sealed": second["sealed"]}),
        (ANNA, {**second, "sealed": first["sealed"]}),
        (BERIT, {**others, "sealed": first["sealed"]}),
        (BERIT, dict(first)),
        (ANNA, {**first, "position": 1}),
        (ANNA, {**first, "body": second["body"]}),
        (ANNA, {**first, "body": first["body"].replace(b"ended", b"yes!!")}),
    ]
    for name, row in changed:
        with pytest.raises(SealBroken):
            open_detail(KEY, name, row)
    with pytest.raises(SealBroken):
        open_detail(SealKey(new_key()), ANNA, first)


async def test_an_erased_persons_chain_stays_whole_without_its_details(chains: Database) -> None:
    """Nobody can tell any more who acted; that it happened, and in what order, still verifies. Nothing is added."""
    await write(chains, (ANNA, ASKED), (BERIT, ASKED))
    async with chains.transaction() as tx:
        head = (await lock(tx, [ANNA]))[ANNA]
        await append(tx, KEY, head, Entry("person.erased", "candidate"), at=NOON)
        assert await close(tx, KEY, head) == 2
    rows = await chain(chains, ANNA)
    assert whole(ANNA, rows)
    assert [row["event"] for row in rows] == ["release.refused", "person.erased"]
    assert [open_detail(KEY, ANNA, row) for row in rows] == [None, None]
    with pytest.raises(NotAvailable):
        await write(chains, (ANNA, ASKED))
    (kept,) = await chain(chains, BERIT)
    assert open_detail(KEY, BERIT, kept) is not None


async def test_the_last_step_of_each_consent_is_known(chains: Database) -> None:
    """The last entry that changed its state, and not the releases and refusals since."""

    def step(event: str, consent_id: str) -> Entry:
        return Entry(event, "candidate", consent_id=consent_id, changes_state=True)

    granted = [(ANNA, step("consent.granted", "c1")), (ANNA, step("consent.granted", "c2"))]
    await write(chains, *granted, (BERIT, step("consent.granted", "c3")))
    await write(chains, (ANNA, step("consent.revoked", "c2")), (ANNA, ASKED))
    async with chains.snapshot() as view:
        assert await last_steps(view, KEY, ["c1", "c2", "c3", "c4"]) == {
            "c1": (ANNA, 0, False),
            "c2": (ANNA, 2, True),
            "c3": (BERIT, 0, False),
        }
        assert await last_steps(view, KEY, []) == {}


async def test_a_chain_is_read_in_pages(chains: Database) -> None:
    """From a position on, up to a limit, in order."""
    await write(chains, *[(ANNA, ASKED)] * 5)
    async with chains.snapshot() as view:
        assert [row["position"] for row in await read(view, ANNA, after=1, limit=2)] == [1, 2]
        assert [row["position"] for row in await read(view, ANNA, after=4, limit=2)] == [4]
        assert await read(view, ANNA, after=5) == []
        assert await read(view, "nobody") == []


async def test_the_copies_beside_an_entry_are_what_it_says(chains: Database) -> None:
    """What is searched by is what was hashed."""
    granted = Entry("consent.granted", "candidate", consent_id="c1", changes_state=True)
    await write(chains, (ANNA, ASKED), (ANNA, granted))
    async with chains.snapshot() as view:
        for row in await view.rows(Statement("SELECT * FROM entry")):
            body = json.loads(row["body"])
            names = ("at", "event", "position")
            assert [row[name] for name in names] == [body[name] for name in names]
            copies = (row["chain_id"], row["consent_id"], bool(row["changes_state"]))
            assert copies == (body["chain"], body["consent"], body["state"])
