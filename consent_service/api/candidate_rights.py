"""The candidate's rights: who asked and who saw what, everything to take along, and erasure."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from consent_service.api.answers import json_answer, page_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import AccessLog, Erased, Export
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.fields import Limit
from consent_service.api.json_bodies import StrictRoute
from consent_service.audit import reading as audit
from consent_service.audit.reading import Line
from consent_service.clock import rfc3339
from consent_service.consents import reading as consents
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.errors import NotAvailable
from consent_service.identity import units
from consent_service.rights import erasure, export
from consent_service.storage.engine import Snapshot

Before = Annotated[int | None, Query(ge=0, le=2**53, description="`next` of the page before.")]


def routes(door: CandidateDoor) -> APIRouter:
    """``GET /v1/me/access-log``, ``GET /v1/me/export`` and ``DELETE /v1/me``."""
    router = APIRouter(route_class=StrictRoute, tags=["rights"])
    candidate = Depends(door.caller)

    @router.get("/v1/me/access-log", response_model=AccessLog, **described(returns="own", security=CANDIDATE))
    async def access_log(caller: Annotated[Caller, candidate], after: Before = None, limit: Limit = 50) -> Response:
        """Every entry about the candidate, newest first: who asked, who read, who was refused. ``hash`` links them."""
        candidate_id = await caller.find()
        if candidate_id is None:
            return page_answer([], None)
        async with door.db.snapshot() as view:
            lines = await audit.latest(view, door.keys.service.log, candidate_id, before=after, limit=limit)
            shown = await _Shown.of(view, door, candidate_id, lines)
        following = lines[-1].position if len(lines) == limit else None
        return page_answer([shown.line(line) for line in lines], following)

    @router.get("/v1/me/export", response_model=Export, **described(returns="own", security=CANDIDATE, problems=[404]))
    async def everything(caller: Annotated[Caller, candidate]) -> Response:
        """Everything that is held about the candidate, in one document (GDPR art. 15 and 20)."""
        await caller.welcomed()
        key, signers = await caller.key(), await door.keys.checkpoints.current()
        async with door.db.transaction() as tx:
            told = await export.export(tx, key, door.keys.service, signers, now=door.clock.now())
        name = {"Content-Disposition": 'attachment; filename="export.json"'}
        return Response(orjson.dumps(told), media_type="application/json", headers=name)

    @router.delete("/v1/me", response_model=Erased, **described(returns="own", security=CANDIDATE, problems=[404]))
    async def erase(caller: Annotated[Caller, candidate]) -> Response:
        """Erase the candidate (GDPR art. 17): at once, for good, and needing no key. Answers the signed statement."""
        candidate_id = await caller.known()
        async with door.db.transaction() as tx:
            erased = await erasure.erase(tx, door.desk, candidate_id, now=door.clock.now(), journal=door.journal)
        door.keys.forget(candidate_id)
        return json_answer({"statement": erased.statement, "jws": erased.jws})

    return router


class _Shown:
    """Lines of the log, with units and purposes by name."""

    def __init__(self, names: dict[str, str | None], purposes: dict[str, str]) -> None:
        self._names = names
        self._purposes = purposes

    @classmethod
    async def of(cls, view: Snapshot, door: CandidateDoor, candidate_id: str, lines: list[Line]) -> "_Shown":
        names: dict[str, str | None] = {}
        for unit_id in sorted({line.unit_id for line in lines if line.unit_id is not None}):
            known = THE_MAILBOX if unit_id == THE_MAILBOX.id else await units.find(view, door.desk.keys, unit_id)
            names[unit_id] = None if known is None else known.name
        purposes = {}
        for consent_id in sorted({line.consent_id for line in lines if line.consent_id is not None}):
            try:
                found = await consents.find_for_candidate(
                    view, door.desk.keys, candidate_id, consent_id, now=door.clock.now()
                )
            except NotAvailable:
                continue  # an attempt that named a consent which is not hers
            if found.purpose:
                purposes[consent_id] = found.purpose
        return cls(names, purposes)

    def line(self, line: Line) -> dict[str, Any]:
        return {
            "at": rfc3339(line.at),
            "event": line.event,
            "actor": line.actor,
            "unit": None if line.unit_id is None else self._names[line.unit_id],
            "office": line.detail.get("office"),
            "supplier": line.detail.get("supplier"),
            "purpose": None if line.consent_id is None else self._purposes.get(line.consent_id),
            "outcome": line.outcome,
            "consent_id": line.consent_id,
            "position": line.position,
            "hash": line.digest.hex(),
        }
