"""Saying no once and for all: to one unit, or to every unit of a kind, until the candidate lifts it herself."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents import standing_refusals
from consent_service.errors import Invalid, Tampered
from consent_service.identity import units
from consent_service.identity.units import Unit, UnitKind
from consent_service.storage.engine import Snapshot
from consent_service.web import unit_names
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit
from consent_service.web.words import Words

# Career centres receive nothing in any case.
_RECEIVING: Final = (UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING)


async def against(view: Snapshot, visit: CandidateVisit) -> set[str]:
    """The ids and kinds of units that the candidate has blocked."""
    try:
        found = await standing_refusals.of_candidate(view, visit.pages.desk.keys, visit.candidate_id)
    except Tampered:
        return {kind.value for kind in UnitKind}  # whom she blocked can't be told, and nothing goes to anybody
    return {one.against for one in found}


def name(blocked: str, names: Mapping[str, str], words: Words) -> str:
    """What a block is against, in words: a unit by its name, or all of a kind."""
    if blocked in set(UnitKind):
        return words("block.all", kind=words(f"names.unit.{blocked}"))
    return unit_names.known(names, blocked, words)


def routes(pages: Pages) -> APIRouter:
    """The blocks there are, a new one, and lifting one."""
    door = Door(pages)

    @door.candidate("/blocks")
    async def index(visit: CandidateVisit) -> Response:
        return await _show(visit)

    @door.form_of_candidate("/blocks")
    async def place(visit: CandidateVisit, form: Form) -> Response:
        try:
            async with pages.db.transaction() as tx:
                await standing_refusals.place(
                    tx, pages.desk, visit.candidate_id, form.one("against"), now=pages.clock.now()
                )
        except Invalid:
            return await _show(visit, status=422, problem="block.choose")
        return visit.go("/blocks?done=placed")

    @door.form_of_candidate("/blocks/lift")
    async def lift(visit: CandidateVisit, form: Form) -> Response:
        async with pages.db.transaction() as tx:
            await standing_refusals.lift(tx, pages.desk, visit.candidate_id, form.one("against"), now=pages.clock.now())
        return visit.go("/blocks?done=lifted")

    return door.router


async def _show(visit: CandidateVisit, *, status: int = 200, problem: str | None = None) -> Response:
    words = visit.words
    async with visit.pages.db.snapshot() as view:
        every = await units.every(view, visit.pages.desk.keys)
        blocks = await standing_refusals.of_candidate(view, visit.pages.desk.keys, visit.candidate_id)
    names = {unit.id: unit.name for unit in every}
    placed = {one.against for one in blocks}
    return visit.render(
        "blocks.html",
        status=status,
        blocks=[
            {"against": one.against, "name": name(one.against, names, words), "since": one.since} for one in blocks
        ],
        choices=[(one, name(one, names, words)) for one in _choices(every) if one not in placed],
        problem=problem,
    )


def _choices(every: list[Unit]) -> list[str]:
    """What can be blocked: each kind as a whole, and each unit of it that is in use."""
    return [
        one
        for kind in _RECEIVING
        for one in (kind.value, *(unit.id for unit in every if unit.kind is kind and unit.enabled))
    ]
