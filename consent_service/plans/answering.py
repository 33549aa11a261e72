"""Which mapping request a plan may answer, as which version, and for whom: judged twice, before and in the push.

The rule: a plan comes in under a consent in force. Only a correction of a plan that was delivered may come in after
its consent has ended, and then it goes to the candidate alone.
"""

from dataclasses import dataclass

from consent_service.consents.desk import Desk
from consent_service.consents.judging import judge
from consent_service.consents.terms import Terms
from consent_service.delivery.reading import of_plan as deliveries_of
from consent_service.errors import NotAvailable, WrongState
from consent_service.plans import _store
from consent_service.plans._store import MappingRequest, Plan
from consent_service.plans.authority import mapping_request_of
from consent_service.plans.states import State, may_follow
from consent_service.storage.engine import Snapshot


@dataclass(frozen=True)
class Answerable:
    """What a plan answers, and the version before it. ``alone``: it goes to the candidate and to nobody else."""

    terms: Terms
    request: MappingRequest
    earlier: Plan | None
    alone: bool


async def answerable(
    view: Snapshot, desk: Desk, consent_id: str, unit_id: str, *, correction: bool, at: int
) -> Answerable:
    """What the unit's plan under this consent would answer at ``at``.

    Raises NotAvailable without a consent in force (a ``correction``: without a plan of the unit's that was delivered),
    WrongState if the consent is about no mapping request, or about one that was declined.
    """
    terms = await judge(view, desk, consent_id, unit_id, at=at)
    alone = not isinstance(terms, Terms) and correction
    if alone:
        terms = await judge(view, desk, consent_id, unit_id, at=at, after_end=True)
    if not isinstance(terms, Terms):
        raise NotAvailable
    request = await _request(view, desk, terms)
    earlier = await _store.newest_answer(view, request.id)
    if alone and not await _was_delivered(view, earlier, consent_id):
        raise NotAvailable
    return Answerable(terms, request, earlier, alone)


async def _request(view: Snapshot, desk: Desk, terms: Terms) -> MappingRequest:
    """The mapping request that the consent is about."""
    request_id = mapping_request_of(terms)
    request = await _store.find_request(view, request_id) if request_id is not None else None
    purpose = desk.purposes.get(terms.purpose, terms.purpose_version)
    if request is None or not purpose.delivers_to_mailbox:
        raise WrongState("This consent is about no mapping request that a plan could answer.")
    if (request.candidate_id, request.recipient_id) != (terms.candidate_id, terms.recipient.id):
        raise NotAvailable
    if not may_follow(State(request.progress), State.ANSWERED):
        raise WrongState
    return request


async def _was_delivered(view: Snapshot, earlier: Plan | None, consent_id: str) -> bool:
    """Whether some version of the plan, let in under this consent, reached her mailbox."""
    deliveries = [] if earlier is None else await deliveries_of(view, earlier.id)
    return any(one.delivered_at is not None and one.consent_id == consent_id for one in deliveries)
