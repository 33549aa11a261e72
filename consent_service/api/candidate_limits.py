"""The candidate's own limits: pausing a consent for a time, and refusing a unit once and for all."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from consent_service.api import candidate_views
from consent_service.api.answers import json_answer, nothing
from consent_service.api.candidate_consents import Empty
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import Consent
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.fields import Closed, PathId
from consent_service.api.json_bodies import StrictRoute
from consent_service.clock import rfc3339
from consent_service.consents import endings, grants, standing_refusals
from consent_service.errors import after_the_commit
from consent_service.plans.newer import tell_resumed

Against = Annotated[str, Path(pattern="^[a-z0-9_-]{1,40}$", description="A unit's id, or a kind of units.")]


class StandingRefusalShape(Closed):
    """A standing refusal: against a unit's id or a kind of units, and since when."""

    against: str
    since: str


class StandingRefusals(Closed):
    """The candidate's standing refusals."""

    items: list[StandingRefusalShape]


def routes(door: CandidateDoor) -> APIRouter:
    """``/v1/me/consents/{id}/pause``, ``/resume`` and ``/v1/me/standing-refusals``."""
    router = APIRouter(route_class=StrictRoute, tags=["limits"])
    _add_pausing(router, door)
    _add_refusing(router, door)
    return router


def _add_pausing(router: APIRouter, door: CandidateDoor) -> None:
    candidate = Depends(door.caller)
    described_as = described(returns="own", security=CANDIDATE, body=True, problems=[404, 409])

    @router.post("/v1/me/consents/{consent_id}/pause", response_model=Consent, **described_as)
    async def pause(consent_id: PathId, body: Empty, caller: Annotated[Caller, candidate]) -> Response:
        """Let nothing out under this consent for a time; a letter that was accepted waits too."""
        candidate_id = await caller.known()
        async with door.db.transaction() as tx:
            await endings.pause(tx, door.desk, candidate_id, consent_id, now=door.clock.now())
        with after_the_commit():
            async with door.db.snapshot() as view:
                shown = await candidate_views.shown(view, door, candidate_id, consent_id)
        return json_answer(shown)

    @router.post("/v1/me/consents/{consent_id}/resume", response_model=Consent, **described_as)
    async def resume(consent_id: PathId, body: Empty, caller: Annotated[Caller, candidate]) -> Response:
        """Let a paused consent be in force again, on the same terms."""
        candidate_id = await caller.known()
        async with door.db.snapshot() as view:
            found = await candidate_views.find_whole(view, door, candidate_id, consent_id)
        recipient = await candidate_views.recipient(door, found.recipient_id)
        keyring = await candidate_views.keyring_for(door, await caller.key(), recipient)
        async with door.db.transaction() as tx:
            await grants.resume(tx, door.desk, keyring, consent_id, now=door.clock.now())
            await tell_resumed(tx, found, at=door.clock.now())
            shown = await candidate_views.shown(tx, door, candidate_id, consent_id)
        return json_answer(shown)


def _add_refusing(router: APIRouter, door: CandidateDoor) -> None:
    candidate = Depends(door.caller)
    described_as = described(returns="own", security=CANDIDATE, problems=[404, 422])

    @router.get("/v1/me/standing-refusals", response_model=StandingRefusals, **described_as)
    async def listed(caller: Annotated[Caller, candidate]) -> Response:
        """Whom the candidate refuses once and for all."""
        candidate_id = await caller.find()
        if candidate_id is None:
            return json_answer({"items": []})
        async with door.db.snapshot() as view:
            found = await standing_refusals.of_candidate(view, door.desk.keys, candidate_id)
        return json_answer({"items": [{"against": one.against, "since": rfc3339(one.since)} for one in found]})

    @router.put("/v1/me/standing-refusals/{against}", status_code=204, response_class=Response, **described_as)
    async def place(against: Against, caller: Annotated[Caller, candidate]) -> Response:
        """Let nothing go to a unit, or to any unit of a kind, whatever was or will be asked, until it is lifted."""
        candidate_id = await caller.arrived()
        async with door.db.transaction() as tx:
            await standing_refusals.place(tx, door.desk, candidate_id, against, now=door.clock.now())
        return nothing()

    @router.delete("/v1/me/standing-refusals/{against}", status_code=204, response_class=Response, **described_as)
    async def lift(against: Against, caller: Annotated[Caller, candidate]) -> Response:
        """Lift a standing refusal. Consents that are still in force count again."""
        candidate_id = await caller.known()
        async with door.db.transaction() as tx:
            await standing_refusals.lift(tx, door.desk, candidate_id, against, now=door.clock.now())
        return nothing()
