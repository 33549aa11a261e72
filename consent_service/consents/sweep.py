"""The sweep: writes down ends and lapses whose time has come, each in a transaction of its own.

Views and the gate do not wait for it: they check the time themselves. What the sweep adds is that the shares are
destroyed and that the units hear of it.
"""

import structlog

from consent_service.clock import Clock
from consent_service.consents import _store, endings, requests
from consent_service.consents.desk import Desk
from consent_service.consents.terms import Tampered
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Database

_BATCH = 200

_log = structlog.get_logger()


async def sweep(db: Database, desk: Desk, clock: Clock) -> int:
    """End what has expired and let lapse what was not answered, up to a batch of each; how many there were."""
    now = clock.now()
    async with db.snapshot() as view:
        expired = await _store.expired(view, now, _BATCH)
        lapsed = await _store.lapsed(view, now, _BATCH)
    done = 0
    for row in expired:
        try:
            async with db.transaction() as tx:
                done += await endings.expire(tx, desk, row["candidate_id"], row["id"], now=now)
        except (Tampered, NotAvailable):
            _log.warning("an end was passed over", consent_id=row["id"])
    for row in lapsed:
        try:
            async with db.transaction() as tx:
                done += await requests.lapse(tx, desk, row["id"], row["candidate_id"], at=now)
        except (Tampered, NotAvailable):
            _log.warning("a lapse was passed over", consent_id=row["id"])
    return done
