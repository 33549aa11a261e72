"""The log: one tamper-evident chain for each candidate, and one for attempts that name nobody known.

An entry holds ids, a time, what happened and its outcome, and a salted commitment to a detail: who acted, from
which office, the hash of what was shown. The detail is a row beside it, sealed with the log key: erasing a person
deletes the details, and the chain still verifies. No content, no identity number and no name is ever in either.

The bytes hashed are the bytes stored. The hash is that of a leaf in RFC 9162 (SHA-256 over 0x00 and the bytes), so
that the same hash links the chain and stands in the Merkle log.

Every writing transaction that touches a candidate begins with ``lock``: one lock, one order (design section 3).
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import orjson

from consent_service.audit import _store, vocabulary
from consent_service.audit.details import SealBroken, is_sealed, leaf_hash, open_detail, seal_detail
from consent_service.audit.heads import FIRST, Head, beside, head_beside, is_sound, note, seal_head, steps_of
from consent_service.audit.places import Taken, alarm, go_on
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import SealKey
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Duplicate, Row, Snapshot, Transaction

__all__ = ["FIRST", "SERVICE_CHAIN", "Appended", "Entry", "Head", "append", "append_all", "lock", "open_chain", "read"]

SERVICE_CHAIN = "service"

Actor = Literal["candidate", "unit", "service", "operator"]


@dataclass(frozen=True)
class Entry:
    """What an entry may say; see ``vocabulary``. ``changes_state``: the entry is a step in a consent's life."""

    event: str
    actor: Actor
    unit_id: str | None = None
    consent_id: str | None = None
    resource_id: str | None = None
    outcome: str | None = None
    changes_state: bool = False
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Appended:
    """Where an entry stands."""

    chain_id: str
    position: int
    digest: bytes
    at: int


class Step(NamedTuple):
    """Where the log last changed a consent's state, and whether that ended it."""

    chain_id: object
    position: int
    over: bool


_NOWHERE = -1


async def open_chain(tx: Transaction, chain_id: str, *, at: int) -> bool:
    """Begin a chain; whether it is new."""
    return await _store.open_chain(tx, chain_id, FIRST, at)


async def open_again(tx: Transaction, chain_id: str, *, at: int) -> None:
    """Let what ends be written in a chain that somebody closed, or whose head somebody took, loudly.

    For one whose person is not erased, as the caller knows: no chain of hers is closed.
    """
    alarm(0)
    if not await open_chain(tx, chain_id, at=at):
        await _store.close_chain(tx, chain_id, None)


async def lock(tx: Transaction, chain_ids: Iterable[str]) -> dict[str, Head]:
    """Lock the heads of ``chain_ids`` in id order, in a statement of its own; read nothing else before it.

    Raises NotAvailable if a chain does not exist, or is closed because its candidate was erased.
    """
    wanted = sorted(set(chain_ids))
    heads = {head.chain_id: head for head in await _store.lock_heads(tx, wanted)}
    if len(heads) != len(wanted):
        raise NotAvailable
    return heads


async def lock_to_end(tx: Transaction, key: SealKey, chain_id: str) -> Head:
    """As ``lock``, of one chain, for who ends something: whatever was planted there, it names a place that is free."""
    head = (await lock(tx, [chain_id]))[chain_id]
    await go_on(tx, key, head)
    return head


async def lock_known(tx: Transaction, chain_ids: Iterable[str]) -> dict[str, Head]:
    """As ``lock``, but passing over chains that do not exist: for the gate, which refuses those one by one."""
    return {head.chain_id: head for head in await _store.lock_heads(tx, sorted(set(chain_ids)))}


async def lock_concerned(
    tx: Transaction, chains: Iterable[str | None], *, wait: bool
) -> tuple[dict[str, Head], set[str]]:
    """The heads of ``chains``, and the service's own where one is None or not there (any more).

    Without ``wait`` it waits for nobody, and answers too which chains others hold just now, or do not exist. To name
    nobody costs the same statements as to name somebody.
    """
    wanted = sorted({chain or SERVICE_CHAIN for chain in chains})
    if wait:
        heads = await lock_known(tx, wanted)
        erased = set(wanted) - set(heads)
    else:
        free, erased = await _store.lock_free_heads(tx, wanted)
        heads = {head.chain_id: head for head in free}
    held = set(wanted) - set(heads) - erased
    if erased:
        heads |= await lock_known(tx, [SERVICE_CHAIN])  # its id comes after every candidate's
    return heads, held - set(heads)


def may_hold(entry: Entry) -> bool:
    """Whether ``entry`` can be appended at all."""
    try:
        _check(entry)
    except vocabulary.NotInTheVocabulary:
        return False
    return True


def _check(entry: Entry) -> None:
    ids = entry.unit_id, entry.consent_id, entry.resource_id
    vocabulary.check(entry.event, ids, entry.outcome, entry.detail)


async def append(tx: Transaction, key: SealKey, head: Head, entry: Entry, *, at: int) -> Appended:
    """Append ``entry`` to the chain whose head is locked. ``at`` is moved up to the chain's last entry."""
    return (await append_all(tx, key, [(head, entry)], at=at))[0]


async def append_all(
    tx: Transaction, key: SealKey, entries: Sequence[tuple[Head, Entry]], *, at: int
) -> list[Appended]:
    """Append several entries, each to its chain, in order.

    Raises NotInTheVocabulary for what none may hold, and Taken, after the alarm, where a head was put back.
    """
    rows, details, appended = [], [], []
    for head, _ in entries:
        if not is_sound(key, head):
            await go_on(tx, key, head)
    for head, entry in entries:
        _check(entry)
        sound = is_sound(key, head)
        moment = head.now(at)
        salt = os.urandom(32)
        secret = canonical(entry.detail)
        body = _body(head, entry, moment, sha256(salt + secret).hexdigest())
        digest = leaf_hash(body)
        place = {"chain_id": head.chain_id, "position": head.length}
        rows.append(
            {
                **place,
                "at": moment,
                "event": entry.event,
                "consent_id": entry.consent_id,
                "changes_state": int(entry.changes_state),
                "body": body,
                "digest": digest,
            }
        )
        details.append({**place, "sealed": seal_detail(key, head.chain_id, head.length, digest, salt + secret)})
        appended.append(Appended(head.chain_id, head.length, digest, moment))
        if sound:
            note(head, entry.event, entry.consent_id, state=entry.changes_state)
        head.length, head.digest, head.last_at = head.length + 1, digest, moment
    moved = {head.chain_id: head for head, _ in entries}
    for head in moved.values():
        seal_head(key, head)
    try:
        await _store.add_entries(tx, rows, details, moved.values())
    except Duplicate:
        alarm(*(one.position for one in appended))
        raise Taken from None
    return appended


def _body(head: Head, entry: Entry, at: int, commitment: str) -> bytes:
    return canonical(
        {
            "format": 1,
            "chain": head.chain_id,
            "position": head.length,
            "previous": head.digest.hex(),
            "at": at,
            "event": entry.event,
            "actor": entry.actor,
            "unit": entry.unit_id,
            "consent": entry.consent_id,
            "resource": entry.resource_id,
            "outcome": entry.outcome,
            "state": entry.changes_state,
            "commitment": commitment,
        }
    )


async def read(view: Snapshot, chain_id: str, *, after: int = 0, limit: int = 100) -> list[Row]:
    """Entries of a chain from position ``after`` on: position, at, event, body, digest, sealed, leaf_index."""
    return await _store.entries_of(view, chain_id, after=after, limit=limit)


async def last_steps(
    view: Snapshot, key: SealKey, consent_ids: Sequence[str], heads: Mapping[str, Head] | None = None
) -> dict[str, Step]:
    """Where the log last changed the state of each consent: a row that says otherwise was not written by us.

    The columns find the entry, and its body, and the head of its chain, are held against them. Where they don't agree
    the answer is a position that nothing has, and where two chains claim the same consent, in no chain. ``heads`` are
    those that are locked: they are looked at once.
    """
    found: dict[str, Step] = {}
    for row in await _store.last_steps(view, consent_ids):
        consent_id = row["consent_id"]
        claimed = consent_id in found
        found[consent_id] = Step(None, _NOWHERE, over=False) if claimed else _step(key, row, heads or {})
    return found


def _step(key: SealKey, row: Row, heads: Mapping[str, Head]) -> Step:
    said = _said(row)
    steps = steps_of(key, heads.get(row["chain_id"]) or head_beside(row))
    over = said is not None and said["event"] in vocabulary.ENDS
    known = None if over else row["position"]
    agreed = said is not None and steps is not None and steps.get(row["consent_id"]) == known
    return Step(row["chain_id"], row["position"] if agreed else _NOWHERE, over)


def _said(row: Row) -> dict[str, Any] | None:
    """What the entry says, if it is what its columns say, and a step."""
    try:
        said: dict[str, Any] = orjson.loads(row["body"])
        named = said["chain"], said["consent"], said["position"], said["state"]
        agrees = named == (row["chain_id"], row["consent_id"], row["position"], True)
        return said if agrees and leaf_hash(row["body"]) == row["digest"] and isinstance(said["event"], str) else None
    except (KeyError, TypeError, ValueError):
        return None


async def last_words(view: Snapshot, key: SealKey, chain_id: str) -> dict[str, int] | None:
    """Where the last words of a chain stand (``heads``), or None if somebody else wrote its head, or took it."""
    heads = await _store.heads(view, [chain_id])
    return steps_of(key, heads[0]) if heads else None


__all__ += [
    "SealBroken",
    "Step",
    "Taken",
    "beside",
    "is_sealed",
    "last_steps",
    "last_words",
    "leaf_hash",
    "lock_concerned",
    "lock_known",
    "lock_to_end",
    "may_hold",
    "open_again",
    "open_detail",
    "steps_of",
]
