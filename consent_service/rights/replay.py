"""After a restore: the erasures since the backup are done again, and no consent from before stays in force.

Run it on the restored database before anything is served from it. Each person and each consent has a transaction of its
own, and what is done is passed over: it may be interrupted, and run again.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from consent_service.audit.log import lock, read
from consent_service.clock import Clock, end_of_day, local_date
from consent_service.consents import restoring
from consent_service.consents.desk import Desk
from consent_service.errors import NotAvailable
from consent_service.plans import mapping
from consent_service.plans.authority import mapping_request_of
from consent_service.rights.erasure import erase
from consent_service.rights.journal import NO_JOURNAL, Line
from consent_service.storage.engine import Database, Row, Snapshot, Transaction

_PAGE = 200

_log = structlog.get_logger()

Advance = Callable[[int], None]


@dataclass
class Replayed:
    """What a replay did: ``passed_over`` could not be done (the log says why), and wants a second run."""

    erased: int = 0
    erased_already: int = 0
    never_erased: int = 0
    invalidated: int = 0
    asked_anew: int = 0
    passed_over: int = 0


async def replay(
    db: Database,
    desk: Desk,
    clock: Clock,
    lines: Sequence[Line],
    *,
    restored_at: int,
    answer_within: int,
    advance: Advance = lambda _: None,
) -> Replayed:
    """Erase again those in ``lines``, and invalidate every consent granted before ``restored_at``.

    ``answer_within`` is how long, in microseconds, a candidate has to answer what is asked anew.
    """
    done = Replayed()
    for line in lines:
        await _erase_again(db, desk, clock, line, done, restored_at=restored_at)
        advance(1)
    reply_by = end_of_day(local_date(clock.now() + answer_within))
    after = ""
    while True:
        async with db.snapshot() as view:
            page = await restoring.living(view, after=after, limit=_PAGE)
        for row in page:
            await _invalidate(db, desk, clock, row, done, restored_at=restored_at, reply_by=reply_by)
            advance(1)
        if len(page) < _PAGE:
            return done
        after = page[-1]["id"]


async def _erase_again(db: Database, desk: Desk, clock: Clock, line: Line, done: Replayed, *, restored_at: int) -> None:
    try:
        async with db.transaction() as tx:
            await lock(tx, [line.candidate_id])
            if await _went_on(tx, line, restored_at):
                done.never_erased += 1
                return
            await erase(tx, desk, line.candidate_id, now=clock.now(), journal=NO_JOURNAL)  # it has the line
            done.erased += 1
    except NotAvailable:
        done.erased_already += 1
    except Exception as failure:  # noqa: BLE001 - whatever is wrong with one person's rows, the others are erased
        _passed_over(done, "an erasure", failure)


async def _went_on(view: Snapshot, line: Line, restored_at: int) -> bool:
    """Whether the candidate herself did something later than the line: then that erasure never committed.

    Nothing else tells one that failed from one that the backup does not have yet, so that is done: she asked for it.
    Only what happened before the restore says so: whoever is in a restored backup by mistake may act there too.
    """
    after = 0
    while page := await read(view, line.candidate_id, after=after, limit=_PAGE):
        for row in page:
            if line.at < row["at"] < restored_at and json.loads(row["body"])["actor"] == "candidate":
                return True
        after = page[-1]["position"] + 1
    return False


async def _invalidate(
    db: Database, desk: Desk, clock: Clock, row: Row, done: Replayed, *, restored_at: int, reply_by: int
) -> None:
    try:
        async with db.transaction() as tx:
            ended = await restoring.invalidate(
                tx, desk, row["candidate_id"], row["id"], granted_before=restored_at, now=clock.now()
            )
            if ended is None:
                return
            consent, terms = ended
            anew = await restoring.ask_anew(tx, desk, consent, terms, reply_by=reply_by, now=clock.now())
            if anew is not None:
                await _move_request(tx, mapping_request_of(terms), anew)
        done.invalidated += 1
        done.asked_anew += anew is not None
    except Exception as failure:  # noqa: BLE001 - the same
        _passed_over(done, "an invalidation", failure)


async def _move_request(tx: Transaction, request_id: str | None, consent_id: str) -> None:
    if request_id is not None:
        await mapping.ask_under(tx, request_id, consent_id)


def _passed_over(done: Replayed, what: str, failure: Exception) -> None:
    _log.error("a replay passed over something", what=what, reason=type(failure).__name__, alarm="replay")
    done.passed_over += 1
