"""The sweep: writes down ends and lapses whose time has come, each in a transaction of its own.

Views and the gate do not wait for it: they check the time themselves. What the sweep adds is that the shares are
destroyed and that the units hear of it. One that can't be ended never stands in the way of the others.
"""

from collections.abc import Awaitable, Callable

import structlog

from consent_service.clock import MINUTE, Clock
from consent_service.consents import _store, endings, requests
from consent_service.consents.desk import Desk
from consent_service.errors import ServiceError
from consent_service.storage.engine import Database, Row, Snapshot, Transaction

# How long the answer to the last use can be fetched again under the same key, should it have been lost on the way.
REPEATS_FOR = 15 * MINUTE

_PAGE = 200

_log = structlog.get_logger()

_Find = Callable[[Snapshot, str], Awaitable[list[Row]]]
_End = Callable[[Transaction, Row], Awaitable[bool]]


async def sweep(db: Database, desk: Desk, clock: Clock) -> int:
    """End what is over and let lapse what was not answered; how many there were."""
    now = clock.now()

    async def over(view: Snapshot, after: str) -> list[Row]:
        return await _store.over(view, now=now, spent_before=now - REPEATS_FOR, after=after, limit=_PAGE)

    async def lapsed(view: Snapshot, after: str) -> list[Row]:
        return await _store.lapsed(view, now=now, after=after, limit=_PAGE)

    async def end(tx: Transaction, row: Row) -> bool:
        return await endings.end_in_time(tx, desk, row["candidate_id"], row["id"], now=now)

    async def lapse(tx: Transaction, row: Row) -> bool:
        return await requests.lapse(tx, desk, row["id"], row["candidate_id"], at=now)

    return await _each(db, over, end) + await _each(db, lapsed, lapse)


async def _each(db: Database, find: _Find, end: _End) -> int:
    done, after = 0, ""
    while True:
        async with db.snapshot() as view:
            page = await find(view, after)
        for row in page:
            try:
                async with db.transaction() as tx:
                    done += await end(tx, row)
            except ServiceError as failure:
                _log.warning("an end was passed over", consent_id=row["id"], reason=type(failure).__name__)
            except Exception as fault:  # noqa: BLE001 - whatever is wrong with one row, the others end
                _log.error("an end failed", consent_id=row["id"], fault=type(fault).__name__, alarm="sweep")
        if len(page) < _PAGE:
            return done
        after = page[-1]["id"]
