"""The candidate's mapping requests and plans, with their words; readable here whatever happens to the letter."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from consent_service.api.answers import json_answer, page_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import MyMappingPage, MyPlan, MyPlanPage
from consent_service.api.consent_views import unit_seen
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.delivery_views import delivery_json
from consent_service.api.fields import Day, Id, PathId
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.shapes import MappingAsked
from consent_service.clock import end_of_day, rfc3339
from consent_service.consents.reading import UNAVAILABLE
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import Invalid, Violation
from consent_service.identity import units
from consent_service.plans import mapping, reading
from consent_service.plans.content import MappingRequestContent
from consent_service.plans.sending import offer
from consent_service.plans.states import State
from consent_service.storage.engine import Snapshot


class AskingForHerself(MappingRequestContent):
    """What the candidate asks fagopplæring herself."""

    recipient_id: Id
    reply_by: Day

    def content(self) -> MappingRequestContent:
        """What fagopplæring gets of it after her grant."""
        return MappingRequestContent.model_construct(
            **{name: getattr(self, name) for name in MappingRequestContent.model_fields}
        )


def routes(door: CandidateDoor) -> APIRouter:
    """``/v1/me/mapping-requests`` and ``/v1/me/plans``."""
    router = APIRouter(route_class=StrictRoute, tags=["plans"])
    candidate = Depends(door.caller)
    _add_requests(router, door, candidate)
    _add_plans(router, door, candidate)
    return router


def _add_requests(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    @router.get("/v1/me/mapping-requests", response_model=MyMappingPage, **described(returns="own", security=CANDIDATE))
    async def requests(caller: Annotated[Caller, candidate]) -> Response:
        """The mapping requests that concern the candidate, newest first, with their words."""
        if await caller.welcomed() is None:
            return page_answer([], None)
        key = await caller.key()
        async with door.db.snapshot() as view:
            found = await reading.my_requests(view, door.desk.keys, key, now=door.clock.now())
            return page_answer([await _request_json(view, door.desk.keys, one) for one in found], None)

    @router.post(
        "/v1/me/mapping-requests",
        status_code=201,
        response_model=MappingAsked,
        **described(returns="own", security=CANDIDATE, body=True),
    )
    async def ask(body: AskingForHerself, caller: Annotated[Caller, candidate]) -> Response:
        """Ask a vocational training unit oneself. It gets nothing before the consent that this makes is granted."""
        key = await door.keys.candidate(await caller.arrived())
        async with door.db.transaction() as tx:
            recipient = await units.find(tx, door.desk.keys, body.recipient_id)
            if recipient is None:
                raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive for this purpose."),))
            asked = await mapping.ask_for_herself(
                tx,
                door.desk,
                key,
                body.content(),
                recipient=recipient,
                reply_by=end_of_day(body.reply_by),
                at=door.clock.now(),
            )
        answer = {
            "id": asked.id,
            "consent_id": asked.consent_id,
            "state": State.WAITING.value,
            "reply_by": rfc3339(asked.reply_by),
        }
        return json_answer(answer, status=201)


def _add_plans(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    @router.get("/v1/me/plans", response_model=MyPlanPage, **described(returns="own", security=CANDIDATE))
    async def plans(caller: Annotated[Caller, candidate]) -> Response:
        """The tentative plans, newest first, each with where its letter is."""
        candidate_id = await caller.find()
        if candidate_id is None:
            return page_answer([], None)
        async with door.db.snapshot() as view:
            found = await reading.my_plans(view, candidate_id)
            return page_answer([await _plan_json(view, door.desk.keys, one) for one in found], None)

    @router.get(
        "/v1/me/plans/{plan_id}",
        response_model=MyPlan,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def plan(plan_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """One plan in full. It is tentative, and no decision."""
        key = await caller.key()
        async with door.db.snapshot() as view:
            found, content = await reading.my_plan(view, key, plan_id)
            address = await reading.my_address(view, key, found)
            told = await _plan_json(view, door.desk.keys, found)
            offered = await offer(view, door.desk, key.candidate_id, plan_id, now=door.clock.now())
        told["postal_address"] = None if address is None else asdict(address)
        said = content.model_dump(mode="json", exclude_none=True)
        return json_answer({**told, "can_be_sent": offered is not None, "content": said})

    @router.get(
        "/v1/me/plans/{plan_id}/pdf",
        response_class=Response,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def pdf(plan_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """The plan as the letter in the mailbox has it (PDF)."""
        key = await caller.key()
        async with door.db.snapshot() as view:
            content = await reading.my_pdf(view, key, plan_id)
        name = {"Content-Disposition": 'inline; filename="plan.pdf"'}
        return Response(content, media_type="application/pdf", headers=name)


async def _request_json(view: Snapshot, keys: ServiceKeys, request: reading.MyRequest) -> dict[str, Any]:
    if request.state is None:
        return _unavailable_json(request)
    requester = None if request.requester_id is None else await unit_seen(view, keys, request.requester_id)
    return {
        "id": request.id,
        "consent_id": request.consent_id,
        "state": request.state.value,
        "requester": requester,
        "recipient": await unit_seen(view, keys, request.recipient_id),
        "created_at": rfc3339(request.created_at),
        "reply_by": rfc3339(request.reply_by),
        "changed_at": rfc3339(request.changed_at),
        "plan_id": request.plan_id,
        "parts": [
            {
                "resource": ref.resource,
                "resource_id": ref.resource_id,
                "version": ref.version,
                "part": ref.part,
                "content": content,
            }
            for ref, content in request.parts.items()
        ],
        "messages": [
            {"state": message.state.value, "at": rfc3339(message.at), "text": message.text}
            for message in request.messages
        ],
    }


def _unavailable_json(request: reading.MyRequest) -> dict[str, Any]:
    unknown = ("requester", "recipient", "created_at", "reply_by", "changed_at", "plan_id")
    about = {"id": request.id, "consent_id": request.consent_id, "state": UNAVAILABLE, "parts": [], "messages": []}
    return about | dict.fromkeys(unknown)


async def _plan_json(view: Snapshot, keys: ServiceKeys, plan: reading.MyPlan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "version": plan.version,
        "mapping_request_id": plan.mapping_request_id,
        "consent_id": plan.consent_id,
        "unit": await unit_seen(view, keys, plan.unit_id),
        "created_at": rfc3339(plan.created_at),
        "replaced_at": None if plan.replaced_at is None else rfc3339(plan.replaced_at),
        "correction": plan.correction,
        "tentative": True,
        "delivery": None if plan.delivery is None else delivery_json(plan.delivery),
    }
