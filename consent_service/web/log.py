"""The access log in human words: who read, who tried and was refused, and what the candidate did herself."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.audit.reading import Line, latest
from consent_service.identity.employee import SYSTEM
from consent_service.web import unit_names
from consent_service.web.door import Door
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit
from consent_service.web.words import Words

_LINES: Final = 30
_OPERATORS: Final = ("operator", "proposed_by", "confirmed_by")
_READ: Final = frozenset({"release.released", "release.repeated"})


def routes(pages: Pages) -> APIRouter:
    """The log."""
    door = Door(pages)

    @door.candidate("/log")
    async def log(visit: CandidateVisit) -> Response:
        asked = visit.request.query_params.get("before", "")
        before = int(asked) if asked.isdecimal() and len(asked) < 16 else None
        async with pages.db.snapshot() as view:
            lines = await latest(view, pages.keys.service.log, visit.candidate_id, before=before, limit=_LINES)
            names = await unit_names.names(view, visit.pages.desk.keys)
        return visit.render(
            "log.html",
            entries=[entry(line, names, visit.words) for line in lines],
            older=lines[-1].position if len(lines) == _LINES and lines[-1].position else None,
            newest=before is None,
        )

    return door.router


def entry(line: Line, names: Mapping[str, str], words: Words) -> dict[str, Any]:
    """A line of the log in words. ``look`` is ``read`` or ``refused`` for what most people look for.

    Who acted is told by unit and office; the employee's id is the log's commitment; an export proves it.
    """
    unit = _unit(line, names, words)
    turned_away = line.event.endswith(".refused") and line.actor != "candidate"
    return {
        "position": line.position,
        "at": line.at,
        "text": _sentence(line, unit, words),
        "look": "read" if line.event in _READ else "refused" if turned_away else "",
        "unit": unit,
        "office": line.detail.get("office"),
        "machine": line.detail.get("employee") == SYSTEM,
        "supplier": line.detail.get("supplier"),
        "operators": [line.detail[name] for name in _OPERATORS if name in line.detail],
        "consent_id": line.consent_id,
        "hash": line.digest.hex(),
    }


def _unit(line: Line, names: Mapping[str, str], words: Words) -> str:
    """The unit that a line names, or the kind of units that a standing refusal is against."""
    if line.unit_id is None and f"names.unit.{line.outcome}" in words:
        return words(f"names.unit.{line.outcome}")
    return unit_names.known(names, line.unit_id, words)


def _sentence(line: Line, unit: str, words: Words) -> str:
    # What several actors can do, or came about in several ways, has a text for the others beside its own.
    of_event = f"log.event.{line.event}"
    for key in (f"{of_event}.{line.outcome}", f"{of_event}.{line.actor}", of_event):
        if key in words:
            return words(key, unit=unit)
    return words("log.event.other", event=line.event)
