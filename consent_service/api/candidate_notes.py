"""The candidate's own notes: immutable numbered versions, changed on what was last read."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from consent_service.api.answers import json_answer, nothing, page_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import NotePage, NoteShape
from consent_service.api.contract import CANDIDATE, IF_MATCH, described
from consent_service.api.fields import Cursor, Limit, PathId, etag, expected_version
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.note_views import line_json, note_json
from consent_service.consents import endings
from consent_service.notes import reading, writing
from consent_service.notes.content import NoteContent


def routes(door: CandidateDoor) -> APIRouter:
    """``/v1/me/notes``."""
    router = APIRouter(route_class=StrictRoute, tags=["notes"])
    candidate = Depends(door.caller)

    @router.get("/v1/me/notes", response_model=NotePage, **described(returns="own", security=CANDIDATE))
    async def notes(caller: Annotated[Caller, candidate], after: Cursor = "", limit: Limit = 50) -> Response:
        """The notes, newest first: what each has, not what it says."""
        candidate_id = await caller.find()
        if candidate_id is None:
            return page_answer([], None)
        async with door.db.snapshot() as view:
            found = await reading.list_notes(view, candidate_id, after=after or None, limit=limit)
        return page_answer([line_json(one) for one in found], found[-1].id if len(found) == limit else None)

    @router.post(
        "/v1/me/notes",
        status_code=201,
        response_model=NoteShape,
        **described(returns="own", security=CANDIDATE, body=True),
    )
    async def create(body: NoteContent, caller: Annotated[Caller, candidate]) -> Response:
        """A new note, at version 1."""
        key = await door.keys.candidate(await caller.arrived())
        async with door.db.transaction() as tx:
            note = await writing.create(
                tx, key, door.keys.service.log, body, held_for=door.held_for, at=door.clock.now()
            )
        return json_answer(note_json(note), status=201, headers=etag(note.version))

    @router.get(
        "/v1/me/notes/{note_id}",
        response_model=NoteShape,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def read(note_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """The newest version of a note; ETag is what a change of it names."""
        key = await caller.key()
        async with door.db.snapshot() as view:
            note = await reading.read_note(view, key, note_id)
        return json_answer(note_json(note), headers=etag(note.version))

    @router.put(
        "/v1/me/notes/{note_id}",
        response_model=NoteShape,
        **described(returns="own", security=CANDIDATE, headers=[IF_MATCH], body=True, problems=[404, 412, 428]),
    )
    async def revise(
        request: Request, note_id: PathId, body: NoteContent, caller: Annotated[Caller, candidate]
    ) -> Response:
        """The next version of a note. Consents stay with the version that they were given for."""
        expected = expected_version(request.headers.getlist("if-match"))
        key = await caller.key()
        async with door.db.transaction() as tx:
            note = await writing.revise(
                tx,
                key,
                door.keys.service.log,
                note_id,
                body,
                expected=expected,
                held_for=door.held_for,
                at=door.clock.now(),
            )
        return json_answer(note_json(note), headers=etag(note.version))

    @router.delete(
        "/v1/me/notes/{note_id}",
        status_code=204,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def delete(note_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """Destroy a note with all its versions, and end every consent on it."""
        candidate_id = await caller.known()
        async with door.db.transaction() as tx:
            now = door.clock.now()
            await endings.end_on_resource(tx, door.desk, candidate_id, "note", note_id, now=now)
            await writing.delete(tx, candidate_id, door.keys.service.log, note_id, at=now)
        return nothing()

    return router
