"""An operator's verbs: look at letters, try a parked one again, cancel one that never left. None of them sees content.

The rule: an operator can't call back what may be out. Only the mailbox's word ends a doubt.
"""

from dataclasses import dataclass

from consent_service.audit.log import Entry, Head, append, lock
from consent_service.clock import Clock
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery import _store, letters
from consent_service.delivery._store import Letter
from consent_service.delivery.history import _store as history
from consent_service.delivery.states import FINAL, OPENED, Status
from consent_service.errors import NotAvailable, WrongState
from consent_service.storage.engine import Database, Snapshot, Transaction

_UNDER_WAY = "An attempt is under way. Try again when it has ended."


@dataclass(frozen=True)
class Line:
    """One line of a letter's history, parking and codes included, but not whether its reader opened it."""

    status: str
    at: int
    note: str | None


@dataclass(frozen=True)
class LetterView:
    """A letter as an operator sees it: ids, times, states, codes."""

    id: str
    plan_id: str
    plan_version: int
    consent_id: str
    unit_id: str
    message_id: str
    document_uuid: str
    status: str
    attempts: int
    next_attempt_at: int | None
    may_be_out: bool
    leased_by: str | None
    created_at: int
    updated_at: int
    history: tuple[Line, ...]


async def counts(view: Snapshot) -> dict[str, int]:
    """How many letters stand at each status."""
    return await _store.counts(view)


async def listed(
    view: Snapshot, statuses: tuple[Status, ...] = (Status.PARKED,), *, after: str = "", limit: int = 100
) -> list[LetterView]:
    """Letters that stand at one of ``statuses``, in id order, after the id ``after``."""
    return await _views(view, await _store.listed(view, [s.value for s in statuses], after=after, limit=limit))


async def show(view: Snapshot, letter_id: str) -> LetterView:
    """One letter. Raises NotAvailable."""
    return (await _views(view, [await _letter(view, letter_id)]))[0]


async def retry(db: Database, keys: ServiceKeys, clock: Clock, letter_id: str) -> LetterView:
    """Let a parked letter, or one that waits for its time, be tried now. Raises NotAvailable, WrongState at its end."""
    async with db.transaction() as tx:
        letter, _, now = await _locked(tx, keys, clock, letter_id, "letter.retried")
        known = {row["status"] for row in (await history.of(tx, [letter.id]))[letter.id]}
        status = Status.DISPATCHED if Status.DISPATCHED.value in known else Status.ACCEPTED
        due = clock.now()
        if letter.leased_until is not None and letter.leased_until > due:
            raise WrongState(_UNDER_WAY)
        if not await _store.change(tx, letter, status=status.value, attempts=0, next_attempt_at=due, at=now):
            raise WrongState(_UNDER_WAY)
        return await show(tx, letter.id)


async def cancel(db: Database, keys: ServiceKeys, clock: Clock, letter_id: str) -> LetterView:
    """Cancel a letter of which nothing has left. Raises NotAvailable, and WrongState at its end or if it may be out."""
    async with db.transaction() as tx:
        letter, head, now = await _locked(tx, keys, clock, letter_id, "letter.cancelled")
        if letter.doubt_until is not None:
            raise WrongState("The letter may be out: only the mailbox can say. Try it again, and see.")
        status, attempts = Status.CANCELLED.value, letter.attempts
        if not await _store.change(tx, letter, status=status, attempts=attempts, next_attempt_at=None, at=now):
            raise WrongState(_UNDER_WAY)
        await history.add(tx, letter, Status.CANCELLED.value, at=now, note="operator")
        await letters.release_shares(tx, keys, letter.consent_id, head, now=now)
        return await show(tx, letter.id)


async def _locked(
    tx: Transaction, keys: ServiceKeys, clock: Clock, letter_id: str, event: str
) -> tuple[Letter, Head, int]:
    """The letter, read after its candidate's chain (the head) was locked, with the operator's act in the log."""
    candidate_id = (await _letter(tx, letter_id)).candidate_id
    head = (await lock(tx, [candidate_id]))[candidate_id]
    letter = await _letter(tx, letter_id)
    if Status(letter.status) in FINAL:
        raise WrongState("The letter has come to its end.")
    now = head.now(clock.now())
    entry = Entry(event, "operator", consent_id=letter.consent_id, resource_id=letter.id, outcome="operator")
    await append(tx, keys.log, head, entry, at=now)
    return letter, head, now


async def _letter(view: Snapshot, letter_id: str) -> Letter:
    letter = await _store.find(view, letter_id)
    if letter is None:
        raise NotAvailable
    return letter


async def _views(view: Snapshot, found: list[Letter]) -> list[LetterView]:
    lines = await history.of(view, [letter.id for letter in found])
    return [
        LetterView(
            id=letter.id,
            plan_id=letter.plan_id,
            plan_version=letter.plan_version,
            consent_id=letter.consent_id,
            unit_id=letter.unit_id,
            message_id=letter.message_id,
            document_uuid=letter.document_uuid,
            status=letter.status,
            attempts=letter.attempts,
            next_attempt_at=letter.next_attempt_at,
            may_be_out=letter.doubt_until is not None,
            leased_by=letter.leased_by,
            created_at=letter.created_at,
            updated_at=letter.updated_at,
            history=tuple(
                Line(row["status"], row["at"], row["note"]) for row in lines[letter.id] if row["status"] != OPENED
            ),
        )
        for letter in found
    ]
