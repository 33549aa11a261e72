"""The whole log, verified: what was changed, removed, moved or never signed is named."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.audit import merkle, sequencer
from consent_service.audit.log import Entry, append, lock, open_chain
from consent_service.audit.verifying import length, root_of, verify
from consent_service.crypto.service_keys import ServiceKeys, new_secrets, service_keys
from consent_service.storage.engine import Database, Statement

ORIGIN = "example.org/log"
CHAINS = ("anna", "berit", "service")


@pytest.fixture
def keys() -> ServiceKeys:
    """Service keys of this test's own."""
    return service_keys(new_secrets())


@pytest.fixture
async def log(db: Database, keys: ServiceKeys) -> Database:
    """Three chains of seven entries each, numbered and signed, and one entry that is not yet."""
    at = 1_000
    async with db.transaction() as tx:
        for chain in CHAINS:
            await open_chain(tx, chain, at=at)
    for number in range(7):
        async with db.transaction() as tx:
            for chain, head in (await lock(tx, CHAINS)).items():
                await append(tx, keys.log, head, Entry(f"event.{number}", "service", resource_id=chain), at=at)
    async with db.transaction() as tx:
        await sequencer.sequence(tx, holder="test", now=at)
    async with db.transaction() as tx:
        await sequencer.sign_checkpoint(tx, keys.checkpoints, ORIGIN, holder="test", now=at)
    async with db.transaction() as tx:
        head = (await lock(tx, ["anna"]))["anna"]
        await append(tx, keys.log, head, Entry("event.last", "candidate"), at=at)
    return db


async def _faults(db: Database, keys: ServiceKeys) -> tuple[str, ...]:
    async with db.snapshot() as view:
        return (await verify(view, keys.checkpoints, ORIGIN)).faults


async def test_a_whole_log_is_whole(log: Database, keys: ServiceKeys) -> None:
    """Every entry is counted, numbered or not, and the signature covers those that are."""
    async with log.snapshot() as view:
        seen: list[int] = []
        found = await verify(view, keys.checkpoints, ORIGIN, looked_at=seen.append)
        assert sum(seen) == await length(view) == found.entries == 22
    assert (found.chains, found.leaves, found.signed, found.faults) == (3, 21, 21, ())


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE entry SET event = 'nothing' WHERE chain_id = 'anna' AND position = 3",
        "UPDATE entry SET at = at + 1 WHERE chain_id = 'anna' AND position = 3",
        "UPDATE entry SET digest = body WHERE chain_id = 'anna' AND position = 3",
        "UPDATE entry SET body = (SELECT body FROM entry WHERE chain_id = 'anna' AND position = 2)"
        " WHERE chain_id = 'anna' AND position = 3",
        "DELETE FROM entry WHERE chain_id = 'anna' AND position = 3",
        "DELETE FROM entry WHERE chain_id = 'anna' AND position = 7",
        "UPDATE chain SET length = 7 WHERE chain_id = 'anna'",
        "UPDATE entry SET chain_id = 'carla' WHERE chain_id = 'anna'",
        "DELETE FROM leaf WHERE leaf_index = 20",
        "UPDATE entry SET body = digest WHERE chain_id = 'berit' AND position = 0",
        "UPDATE leaf SET leaf_index = 30 WHERE leaf_index = 20",
        "UPDATE checkpoint SET note = 'example.org/log'",
    ],
)
async def test_what_was_done_to_it_is_found(log: Database, keys: ServiceKeys, attack: str) -> None:
    """An entry edited, removed, moved to another chain, cut off the end, unnumbered: each is a fault."""
    async with log.transaction() as tx:
        await tx.run(Statement(attack))
    assert await _faults(log, keys)


async def test_a_chain_that_is_gone_is_found(log: Database, keys: ServiceKeys) -> None:
    """Removing a person's whole chain leaves the signed head without its leaves."""
    async with log.transaction() as tx:
        for table in ("entry", "entry_detail", "leaf", "chain"):
            await tx.run(Statement(f"DELETE FROM {table} WHERE chain_id = 'berit'"))
    assert await _faults(log, keys)


async def test_another_key_did_not_sign_it(log: Database) -> None:
    """A checkpoint that this service's key has not signed is a fault."""
    assert await _faults(log, service_keys(new_secrets()))


async def test_an_empty_log_is_whole(db: Database, keys: ServiceKeys) -> None:
    """Nothing is no fault."""
    assert await _faults(db, keys) == ()


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=70))
def test_the_root_is_the_sequencers(raw: list[bytes]) -> None:
    """The root from the leaves alone is the one from stored subtrees."""
    leaves = [sha256(one).digest() for one in raw]
    nodes: dict[tuple[int, int], bytes] = {}
    for level, index, digest in merkle.completed(0, leaves, nodes.__getitem__):
        nodes[level, index] = digest
    assert root_of(leaves) == merkle.root(len(leaves), nodes.__getitem__)
