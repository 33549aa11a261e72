"""The sequencer: one process at a time numbers committed entries as leaves of the Merkle log and signs its head."""

from collections.abc import Iterable

from consent_service.audit import _store, merkle
from consent_service.audit.log import is_sealed, leaf_hash
from consent_service.audit.notes import signed_note
from consent_service.clock import SECOND
from consent_service.crypto.service_keys import SealKey, Signers
from consent_service.storage.engine import Row, Snapshot, Transaction
from consent_service.storage.lease import hold

__all__ = [
    "BATCH",
    "CHECKPOINT_INTERVAL",
    "HistoryChanged",
    "consistency",
    "inclusion",
    "newest_note",
    "root_at",
    "sequence",
    "sign_checkpoint",
    "sign_now",
    "signed_note",
    "size",
]

BATCH = 500
_LEASE = 15 * SECOND
CHECKPOINT_INTERVAL = 10 * SECOND
"""How often the head is signed at most: what is not signed yet is what only a receipt protects."""


class HistoryChanged(Exception):
    """The Merkle log is no longer what its last checkpoint says. Nothing is signed until an operator has looked."""


async def sequence(tx: Transaction, key: SealKey, *, holder: str, now: int) -> int:
    """Number what is committed and not yet numbered, up to a batch; how many that were. 0 without the lease.

    Raises HistoryChanged for an entry that was changed before it was numbered, hash and links with it or not: it does
    not become a leaf. ``key`` is the log key, which sealed the detail beside each entry; those of a person who was
    erased are gone, and were looked at then (``closing``).
    """
    if not await hold(tx, "log-sequencer", holder, now=now, duration=_LEASE):
        return 0
    waiting = await _store.unnumbered(tx, BATCH)
    if not all(_written(key, row) for row in waiting):
        raise HistoryChanged
    if waiting:
        await _append(tx, await _store.size(tx), waiting)
    return len(waiting)


def _written(key: SealKey, row: Row) -> bool:
    return leaf_hash(row["body"]) == row["digest"] and (row["closed"] == 1 or is_sealed(key, row["chain_id"], row))


async def _append(tx: Transaction, first: int, entries: list[Row]) -> None:
    await _store.add_leaves(tx, first, entries)
    border = await _stored(tx, merkle.cover(0, first))
    nodes = list(merkle.completed(first, [row["digest"] for row in entries], border))
    await _store.add_nodes(tx, nodes)


async def sign_checkpoint(tx: Transaction, signers: Signers, origin: str, *, holder: str, now: int) -> bool:
    """Sign the head if the log has grown since the last checkpoint, and that is some time ago; whether it did.

    Raises HistoryChanged as ``sign_now`` does.
    """
    if not await hold(tx, "log-sequencer", holder, now=now, duration=_LEASE):
        return False
    newest = await _store.newest_checkpoint(tx)
    if newest is not None and 0 <= now - newest["at"] < CHECKPOINT_INTERVAL:
        return False
    return await sign_now(tx, signers, origin, now=now)


async def sign_now(tx: Transaction, signers: Signers, origin: str, *, now: int) -> bool:
    """Sign the head, on demand, if the log has grown since the last checkpoint; whether it has.

    It needs no lease: a size has one root, and whoever is later finds the checkpoint in place. Raises HistoryChanged
    for a log that does not extend what was signed last: two signed histories are a fork.
    """
    newest = await _store.newest_checkpoint(tx)
    leaves = await _store.size(tx)  # after it: in between others may number and sign, which is no shorter log
    if newest is not None and newest["size"] == leaves:
        return False
    if newest is not None and (newest["size"] > leaves or newest["root"] != await _root(tx, newest["size"])):
        raise HistoryChanged
    root = await _root(tx, leaves)
    note = signed_note(signers, origin, leaves, root)
    await _store.add_checkpoint(tx, size=leaves, root=root, note=note, at=now)
    return True


async def root_at(view: Snapshot, size: int) -> bytes | None:
    """The root of the first ``size`` leaves; None if there are not so many."""
    return await _root(view, size) if size <= await _store.size(view) else None


async def size(view: Snapshot) -> int:
    """How many leaves the log has."""
    return await _store.size(view)


async def _root(view: Snapshot, size: int) -> bytes:
    return merkle.root(size, await _stored(view, merkle.cover(0, size)))


async def _stored(view: Snapshot, wanted: Iterable[merkle.Node]) -> merkle.Lookup:
    """What finds the hashes of ``wanted``; it raises HistoryChanged for one that is no longer there."""
    found = await _store.nodes(view, wanted)

    def lookup(node: merkle.Node) -> bytes:
        if node not in found:
            raise HistoryChanged
        return found[node]

    return lookup


async def newest_note(view: Snapshot) -> str | None:
    """The newest checkpoint as its signed text."""
    newest = await _store.newest_checkpoint(view)
    return None if newest is None else str(newest["note"])


async def consistency(view: Snapshot, first: int, second: int) -> list[bytes] | None:
    """The proof that the log of ``first`` leaves is a prefix of that of ``second``; None if it is not that long."""
    if not 0 < first <= second <= await _store.size(view):
        return None
    ranges = merkle.consistency_ranges(first, second)
    return await _proof(view, ranges)


async def inclusion(view: Snapshot, index: int, size: int) -> list[bytes] | None:
    """The proof that leaf ``index`` is in the log of ``size`` leaves; None if there is no such leaf."""
    if not 0 <= index < size <= await _store.size(view):
        return None
    return await _proof(view, merkle.inclusion_ranges(index, size))


async def _proof(view: Snapshot, ranges: list[tuple[int, int]]) -> list[bytes]:
    wanted = [node for start, end in ranges for node in merkle.cover(start, end)]
    return merkle.proof(ranges, await _stored(view, wanted))
