"""NAV and fagopplæring ask a candidate for consent, who may never have been here; and take the request back."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from consent_service.api.answers import nothing, raw_answer
from consent_service.api.contract import ACTING_EMPLOYEE, IDEMPOTENCY_KEY, UNIT, described
from consent_service.api.fields import Closed, Day, Id, PathId
from consent_service.api.idempotency import Kept, Repeats, nothing_to_prepare, once, parse_key
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.shapes import ConsentAsked
from consent_service.api.units_door import UnitDoor
from consent_service.clock import end_of_day, rfc3339
from consent_service.consents import requests
from consent_service.errors import Invalid, Violation
from consent_service.identity.callers import Scope, UnitActor
from consent_service.identity.units import find as find_unit
from consent_service.notes.content import QuestionText
from consent_service.persons import waiting
from consent_service.storage.engine import Transaction


class Asking(Closed):
    """What is asked for. Kinds of parts, not versions: the candidate picks those."""

    national_id: Annotated[str, Field(min_length=11, max_length=11, examples=["21879498012"])]
    purpose: Annotated[str, Field(pattern="^[a-z][a-z_]{2,40}$", examples=["guidance_follow_up"])]
    recipient_id: Id | None = None
    part_kinds: Annotated[list[Annotated[str, Field(max_length=80)]], Field(min_length=1, max_length=30)]
    message: QuestionText
    reply_by: Day


def routes(door: UnitDoor) -> APIRouter:
    """``POST /v1/consent-requests`` and ``DELETE /v1/consent-requests/{id}``."""
    router = APIRouter(route_class=StrictRoute, tags=["consent requests"])
    may_ask = Depends(door.acting(Scope.CONSENTS_REQUEST))

    @router.post(
        "/v1/consent-requests",
        status_code=201,
        response_model=ConsentAsked,
        **described(
            returns="own_input",
            security=UNIT,
            scope=Scope.CONSENTS_REQUEST,
            headers=[ACTING_EMPLOYEE, IDEMPOTENCY_KEY],
            body=True,
            problems=[409],
        ),
    )
    async def ask(request: Request, body: Asking, caller: Annotated[UnitActor, may_ask]) -> Response:
        """Ask a candidate for consent. Until the reply-by date, a no and no answer look the same.

        The answer is the same whether or not anybody with this number has ever been here.
        """
        key = parse_key(request.headers.getlist("idempotency-key"))
        number = door.national_id(body.national_id)
        purpose = door.desk.purposes.get(body.purpose)
        at = door.clock.now()
        reply_by = end_of_day(body.reply_by)

        async def carry_out(tx: Transaction, _: None) -> Kept:
            recipient = await find_unit(tx, door.desk.keys, body.recipient_id or caller.unit.id)
            if recipient is None:
                raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive for this purpose."),))
            consent_id = await requests.ask(
                tx,
                door.desk,
                purpose,
                recipient=recipient,
                requester=caller.unit,
                part_kinds=body.part_kinds,
                reply_by=reply_by,
                at=at,
            )
            await waiting.leave(
                tx,
                door.keys.service.waiting,
                door.keys.service.lookup,
                number,
                kind="consent_request",
                item_id=consent_id,
                payload=requests.payload(consent_id, body.message, caller.by),
                from_unit=caller.unit.id,
                at=at,
                lapses_at=min(reply_by, at + door.waiting),
            )
            answer = {"id": consent_id, "state": "requested", "reply_by": rfc3339(reply_by)}
            return Kept(201, orjson.dumps(answer))

        kept = await once(
            door.db,
            door.keys.service,
            Repeats(caller.unit.id, "consent-requests", key),
            body.model_dump(mode="json"),
            prepare=nothing_to_prepare,
            carry_out=carry_out,
            at=at,
        )
        return raw_answer(kept.body, status=kept.status)

    @router.delete(
        "/v1/consent-requests/{consent_id}",
        status_code=204,
        **described(
            returns="metadata",
            security=UNIT,
            scope=Scope.CONSENTS_REQUEST,
            headers=[ACTING_EMPLOYEE],
            problems=[404],
        ),
    )
    async def cancel(consent_id: PathId, caller: Annotated[UnitActor, may_ask]) -> Response:
        """Take a request of one's own back. What was answered with no looks as what was not answered: 204."""
        async with door.db.transaction() as tx:
            await requests.cancel(tx, door.desk, consent_id, caller.unit, by=caller.by, at=door.clock.now())
        return nothing()

    return router
