"""Fagopplæring pushes a tentative training plan under its consent, and follows its letter. It never reads one here.

A plan comes as JSON, or with a PDF of fagopplæring's own beside it: then in two fields, ``plan`` and ``pdf``.
"""

from hashlib import sha256
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from consent_service.api.answers import json_answer, raw_answer
from consent_service.api.contract import ACTING_EMPLOYEE, IDEMPOTENCY_KEY, UNIT, described
from consent_service.api.delivery_views import senders_delivery_json
from consent_service.api.direct_route import as_shape, direct, read_body, read_raw
from consent_service.api.fields import Id, PathId
from consent_service.api.idempotency import Kept, Repeats, once, parse_key
from consent_service.api.multipart import is_form, read_form
from consent_service.api.shapes import PlanPushed, PlanState
from consent_service.api.units_door import UnitDoor
from consent_service.delivery import reading as deliveries
from consent_service.errors import NotAvailable
from consent_service.identity.callers import Scope, UnitActor, UnitCaller
from consent_service.plans import authority, listing, push
from consent_service.plans.content import TrainingPlan
from consent_service.plans.postal import GivenAddress
from consent_service.plans.push import Incoming, ReadyPlan
from consent_service.storage.engine import Snapshot, Transaction


class Pushing(TrainingPlan):
    """A plan, and the consent that it comes under.

    ``correction``: where the consent has ended, let it in all the same if the plan was delivered, for the candidate
    alone. While the consent is in force it makes no difference. ``postal_address``: to have this version printed and
    posted if she has no account in Digipost; it is kept with the plan, and shown to her.
    """

    consent_id: Id
    correction: Annotated[bool, Field(strict=True)] = False
    postal_address: GivenAddress | None = None

    def plan(self) -> TrainingPlan:
        """The plan alone."""
        return TrainingPlan.model_construct(**{name: getattr(self, name) for name in TrainingPlan.model_fields})


_WITH_PDF: Final[dict[str, Any]] = {
    "schema": {
        "type": "object",
        "required": ["plan", "pdf"],
        "additionalProperties": False,
        "properties": {
            "plan": {"$ref": "#/components/schemas/Pushing"},
            "pdf": {
                "type": "string",
                "contentMediaType": "application/pdf",
                "description": "At most 10 000 000 bytes; without scripts, forms, comments, files or links that lead "
                "out of it. It is rebuilt, and says on each page that the plan is tentative.",
            },
        },
    },
    "encoding": {"plan": {"contentType": "application/json"}, "pdf": {"contentType": "application/pdf"}},
}


def routes(door: UnitDoor) -> APIRouter:
    """``POST /v1/plans`` and ``GET /v1/plans/{id}``."""
    router = APIRouter(tags=["plans"])
    _add_pushing(router, door)
    _add_following(router, door)
    return router


def _add_pushing(router: APIRouter, door: UnitDoor) -> None:
    acting = door.acting(Scope.PLANS_WRITE)
    may_push = Depends(acting)

    async def parameters(request: Request) -> dict[str, Any]:
        caller = await acting(request)
        body, request.state.pdf = await _read(request)
        return {"request": request, "body": body, "caller": caller}

    directly = APIRouter(route_class=direct(parameters), tags=["plans"])

    @directly.post(
        "/v1/plans",
        status_code=202,
        response_model=PlanPushed,
        **described(
            returns="own_input",
            security=UNIT,
            scope=Scope.PLANS_WRITE,
            headers=[ACTING_EMPLOYEE, IDEMPOTENCY_KEY],
            body=True,
            form=_WITH_PDF,
            problems=[404, 409],
        ),
    )
    async def push_plan(request: Request, body: Pushing, caller: Annotated[UnitActor, may_push]) -> Response:
        """Push a plan, or that there is none. It is in the candidate's pages at once, and on its way to her mailbox.

        A second plan under the same request is the next version of the first. With a PDF in the body, that is the
        letter, rebuilt; one that is not taken is 422 and says why.
        """
        key = parse_key(request.headers.getlist("idempotency-key"))
        attempt = _Attempt(door, body, request.state.pdf, caller)
        try:
            kept = await once(
                door.db,
                door.keys.service,
                Repeats(caller.unit.id, "plans", key),
                attempt.content(),
                prepare=attempt.prepare,
                carry_out=attempt.carry_out,
                at=door.clock.now(),
            )
        except NotAvailable:
            await attempt.record_refusal()
            raise
        return raw_answer(kept.body, status=kept.status)

    router.routes.extend(directly.routes)


async def _read(request: Request) -> tuple[Pushing, bytes | None]:
    """The plan, and the PDF that came with it."""
    content_type = request.headers.get("content-type", "")
    if not is_form(content_type):
        return await read_body(request, Pushing), None
    fields = read_form(await read_raw(request), content_type, ("plan", "pdf"))
    return as_shape(fields["plan"], Pushing), fields["pdf"]


def _add_following(router: APIRouter, door: UnitDoor) -> None:
    may_follow = Depends(door.calling(Scope.PLANS_WRITE))

    @router.get(
        "/v1/plans/{plan_id}",
        response_model=PlanState,
        **described(returns="metadata", security=UNIT, scope=Scope.PLANS_WRITE, problems=[404]),
    )
    async def state(plan_id: PathId, caller: Annotated[UnitCaller, may_follow]) -> Response:
        """Where a plan's letter is, up to ``delivered``. Whether it was opened is the candidate's business."""
        async with door.db.snapshot() as view:
            found = await listing.get_plan(view, door.desk.keys, caller.unit.id, plan_id, now=door.clock.now())
        return json_answer(
            {
                "id": found.id,
                "version": found.version,
                "consent_id": found.consent_id,
                "delivery": senders_delivery_json(found.delivery),
            }
        )


class _Attempt:
    """One call's push: what is slow before the transaction, and what is written in it."""

    def __init__(self, door: UnitDoor, body: Pushing, pdf: bytes | None, caller: UnitActor) -> None:
        self._door = door
        self._incoming = Incoming(
            body.consent_id,
            body.plan(),
            pdf,
            correction=body.correction,
            address=None if body.postal_address is None else body.postal_address.address(),
            printed=caller.unit.organisation_number == door.printed_organisation,
        )
        self._body = body
        self._unit, self._by = caller.unit, caller.by
        self._ready = False

    def content(self) -> dict[str, Any]:
        """What a repeat must have in common with the first call."""
        said: dict[str, Any] = self._body.model_dump(mode="json")
        pdf = self._incoming.pdf
        return said if pdf is None else said | {"pdf_sha256": sha256(pdf).hexdigest()}

    async def prepare(self) -> ReadyPlan:
        door = self._door
        ready = await push.make_ready(
            door.db,
            door.keys,
            door.desk,
            self._incoming,
            unit=self._unit,
            by=self._by,
            now=door.clock.now(),
        )
        self._ready = True
        return ready

    async def carry_out(self, tx: Transaction, ready: ReadyPlan) -> Kept:
        pushed = await push.push(tx, self._door.desk, ready, at=self._door.clock.now())
        delivery = None if pushed.letter_id is None else await _delivery_of(tx, pushed.plan_id, pushed.version)
        answer = {"id": pushed.plan_id, "version": pushed.version, "delivery": delivery}
        return Kept(202, orjson.dumps(answer))

    async def record_refusal(self) -> None:
        """Write down a push that the transaction itself refused; ``make_ready`` has written down its own."""
        if self._ready:
            door = self._door
            await authority.record_refusal(
                door.db,
                door.desk,
                "plan.refused",
                self._unit.id,
                self._incoming.consent_id,
                "not_in_force",
                by=self._by,
                now=door.clock.now(),
            )


async def _delivery_of(view: Snapshot, plan_id: str, version: int) -> dict[str, Any]:
    found = [one for one in await deliveries.of_plan(view, plan_id) if one.plan_version == version]
    return senders_delivery_json(found[-1])
