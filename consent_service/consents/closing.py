"""A unit that is closed: what candidates let it have ends, and what it asked, or was asked to receive, falls away.

Nothing passes to anybody else: the successor is named to the candidate, and has what she grants it anew. From the
instant that the unit is closed (``identity.units.close``, committed first) the gate refuses it, and nothing more is
granted to it or asked for it; so what is found after that is all there is. Each end is a transaction of its own, as at
any end: shares destroyed, log, receipt, events. It may be interrupted, and run again: what is done is passed over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from consent_service.clock import Clock
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.endings import end_for
from consent_service.consents.requests import fall_away, is_open
from consent_service.consents.states import LIVING, UNIT_CLOSED, State
from consent_service.storage.engine import Database, Transaction

_PAGE = 200

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Open:
    """What is still to be ended: a consent that lives, of ``candidate_id``; None for a request."""

    consent_id: str
    candidate_id: str | None


@dataclass
class Closed:
    """What closing did: ``passed_over`` could not be done (the log says why), and wants a second run."""

    ended: int = 0
    fallen_away: int = 0
    passed_over: int = 0


async def find_open(db: Database, unit_id: str, *, now: int) -> list[Open]:
    """What there is of a closed unit's to be ended."""
    found, after = [], ""
    while True:
        async with db.snapshot() as view:
            page = await _store.of_unit(view, unit_id, after=after, limit=_PAGE, asked=True)
        for consent in page:
            if consent.granted_at is None and _may_be_open(consent, now):
                found.append(Open(consent.id, None))
            elif consent.recipient_id == unit_id and consent.state in LIVING:
                found.append(Open(consent.id, consent.candidate_id))
        if len(page) < _PAGE:
            return found
        after = page[-1].id


def _may_be_open(consent: Stored, now: int) -> bool:
    """Whether there is a request to be taken back; of a row that can't be read, whoever tries it will tell."""
    try:
        return is_open(consent, now)
    except TypeError:  # a column of another type: SQLite takes anything
        return True


async def end_all(
    db: Database,
    desk: Desk,
    clock: Clock,
    unit_id: str,
    found: Sequence[Open],
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Closed:
    """End what was ``found``, one after the other; one that can't be ended stands in the way of none."""
    done = Closed()
    for one in found:
        try:
            async with db.transaction() as tx:
                await _end(tx, desk, unit_id, one, done, now=clock.now())
        except Exception as failure:  # noqa: BLE001 - whatever is wrong with one row, the others end
            reason = type(failure).__name__
            _log.error("closing passed over a consent", consent_id=one.consent_id, reason=reason, alarm="closing")
            done.passed_over += 1
        advance(1)
    return done


async def _end(tx: Transaction, desk: Desk, unit_id: str, one: Open, done: Closed, *, now: int) -> None:
    if one.candidate_id is None:
        done.fallen_away += await fall_away(tx, desk, one.consent_id, unit_id, at=now)
    else:
        closed = unit_id, State.INVALIDATED
        done.ended += await end_for(tx, desk, one.candidate_id, one.consent_id, *closed, why=UNIT_CLOSED, now=now)
