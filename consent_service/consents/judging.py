"""Judging without opening: may this unit act under this consent now?

For what comes *in* under a consent: a training plan, words for the candidate. The gate judges what goes out; this
judges by the same rules and opens nothing. The caller holds the lock on the candidate's chain, and judges in the
transaction that acts.
"""

from dataclasses import dataclass

from consent_service.audit.log import last_steps
from consent_service.consents import _store
from consent_service.consents.checks import RECIPIENT_CHANGED, reason_against
from consent_service.consents.desk import Desk
from consent_service.consents.standing import alarm, terms_of, verify
from consent_service.consents.states import State
from consent_service.consents.terms import Terms
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import Tampered
from consent_service.identity.units import find as find_unit
from consent_service.storage.engine import Snapshot

_ENDED = frozenset({"ended", "expired"})


@dataclass(frozen=True)
class NotInForce:
    """The answer no. The reason is for the log; the outside sees one answer for all."""

    reason: str


async def concerned(view: Snapshot, keys: ServiceKeys, consent_id: str) -> str | None:
    """Whom the consent concerns, to know which chain to lock: nobody, if the log does not say so as well."""
    candidate_id = (await _store.candidates(view, [consent_id])).get(consent_id)
    step = (await last_steps(view, keys.log, [consent_id])).get(consent_id)
    return candidate_id if step is not None and step.chain_id == candidate_id else None


async def judge(
    view: Snapshot, desk: Desk, consent_id: str, unit_id: str, *, at: int, after_end: bool = False
) -> Terms | NotInForce:
    """The terms, if the consent is in force at ``at`` and the unit, enabled, is its recipient.

    A row that was tampered with is refused too, after the alarm. ``after_end``: that the consent has ended, in whatever
    way, is no reason against; for what comes in to the candidate alone.
    """
    consent = await _store.find(view, consent_id)
    if consent is None:
        return NotInForce("unknown")
    if consent.granted_at is None:
        return NotInForce("not_granted")
    try:
        terms = terms_of(await verify(view, desk.keys, consent))
    except Tampered:
        return NotInForce("tampered")
    if (terms.consent_id, terms.candidate_id) != (consent.id, consent.candidate_id):
        return NotInForce("tampered")
    purpose = desk.purposes.get(terms.purpose, terms.purpose_version)
    unit = await find_unit(view, desk.keys, unit_id)
    reason = reason_against(terms, State(consent.state), unit=unit, unit_id=unit_id, purpose=purpose, at=at)
    if reason == RECIPIENT_CHANGED:
        alarm(consent.id)
    if reason is None or (after_end and reason in _ENDED):
        return terms
    return NotInForce(reason)
