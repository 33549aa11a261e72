"""The gate's step 3: whether what is asked for may pass; and of that what goes for what comes in too.

Pure but for the alarm: what is judged was read, under the lock, by the caller.
"""

from consent_service.consents._store import Stored
from consent_service.consents.asks import Ask, DispatchAsk, Refused
from consent_service.consents.desk import Desk
from consent_service.consents.evidence import Evidence
from consent_service.consents.purposes import Purpose
from consent_service.consents.standing import alarm, intact, terms_of
from consent_service.consents.states import LETTERS_GO_ON, LIVING, WAITING, State
from consent_service.consents.terms import Terms
from consent_service.errors import Tampered
from consent_service.identity.units import Unit
from consent_service.vault.keys import MAILBOX

RECIPIENT_CHANGED = "recipient_changed"
"""A unit stays what it was when she said yes, for good. One whose row says otherwise, is none that the service wrote,
or is gone, was changed by somebody else."""

NOT_ON_PAPER = "not_on_paper"
"""What she said yes to says nothing of paper."""


def reason_against(
    terms: Terms, state: State, *, unit: Unit | None, unit_id: str, purpose: Purpose, at: int
) -> str | None:
    """The first reason why ``unit_id`` may not act under ``terms`` at ``at``, or None. ``unit`` is its row, if any."""
    reasons = (
        ("not_recipient", unit_id != terms.recipient.id),
        (RECIPIENT_CHANGED, unit is None or not _as_granted(unit, terms)),
        ("unit_disabled", unit is not None and not unit.enabled),
        ("kind_not_admitted", unit is not None and not purpose.admits_recipient(unit.kind)),
        ("ended", state not in LIVING),
        ("paused", state is State.PAUSED),
        ("not_yet_valid", at < terms.valid_from),
        ("expired", at >= terms.valid_until),
    )
    return next((reason for reason, holds in reasons if holds), None)


def _as_granted(unit: Unit, terms: Terms) -> bool:
    frozen = terms.recipient
    return (unit.kind, unit.organisation_number) == (frozen.kind, frozen.organisation_number)


def reason_against_letter(
    terms: Terms, state: State, ask: DispatchAsk, *, sealed: bool, purpose: Purpose
) -> str | None:
    """The first reason why a letter may not go now, or None. ``sealed``: the mailbox still holds shares for it.

    A letter goes while its consent is in force, or ended in a way that leaves what was accepted to go. It goes on paper
    only if the words that she said yes to told her so.
    """
    named = {ask.candidate_id, *(part.candidate_id for part in (ask.pdf, ask.address) if part is not None)}
    reasons = (
        ("not_recipient", named != {terms.candidate_id}),
        ("paused", state is State.PAUSED),
        ("ended", state is not State.GRANTED and not (state in LETTERS_GO_ON and sealed)),
        (NOT_ON_PAPER, ask.address is not None and not purpose.delivers_on_paper),
    )
    return next((reason for reason, holds in reasons if holds), None)


def check(desk: Desk, read: Evidence, consent: Stored, ask: Ask, at: int) -> Terms | Refused:
    """All of step 3: the terms that let the ask pass, or the first reason to refuse."""
    if not intact(desk.keys.rows, consent, read.steps.get(consent.id)):
        raise Tampered
    state = State(consent.state)
    if state in WAITING or consent.granted_at is None:
        return Refused("not_granted")
    terms = terms_of(consent)
    if (terms.consent_id, terms.candidate_id) != (consent.id, consent.candidate_id):
        raise Tampered
    purpose = desk.purposes.get(terms.purpose, terms.purpose_version)
    if isinstance(ask, DispatchAsk):
        sealed = bool(read.shares.get((consent.id, MAILBOX)))
        reason = reason_against_letter(terms, state, ask, sealed=sealed, purpose=purpose)
    else:
        if (consent.id, ask.key_hash) in read.forged:
            raise Tampered
        unit = read.units.get(ask.unit_id)
        reason = "standing_refusal" if read.refused(terms.candidate_id, ask.unit_id, unit) else None
        reason = reason or reason_against(terms, state, unit=unit, unit_id=ask.unit_id, purpose=purpose, at=at)
        if reason == RECIPIENT_CHANGED:
            alarm(consent.id)
        spent = terms.max_uses is not None and consent.uses >= terms.max_uses
        if reason is None and spent and (consent.id, ask.key_hash) not in read.releases:
            reason = "used_up"
    return terms if reason is None else Refused(reason)
