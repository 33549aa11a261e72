"""NAV asks fagopplæring to map a person's competence; both follow how it goes; fagopplæring says so."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from consent_service.api.answers import json_answer, page_answer, raw_answer
from consent_service.api.contract import ACTING_EMPLOYEE, IDEMPOTENCY_KEY, UNIT, described
from consent_service.api.fields import Closed, Cursor, Day, Id, Limit, PathId
from consent_service.api.idempotency import Kept, Repeats, nothing_to_prepare, once, parse_key
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.shapes import MappingAsked, MappingPage, MappingState
from consent_service.api.units_door import UnitDoor
from consent_service.clock import end_of_day, rfc3339
from consent_service.errors import Invalid, NotAvailable, Violation
from consent_service.identity.callers import Scope, UnitActor
from consent_service.identity.units import find as find_unit
from consent_service.plans import authority, listing, mapping, progress
from consent_service.plans.content import MappingRequestContent
from consent_service.plans.parts import Message
from consent_service.plans.shapes import Text
from consent_service.plans.states import State
from consent_service.storage.engine import Transaction


class Asking(MappingRequestContent):
    """What fagopplæring is asked, about whom, and until when. ``note_sections``: kinds of the note's parts proposed."""

    national_id: Annotated[str, Field(min_length=11, max_length=11, examples=["21879498012"])]
    recipient_id: Id
    reply_by: Day
    note_sections: Annotated[tuple[Annotated[str, Field(max_length=80)], ...], Field(max_length=20)] = ()

    def content(self) -> MappingRequestContent:
        """What the candidate reads, and fagopplæring after her yes."""
        return MappingRequestContent.model_construct(
            **{name: getattr(self, name) for name in MappingRequestContent.model_fields}
        )


class Report(Closed):
    """How the work goes, with words for the candidate."""

    state: Literal["in_work", "more_information_needed", "declined"]
    message: Text


def routes(door: UnitDoor) -> APIRouter:
    """``/v1/mapping-requests``."""
    router = APIRouter(route_class=StrictRoute, tags=["mapping requests"])
    _add_asking(router, door)
    _add_following(router, door)
    return router


def _add_asking(router: APIRouter, door: UnitDoor) -> None:
    may_ask = Depends(door.acting(Scope.MAPPING_WRITE))

    @router.post(
        "/v1/mapping-requests",
        status_code=201,
        response_model=MappingAsked,
        **described(
            returns="own_input",
            security=UNIT,
            scope=Scope.MAPPING_WRITE,
            headers=[ACTING_EMPLOYEE, IDEMPOTENCY_KEY],
            body=True,
            problems=[409],
        ),
    )
    async def ask(request: Request, body: Asking, caller: Annotated[UnitActor, may_ask]) -> Response:
        """Ask a vocational training unit to map a person's competence. Nothing reaches it before her yes.

        The answer is the same whether or not anybody with this number has ever been here.
        """
        key = parse_key(request.headers.getlist("idempotency-key"))
        number = door.national_id(body.national_id)
        at = door.clock.now()

        async def carry_out(tx: Transaction, _: None) -> Kept:
            recipient = await find_unit(tx, door.desk.keys, body.recipient_id)
            if recipient is None:
                raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive for this purpose."),))
            asked = await mapping.ask(
                tx,
                door.desk,
                number,
                body.content(),
                requester=caller.unit,
                by=caller.by,
                recipient=recipient,
                note_sections=body.note_sections,
                reply_by=end_of_day(body.reply_by),
                lapses_at=at + door.waiting,
                at=at,
            )
            answer = {
                "id": asked.id,
                "consent_id": asked.consent_id,
                "state": State.WAITING.value,
                "reply_by": rfc3339(asked.reply_by),
            }
            return Kept(201, orjson.dumps(answer))

        kept = await once(
            door.db,
            door.keys.service,
            Repeats(caller.unit.id, "mapping-requests", key),
            body.model_dump(mode="json"),
            prepare=nothing_to_prepare,
            carry_out=carry_out,
            at=at,
        )
        return raw_answer(kept.body, status=kept.status)


def _add_following(router: APIRouter, door: UnitDoor) -> None:
    may_read = Depends(door.acting(Scope.MAPPING_READ))
    may_report = Depends(door.acting(Scope.PLANS_WRITE))

    @router.get(
        "/v1/mapping-requests",
        response_model=MappingPage,
        **described(returns="metadata", security=UNIT, scope=Scope.MAPPING_READ, headers=[ACTING_EMPLOYEE]),
    )
    async def of_unit(caller: Annotated[UnitActor, may_read], after: Cursor = "", limit: Limit = 50) -> Response:
        """The requests that the caller has made, or may act on: states and times, no content."""
        async with door.db.snapshot() as view:
            found, following = await listing.page(
                view, door.desk.keys, caller.unit.id, after=after, limit=limit, now=door.clock.now()
            )
        return page_answer([_state_json(one) for one in found], following)

    @router.get(
        "/v1/mapping-requests/{mapping_request_id}",
        response_model=MappingState,
        **described(
            returns="metadata", security=UNIT, scope=Scope.MAPPING_READ, headers=[ACTING_EMPLOYEE], problems=[404]
        ),
    )
    async def one(mapping_request_id: PathId, caller: Annotated[UnitActor, may_read]) -> Response:
        """One of them."""
        async with door.db.snapshot() as view:
            found = await listing.get(view, door.desk.keys, caller.unit.id, mapping_request_id, now=door.clock.now())
        return json_answer(_state_json(found))

    @router.post(
        "/v1/mapping-requests/{mapping_request_id}/state",
        response_model=MappingState,
        **described(
            returns="metadata",
            security=UNIT,
            scope=Scope.PLANS_WRITE,
            headers=[ACTING_EMPLOYEE],
            body=True,
            problems=[404, 409],
        ),
    )
    async def report(mapping_request_id: PathId, body: Report, caller: Annotated[UnitActor, may_report]) -> Response:
        """Say how the work goes. The candidate gets the words; the one who asked, the state alone."""
        unit, by, now = caller.unit, caller.by, door.clock.now()
        try:
            addressee = await authority.addressee_of(door.db, door.keys, mapping_request_id, unit.id, now=now)
            async with door.db.transaction() as tx:
                message = Message(text=body.message)
                await progress.report(tx, door.desk, addressee, State(body.state), message, unit=unit, by=by, at=now)
                found = await listing.get(tx, door.desk.keys, unit.id, mapping_request_id, now=now)
        except NotAvailable:
            await authority.record_refused_report(door.db, door.desk, unit.id, mapping_request_id, by=by, now=now)
            raise
        return json_answer(_state_json(found))


def _state_json(found: listing.MappingState) -> dict[str, Any]:
    return {
        "id": found.id,
        "consent_id": found.consent_id,
        "state": found.state.value,
        "requester_id": found.requester_id,
        "recipient_id": found.recipient_id,
        "created_at": rfc3339(found.created_at),
        "reply_by": rfc3339(found.reply_by),
        "changed_at": rfc3339(found.changed_at),
    }
