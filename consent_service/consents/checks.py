"""The checks of the gate's step 3 that do not depend on how much was used: for what goes out, and for what comes in.

Pure: what is judged was read, under the lock, by the caller.
"""

from consent_service.consents.purposes import Purpose
from consent_service.consents.states import LIVING, State
from consent_service.consents.terms import Terms
from consent_service.identity.units import Unit


def reason_against(
    terms: Terms, state: State, *, unit: Unit | None, unit_id: str, purpose: Purpose, at: int
) -> str | None:
    """The first reason why ``unit_id`` may not act under ``terms`` at ``at``, or None. ``unit`` is its row, if any."""
    reasons = (
        ("not_recipient", unit_id != terms.recipient.id),
        ("unit_disabled", unit is None or not unit.enabled),
        ("kind_not_admitted", unit is not None and not purpose.admits_recipient(unit.kind)),
        ("ended", state not in LIVING),
        ("paused", state is State.PAUSED),
        ("not_yet_valid", at < terms.valid_from),
        ("expired", at >= terms.valid_until),
    )
    return next((reason for reason, holds in reasons if holds), None)
