"""Gives committed events their numbers: one process at a time, by lease."""

from consent_service.clock import SECOND
from consent_service.events import _store
from consent_service.storage.engine import Transaction
from consent_service.storage.lease import hold

BATCH = 500
_LEASE = 15 * SECOND


async def number(tx: Transaction, *, holder: str, now: int) -> int:
    """Number what waits, up to a batch; how many that were. 0 without the lease."""
    if not await hold(tx, "event-sequencer", holder, now=now, duration=_LEASE):
        return 0
    waiting = await _store.unnumbered(tx, now, BATCH)
    last: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for row in waiting:
        unit = row["unit_id"]
        if unit not in last:
            last[unit] = (await _store.feed(tx, unit))[0]
        last[unit] += 1
        numbers[row["id"]] = last[unit]
    await _store.number(tx, numbers)
    for unit, value in sorted(last.items()):
        await _store.advance(tx, unit, value)
    return len(waiting)


async def drop_old(tx: Transaction, *, before: int) -> int:
    """Delete events from before ``before``; how many feeds that touched."""
    return await _store.drop(tx, before)
