"""Items that units leave for a person, who may never have been here.

Whether a person is known is itself personal data. So an item is laid down in the same way and at the same cost for
known and unknown alike: under the keyed hash of the number, sealed with the waiting key, until the person comes
and it is sealed anew under her own key, or until it lapses.

The number itself goes along inside the seal: after a change of the lookup key (``relookup``) the item could not be
found by it otherwise. Sealed is: the number's eleven digits, then the payload.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from consent_service.crypto.envelope import aad
from consent_service.crypto.service_keys import MacKey, SealKey
from consent_service.persons import _store
from consent_service.persons.lookup import lookup_of, lookup_of_digits
from consent_service.persons.numbers import NationalId
from consent_service.storage.engine import Row, Snapshot, Transaction
from consent_service.vault.keys import CandidateKey

_DIGITS = 11

Kind = Literal["mapping_request", "consent_request"]


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """An item, opened for the person it was left for."""

    id: str
    kind: str
    from_unit: str
    created_at: int
    lapses_at: int
    payload: bytes = field(repr=False)


Receiver = Callable[[Transaction, str, CandidateKey, WaitingItem, int], Awaitable[None]]
"""Takes an item over: ``(tx, candidate_id, key, item, at)``. Seals it under ``key`` in the same transaction."""

Receivers = Mapping[str, Receiver]
"""Who takes over items of which kind."""


async def leave(
    tx: Transaction,
    waiting_key: SealKey,
    lookup_key: MacKey,
    national_id: NationalId,
    *,
    kind: Kind,
    item_id: str,
    payload: bytes,
    from_unit: str,
    at: int,
    lapses_at: int,
) -> None:
    """Leave ``payload`` for the person with this number until ``lapses_at``; she need not be known."""
    lookup = lookup_of(lookup_key, national_id)
    await _store.add_item(
        tx,
        item_id=item_id,
        lookup=lookup,
        kind=kind,
        payload=waiting_key.seal(national_id.digits.encode() + payload, _aad(kind, item_id, lookup)),
        from_unit=from_unit,
        created_at=at,
        lapses_at=lapses_at,
    )


async def waits(view: Snapshot, lookups: Sequence[str], *, now: int) -> bool:
    """Whether anything waits for the person with these numbers."""
    return await _store.has_items(view, lookups, now)


async def lying(tx: Transaction, lookups: Sequence[str], *, now: int) -> list[Row]:
    """What lies here for the person with these numbers, oldest first, locked and unopened."""
    return [row for row in await _store.lock_items(tx, lookups) if row["lapses_at"] > now]


async def take(tx: Transaction, item_id: str) -> None:
    """Remove an item that has been handed over."""
    await _store.delete_item(tx, item_id)


def opened(waiting_key: SealKey, row: Row) -> WaitingItem:
    """An item, open. Raises SealBroken if it was changed or moved behind the service's back."""
    inside = waiting_key.open(bytes(row["payload"]), _aad(row["kind"], row["id"], row["lookup"]))
    return WaitingItem(
        id=row["id"],
        kind=row["kind"],
        from_unit=row["from_unit"],
        created_at=row["created_at"],
        lapses_at=row["lapses_at"],
        payload=inside[_DIGITS:],
    )


def moved(waiting_key: SealKey, row: Row, old: MacKey, new: MacKey) -> tuple[str, bytes] | None:
    """An item's lookup and payload under the lookup key ``new``; None if it lies under that already.

    Raises SealBroken as ``opened``, and ValueError for an item whose number is not what it lies under.
    """
    inside = waiting_key.open(bytes(row["payload"]), _aad(row["kind"], row["id"], row["lookup"]))
    digits = inside[:_DIGITS].decode("ascii")
    lookup = lookup_of_digits(new, digits)
    if row["lookup"] == lookup:
        return None
    if row["lookup"] != lookup_of_digits(old, digits):
        raise ValueError("the item lies under another number's hash")
    return lookup, waiting_key.seal(inside, _aad(row["kind"], row["id"], lookup))


def _aad(kind: str, item_id: str, lookup: str) -> bytes:
    return aad("waiting-item", kind, item_id, lookup)


async def withdraw(tx: Transaction, item_id: str, from_unit: str) -> bool:
    """Take back an item that nobody has collected yet, unread. False if there is none of this unit's."""
    return await _store.withdraw_item(tx, item_id, from_unit)


async def lapse(tx: Transaction, *, now: int) -> int:
    """Remove, unread, every item whose time is out; answers how many."""
    return await _store.delete_lapsed_items(tx, now)
