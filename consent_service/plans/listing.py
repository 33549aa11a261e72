"""What units may know of mapping requests and plans: ids, states and times. Nothing here opens a part.

To the asker a no, silence and a request that was never opened are the same until the reply-by time, in state and in
times; to fagopplæring there is nothing before the candidate's yes.
"""

from dataclasses import dataclass

from consent_service.consents.reading import ConsentView, find_for_unit
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery.reading import Delivery
from consent_service.delivery.reading import of_plan as deliveries_of
from consent_service.errors import NotAvailable
from consent_service.plans import _store
from consent_service.plans._store import MappingRequest
from consent_service.plans.states import State, seen_by_asker
from consent_service.storage.engine import Snapshot


@dataclass(frozen=True, slots=True)
class MappingState:
    """A mapping request as one of its two units sees it. ``requester_id`` is None when the candidate asked."""

    id: str
    consent_id: str
    state: State
    requester_id: str | None
    recipient_id: str
    created_at: int
    reply_by: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan's newest version as its sender sees it, with its letter's way up to ``delivered``."""

    id: str
    version: int
    consent_id: str
    mapping_request_id: str
    created_at: int
    delivery: Delivery


async def page(
    view: Snapshot, keys: ServiceKeys, unit_id: str, *, after: str, limit: int, now: int
) -> tuple[list[MappingState], str | None]:
    """The unit's mapping requests in id order after the id ``after``, and the cursor of the next page."""
    found = await _store.of_unit(view, unit_id, after=after, limit=limit)
    seen = [one for request in found if (one := await _seen(view, keys, request, unit_id, now)) is not None]
    return seen, found[-1].id if len(found) == limit else None


async def get(view: Snapshot, keys: ServiceKeys, unit_id: str, request_id: str, *, now: int) -> MappingState:
    """One of them. Raises NotAvailable for unknown, foreign, and what the candidate has not said yes to."""
    request = await _store.find_request(view, request_id)
    if request is None:
        await find_for_unit(view, keys, unit_id, request_id, now=now)  # nothing: it costs as much as what is another's
        raise NotAvailable
    seen = await _seen(view, keys, request, unit_id, now)
    if seen is None:
        raise NotAvailable
    return seen


async def get_plan(view: Snapshot, keys: ServiceKeys, unit_id: str, plan_id: str, *, now: int) -> PlanState:
    """A plan that the unit pushed, while the consent it came under is in force. Raises NotAvailable otherwise."""
    versions = await _store.versions(view, plan_id)
    plan = versions[-1] if versions else None
    consent_id = plan.consent_id if plan else plan_id  # as many reads for all
    consent = await find_for_unit(view, keys, unit_id, consent_id, now=now)
    if plan is None or plan.unit_id != unit_id or consent.state != "granted":
        raise NotAvailable
    under = plan.version, plan.consent_id  # not what she may have had sent to herself since
    deliveries = [one for one in await deliveries_of(view, plan.id) if (one.plan_version, one.consent_id) == under]
    if not deliveries:
        raise NotAvailable
    return PlanState(plan.id, plan.version, plan.consent_id, plan.mapping_request_id, plan.created_at, deliveries[-1])


async def newest(view: Snapshot, plan_id: str) -> tuple[str, int]:
    """Under which consent a plan's newest version came in, and which version that is.

    Says nothing of who may have it: that is the gate's to decide. For an id of no plan, a consent that there is not.
    """
    versions = await _store.versions(view, plan_id)
    if not versions:
        return plan_id, 0
    return versions[-1].consent_id, versions[-1].version


async def _seen(
    view: Snapshot, keys: ServiceKeys, request: MappingRequest, unit_id: str, now: int
) -> MappingState | None:
    try:
        consent = await find_for_unit(view, keys, unit_id, request.consent_id, now=now)
        state = State(request.progress)
    except (NotAvailable, ValueError):  # a row that somebody else changed hides no other
        return None
    if unit_id == request.requester_id:
        state = seen_by_asker(consent=consent.state, progress=state)
    return MappingState(
        id=request.id,
        consent_id=request.consent_id,
        state=state,
        requester_id=request.requester_id,
        recipient_id=request.recipient_id,
        created_at=request.created_at,
        reply_by=request.reply_by,
        changed_at=_changed_at(request, consent, state),
    )


def _changed_at(request: MappingRequest, consent: ConsentView, state: State) -> int:
    """When what this unit sees became true; never when the candidate came, or said no."""
    if state is State.NOT_GRANTED:
        return consent.ended_at or request.reply_by  # an end is shown to the asker when it is its own cancelling
    if state is State.WAITING:
        return request.created_at
    return max(request.changed_at, consent.granted_at or 0)
