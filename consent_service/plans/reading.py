"""The candidate's own reading of her mapping requests and plans. The only module of this room that opens parts."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from consent_service.consents.archives import ARCHIVE
from consent_service.consents.reading import find_for_candidate
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery.printing import ADDRESS, address_from, address_ref
from consent_service.delivery.reading import Delivery
from consent_service.delivery.reading import of_candidate as deliveries_of
from consent_service.errors import NotAvailable, Tampered
from consent_service.mailbox.port import PostalAddress
from consent_service.plans import _store
from consent_service.plans._store import MappingRequest, Plan
from consent_service.plans.content import TrainingPlan
from consent_service.plans.parts import MAPPING_REQUEST, MESSAGE, PDF, PLAN, plan_from, plan_ref
from consent_service.plans.states import State, seen_by_candidate
from consent_service.storage.engine import Row, Snapshot
from consent_service.vault.candidate import open_parts
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import refs

_NO_WORDS = frozenset({f"{PLAN}.{PDF}", ARCHIVE, ADDRESS})
"""Kinds of a plan's parts that say nothing of the plan."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MyMessage:
    """Fagopplæring's words while the work went on."""

    state: State
    at: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MyRequest:
    """A mapping request that concerns the candidate; ``requester_id`` is None for one of her own.

    ``parts`` are those that she can share, with their contents; ``plan_id`` names the plan that answers it. ``state``
    is None for one of which something is not as the service wrote it: nothing can be said of it but its id.
    """

    id: str
    consent_id: str
    state: State | None
    requester_id: str | None
    recipient_id: str
    created_at: int
    reply_by: int
    changed_at: int
    plan_id: str | None
    parts: dict[PartRef, Any] = field(repr=False)
    messages: tuple[MyMessage, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MyPlan:
    """A plan's newest version without its content, and the way of its letter, if there is one.

    ``replaced_at`` is when the version before it came, None for a first one. ``correction``: it came after the consent
    had ended, for her alone.
    """

    id: str
    version: int
    mapping_request_id: str
    consent_id: str
    unit_id: str
    created_at: int
    replaced_at: int | None
    correction: bool
    delivery: Delivery | None


async def my_requests(view: Snapshot, keys: ServiceKeys, key: CandidateKey, *, now: int) -> list[MyRequest]:
    """The mapping requests that concern the candidate, newest first, with their words. One that was changed by somebody
    else hides no other.
    """
    messages = await _store.messages(view, key.candidate_id)
    plans = {plan.mapping_request_id: plan.id for plan in await _store.plans_of(view, key.candidate_id)}
    found = await _store.of_candidate(view, key.candidate_id)
    return [await _as_it_is(one, _request(view, keys, key, one, messages, plans.get(one.id), now)) for one in found]


async def my_request(view: Snapshot, keys: ServiceKeys, key: CandidateKey, request_id: str, *, now: int) -> MyRequest:
    """One of them. Raises NotAvailable for anybody else's."""
    request = await _store.find_request(view, request_id)
    if request is None or request.candidate_id != key.candidate_id:
        raise NotAvailable
    answer = await _store.newest_answer(view, request.id)
    messages = await _store.messages(view, key.candidate_id)
    return await _request(view, keys, key, request, messages, answer.id if answer else None, now)


async def my_plans(view: Snapshot, candidate_id: str) -> list[MyPlan]:
    """The newest version of each of the candidate's plans, newest first."""
    newest: dict[str, Plan] = {}
    before: dict[str, int] = {}
    for plan in await _store.plans_of(view, candidate_id):
        if newest.setdefault(plan.id, plan) is not plan:
            before.setdefault(plan.id, plan.created_at)
    deliveries = {(one.plan_id, one.plan_version): one for one in await deliveries_of(view, candidate_id)}
    return [
        MyPlan(
            id=plan.id,
            version=plan.version,
            mapping_request_id=plan.mapping_request_id,
            consent_id=plan.consent_id,
            unit_id=plan.unit_id,
            created_at=plan.created_at,
            replaced_at=before.get(plan.id),
            correction=bool(plan.correction),
            delivery=deliveries.get((plan.id, plan.version)),
        )
        for plan in newest.values()
    ]


async def my_plan(view: Snapshot, key: CandidateKey, plan_id: str) -> tuple[MyPlan, TrainingPlan]:
    """One of the candidate's plans in its newest version, with its content. Raises NotAvailable for anybody else's."""
    head = await _my_plan(view, key, plan_id)
    found = await refs(view, key.candidate_id, PLAN, head.id, head.version)
    opened = await open_parts(view, key, [ref for ref in found if ref.kind not in _NO_WORDS])
    return head, plan_from({ref.part: content for ref, content in opened.items()})


async def my_address(view: Snapshot, key: CandidateKey, plan: MyPlan) -> PostalAddress | None:
    """Where fagopplæring said that one of her plans may go on paper, if it did."""
    ref = address_ref(key.candidate_id, plan.id, plan.version)
    if ref not in await refs(view, key.candidate_id, PLAN, plan.id, plan.version):
        return None
    return address_from((await open_parts(view, key, [ref]))[ref])


async def my_pdf(view: Snapshot, key: CandidateKey, plan_id: str) -> bytes:
    """The same as the PDF that was sent. Raises NotAvailable."""
    head = await _my_plan(view, key, plan_id)
    ref = plan_ref(key.candidate_id, head.id, head.version, PDF)
    return (await open_parts(view, key, [ref]))[ref]


async def _my_plan(view: Snapshot, key: CandidateKey, plan_id: str) -> MyPlan:
    found = next((plan for plan in await my_plans(view, key.candidate_id) if plan.id == plan_id), None)
    if found is None:
        raise NotAvailable
    return found


async def _as_it_is(request: MappingRequest, reading: Awaitable[MyRequest]) -> MyRequest:
    """What ``reading`` gives, or all that can be said of a request that is not as the service wrote it."""
    try:
        return await reading
    except (NotAvailable, Tampered, ValueError, KeyError, TypeError):
        _log.error("a mapping request was changed", item=request.id, alarm="plans")
        return MyRequest(request.id, request.consent_id, None, None, "", 0, 0, 0, None, {}, ())


async def _request(
    view: Snapshot,
    keys: ServiceKeys,
    key: CandidateKey,
    request: MappingRequest,
    messages: Iterable[Row],
    plan_id: str | None,
    now: int,
) -> MyRequest:
    consent = await find_for_candidate(view, keys, key.candidate_id, request.consent_id, now=now)
    sealed = await refs(view, key.candidate_id, MAPPING_REQUEST, request.id, 1)
    opened = {ref: orjson.loads(content) for ref, content in (await open_parts(view, key, sealed)).items()}
    words = {ref.part: content for ref, content in opened.items()}
    return MyRequest(
        id=request.id,
        consent_id=request.consent_id,
        state=seen_by_candidate(consent=consent.state, progress=State(request.progress)),
        requester_id=request.requester_id,
        recipient_id=request.recipient_id,
        created_at=request.created_at,
        reply_by=request.reply_by,
        changed_at=request.changed_at,
        plan_id=plan_id,
        parts={ref: content for ref, content in opened.items() if not ref.part.startswith(f"{MESSAGE}:")},
        messages=tuple(
            MyMessage(State(row["state"]), row["at"], words[f"{MESSAGE}:{row['number']}"]["text"])
            for row in messages
            if row["mapping_request_id"] == request.id
        ),
    )
