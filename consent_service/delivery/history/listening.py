"""Hears what happened to letters after their delivery: that one was opened, that a notification did not get through.

1. one worker at a time, by a lease, asks the mailbox for the events since it was last asked, and some time before:
   an event can become visible later than its own time
2. those about letters of ours are written down, one transaction a letter, each once
3. only then is it remembered until when was asked; whoever dies before that has it asked again

The rule: the mailbox is asked with overlapping windows, and what is known already is dropped. Whether a letter was
opened is its reader's business: the line is for her alone (``reading``), and stands in no log of ours.
"""

import re
from collections.abc import Iterable

from consent_service.audit.log import lock
from consent_service.clock import DAY, HOUR, MINUTE, Clock
from consent_service.delivery import _store
from consent_service.delivery._store import Letter
from consent_service.delivery.history import _store as history
from consent_service.delivery.states import NOTICED, OPENED
from consent_service.errors import NotAvailable
from consent_service.mailbox.port import DocumentEvent, Mailbox, Unanswered
from consent_service.storage.engine import Database
from consent_service.storage.lease import hold

OVERLAP = HOUR
KEPT = 30 * DAY
"""Digipost deletes its events after that time."""

_JOB = "mailbox-events"
_LEASE = 5 * MINUTE
_AT_A_TIME = 100
_KIND = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


async def listen(db: Database, mailbox: Mailbox, clock: Clock, *, holder: str) -> int:
    """Hear what is new; how many lines were written. 0 as well if somebody else listens, or the mailbox is silent."""
    # 1. Since when? And is it ours to ask?
    now = clock.now()
    async with db.transaction() as tx:
        if not await hold(tx, _JOB, holder, now=now, duration=_LEASE):
            return 0
        heard = await history.heard_until(tx)
    since = now - KEPT if heard is None else max(heard - OVERLAP, now - KEPT)
    events = await mailbox.events(since, now)
    if isinstance(events, Unanswered):
        return 0
    # 2. Each once.
    written = 0
    for letter, told in await _ours(db, events):
        written += await _write(db, letter, told)
    # 3. Until then.
    async with db.transaction() as tx:
        if await hold(tx, _JOB, holder, now=clock.now(), duration=_LEASE):
            await history.hear_until(tx, now)
    return written


async def _ours(db: Database, events: Iterable[DocumentEvent]) -> list[tuple[Letter, list[DocumentEvent]]]:
    """The events that are about letters of ours: an account's other letters have theirs in the same list."""
    told: dict[str, list[DocumentEvent]] = {}
    for event in events:
        if _KIND.fullmatch(event.kind):
            told.setdefault(event.document_uuid, []).append(event)
    documents, found = sorted(told), []
    for start in range(0, len(documents), _AT_A_TIME):
        async with db.snapshot() as view:
            letters = await _store.of_documents(view, documents[start : start + _AT_A_TIME])
        found += [(letter, told[letter.document_uuid]) for letter in letters]
    return found


async def _write(db: Database, letter: Letter, events: Iterable[DocumentEvent]) -> int:
    """Add the lines that are not there yet; none for somebody who was erased meanwhile."""
    try:
        async with db.transaction() as tx:
            await lock(tx, [letter.candidate_id])
            if await _store.find(tx, letter.id) is None:
                return 0
            known = {(row["status"], row["note"], row["at"]) for row in (await history.of(tx, [letter.id]))[letter.id]}
            lines = {_line(event): None for event in events}  # in the mailbox's order, each once
            new = [line for line in lines if line not in known]
            for status, note, at in new:
                await history.add(tx, letter, status, at=at, note=note)
            return len(new)
    except NotAvailable:
        return 0


def _line(event: DocumentEvent) -> tuple[str, str | None, int]:
    if event.kind == "OPENED":
        return OPENED, None, event.at
    return NOTICED, event.kind.lower().replace("_", "-"), event.at
