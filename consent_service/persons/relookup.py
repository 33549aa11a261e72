"""Moving everybody to another lookup key, after one got out: whoever has it can test which numbers are in a copy.

It is done offline, from the sealed numbers: each candidate's own parts, and the number inside each waiting item. What
lies under the new hash already is passed over, so it may be interrupted and begun again. Not moved, since nobody keeps
what they were made from: counts of tries at pick-up codes, and the answers kept for ``Idempotency-Key`` (a unit that
repeats a call from before is answered as if it were the first time). Proofs of a number last minutes, and stay as is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from consent_service.crypto.service_keys import MacKey
from consent_service.errors import NotAvailable, Tampered
from consent_service.persons import _store, waiting
from consent_service.persons.lookup import belonging, lookup_of_digits
from consent_service.persons.number import numbers_of
from consent_service.storage.engine import Database, Row, Snapshot
from consent_service.vault.keys import Keys

_PAGE = 100

_log = structlog.get_logger()

Advance = Callable[[int], None]


@dataclass
class Moved:
    """How many numbers and items were moved, and how many people and items can't be: they can't be opened either."""

    numbers: int = 0
    items: int = 0
    broken: int = 0


async def count(view: Snapshot) -> int:
    """How many people and items there are to go through."""
    return await _store.people_and_items(view)


async def relookup(db: Database, keys: Keys, new: MacKey, advance: Advance = lambda _: None) -> Moved:
    """Put every number and waiting item under ``new``; ``keys`` are the service's, with the old key. Opens numbers."""
    done = Moved()
    await _move_people(db, keys, new, done, advance)
    await _move_items(db, keys, new, done, advance)
    return done


async def _move_people(db: Database, keys: Keys, new: MacKey, done: Moved, advance: Advance) -> None:
    after = ""
    while True:
        async with db.snapshot() as view:
            page = await _store.candidate_ids(view, after=after, limit=_PAGE)
        moves = [move for candidate_id in page for move in await _moves_of(db, keys, new, candidate_id, done)]
        async with db.transaction() as tx:
            tx.scrub_after_commit()
            for candidate_id, before, lookup in moves:
                mac = belonging(new, lookup, candidate_id)
                done.numbers += await _store.move_number(tx, candidate_id, before, lookup, mac)
        advance(len(page))
        if len(page) < _PAGE:
            return
        after = page[-1]


async def _moves_of(
    db: Database, keys: Keys, new: MacKey, candidate_id: str, done: Moved
) -> list[tuple[str, str, str]]:
    """(candidate, old hash, new hash) for each of her numbers that lies under the old hash."""
    try:
        key = await keys.candidate(candidate_id)
        async with db.snapshot() as view:
            numbers = await numbers_of(view, key)
            lookups = set(await _store.lookups_of(view, candidate_id))
    except (NotAvailable, Tampered) as fault:
        _broken(done, "candidate", candidate_id, fault)
        return []
    pairs = {lookup_of_digits(keys.service.lookup, digits): lookup_of_digits(new, digits) for digits in numbers}
    if lookups - set(pairs) - set(pairs.values()):
        _broken(done, "candidate", candidate_id, None)
    return [(candidate_id, old, pairs[old]) for old in sorted(lookups & set(pairs))]


async def _move_items(db: Database, keys: Keys, new: MacKey, done: Moved, advance: Advance) -> None:
    after = ""
    while True:
        async with db.snapshot() as view:
            page = await _store.items(view, after=after, limit=_PAGE)
        async with db.transaction() as tx:
            tx.scrub_after_commit()
            for row in page:
                moved = _moved(keys, new, row, done)
                if moved is not None:
                    done.items += await _store.move_item(tx, row["id"], row["lookup"], *moved)
        advance(len(page))
        if len(page) < _PAGE:
            return
        after = page[-1]["id"]


def _moved(keys: Keys, new: MacKey, row: Row, done: Moved) -> tuple[str, bytes] | None:
    try:
        return waiting.moved(keys.service.waiting, row, keys.service.lookup, new)
    except (Tampered, ValueError) as fault:
        _broken(done, "waiting item", row["id"], fault)
        return None


def _broken(done: Moved, what: str, item: str, fault: Exception | None) -> None:
    _log.error("a number can't be moved", what=what, item=item, fault=type(fault).__name__, alarm="relookup")
    done.broken += 1
