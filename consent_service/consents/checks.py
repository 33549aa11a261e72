"""The checks of the gate's step 3 that do not depend on how much was used: for what goes out, and what comes in.

Pure: what is judged was read, under the lock, by the caller.
"""

from consent_service.consents.asks import DispatchAsk
from consent_service.consents.purposes import Purpose
from consent_service.consents.states import LETTERS_GO_ON, LIVING, State
from consent_service.consents.terms import Terms
from consent_service.identity.units import Unit

RECIPIENT_CHANGED = "recipient_changed"
"""A unit stays what it was when she said yes, for good. One whose row says otherwise, is none that the service wrote,
or is gone, was changed by somebody else."""


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


def reason_against_letter(terms: Terms, state: State, ask: DispatchAsk, *, sealed: bool) -> str | None:
    """The first reason why a letter may not go now, or None. ``sealed``: the mailbox still holds shares for it.

    A letter goes while its consent is in force, or ended in a way that leaves what was accepted to go.
    """
    reasons = (
        ("not_recipient", {ask.candidate_id, ask.pdf.candidate_id} != {terms.candidate_id}),
        ("paused", state is State.PAUSED),
        ("ended", state is not State.GRANTED and not (state in LETTERS_GO_ON and sealed)),
    )
    return next((reason for reason, holds in reasons if holds), None)
