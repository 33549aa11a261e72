"""Sending a plan to its candidate anyway: she took her yes back before the letter was out, and wants it all the same.

The rule: it is a consent like any other, granted by ``grants`` on a preview that she saw and let out by the gate. Its
only recipient is the mailbox, it shares exactly one version's PDF, and it is for one letter. It is offered for the
newest version, as long as the letter before it stopped because she revoked; neither for one that is out, or may be,
nor after an invalidation.

1. lock the candidate's chain
2. find the newest version's newest letter: that it is stopped is judged anew, under the lock
3. grant
4. take the letter in, under ids of its own, in the same transaction
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from consent_service.audit.log import lock
from consent_service.clock import end_of_day, local_date
from consent_service.consents import grants
from consent_service.consents.desk import Desk
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import Choice
from consent_service.consents.purposes import Language
from consent_service.consents.reading import find_for_candidate
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.consents.states import State
from consent_service.delivery import to_herself
from consent_service.delivery.letters import pdf_of
from consent_service.delivery.to_herself import Newest
from consent_service.errors import NotAvailable, WrongState
from consent_service.plans import _store
from consent_service.storage.engine import Snapshot, Transaction

PURPOSE: Final = "plan_to_mailbox"


@dataclass(frozen=True)
class Sending:
    """A yes to sending a plan anyway, by the hash of the preview that she saw."""

    plan_id: str
    preview_sha256: str
    language: Language


async def offer(view: Snapshot, desk: Desk, candidate_id: str, plan_id: str, *, now: int) -> Choice | None:
    """What she would say yes to, None if nothing is to be sent anew. Raises NotAvailable for another's plan."""
    version = await _newest_version(view, candidate_id, plan_id)
    letter = await to_herself.newest(view, plan_id, version)
    if letter is None or not await _is_stopped(view, desk, candidate_id, letter, now=now):
        return None
    return _choice(desk, candidate_id, plan_id, version, now=now)


async def send(tx: Transaction, desk: Desk, keyring: Keyring, sending: Sending, *, now: int) -> str:
    """Grant, and put the letter in the outbox; the consent's id, which is the same for a yes that comes twice.

    ``keyring`` has the mailbox as its recipient. Raises NotAvailable for another's plan, WrongState if there is nothing
    to be sent anew, PreviewChanged, NameMissing, Tampered.
    """
    candidate_id, plan_id = keyring.owner.candidate_id, sending.plan_id
    # 1. Lock.
    await lock(tx, [candidate_id])
    # 2. Judge.
    version = await _newest_version(tx, candidate_id, plan_id)
    letter = await to_herself.newest(tx, plan_id, version)
    stopped = letter is not None and await _is_stopped(tx, desk, candidate_id, letter, now=now)
    if letter is not None and letter.hers and not letter.cancelled and not stopped:
        return letter.consent_id
    if letter is None or not stopped:
        raise WrongState("The letter is out, or may be, or was not stopped by you: there is nothing to send anew.")
    # 3. Grant.
    choice = _choice(desk, candidate_id, plan_id, version, now=now)
    yes = Yes(keyring, choice, sending.preview_sha256, sending.language)
    granted = await grants.grant(tx, desk, yes, now=now)
    # 4. The letter.
    head = (await lock(tx, [candidate_id]))[candidate_id]
    await to_herself.take_in(tx, desk.keys.log, head, letter, granted.id, now=now)
    return granted.id


async def _newest_version(view: Snapshot, candidate_id: str, plan_id: str) -> int:
    versions = await _store.versions(view, plan_id)
    if not versions or versions[-1].candidate_id != candidate_id:
        raise NotAvailable
    return versions[-1].version


async def _is_stopped(view: Snapshot, desk: Desk, candidate_id: str, letter: Newest, *, now: int) -> bool:
    """Whether the letter did not go, and she is who stopped it."""
    if not letter.stopped:
        return False
    try:
        consent = await find_for_candidate(view, desk.keys, candidate_id, letter.consent_id, now=now)
    except NotAvailable:
        return False
    return consent.state == State.REVOKED


def _choice(desk: Desk, candidate_id: str, plan_id: str, version: int, *, now: int) -> Choice:
    purpose = desk.purposes.get(PURPOSE)
    last_day = local_date(now) + timedelta(days=purpose.default_days)
    pdf = pdf_of(candidate_id, plan_id, version)
    return Choice(purpose, THE_MAILBOX, (pdf,), end_of_day(last_day), max_uses=1)
