"""Whether the log is whole: every chain link by link, every leaf, and the newest signed head over all of them.

Everything is computed anew from the bytes that were hashed; no stored hash is believed. What it can't see is a log cut
back together with its newest checkpoints: that is seen by whoever kept an older one (``audit checkpoint``).
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from consent_service.audit import _store, merkle
from consent_service.audit.log import FIRST, leaf_hash
from consent_service.audit.sequencer import signed_note
from consent_service.crypto.service_keys import CheckpointKey
from consent_service.storage.engine import Row, Snapshot

_PAGE = 500
_MOST_FAULTS = 100


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what is wrong with it: sentences with ids and positions; none if the log is whole."""

    chains: int
    entries: int
    leaves: int
    signed: int
    faults: tuple[str, ...]


async def verify(
    view: Snapshot, key: CheckpointKey, origin: str, *, looked_at: Callable[[int], None] = lambda _: None
) -> Verified:
    """Look at the whole log in one view. ``looked_at`` hears how many entries each chain had."""
    faults: list[str] = []
    leaves: dict[int, bytes] = {}
    chains = entries = 0
    async for head in _heads(view):
        chains += 1
        entries += await _chain(view, head, leaves, faults)
        looked_at(head["length"])
    size = await _store.size(view)
    if sorted(leaves) != list(range(size)):
        faults.append(f"the leaves are not numbered from 0 to {size - 1}, each once and each an entry's")
    signed = await _signed(view, key, origin, leaves, faults)
    return Verified(chains, entries, len(leaves), signed, tuple(faults[:_MOST_FAULTS]))


async def length(view: Snapshot) -> int:
    """How many entries there should be: for telling how far ``verify`` has come."""
    return sum([head["length"] async for head in _heads(view)])


async def _heads(view: Snapshot) -> AsyncIterator[Row]:
    after = ""
    while page := await _store.chains(view, after):
        for head in page:
            yield head
        after = page[-1]["chain_id"]


async def _chain(view: Snapshot, head: Row, leaves: dict[int, bytes], faults: list[str]) -> int:
    """Follow one chain from its first entry to its head; how many entries it has."""
    chain_id, previous, position = head["chain_id"], FIRST, 0
    while page := await _store.entries_of(view, chain_id, after=position, limit=_PAGE):
        for row in page:
            digest = leaf_hash(bytes(row["body"]))
            if not _follows(row, chain_id, position, previous, digest):
                faults.append(f"chain {chain_id}: entry {row['position']} is not what followed entry {position - 1}")
            if row["leaf_index"] is not None:
                leaves[row["leaf_index"]] = digest
            previous, position = digest, row["position"] + 1
    if (position, previous) != (head["length"], bytes(head["digest"])):
        faults.append(f"chain {chain_id}: it has {position} entries and ends elsewhere than its head says")
    return position


def _follows(row: Row, chain_id: str, position: int, previous: bytes, digest: bytes) -> bool:
    try:
        body = json.loads(row["body"])
        said = (body["chain"], body["position"], body["previous"], body["event"], body["consent"], body["at"])
    except (ValueError, KeyError, TypeError):
        return False
    wanted = (chain_id, position, previous.hex(), row["event"], row["consent_id"], row["at"])
    return row["position"] == position and said == wanted and bytes(row["digest"]) == digest


async def _signed(view: Snapshot, key: CheckpointKey, origin: str, leaves: dict[int, bytes], faults: list[str]) -> int:
    """Hold the newest checkpoint against the leaves it covers; its size. Ed25519 signs one text in one way only."""
    newest = await _store.newest_checkpoint(view)
    if newest is None:
        return 0
    size = int(newest["size"])
    covered = [leaves.get(index, b"") for index in range(size)]
    if signed_note(key, origin, size, root_of(covered)) != newest["note"]:
        faults.append(f"the checkpoint of {size} leaves is not signed over the entries that are here")
    return size


def root_of(leaves: list[bytes]) -> bytes:
    """The Merkle tree's root over ``leaves``, from the leaves alone (RFC 9162, 2.1.1)."""
    level = list(leaves)
    if not level:
        return merkle.EMPTY_ROOT
    while len(level) > 1:
        # Pairwise from the left, an odd one carried up: the RFC's tree, whose left half is the largest full one.
        paired = [merkle.node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]
