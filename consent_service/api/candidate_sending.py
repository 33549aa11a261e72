"""Sending a plan to oneself anyway, after one's own revoke stopped its letter: what it would be, and the yes to it."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response

from consent_service.api import candidate_views
from consent_service.api.answers import json_answer, raw_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import Consent, PreviewShape
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.fields import Closed, PathId, Sha256
from consent_service.api.json_bodies import StrictRoute
from consent_service.clock import rfc3339
from consent_service.consents.preview import preview
from consent_service.consents.purposes import Language
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.errors import WrongState
from consent_service.plans.sending import Sending, offer, send


class SendingYes(Closed):
    """The hash of what was shown."""

    preview_sha256: Sha256
    language: Language = "nb"


def routes(door: CandidateDoor) -> APIRouter:
    """``/v1/me/plans/{id}/sending``."""
    router = APIRouter(route_class=StrictRoute, tags=["plans"])
    candidate = Depends(door.caller)
    _add_preview(router, door, candidate)
    _add_yes(router, door, candidate)
    return router


def _add_preview(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    @router.get(
        "/v1/me/plans/{plan_id}/sending",
        response_model=PreviewShape,
        **described(returns="own", security=CANDIDATE, problems=[404, 409]),
    )
    async def show(plan_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """Exactly what the mailbox would get, and its SHA-256. 409 unless her revoke stopped the plan's letter."""
        key = await caller.key()
        async with door.db.snapshot() as view:
            choice = await offer(view, door.desk, key.candidate_id, plan_id, now=door.clock.now())
            if choice is None:
                raise WrongState
            shown = await preview(view, key, door.desk.keys.log, choice)
        about = orjson.dumps({"sha256": shown.sha256, "valid_until": rfc3339(choice.valid_until)})
        return raw_answer(b'{"content":' + shown.content + b"," + about[1:])


def _add_yes(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    @router.post(
        "/v1/me/plans/{plan_id}/sending",
        response_model=Consent,
        **described(returns="own", security=CANDIDATE, body=True, problems=[404, 409]),
    )
    async def agree(plan_id: PathId, body: SendingYes, caller: Annotated[Caller, candidate]) -> Response:
        """Say yes to that: a consent to the mailbox alone, for one letter. A yes that comes twice is one letter."""
        owner = await caller.key()
        keyring = await candidate_views.keyring_for(door, owner, THE_MAILBOX)
        sending = Sending(plan_id, body.preview_sha256, body.language)
        async with door.db.transaction() as tx:
            consent_id = await send(tx, door.desk, keyring, sending, now=door.clock.now())
            shown = await candidate_views.shown(tx, door, owner.candidate_id, consent_id)
        return json_answer(shown)
