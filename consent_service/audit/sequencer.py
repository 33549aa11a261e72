"""The sequencer: one process at a time numbers committed entries as leaves of the Merkle log and signs its head."""

import base64
from hashlib import sha256

from consent_service.audit import _store, merkle
from consent_service.audit.log import leaf_hash
from consent_service.clock import SECOND
from consent_service.crypto.service_keys import CheckpointKey
from consent_service.storage.engine import Row, Snapshot, Transaction
from consent_service.storage.lease import hold

_BATCH = 500
_LEASE = 15 * SECOND


class HistoryChanged(Exception):
    """The Merkle log is no longer what its last checkpoint says. Nothing is signed until an operator has looked."""


async def sequence(tx: Transaction, *, holder: str, now: int) -> int:
    """Number what is committed and not yet numbered, up to a batch; how many that were. 0 without the lease.

    Raises HistoryChanged for an entry that was changed before it was numbered: it does not become a leaf.
    """
    if not await hold(tx, "log-sequencer", holder, now=now, duration=_LEASE):
        return 0
    waiting = await _store.unnumbered(tx, _BATCH)
    if any(leaf_hash(row["body"]) != row["digest"] for row in waiting):
        raise HistoryChanged
    if waiting:
        await _append(tx, await _store.size(tx), waiting)
    return len(waiting)


async def _append(tx: Transaction, first: int, entries: list[Row]) -> None:
    await _store.add_leaves(tx, first, entries)
    border = await _store.nodes(tx, merkle.cover(0, first))
    nodes = list(merkle.completed(first, [row["digest"] for row in entries], border.__getitem__))
    await _store.add_nodes(tx, nodes)


async def sign_checkpoint(tx: Transaction, key: CheckpointKey, origin: str, *, holder: str, now: int) -> bool:
    """Sign the head if the log has grown since the last checkpoint; whether it did.

    Raises HistoryChanged for a log that does not extend what was signed last: two signed histories are a fork.
    """
    if not await hold(tx, "log-sequencer", holder, now=now, duration=_LEASE):
        return False
    size = await _store.size(tx)
    newest = await _store.newest_checkpoint(tx)
    if newest is not None and newest["size"] == size:
        return False
    if newest is not None and (newest["size"] > size or newest["root"] != await _root(tx, newest["size"])):
        raise HistoryChanged
    root = await _root(tx, size)
    await _store.add_checkpoint(tx, size=size, root=root, note=signed_note(key, origin, size, root), at=now)
    return True


async def _root(view: Snapshot, size: int) -> bytes:
    nodes = await _store.nodes(view, merkle.cover(0, size))
    try:
        return merkle.root(size, nodes.__getitem__)
    except KeyError:
        raise HistoryChanged from None


def signed_note(key: CheckpointKey, origin: str, size: int, root: bytes) -> str:
    """A checkpoint in the C2SP text format (tlog-checkpoint, signed-note), signed by ``origin``'s key."""
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = key_id(origin, key.public) + key.sign(body.encode())
    return f"{body}\n— {origin} {base64.b64encode(signature).decode()}\n"


def key_id(name: str, public: bytes) -> bytes:
    """C2SP signed-note: the first four bytes of SHA-256(name, newline, 0x01 for Ed25519, key)."""
    return sha256(name.encode() + b"\n\x01" + public).digest()[:4]


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
    return merkle.proof(ranges, (await _store.nodes(view, wanted)).__getitem__)
