"""Showing that two numbers are one person's: a login with each, in one browser, within minutes, for one use.

::

    first   a login that was demanded anew shows the number that she has had, and begins a session that holds the proof
    second  another such login, begun from that session's page, shows the number she has now; the proof moves to its
            session, and only if this browser still holds the first
    take    her yes on the page that says what will happen uses the proof up, whatever comes of it

Both logins are demanded anew (``login.begin(anew=True)``), so that neither a session left open on a shared machine,
here or at ID-porten, nor a link in a message is a proof. What is stored is sealed, for this session and step alone.
"""

from dataclasses import dataclass, field

from consent_service.clock import MINUTE
from consent_service.crypto.envelope import SealBroken, aad
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.persons import _store
from consent_service.persons.lookup import lookup_of
from consent_service.persons.numbers import NationalId
from consent_service.storage.engine import Row, Snapshot, Transaction

PATIENCE = 20 * MINUTE
"""From the first login to the yes."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a session has shown: ``first``, the digits of the first number; ``whole``: its own is the second."""

    first: str = field(repr=False)
    whole: bool


async def first(tx: Transaction, keys: ServiceKeys, number: NationalId, session_hash: bytes, *, at: int) -> None:
    """A login anew has shown ``number``, and begun this session."""
    lookup = lookup_of(keys.lookup, number)
    await _store.add_proof(tx, _row(keys, number.digits, lookup, session_hash, whole=0, lapses_at=at + PATIENCE))


async def second(tx: Transaction, keys: ServiceKeys, *, held_by: bytes, session_hash: bytes, at: int) -> bool:
    """A login anew has begun ``session_hash`` where the browser held ``held_by``; whether a proof is whole now."""
    row = await _store.take_proof(tx, held_by)
    held = None if row is None else _opened(keys, row, now=at)
    if row is None or held is None or held.whole:
        return False
    moved = _row(keys, held.first, row["lookup"], session_hash, whole=1, lapses_at=row["lapses_at"])
    await _store.add_proof(tx, moved)
    return True


async def shown(view: Snapshot, keys: ServiceKeys, session_hash: bytes, *, now: int) -> Proof | None:
    """What this session has shown, if it is not too long ago."""
    row = await _store.find_proof(view, session_hash)
    return None if row is None else _opened(keys, row, now=now)


async def take(tx: Transaction, keys: ServiceKeys, session_hash: bytes, *, now: int) -> Proof | None:
    """Use the session's proof up: the one who gets it may link. None for no proof, half of one, or one too old."""
    tx.scrub_after_commit()
    row = await _store.take_proof(tx, session_hash)
    proof = None if row is None else _opened(keys, row, now=now)
    return proof if proof is not None and proof.whole else None


def _row(
    keys: ServiceKeys, digits: str, lookup: str, session_hash: bytes, *, whole: int, lapses_at: int
) -> dict[str, object]:
    return {
        "session_hash": session_hash,
        "lookup": lookup,
        "sealed": keys.sessions.seal(digits.encode(), _aad(lookup, session_hash, whole, lapses_at)),
        "whole": whole,
        "lapses_at": lapses_at,
    }


def _opened(keys: ServiceKeys, row: Row, *, now: int) -> Proof | None:
    if now >= row["lapses_at"]:
        return None
    try:
        place = _aad(row["lookup"], bytes(row["session_hash"]), row["whole"], row["lapses_at"])
        digits = keys.sessions.open(bytes(row["sealed"]), place).decode()
    except SealBroken:
        return None  # a changed row shows nothing
    return Proof(digits, whole=bool(row["whole"]))


def _aad(lookup: str, session_hash: bytes, whole: int, lapses_at: int) -> bytes:
    return aad("1", "number proof", lookup, session_hash.hex(), str(whole), str(lapses_at))
