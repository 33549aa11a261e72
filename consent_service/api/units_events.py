"""The feed: what concerns the calling unit, as ids and states."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from consent_service.api.answers import json_answer
from consent_service.api.contract import UNIT, described
from consent_service.api.fields import Limit
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.shapes import EventPage
from consent_service.api.units_door import CHECKPOINT, UnitDoor, checkpoint_header
from consent_service.audit.sequencer import newest_note
from consent_service.clock import rfc3339
from consent_service.events import feed
from consent_service.identity.callers import Scope, UnitCaller

After = Annotated[int, Query(ge=0, le=2**53, description="The number of the last event that was handled.")]


def routes(door: UnitDoor) -> APIRouter:
    """``GET /v1/events``."""
    router = APIRouter(route_class=StrictRoute, tags=["events"])
    may_follow = Depends(door.calling(Scope.EVENTS_READ))

    @router.get(
        "/v1/events",
        response_model=EventPage,
        **described(
            returns="metadata",
            security=UNIT,
            scope=Scope.EVENTS_READ,
            problems=[410],
            answers={CHECKPOINT: {"schema": {"type": "string"}, "description": "The newest signed head of the log."}},
        ),
    )
    async def events(caller: Annotated[UnitCaller, may_follow], after: After = 0, limit: Limit = 50) -> Response:
        """The caller's events after the number ``after``, without gap or double. 410 when some are no longer kept."""
        async with door.db.snapshot() as view:
            found = await feed.read(view, caller.unit.id, after=after, limit=limit)
            note = await newest_note(view)
        items = [
            {
                "number": one.number,
                "type": one.type,
                "consent_id": one.consent_id,
                "mapping_request_id": one.mapping_request_id,
                "plan_id": one.plan_id,
                "state": one.state,
                "at": rfc3339(one.at),
            }
            for one in found
        ]
        following = str(found[-1].number) if len(found) == limit else None
        return json_answer({"items": items, "next": following}, headers=checkpoint_header(note))

    return router
