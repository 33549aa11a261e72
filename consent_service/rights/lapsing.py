"""Lapsing: what is over by itself is written down and destroyed, a little at a time, by whichever worker comes by."""

from consent_service.clock import Clock
from consent_service.consents import sweep as consents
from consent_service.consents.desk import Desk
from consent_service.delivery import to_herself
from consent_service.events import sequencer
from consent_service.identity import sessions
from consent_service.notes import forgetting as notes
from consent_service.persons import proposals, waiting
from consent_service.storage.engine import Database


async def lapse(db: Database, desk: Desk, clock: Clock, *, events_kept: int) -> int:
    """End consents whose time, or whose one letter, is over; drop lapsed requests, drafts, waiting items, proposals,
    sessions and old events; how many.

    ``events_kept``: how long the feed goes back, in microseconds. Each kind has a transaction of its own, so that one
    that fails leaves the others done.
    """
    done = await consents.sweep(db, desk, clock)
    done += await to_herself.use_up_all(db, desk, clock)
    async with db.transaction() as tx:
        done += await notes.lapse(tx, now=clock.now())
    async with db.transaction() as tx:
        done += await waiting.lapse(tx, now=clock.now())
    async with db.transaction() as tx:
        done += await proposals.lapse(tx, now=clock.now())
    async with db.transaction() as tx:
        done += await sessions.lapse(tx, at=clock.now())
    async with db.transaction() as tx:
        done += await sequencer.drop_old(tx, before=clock.now() - events_kept)
    return done
