"""Granting unasked, and taking back: what candidates do most, answered directly, past the counter."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from consent_service.api import candidate_views
from consent_service.api.answers import json_answer
from consent_service.api.candidate_consents import Empty, Grant, choice_of
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import Consent, Revoked
from consent_service.api.consent_views import Units, whole_json
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.direct_route import direct, read_body
from consent_service.api.fields import PathId, path_id
from consent_service.clock import rfc3339
from consent_service.consents import reading
from consent_service.consents.grants import Yes
from consent_service.consents.reading import ConsentView
from consent_service.delivery.reading import LetterOut
from consent_service.errors import Invalid, NotAvailable, Violation, after_the_commit


def routes(door: CandidateDoor) -> APIRouter:
    """``POST /v1/me/consents`` and ``POST /v1/me/consents/{id}/revoke``."""
    router = APIRouter(tags=["consents"])
    candidate = Depends(door.caller)
    _add_grant(router, door, candidate)
    _add_revoke(router, door, candidate)
    return router


def _add_grant(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    async def parameters(request: Request) -> dict[str, Any]:
        return {"caller": await door.caller(request), "body": await read_body(request, Grant)}

    async def grant(body: Grant, caller: Annotated[Caller, candidate]) -> Response:
        """Grant what the preview with this hash showed. 409 if it would no longer be those bytes."""
        if body.consent_id is not None:
            raise Invalid(violations=(Violation("/consent_id", "A request is answered at its own address (/grant)."),))
        owner = await caller.key()
        purpose = door.desk.purposes.get(body.purpose)
        recipient = await candidate_views.recipient(door, body.recipient_id)
        keyring = await candidate_views.keyring_for(door, owner, recipient)
        choice = choice_of(owner.candidate_id, purpose, recipient, body)
        granted = await door.counter.grant(Yes(keyring, choice, body.preview_sha256, body.language))
        return json_answer(whole_json(granted, {recipient.id: recipient}, door.desk.purposes), status=201)

    router.add_api_route(
        "/v1/me/consents",
        grant,
        methods=["POST"],
        status_code=201,
        response_model=Consent,
        route_class_override=direct(parameters),
        **described(returns="own", security=CANDIDATE, body=True, problems=[404, 409]),
    )


def _add_revoke(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    async def parameters(request: Request) -> dict[str, Any]:
        return {
            "caller": await door.caller(request),
            "consent_id": path_id(request.path_params["consent_id"]),
            "body": await read_body(request, Empty),
        }

    async def revoke(consent_id: PathId, body: Empty, caller: Annotated[Caller, candidate]) -> Response:
        """Take a consent back. Nothing is released or sent from now on; letters that have left already are named."""
        candidate_id = await caller.known()
        ended = await door.counter.revoke(candidate_id, consent_id)
        # After the commit: what is read for the answer undoes no end, and a letter that passed the gate before it has
        # its dispatch written down by now.
        with after_the_commit():
            shown = await (_changed(door, candidate_id, consent_id) if ended is None else _shown(door, ended))
            out = await door.letters_out.of(consent_id) or []
        return json_answer({"consent": shown, "letters_already_out": [_letter_json(letter) for letter in out]})

    router.add_api_route(
        "/v1/me/consents/{consent_id}/revoke",
        revoke,
        methods=["POST"],
        response_model=Revoked,
        route_class_override=direct(parameters),
        **described(returns="own", security=CANDIDATE, body=True, problems=[404, 409]),
    )


async def _shown(door: CandidateDoor, ended: ConsentView) -> dict[str, Any]:
    known: Units = {}
    for unit_id in (ended.recipient_id, ended.requester_id):
        if unit_id is not None:
            known |= await door.units.of(unit_id) or {}
    return whole_json(ended, known, door.desk.purposes)


async def _changed(door: CandidateDoor, candidate_id: str, consent_id: str) -> dict[str, Any]:
    """One that was hers by its shares alone: its row may name somebody else, or be gone."""
    try:
        async with door.db.snapshot() as view:
            return await candidate_views.shown(view, door, candidate_id, consent_id)
    except NotAvailable:
        return whole_json(reading.unavailable(consent_id), {}, door.desk.purposes)


def _letter_json(letter: LetterOut) -> dict[str, Any]:
    return {
        "plan_id": letter.plan_id,
        "version": letter.version,
        "status": letter.status,
        "dispatched_at": rfc3339(letter.dispatched_at),
    }
