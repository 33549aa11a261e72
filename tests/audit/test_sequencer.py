"""The sequencer: every committed entry becomes one leaf, whoever numbers; every head that is signed can be proven."""

from __future__ import annotations

import asyncio
import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent_service.audit.log import SERVICE_CHAIN, append, leaf_hash, lock, open_chain
from consent_service.audit.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from consent_service.audit.sequencer import (
    CHECKPOINT_INTERVAL,
    HistoryChanged,
    consistency,
    inclusion,
    newest_note,
    sequence,
    sign_checkpoint,
    sign_now,
)
from consent_service.clock import SECOND
from consent_service.crypto.service_keys import CheckpointKey, Signers
from consent_service.storage.engine import Database, Statement
from consent_service.storage.opening import open_database
from tests.audit.tampering import tamper
from tests.audit.test_log import ANNA, ASKED, BERIT, KEY, NOON, write
from tests.audit.test_merkle import mth

CHECKPOINTS = CheckpointKey(bytes(range(32)))
ORIGIN = "consent.example.no/log"
LEASE = 15 * SECOND
LEAVES = Statement(
    "SELECT l.leaf_index, l.chain_id, l.position, e.body FROM leaf l"
    " JOIN entry e ON e.chain_id = l.chain_id AND e.position = l.position ORDER BY l.leaf_index"
)


@pytest.fixture
async def chains(db: Database) -> Database:
    """A database with three chains."""
    async with db.transaction() as tx:
        for chain in (ANNA, BERIT, SERVICE_CHAIN):
            await open_chain(tx, chain, at=NOON)
    return db


async def number(db: Database, *, holder: str = "one", at: int = NOON) -> int:
    """Number what waits, in a transaction of its own."""
    async with db.transaction() as tx:
        return await sequence(tx, KEY, holder=holder, now=at)


async def sign(db: Database) -> tuple[int, bytes]:
    """Sign the head as it is now; size and root, from the note's own text, its signature verified."""
    async with db.transaction() as tx:
        await sign_now(tx, Signers(CHECKPOINTS), ORIGIN, now=NOON)
        note = await newest_note(tx)
    assert note is not None
    text, separator, signature = note.partition("\n\n")
    origin, size, root = text.split("\n")
    dash, name, encoded = signature.removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)
    Ed25519PublicKey.from_public_bytes(CHECKPOINTS.public).verify(raw[4:], f"{text}\n".encode())
    assert (dash, origin, name, separator) == ("—", ORIGIN, ORIGIN, "\n\n")
    return int(size), base64.b64decode(root)


async def leaves(db: Database) -> list[bytes]:
    """The leaf hashes by number, made from the stored bodies; numbers without gap or double, chains in their order."""
    async with db.snapshot() as view:
        rows = await view.rows(LEAVES)
    assert [row["leaf_index"] for row in rows] == list(range(len(rows)))
    for chain in (ANNA, BERIT, SERVICE_CHAIN):
        positions = [row["position"] for row in rows if row["chain_id"] == chain]
        assert positions == list(range(len(positions)))
    return [leaf_hash(row["body"]) for row in rows]


async def test_each_committed_entry_becomes_one_leaf(chains: Database) -> None:
    """Numbered once, in the order of its chain; there is nothing left to number then."""
    assert await number(chains) == 0
    await write(chains, (ANNA, ASKED), (BERIT, ASKED), (ANNA, ASKED))
    assert await number(chains) == 3
    assert await number(chains) == 0
    await write(chains, (SERVICE_CHAIN, ASKED), (ANNA, ASKED))
    assert await number(chains) == 2
    assert len(await leaves(chains)) == 5


async def test_heads_and_proofs_are_those_of_the_leaves(chains: Database) -> None:
    """At each size that was signed: the root, each leaf's inclusion, and that each extends all that were before."""
    heads = [await sign(chains)]
    for growth in (1, 2, 1, 3, 5, 8):
        await write(chains, *[((ANNA, BERIT, SERVICE_CHAIN)[n % 3], ASKED) for n in range(growth)])
        await number(chains)
        heads.append(await sign(chains))
    digests = await leaves(chains)
    assert heads[0] == (0, EMPTY_ROOT)
    assert heads == [(size, mth(tuple(digests[:size]))) for size in (0, 1, 3, 4, 7, 12, 20)]
    async with chains.snapshot() as view:
        for size, root in heads[1:]:
            for index in range(size):
                path = await inclusion(view, index, size)
                assert path is not None
                assert verify_inclusion(digests[index], index, size, path, root)
            for smaller, old in heads[1:]:
                proof = await consistency(view, smaller, size)
                assert (proof is None) == (smaller > size)
                assert proof is None or verify_consistency(smaller, size, old, root, proof)


async def test_there_is_no_proof_of_what_is_not_there(chains: Database) -> None:
    """Sizes and leaves beyond the log, or before it."""
    await write(chains, (ANNA, ASKED), (BERIT, ASKED))
    await number(chains)
    async with chains.snapshot() as view:
        for first, second in ((0, 2), (-1, 2), (1, 3), (3, 3), (2, 1)):
            assert await consistency(view, first, second) is None
        for index, size in ((2, 2), (-1, 2), (0, 3), (0, 0)):
            assert await inclusion(view, index, size) is None


async def test_one_numbers_at_a_time(chains: Database) -> None:
    """Another process numbers nothing until the lease has ended; then it goes on where the first stopped."""
    await write(chains, (ANNA, ASKED))
    assert await number(chains, holder="one") == 1
    await write(chains, (ANNA, ASKED))
    assert await number(chains, holder="other", at=NOON + LEASE - 1) == 0
    async with chains.transaction() as tx:
        signed = await sign_checkpoint(tx, Signers(CHECKPOINTS), ORIGIN, holder="other", now=NOON + LEASE - 1)
    assert not signed
    assert await number(chains, holder="other", at=NOON + LEASE) == 1
    assert await number(chains, holder="one", at=NOON + LEASE) == 0
    assert len(await leaves(chains)) == 2


async def test_numbers_have_no_gap_and_no_double_while_all_write(chains: Database, migrated_url: str) -> None:
    """Writers of two processes, and two sequencers that take the lease from each other in between."""
    other = await open_database(migrated_url)
    at = NOON

    async def numbering(db: Database, holder: str) -> None:
        nonlocal at
        for _ in range(6):
            at += LEASE
            await number(db, holder=holder, at=at)

    writing = [write(db, (name, ASKED), (BERIT, ASKED)) for name in (ANNA, SERVICE_CHAIN) for db in (chains, other) * 3]
    await asyncio.gather(*writing, numbering(chains, "one"), numbering(other, "other"))
    await number(chains, holder="last", at=at + LEASE)
    digests = await leaves(chains)
    assert len(digests) == 24
    assert await sign(chains) == (24, mth(tuple(digests)))
    await other.close()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_what_is_not_committed_is_not_numbered(chains: Database) -> None:
    """A slow writer's entries come later, with higher numbers: no number points at what may still be undone."""
    async with chains.transaction() as slow:
        head = (await lock(slow, [ANNA]))[ANNA]
        await append(slow, KEY, head, ASKED, at=NOON)
        await write(chains, (BERIT, ASKED), at=NOON + SECOND)
        assert await number(chains) == 1
    assert await number(chains) == 1
    async with chains.snapshot() as view:
        assert [row["chain_id"] for row in await view.rows(LEAVES)] == [BERIT, ANNA]


async def test_a_head_is_signed_when_it_has_grown(chains: Database) -> None:
    """Once for each size, and by the interval at most; nothing stands signed before."""

    async def due(at: int) -> bool:
        async with chains.transaction() as tx:
            return await sign_checkpoint(tx, Signers(CHECKPOINTS), ORIGIN, holder="one", now=at)

    async with chains.snapshot() as view:
        assert await newest_note(view) is None
    assert await due(NOON)
    assert not await due(NOON + CHECKPOINT_INTERVAL)
    await write(chains, (ANNA, ASKED))
    await number(chains)
    assert not await due(NOON + CHECKPOINT_INTERVAL - 1)
    assert await due(NOON + CHECKPOINT_INTERVAL)
    async with chains.snapshot() as view:
        assert (await newest_note(view) or "").split("\n")[1] == "1"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE node SET digest = :zeros WHERE level = 1 AND node_index = 0",
        "DELETE FROM node WHERE level = 1 AND node_index = 0",
        "UPDATE checkpoint SET root = :zeros WHERE size = 3",
        "DELETE FROM leaf WHERE leaf_index >= 2",
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_rewritten_log_is_not_signed(chains: Database, change: str) -> None:
    """A node changed or taken away, another root, a shorter log: two signed histories would be a fork."""
    await write(chains, (ANNA, ASKED), (ANNA, ASKED), (BERIT, ASKED))
    await number(chains)
    assert (await sign(chains))[0] == 3
    await tamper(chains, change, **({"zeros": bytes(32)} if ":zeros" in change else {}))

    async def go_on() -> None:
        if "leaf" not in change:
            await write(chains, (ANNA, ASKED), (ANNA, ASKED))
            await number(chains)
        await sign(chains)

    with pytest.raises(HistoryChanged):
        await go_on()
    async with chains.snapshot() as view:
        assert (await newest_note(view) or "").split("\n")[1] == "3"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_an_entry_that_was_changed_before_it_was_numbered_becomes_no_leaf(chains: Database) -> None:
    """Each tail entry is hashed again on its way into the tree (immudb, GHSA-672p-m5jq-mrh8)."""
    await write(chains, (ANNA, ASKED), (ANNA, ASKED))
    await tamper(chains, "UPDATE entry SET body = :body WHERE position = 1", body=b"{}")
    with pytest.raises(HistoryChanged):
        await number(chains)
    assert await leaves(chains) == []
