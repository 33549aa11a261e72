"""The career centre hands a draft over, and may take it back unread. It never reads one."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response

from consent_service.api.answers import nothing, raw_answer
from consent_service.api.contract import ACTING_EMPLOYEE, IDEMPOTENCY_KEY, UNIT, described
from consent_service.api.fields import is_id
from consent_service.api.idempotency import Kept, Repeats, once, parse_key
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.shapes import DraftHandedOver
from consent_service.api.units_door import UnitDoor
from consent_service.clock import rfc3339
from consent_service.identity.callers import Scope, UnitActor
from consent_service.notes import handover
from consent_service.notes.content import NoteContent
from consent_service.notes.handover import ReadyDraft
from consent_service.storage.engine import Transaction


def routes(door: UnitDoor) -> APIRouter:
    """``POST /v1/note-drafts`` and ``DELETE /v1/note-drafts/{id}``."""
    router = APIRouter(route_class=StrictRoute, tags=["note drafts"])
    may_draft = Depends(door.acting(Scope.NOTES_DRAFT))

    @router.post(
        "/v1/note-drafts",
        status_code=201,
        response_model=DraftHandedOver,
        **described(
            returns="own_input",
            security=UNIT,
            scope=Scope.NOTES_DRAFT,
            headers=[ACTING_EMPLOYEE, IDEMPOTENCY_KEY],
            body=True,
            problems=[409],
        ),
    )
    async def hand_over(request: Request, body: NoteContent, caller: Annotated[UnitActor, may_draft]) -> Response:
        """Hand a draft over to whoever brings the code in the answer. The code is shown once, and kept nowhere."""
        key = parse_key(request.headers.getlist("idempotency-key"))

        async def prepare() -> ReadyDraft:
            return await handover.make_ready(door.keys.service.waiting, body, unit_id=caller.unit.id, by=caller.by)

        async def carry_out(tx: Transaction, ready: ReadyDraft) -> Kept:
            handed = await handover.hand_over(tx, door.keys.service.log, ready, at=door.clock.now())
            answer = {
                "id": handed.draft_id,
                "code": handed.code.shown(),
                "claim_url": handed.code.claim_url(door.claim_page),
                "lapses_at": rfc3339(handed.lapses_at),
            }
            return Kept(201, orjson.dumps(answer))

        kept = await once(
            door.db,
            door.keys.service,
            Repeats(caller.unit.id, "note-drafts", key),
            body.wire(),
            prepare=prepare,
            carry_out=carry_out,
            at=door.clock.now(),
        )
        return raw_answer(kept.body, status=kept.status)

    @router.delete(
        "/v1/note-drafts/{draft_id}",
        status_code=204,
        **described(returns="metadata", security=UNIT, scope=Scope.NOTES_DRAFT, headers=[ACTING_EMPLOYEE]),
    )
    async def withdraw(draft_id: str, caller: Annotated[UnitActor, may_draft]) -> Response:
        """Take a draft back, unread, unless it is claimed. Always 204: whether it was is the candidate's business."""
        if is_id(draft_id):
            async with door.db.transaction() as tx:
                await handover.withdraw(
                    tx,
                    door.keys.service.log,
                    unit_id=caller.unit.id,
                    draft_id=draft_id,
                    by=caller.by,
                    at=door.clock.now(),
                )
        return nothing()

    return router
