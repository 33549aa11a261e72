"""Drafts: claimed with a code, read, and made the candidate's own."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from consent_service.api.answers import json_answer, page_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import DraftPage, DraftShape, NoteShape
from consent_service.api.contract import CANDIDATE, IF_MATCH, described
from consent_service.api.fields import Closed, Id, PathId, etag, expected_version
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.note_views import broken_draft_json, draft_json, note_json
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import CodeNotValid, Invalid, NotAvailable, Tampered, Violation
from consent_service.notes import claiming, reading, writing
from consent_service.notes.claiming import NotClaimed
from consent_service.notes.content import NoteContent
from consent_service.notes.kept import DraftLine
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import CandidateKey

_MISTYPED = Violation("/code", "is mistyped: the check character does not fit. Look at each character once more")


class Code(Closed):
    """The pick-up code, as it was read out."""

    code: Annotated[str, Field(min_length=1, max_length=64, examples=["K7Q2-M9XR-4WT8-HZ3N"])]


class Acceptance(Closed):
    """What becomes of a draft: a new note, or the next version of ``note_id``; ``content`` null: word for word."""

    note_id: Id | None = None
    content: NoteContent | None = None


def routes(door: CandidateDoor) -> APIRouter:
    """``/v1/me/note-drafts``."""
    router = APIRouter(route_class=StrictRoute, tags=["notes"])
    candidate = Depends(door.caller)

    @router.post(
        "/v1/me/note-drafts/claim",
        status_code=201,
        response_model=DraftShape,
        **described(returns="own", security=CANDIDATE, body=True, problems=[404]),
    )
    async def claim(body: Code, caller: Annotated[Caller, candidate]) -> Response:
        """Take a draft by its code, once. Wrong, used, withdrawn and lapsed codes are one answer; tries are bounded."""
        claimed = await claiming.claim(
            door.db,
            door.keys,
            door.clock,
            caller.national_id,
            body.code,
            held_for=door.held_for,
            receivers=door.receivers,
        )
        if isinstance(claimed, NotClaimed):
            if claimed.mistyped:
                raise Invalid(violations=(_MISTYPED,))
            raise CodeNotValid
        async with door.db.snapshot() as view:
            return json_answer(await draft_json(view, door.desk.keys, claimed.draft), status=201)

    @router.get("/v1/me/note-drafts", response_model=DraftPage, **described(returns="own", security=CANDIDATE))
    async def drafts(caller: Annotated[Caller, candidate]) -> Response:
        """The claimed drafts that are not notes yet, newest first."""
        if await caller.find() is None:
            return page_answer([], None)
        key = await caller.key()
        async with door.db.snapshot() as view:
            lines = await reading.list_drafts(view, key.candidate_id)
            return page_answer([await _as_it_is(view, door.desk.keys, key, line) for line in lines], None)

    @router.get(
        "/v1/me/note-drafts/{draft_id}",
        response_model=DraftShape,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def read(draft_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """One of them."""
        key = await caller.key()
        async with door.db.snapshot() as view:
            return json_answer(await draft_json(view, door.desk.keys, await reading.read_draft(view, key, draft_id)))

    @router.post(
        "/v1/me/note-drafts/{draft_id}/accept",
        status_code=201,
        response_model=NoteShape,
        **described(
            returns="own",
            security=CANDIDATE,
            headers=[{**IF_MATCH, "required": False}],
            body=True,
            problems=[404, 412, 428],
        ),
    )
    async def accept(
        request: Request, draft_id: PathId, body: Acceptance, caller: Annotated[Caller, candidate]
    ) -> Response:
        """Make a draft one's own, edited or as it is: a new note, or the next version of one (If-Match)."""
        wanted = None if body.note_id is None else expected_version(request.headers.getlist("if-match"))
        key = await caller.key()
        log_key, held_for = door.keys.service.log, door.held_for
        async with door.db.transaction() as tx:
            at = door.clock.now()
            if body.note_id is None or wanted is None:
                note = await writing.accept_as_new(tx, key, log_key, draft_id, body.content, held_for=held_for, at=at)
            else:
                note = await writing.accept_as_next(
                    tx,
                    key,
                    log_key,
                    draft_id,
                    body.content,
                    note_id=body.note_id,
                    expected=wanted,
                    held_for=held_for,
                    at=at,
                )
        return json_answer(note_json(note), status=201, headers=etag(note.version))

    return router


async def _as_it_is(view: Snapshot, keys: ServiceKeys, key: CandidateKey, line: DraftLine) -> dict[str, Any]:
    """A draft of a list. One that somebody else has changed hides no other."""
    try:
        return await draft_json(view, keys, await reading.read_draft(view, key, line.id))
    except (NotAvailable, Tampered, ValueError, KeyError):
        return await broken_draft_json(view, keys, line)
