"""Lapsing: what is over by itself is written down and destroyed, a little at a time, by whichever worker comes by."""

from collections.abc import Awaitable, Callable

import structlog

from consent_service.clock import Clock
from consent_service.consents import sweep as consents
from consent_service.consents.desk import Desk
from consent_service.delivery import to_herself
from consent_service.errors import Unavailable
from consent_service.events import sequencer
from consent_service.identity import sessions
from consent_service.notes import forgetting as notes
from consent_service.persons import proposals, waiting
from consent_service.storage.engine import Database, Transaction

_log = structlog.get_logger()


async def lapse(db: Database, desk: Desk, clock: Clock, *, events_kept: int) -> int:
    """End consents whose time, or whose one letter, is over; drop lapsed requests, drafts, waiting items, proposals,
    sessions and old events; how many.

    ``events_kept``: how long the feed goes back, in microseconds. Each kind has a transaction of its own, so that one
    that fails, loudly, leaves the others done.
    """
    done = await _tried("consents", consents.sweep(db, desk, clock))
    done += await _tried("letters", to_herself.use_up_all(db, desk, clock))
    for kind, drop in (
        ("drafts", lambda tx: notes.lapse(tx, now=clock.now())),
        ("waiting", lambda tx: waiting.lapse(tx, now=clock.now())),
        ("proposals", lambda tx: proposals.lapse(tx, now=clock.now())),
        ("sessions", lambda tx: sessions.lapse(tx, at=clock.now())),
        ("events", lambda tx: sequencer.drop_old(tx, before=clock.now() - events_kept)),
    ):
        done += await _tried(kind, _at_once(db, drop))
    return done


async def _at_once(db: Database, drop: Callable[[Transaction], Awaitable[int]]) -> int:
    async with db.transaction() as tx:
        return await drop(tx)


async def _tried(kind: str, work: Awaitable[int]) -> int:
    """How many there were of a kind; none, for now, of one that failed."""
    try:
        return await work
    except Unavailable as failure:
        _log.warning("lapsing waits for the database", what=kind, reason=type(failure).__name__)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the other kinds go on, and operators hear of it
        _log.error("lapsing failed", what=kind, fault=type(fault).__name__, alarm="lapsing")
    return 0
