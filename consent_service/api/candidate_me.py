"""The candidate herself: what she is called, her log, all of it to take along, and the end of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from consent_service.api.answers import json_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import Me
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.fields import Closed
from consent_service.api.json_bodies import StrictRoute
from consent_service.persons import number
from consent_service.persons.names import PersonName


class Name(Closed):
    """What the candidate is called; it goes with every consent."""

    name: PersonName


def routes(door: CandidateDoor) -> APIRouter:
    """``GET`` and ``PUT /v1/me``."""
    router = APIRouter(route_class=StrictRoute, tags=["me"])
    candidate = Depends(door.caller)

    @router.get("/v1/me", response_model=Me, **described(returns="own", security=CANDIDATE))
    async def me(caller: Annotated[Caller, candidate]) -> Response:
        """What the candidate is called; null before she has said it. Looking stores nothing."""
        if await caller.find() is None:
            return json_answer({"name": None})
        key = await caller.key()
        async with door.db.snapshot() as view:
            who = await number.current(view, key, door.keys.service.log)
        return json_answer({"name": who.name})

    @router.put("/v1/me", response_model=Me, **described(returns="own", security=CANDIDATE, body=True))
    async def rename(body: Name, caller: Annotated[Caller, candidate]) -> Response:
        """Say the name. Whoever does that is a candidate from then on; consents in force keep the name they had."""
        candidate_id = await caller.arrived()
        key = await door.keys.candidate(candidate_id)
        async with door.db.transaction() as tx:
            who = await number.set_name(
                tx, key, door.keys.service.log, body.name, held_for=door.held_for, at=door.clock.now()
            )
        return json_answer({"name": who.name})

    return router
