"""A letter that its candidate asks for herself, after she stopped the one that was on its way to her.

The rule: it goes under a consent of its own, whose only recipient is the mailbox; under ids of its own; and only if the
one that was stopped certainly is not out. It concerns no unit: its row names none, so that none can hear of it. And
it never goes on paper: the address that a unit gave was given under the other consent.
"""

from dataclasses import dataclass, replace
from uuid import uuid4

import structlog

from consent_service.audit.log import Entry, Head, append_all, lock
from consent_service.clock import Clock
from consent_service.consents.desk import Desk
from consent_service.consents.endings import end_for
from consent_service.consents.states import State
from consent_service.crypto.service_keys import SealKey
from consent_service.delivery import _store, letters
from consent_service.delivery._store import Letter
from consent_service.delivery.history import _store as history
from consent_service.delivery.states import FINAL, Status
from consent_service.errors import NotAvailable, WrongState
from consent_service.storage.engine import Database, Snapshot, Transaction
from consent_service.vault.keys import MAILBOX

_log = structlog.get_logger()

REVOKED = "revoked"
"""Why an unsent letter is cancelled when its candidate, having taken her yes back, asks for one of her own."""

_STATES = frozenset({Status.ACCEPTED.value, Status.PARKED.value})


@dataclass(frozen=True)
class Newest:
    """The newest letter with a version of a plan. ``stopped``: it did not go, and once its consent ended never will.

    ``cancelled`` is that it stands written; ``hers`` that she asked for it herself.
    """

    letter_id: str
    consent_id: str
    stopped: bool
    cancelled: bool
    hers: bool


async def newest(view: Snapshot, plan_id: str, plan_version: int) -> Newest | None:
    """Where the newest letter stands, or None if there never was one. Who may ask is for the caller to know."""
    found = [one for one in await _store.of_plan(view, plan_id) if one.plan_version == plan_version]
    if not found:
        return None
    letter = found[-1]
    cancelled = letter.status == Status.CANCELLED.value
    stopped = cancelled or (letter.status in _STATES and letter.doubt_until is None)
    return Newest(letter.id, letter.consent_id, stopped, cancelled, letter.unit_id == MAILBOX)


async def take_in(tx: Transaction, log_key: SealKey, head: Head, before: Newest, consent_id: str, *, now: int) -> str:
    """Take in a letter with the same PDF, under the candidate's own consent, which shares it already; its id.

    The caller holds the lock on her chain (``head``), and has found that the letter ``before`` is stopped. It is
    cancelled if nobody had written so yet. Raises WrongState if a worker has claimed it meanwhile.
    """
    older = await _store.find(tx, before.letter_id)
    assert older is not None
    at = max(head.now(now), older.created_at + 1)  # newer than the one that it follows, whatever the clock says
    entries = []
    if Status(older.status) not in FINAL:
        await _cancel(tx, older, at=at)
        entries.append(letters.entry_of(older, Status.CANCELLED, REVOKED))
    letter_id = str(uuid4())
    message_id, document_uuid = letters.ids_of(letter_id)
    taken = replace(
        older,
        id=letter_id,
        message_id=message_id,
        document_uuid=document_uuid,
        consent_id=consent_id,
        unit_id=MAILBOX,
        printable=0,
        status=Status.ACCEPTED.value,
        attempts=0,
        next_attempt_at=now,
        doubt_until=None,
        leased_by=None,
        leased_until=None,
        fence=0,
        created_at=at,
        updated_at=at,
    )
    await _store.add(tx, taken)
    await history.add(tx, taken, Status.ACCEPTED.value, at=at, note=None)
    entries.append(Entry("letter.accepted", "candidate", consent_id=consent_id, resource_id=letter_id))
    await append_all(tx, log_key, [(head, entry) for entry in entries], at=at)
    return letter_id


async def _cancel(tx: Transaction, letter: Letter, *, at: int) -> None:
    status = Status.CANCELLED.value
    if not await _store.change(tx, letter, status=status, attempts=letter.attempts, next_attempt_at=None, at=at):
        raise WrongState("The letter is being stopped just now. Try again in a moment.")
    await history.add(tx, letter, status, at=at, note=REVOKED)


async def use_up_all(db: Database, desk: Desk, clock: Clock) -> int:
    """End, as used up, the consents of such letters that have come to their end; how many. Each was for one letter."""
    after, ended = "", 0
    while True:
        async with db.snapshot() as view:
            page = await _store.settled(view, after=after, limit=100, to_herself=True)
        for row in page:
            try:
                async with db.transaction() as tx:
                    ended += await _use_up(tx, desk, row["candidate_id"], row["consent_id"], now=clock.now())
            except NotAvailable:
                continue  # erased meanwhile
            except Exception as fault:  # noqa: BLE001 - whatever is wrong with one letter, the others' consents end
                reason, consent_id = type(fault).__name__, row["consent_id"]
                _log.error("a letter's consent was passed over", consent_id=consent_id, reason=reason, alarm="letter")
        if len(page) < 100:
            return ended
        after = page[-1]["consent_id"]


async def _use_up(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> bool:
    ended = await end_for(tx, desk, candidate_id, consent_id, MAILBOX, State.USED_UP, why=None, now=now)
    head = (await lock(tx, [candidate_id]))[candidate_id]  # as it stands after the end
    await letters.release_shares(tx, desk.keys, consent_id, head, now=now)
    await _store.shares_gone(tx, consent_id)
    return ended
