"""The overview: what waits for an answer, who sees what now, what the candidate has, and what happened last."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.audit.reading import latest
from consent_service.consents.purposes import IDENTITY
from consent_service.consents.reading import ConsentView
from consent_service.consents.states import LIVING
from consent_service.consents.terms import kinds
from consent_service.identity import units
from consent_service.notes.reading import list_drafts, list_notes
from consent_service.persons.arrival import take_over
from consent_service.persons.number import name_of
from consent_service.plans.reading import my_plans, my_requests
from consent_service.plans.states import State
from consent_service.web import blocks, consents, log, plans, unit_names
from consent_service.web.door import Door
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit

_LAST_LINES: Final = 3


def routes(pages: Pages) -> APIRouter:
    """The overview."""
    door = Door(pages)

    @door.candidate("/overview")
    async def overview(visit: CandidateVisit) -> Response:
        await take_over(pages.db, pages.keys, pages.clock, visit.candidate_id, pages.receivers)
        key, now = await visit.key(), pages.clock.now()
        async with pages.db.snapshot() as view:
            names = await unit_names.names(view, visit.pages.desk.keys)
            unit_kinds = {unit.id: unit.kind for unit in await units.every(view, visit.pages.desk.keys)}
            found = await consents.every(view, visit)
            name = await name_of(view, key, pages.keys.service.log)
            drafts = await list_drafts(view, visit.candidate_id)
            notes = await list_notes(view, visit.candidate_id)
            blocked = await blocks.against(view, visit)
            own_plans = await my_plans(view, visit.candidate_id)
            mapping = await my_requests(view, pages.desk.keys, key, now=now)
            lines = await latest(view, pages.keys.service.log, visit.candidate_id, before=None, limit=_LAST_LINES)
        sharing = [
            one
            for one in found
            if one.state in LIVING and not {one.recipient_id, unit_kinds.get(one.recipient_id)} & blocked
        ]
        seeing = {unit_kinds.get(one.recipient_id) for one in sharing if one.state == "granted"}
        words = visit.words
        return visit.render(
            "overview.html",
            name=name,
            drafts=[{"id": one.id, "unit": unit_names.known(names, one.handed_over_by, words)} for one in drafts],
            requests=[_waiting(visit, one, names) for one in found if consents.is_waiting(one, now)],
            sharing=[_sharing(visit, one, names) for one in sharing],
            blocked=sorted(blocks.name(one, names, visit.words) for one in blocked),
            nav="nav" in seeing,
            training="vocational_training" in seeing,
            notes=[_note(visit, one) for one in notes],
            plans=[plans.line(one, names, words) for one in own_plans],
            mapping=[
                plans.request_line(one, names, words)
                for one in mapping
                if one.plan_id is None and one.state not in {State.WAITING, None}
            ],
            log=[log.entry(one, names, words) for one in lines],
        )

    return door.router


def _waiting(visit: CandidateVisit, consent: ConsentView, names: Mapping[str, str]) -> dict[str, Any]:
    purpose = visit.pages.desk.purposes.get(consent.purpose, consent.purpose_version)
    asker = consent.requester_id
    return {
        "id": consent.id,
        "asker": unit_names.known(names, asker, visit.words) if asker else None,
        "purpose": purpose.text(visit.words.language).title,
        "reply_by": consent.reply_by,
    }


def _sharing(visit: CandidateVisit, consent: ConsentView, names: Mapping[str, str]) -> dict[str, Any]:
    shared = kinds(consent.terms.parts) if consent.terms else []
    return {
        "id": consent.id,
        "recipient": unit_names.known(names, consent.recipient_id, visit.words),
        "state": consent.state,
        "kinds": [visit.words.kind(kind) for kind in shared if kind != IDENTITY],
        "valid_until": consent.valid_until,
        "uses_left": consent.uses_left,
    }


def _note(visit: CandidateVisit, note: Any) -> dict[str, Any]:
    told = [visit.words.kind(f"note.{name}") for name in note.sections]
    return {
        "id": note.id,
        "version": note.version,
        "created_at": note.created_at,
        "kinds": told + [visit.words("note.questions")] * bool(note.questions),
    }
