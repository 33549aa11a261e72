"""The log's signed head and its proofs, for any unit: so that a log that was cut or rewritten is noticed outside."""

import base64
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from consent_service.api.answers import json_answer
from consent_service.api.contract import UNIT, described
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.shapes import Consistency, InclusionPath
from consent_service.api.units_door import UnitDoor
from consent_service.audit import sequencer
from consent_service.errors import NotAvailable
from consent_service.identity.callers import UnitCaller

Older = Annotated[int, Query(alias="from", ge=0, le=2**53, description="The size of the older log.")]
Newer = Annotated[int, Query(alias="to", ge=1, le=2**53, description="The size of the newer log.")]

Leaf = Annotated[int, Query(ge=0, le=2**53, description="The leaf's number, as a receipt's `inclusion` has it.")]
Size = Annotated[int, Query(ge=1, le=2**53, description="The size of the log to prove it for.")]


def routes(door: UnitDoor) -> APIRouter:
    """``GET /v1/audit/checkpoint``, ``GET /v1/audit/consistency`` and ``GET /v1/audit/inclusion``."""
    router = APIRouter(route_class=StrictRoute, tags=["audit"])
    anybody = Depends(door.calling(None))

    @router.get(
        "/v1/audit/checkpoint",
        response_class=Response,
        **described(returns="metadata", security=UNIT, problems=[404]),
    )
    async def checkpoint(caller: Annotated[UnitCaller, anybody]) -> Response:
        """The newest signed head of the log, in the C2SP text form (tlog-checkpoint)."""
        async with door.db.snapshot() as view:
            note = await sequencer.newest_note(view)
        if note is None:
            raise NotAvailable
        return Response(note, media_type="text/plain; charset=utf-8")

    @router.get(
        "/v1/audit/consistency",
        response_model=Consistency,
        **described(returns="metadata", security=UNIT, problems=[404]),
    )
    async def consistency(caller: Annotated[UnitCaller, anybody], older: Older, newer: Newer) -> Response:
        """The proof that the log of ``from`` leaves is a beginning of the one of ``to`` leaves (RFC 9162, 2.1.4)."""
        async with door.db.snapshot() as view:
            # Every log continues the empty one: RFC 9162 has no proof for that, and it needs none.
            proof = await sequencer.consistency(view, older or newer, newer)
        return _answer(proof)

    @router.get(
        "/v1/audit/inclusion",
        response_model=InclusionPath,
        **described(returns="metadata", security=UNIT, problems=[404]),
    )
    async def inclusion(caller: Annotated[UnitCaller, anybody], leaf: Leaf, size: Size) -> Response:
        """The proof that a leaf is in the log of ``size`` leaves (RFC 9162, 2.1.3), whichever head was kept."""
        async with door.db.snapshot() as view:
            proof = await sequencer.inclusion(view, leaf, size)
        return _answer(proof)

    return router


def _answer(proof: list[bytes] | None) -> Response:
    if proof is None:
        raise NotAvailable
    return json_answer({"proof": [base64.b64encode(node).decode("ascii") for node in proof]})
