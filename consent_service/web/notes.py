"""The candidate's own notes: writing, reading, changing, deleting."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents.endings import end_on_resource
from consent_service.errors import Malformed, PreconditionFailed
from consent_service.notes import writing
from consent_service.notes.content import SECTIONS
from consent_service.notes.reading import read_note
from consent_service.web import unit_names
from consent_service.web.consents import sharing_of
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.note_forms import EnteredNote
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit


def routes(pages: Pages) -> APIRouter:
    """The pages of notes."""
    door = Door(pages)
    _writing(pages, door)
    _keeping(pages, door)
    return door.router


def _writing(pages: Pages, door: Door) -> None:
    @door.candidate("/notes/new")
    async def begin(visit: CandidateVisit) -> Response:
        return _form(visit, EnteredNote.empty(visit.words.language))

    @door.form_of_candidate("/notes/new")
    async def save_new(visit: CandidateVisit, form: Form) -> Response:
        entered = EnteredNote.read(form)
        content = entered.content()
        if isinstance(content, str):
            return _form(visit, entered, status=422, problem=content)
        key = await visit.key()
        async with pages.db.transaction() as tx:
            note = await writing.create(
                tx, key, pages.keys.service.log, content, held_for=pages.held_for, at=pages.clock.now()
            )
        return visit.go(f"/notes/{note.id}?done=saved")

    @door.candidate("/notes/{id:uuid}/edit")
    async def change(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            note = await read_note(view, key, visit.path_id())
        return _form(visit, EnteredNote.of(note.content), note_id=note.id, version=note.version)

    @door.form_of_candidate("/notes/{id:uuid}/edit")
    async def save_next(visit: CandidateVisit, form: Form) -> Response:
        entered, version = EnteredNote.read(form), form.one("version")
        if not version.isdecimal():
            raise Malformed("The form could not be read.")
        about = {"note_id": visit.path_id(), "version": version}
        content = entered.content()
        if isinstance(content, str):
            return _form(visit, entered, status=422, problem=content, **about)
        key = await visit.key()
        try:
            async with pages.db.transaction() as tx:
                await writing.revise(
                    tx,
                    key,
                    pages.keys.service.log,
                    visit.path_id(),
                    content,
                    expected=int(version),
                    held_for=pages.held_for,
                    at=pages.clock.now(),
                )
        except PreconditionFailed:
            return _form(visit, entered, status=412, problem="note.newer", **about)
        return visit.go(f"/notes/{visit.path_id()}?done=saved")


def _keeping(pages: Pages, door: Door) -> None:
    @door.candidate("/notes/{id:uuid}")
    async def read(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            note = await read_note(view, key, visit.path_id())
        told = [(name, getattr(note.content.sections, name)) for name in note.content.section_names()]
        return visit.render("note.html", note=note, told=told, shared_with=await _shared_with(visit, note.id))

    @door.candidate("/notes/{id:uuid}/delete")
    async def really(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            note = await read_note(view, key, visit.path_id())
        return visit.render("note_delete.html", note_id=note.id, shared_with=await _shared_with(visit, note.id))

    @door.form_of_candidate("/notes/{id:uuid}/delete")
    async def delete(visit: CandidateVisit, form: Form) -> Response:
        note_id, now = visit.path_id(), pages.clock.now()
        async with pages.db.transaction() as tx:
            await end_on_resource(tx, pages.desk, visit.candidate_id, "note", note_id, now=now)
            await writing.delete(tx, visit.candidate_id, pages.keys.service.log, note_id, at=now)
        return visit.go("/overview?done=deleted")


def _form(visit: CandidateVisit, entered: EnteredNote, **more: Any) -> Response:
    values = {"status": 200, "problem": None, "note_id": None, "version": None, **more}
    return visit.render("note_edit.html", entered=entered, sections=SECTIONS, **values)


async def _shared_with(visit: CandidateVisit, note_id: str) -> list[str]:
    """The names of the units that something of the note is shared with now."""
    async with visit.pages.db.snapshot() as view:
        sharing = await sharing_of(view, visit)
        names = await unit_names.names(view, visit.pages.desk.keys)
    sees = {
        one.recipient_id
        for one in sharing
        if one.terms is not None and any(ref.resource_id == note_id for ref in one.terms.parts)
    }
    return sorted(unit_names.known(names, unit_id, visit.words) for unit_id in sees)
