"""A plan's copy for the archive of the unit that pushed it: its own words, and past the gate all the same."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from consent_service.api.contract import ACTING_EMPLOYEE, UNIT, described
from consent_service.api.fields import PathId
from consent_service.api.units_door import CHECKPOINT, UnitDoor, checkpoint_header
from consent_service.consents.gate import ArchiveAsk, Refused
from consent_service.errors import NotAvailable
from consent_service.identity.callers import Scope, UnitActor
from consent_service.plans import listing


def routes(door: UnitDoor) -> APIRouter:
    """``GET /v1/plans/{id}/archive``."""
    router = APIRouter(tags=["plans"])
    may_push = Depends(door.acting(Scope.PLANS_WRITE))

    @router.get(
        "/v1/plans/{plan_id}/archive",
        response_class=Response,
        **described(
            returns="release",
            security=UNIT,
            scope=Scope.PLANS_WRITE,
            headers=[ACTING_EMPLOYEE],
            problems=[404],
            answers={CHECKPOINT: {"schema": {"type": "string"}, "description": "The newest signed head of the log."}},
            media_type="application/pdf",
        ),
    )
    async def archive(plan_id: PathId, caller: Annotated[UnitActor, may_push]) -> Response:
        """The newest version of a plan as PDF/A-2a, or as the unit's own PDF was sent, for the archive of its sender.

        It can be had while the consent is in force that the plan came in under, and each time stands in the candidate's
        log before it is answered. Every reason to refuse has the same answer.
        """
        employee = caller.by.employee
        async with door.db.snapshot() as view:
            consent_id, version = await listing.newest(view, plan_id)
        ask = ArchiveAsk(
            consent_id, caller.unit.id, employee.id, employee.office, plan_id, version, supplier=caller.by.supplier
        )
        answer = await door.gate.archive(ask)
        if isinstance(answer, Refused):
            raise NotAvailable
        headers = {"Content-Disposition": 'attachment; filename="plan.pdf"'}
        headers |= checkpoint_header(await door.checkpoints.of(None))
        return Response(answer.pdf, media_type="application/pdf", headers=headers)

    return router
