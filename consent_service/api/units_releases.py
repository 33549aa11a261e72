"""The release: the one route through which another party's content leaves, past the gate."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request, Response

from consent_service.api.answers import raw_answer
from consent_service.api.contract import ACTING_EMPLOYEE, IDEMPOTENCY_KEY, UNIT, described
from consent_service.api.direct_route import direct, read_body
from consent_service.api.fields import Closed, PathId, path_id
from consent_service.api.idempotency import parse_key
from consent_service.api.shapes import Release
from consent_service.api.units_door import CHECKPOINT, UnitDoor, checkpoint_header
from consent_service.audit.cef import Shown
from consent_service.clock import rfc3339
from consent_service.consents.gate import Refused, ReleaseAsk, Released
from consent_service.errors import NotAvailable
from consent_service.identity.callers import Scope, UnitActor
from consent_service.identity.employee import ActingEmployee
from consent_service.identity.units import Unit, UnitKind


class Nothing(Closed):
    """An empty object."""


def routes(door: UnitDoor) -> APIRouter:
    """``POST /v1/consents/{id}/releases``."""
    acting = door.acting(Scope.CONTENT_READ)

    async def parameters(request: Request) -> dict[str, Any]:
        return {
            "request": request,
            "caller": await acting(request),
            "consent_id": path_id(request.path_params["consent_id"]),
            "body": await read_body(request, Nothing),
        }

    router = APIRouter(route_class=direct(parameters), tags=["releases"])
    may_release = Depends(acting)

    @router.post(
        "/v1/consents/{consent_id}/releases",
        response_model=Release,
        **described(
            returns="release",
            security=UNIT,
            scope=Scope.CONTENT_READ,
            headers=[ACTING_EMPLOYEE, IDEMPOTENCY_KEY],
            body=True,
            problems=[404],
            answers={CHECKPOINT: {"schema": {"type": "string"}, "description": "The newest signed head of the log."}},
        ),
    )
    async def release(
        request: Request, consent_id: PathId, body: Nothing, caller: Annotated[UnitActor, may_release]
    ) -> Response:
        """What the consent lets the caller have. It stands in the candidate's log before it is answered.

        Every reason to refuse has the same answer. A repeated key passes the gate again, and spends no use.
        """
        key = parse_key(request.headers.getlist("idempotency-key"))
        employee = caller.by.employee
        ask = ReleaseAsk(consent_id, caller.unit.id, employee.id, employee.office, key, caller.by.supplier)
        checkpoint = checkpoint_header(await door.checkpoints.of(None))  # had before anything is done
        answer = await door.gate.release(ask)
        if isinstance(answer, Refused):
            raise NotAvailable
        if door.nav_log is not None and caller.unit.kind is UnitKind.NAV and not employee.machine:
            await door.nav_log.record(_shown(door, answer, caller.unit, employee))
        return raw_answer(_body(answer), headers=checkpoint)

    return router


def _shown(door: UnitDoor, released: Released, unit: Unit, employee: ActingEmployee) -> Shown:
    """What NAV's audit log is told. A repeated fetch shows the content once more."""
    content = orjson.loads(released.content)
    purpose = door.desk.purposes.get(content["purpose"]["code"], content["purpose"]["version"])
    return Shown(
        employee=employee.id,
        national_id=content["person"]["national_id"],
        message=f"Ansatt ved {unit.name}, kontor {employee.office}, leste det du har delt: {purpose.text('nb').title}",
        at=released.at,
        trace=released.release_id,
    )


def _body(released: Released) -> bytes:
    """The answer, around the content's own bytes: what was hashed is what is sent."""
    about = orjson.dumps(
        {
            "release_id": released.release_id,
            "consent_id": released.consent_id,
            "released_at": rfc3339(released.at),
            "content_sha256": released.content_sha256,
            "salt": released.salt.hex(),
        }
    )
    return about[:-1] + b',"content":' + released.content + b"}"
