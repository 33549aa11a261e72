"""Picking up a draft with its code, and making it a note of one's own."""

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.errors import PreconditionFailed, TooManyRequests
from consent_service.notes import writing
from consent_service.notes.claiming import NotClaimed, claim
from consent_service.notes.content import SECTIONS, NoteContent
from consent_service.notes.kept import Draft, Note
from consent_service.notes.reading import list_notes, read_draft
from consent_service.vault.keys import CandidateKey
from consent_service.web import unit_names, visits
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.note_forms import EnteredNote
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit, Visit

_NEW: Final = "new"


def routes(pages: Pages) -> APIRouter:
    """The code's page and the draft's."""
    door = Door(pages)

    @door.anyone("/claim")
    async def ask_for_code(visit: Visit) -> Response:
        if visit.session is not None:
            visit = await visits.candidate(pages, visit.request)  # says yes to start first, and keeps the code
        return visit.render("claim.html", code="", problem=None)

    @door.form_of_candidate("/claim")
    async def take_code(visit: CandidateVisit, form: Form) -> Response:
        code = form.one("code")
        try:
            claimed = await claim(
                pages.db,
                pages.keys,
                pages.clock,
                visit.national_id(),
                code,
                held_for=pages.held_for,
                receivers=pages.receivers,
            )
        except TooManyRequests as limit:
            answer = visit.render("claim.html", status=429, code=code, problem="claim.too_many")
            answer.headers["Retry-After"] = str(limit.retry_after)
            return answer
        if isinstance(claimed, NotClaimed):
            return visit.render("claim.html", status=422, code=code, problem="claim.wrong")
        return visit.go(f"/drafts/{claimed.draft.id}")

    @door.candidate("/drafts/{id:uuid}")
    async def look(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            draft = await read_draft(view, key, visit.path_id())
        return await _show(visit, draft, EnteredNote.of(draft.content))

    @door.form_of_candidate("/drafts/{id:uuid}")
    async def accept(visit: CandidateVisit, form: Form) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            draft = await read_draft(view, key, visit.path_id())
        entered, becomes = EnteredNote.read(form), form.one("becomes")
        content = entered.content()
        if isinstance(content, str):
            return await _show(visit, draft, entered, status=422, becomes=becomes, problem=content)
        try:
            note = await _accept(pages, key, draft.id, content, becomes)
        except PreconditionFailed:
            return await _show(visit, draft, entered, status=412, becomes=becomes, problem="note.newer")
        return visit.go(f"/notes/{note.id}?done=accepted")

    return door.router


async def _accept(pages: Pages, key: CandidateKey, draft_id: str, content: NoteContent, becomes: str) -> Note:
    """As a new note, or as the next version of the one that ``becomes`` names with the version it was seen in."""
    note_id, _, seen = becomes.partition(":")
    log_key, held_for, at = pages.keys.service.log, pages.held_for, pages.clock.now()
    async with pages.db.transaction() as tx:
        if note_id == _NEW or not seen.isdecimal():
            return await writing.accept_as_new(tx, key, log_key, draft_id, content, held_for=held_for, at=at)
        return await writing.accept_as_next(
            tx, key, log_key, draft_id, content, note_id=note_id, expected=int(seen), held_for=held_for, at=at
        )


async def _show(visit: CandidateVisit, draft: Draft, entered: EnteredNote, **more: Any) -> Response:
    async with visit.pages.db.snapshot() as view:
        names = await unit_names.names(view, visit.pages.desk.keys)
        notes = await list_notes(view, visit.candidate_id)
    values = {"status": 200, "becomes": "", "problem": None, **more}
    return visit.render(
        "draft.html",
        id=draft.id,
        unit=unit_names.known(names, draft.handed_over_by, visit.words),
        handed_over_at=draft.handed_over_at,
        notes=notes,
        sections=SECTIONS,
        entered=entered,
        **values,
    )
