"""Moving everybody to another lookup key, after one got out: whoever has it can test which numbers are in a copy.

It is done offline, from the sealed numbers: each candidate's own parts, and the number inside each waiting item. What
lies under the new hash already is passed over, so it may be interrupted and begun again. Not moved, since nobody keeps
what they were made from: counts of tries at pick-up codes, and the answers kept for ``Idempotency-Key`` (a unit that
repeats a call from before is answered as if it were the first time). Proofs of a number last minutes, and stay as is.

The rule: the old key is destroyed only when nobody is left under it. Who is left would be taken for somebody who never
came, could revoke nothing, and units would go on reading what she shares. So everybody is looked at before anybody is
moved, and whoever can't be moved keeps all as it was, the old key too, and the service starts with it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from consent_service.crypto.providers import KeyProvider
from consent_service.errors import NotAvailable, Tampered
from consent_service.persons import _store, waiting
from consent_service.persons.lookup import belonging, lookup_of_digits
from consent_service.persons.number import numbers_of
from consent_service.storage.engine import Database, Row, Snapshot
from consent_service.vault.lookup_key import Change, finish, give_up

_PAGE = 100

_log = structlog.get_logger()

Advance = Callable[[int], None]


_CANT = (NotAvailable, Tampered, TypeError, ValueError)  # a column of another type: SQLite takes anything


@dataclass(frozen=True)
class Moved:
    """Everybody was: so many numbers and waiting items."""

    numbers: int
    items: int


@dataclass(frozen=True)
class NotMoved:
    """``broken`` people and items can't be (an alarm names each in the log), so the old key stays.

    ``begun``: others are moved already, by a run that was interrupted. Otherwise all is as if it had never been tried.
    """

    broken: int
    begun: bool


@dataclass
class _Seen:
    numbers: int = 0
    items: int = 0
    already: int = 0
    broken: int = 0


async def count(view: Snapshot) -> int:
    """How many people and items there are to go through."""
    return await _store.people_and_items(view)


async def relookup(
    db: Database, provider: KeyProvider, change: Change, advance: Advance = lambda _: None
) -> Moved | NotMoved:
    """Put every number and waiting item under the new key, and destroy the old one; while anybody's can't be, nobody's.

    Opens numbers. Safe to interrupt, and to begin again. Raises KeyProviderDown.
    """
    seen = await _go_through(db, change, advance, move=False)
    if seen.broken:
        if not seen.already:
            await give_up(db)
        return NotMoved(seen.broken, begun=seen.already > 0)
    moved = await _go_through(db, change, advance, move=True)
    if moved.broken:
        return NotMoved(moved.broken, begun=True)
    await finish(db, provider)
    return Moved(moved.numbers, moved.items)


async def _go_through(db: Database, change: Change, advance: Advance, *, move: bool) -> _Seen:
    seen = _Seen()
    await _people(db, change, seen, advance, move=move)
    await _items(db, change, seen, advance, move=move)
    return seen


async def _people(db: Database, change: Change, seen: _Seen, advance: Advance, *, move: bool) -> None:
    after = ""
    while True:
        async with db.snapshot() as view:
            page = await _store.candidate_ids(view, after=after, limit=_PAGE)
        moves = [one for candidate_id in page for one in await _moves_of(db, change, candidate_id, seen)]
        if move:
            async with db.transaction() as tx:
                tx.scrub_after_commit()
                for candidate_id, before, lookup in moves:
                    mac = belonging(change.new, lookup, candidate_id)
                    seen.numbers += await _store.move_number(tx, candidate_id, before, lookup, mac)
        advance(len(page))
        if len(page) < _PAGE:
            return
        after = page[-1]


async def _moves_of(db: Database, change: Change, candidate_id: str, seen: _Seen) -> list[tuple[str, str, str]]:
    """(candidate, old hash, new hash) for each of her numbers that lies under the old hash."""
    keys, new = change.keys, change.new
    try:
        key = await keys.candidate(candidate_id)
        async with db.snapshot() as view:
            numbers = await numbers_of(view, key)
            lookups = set(await _store.lookups_of(view, candidate_id))
    except _CANT as fault:
        _broken(seen, "candidate", candidate_id, fault)
        return []
    pairs = {lookup_of_digits(keys.service.lookup, digits): lookup_of_digits(new, digits) for digits in numbers}
    if lookups - set(pairs) - set(pairs.values()):
        _broken(seen, "candidate", candidate_id, None)
    seen.already += len(lookups & set(pairs.values()))
    return [(candidate_id, old, pairs[old]) for old in sorted(lookups & set(pairs))]


async def _items(db: Database, change: Change, seen: _Seen, advance: Advance, *, move: bool) -> None:
    after = ""
    while True:
        async with db.snapshot() as view:
            page = await _store.items(view, after=after, limit=_PAGE)
        moves = [one for row in page for one in _move_of(change, row, seen)]
        if move:
            async with db.transaction() as tx:
                tx.scrub_after_commit()
                for row, lookup, payload in moves:
                    seen.items += await _store.move_item(tx, row["id"], row["lookup"], lookup, payload)
        advance(len(page))
        if len(page) < _PAGE:
            return
        after = page[-1]["id"]


def _move_of(change: Change, row: Row, seen: _Seen) -> list[tuple[Row, str, bytes]]:
    """The item with its new hash and payload; nothing if it lies under that already, or can't be opened."""
    service = change.keys.service
    try:
        moved = waiting.moved(service.waiting, row, service.lookup, change.new)
    except _CANT as fault:
        _broken(seen, "waiting item", row["id"], fault)
        return []
    seen.already += moved is None
    return [] if moved is None else [(row, *moved)]


def _broken(seen: _Seen, what: str, item: str, fault: Exception | None) -> None:
    _log.error("a number can't be moved", what=what, item=item, fault=type(fault).__name__, alarm="relookup")
    seen.broken += 1
