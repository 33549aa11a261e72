"""A unit looks at the consents that name it: metadata only, and one answer for everything that is not its own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from consent_service.api.answers import json_answer, page_answer
from consent_service.api.consent_views import can_be, metadata_json, units_of
from consent_service.api.contract import ACTING_EMPLOYEE, UNIT, described
from consent_service.api.fields import Closed, Cursor, Limit, PathId
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.receipts import receipt_answer
from consent_service.api.shapes import ConsentMeta, ConsentMetaPage, ConsentsFound, Receipt
from consent_service.api.units_door import UnitDoor
from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock_known
from consent_service.consents import reading
from consent_service.errors import NotAvailable
from consent_service.identity.callers import Scope, UnitActor, UnitCaller
from consent_service.persons.lookup import find

_LOOKED_FOR = "consents.searched"


class Search(Closed):
    """Whose consents."""

    national_id: Annotated[str, Field(min_length=11, max_length=11, examples=["21879498012"])]


def routes(door: UnitDoor) -> APIRouter:
    """``/v1/consents``: search, list, read, receipt."""
    router = APIRouter(route_class=StrictRoute, tags=["consents"])
    may_read = Depends(door.calling(Scope.CONSENTS_READ))
    may_search = Depends(door.acting(Scope.CONSENTS_READ))

    @router.post(
        "/v1/consents/search",
        response_model=ConsentsFound,
        **described(returns="metadata", security=UNIT, scope=Scope.CONSENTS_READ, headers=[ACTING_EMPLOYEE], body=True),
    )
    async def search(body: Search, caller: Annotated[UnitActor, may_search]) -> Response:
        """The caller's own consents in force for one person. The candidate reads in her log that it was asked for.

        For a person nobody knows, and one without such a consent, the answer is the same empty list.
        """
        if door.search_rate is not None:
            await door.search_rate.spend(caller.unit.id)
        number = door.national_id(body.national_id)
        now = door.clock.now()
        async with door.db.snapshot() as view:
            chain = await find(view, door.keys.service.lookup, number) or SERVICE_CHAIN
        async with door.db.transaction() as tx:
            heads = await lock_known(tx, [chain, SERVICE_CHAIN])
            found = await reading.in_force(tx, door.desk.keys, caller.unit.id, chain, now=now)
            entry = Entry(
                _LOOKED_FOR, "unit", unit_id=caller.unit.id, outcome=str(len(found)), detail=caller.by.detail()
            )
            await append(tx, door.keys.service.log, heads.get(chain, heads[SERVICE_CHAIN]), entry, at=now)
            known = await units_of(tx, door.desk.keys, found)
        purposes = door.desk.purposes
        shown = [metadata_json(one, known, purposes) for one in found if can_be(one, known, purposes)]
        return json_answer({"items": shown})

    @router.get(
        "/v1/consents",
        response_model=ConsentMetaPage,
        **described(returns="metadata", security=UNIT, scope=Scope.CONSENTS_READ),
    )
    async def of_unit(caller: Annotated[UnitCaller, may_read], after: Cursor = "", limit: Limit = 50) -> Response:
        """What the caller receives under, or has asked for, in no meaningful order."""
        async with door.db.snapshot() as view:
            found, following = await reading.page_of_unit(
                view, door.desk.keys, caller.unit.id, after=after, limit=limit, now=door.clock.now()
            )
            known = await units_of(view, door.desk.keys, found)
        purposes = door.desk.purposes
        shown = [metadata_json(one, known, purposes) for one in found if can_be(one, known, purposes)]
        return page_answer(shown, following)

    @router.get(
        "/v1/consents/{consent_id}",
        response_model=ConsentMeta,
        **described(returns="metadata", security=UNIT, scope=Scope.CONSENTS_READ, problems=[404]),
    )
    async def one(consent_id: PathId, caller: Annotated[UnitCaller, may_read]) -> Response:
        """One of them."""
        async with door.db.snapshot() as view:
            found = await reading.find_for_unit(view, door.desk.keys, caller.unit.id, consent_id, now=door.clock.now())
            known = await units_of(view, door.desk.keys, [found])
        if not can_be(found, known, door.desk.purposes):
            raise NotAvailable
        return json_answer(metadata_json(found, known, door.desk.purposes))

    @router.get(
        "/v1/consents/{consent_id}/receipt",
        response_model=Receipt,
        **described(returns="metadata", security=UNIT, scope=Scope.CONSENTS_READ, problems=[404]),
    )
    async def receipt(consent_id: PathId, caller: Annotated[UnitCaller, may_read]) -> Response:
        """The signed receipt of a consent that was granted, for its recipient; the newest one."""
        async with door.db.snapshot() as view:
            found = await reading.find_for_unit(view, door.desk.keys, caller.unit.id, consent_id, now=door.clock.now())
            return await receipt_answer(view, door.desk.keys.receipts, found, unit=True)

    return router
