"""After a restore: which consents were ended since the backup is no longer known, so none of them stays in force.

Each ends as invalidated, with receipt and events as at any end, and in the same transaction the candidate is asked
anew for the same: the same recipient and asker, the same kinds of parts. A yes of hers puts it in force again.
"""

from consent_service.audit.log import lock
from consent_service.consents import _store, endings, requests
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.purposes import IDENTITY
from consent_service.consents.standing import terms_of
from consent_service.consents.states import State
from consent_service.consents.terms import Terms, kinds
from consent_service.errors import Invalid
from consent_service.identity import units
from consent_service.storage.engine import Row, Snapshot, Transaction

_EVER = 2**62  # every consent in force has an end before this


async def living(view: Snapshot, *, after: str, limit: int) -> list[Row]:
    """(id, candidate_id) of the consents that are granted or paused, in id order after ``after``."""
    return await _store.over(view, now=_EVER, spent_before=0, after=after, limit=limit)


async def invalidate(
    tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, granted_before: int, now: int
) -> tuple[Stored, Terms] | None:
    """End a consent as invalidated; what it was. None if it does not live, or ended otherwise.

    ``granted_before`` is the instant of the restore: what was granted since is left alone.
    """
    ended = await endings.invalidate(tx, desk, candidate_id, consent_id, granted_before=granted_before, now=now)
    return (ended, terms_of(ended)) if ended is not None and ended.state == State.INVALIDATED else None


async def ask_anew(tx: Transaction, desk: Desk, ended: Stored, terms: Terms, *, reply_by: int, now: int) -> str | None:
    """Ask the candidate for what ``ended`` was; the new consent's id.

    None if it can't be asked for any more: a unit that was disabled, or a purpose that admits it no longer.
    """
    head = (await lock(tx, [terms.candidate_id]))[terms.candidate_id]
    recipient = await units.find(tx, desk.keys, terms.recipient.id)
    requester = await units.find(tx, desk.keys, ended.requester_id) if ended.requester_id is not None else None
    if recipient is None or (ended.requester_id is not None and requester is None):
        return None
    at = head.now(now)
    try:
        consent_id = await requests.ask(
            tx,
            desk,
            desk.purposes.get(terms.purpose),
            recipient=recipient,
            requester=requester,
            part_kinds=[kind for kind in kinds(terms.parts) if kind != IDENTITY],
            reply_by=reply_by,
            at=at,
            mapping_request_id=ended.mapping_request_id,
        )
    except Invalid:
        return None
    await requests.bind(tx, desk.keys, head, consent_id, by=None, at=at)
    return consent_id
