"""Notes and drafts as JSON, for their owner."""

from typing import Any

from consent_service.api.consent_views import unit_seen
from consent_service.clock import rfc3339
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.notes.content import NoteContent
from consent_service.notes.kept import Draft, DraftLine, Note, NoteLine
from consent_service.storage.engine import Snapshot


def note_json(note: Note) -> dict[str, Any]:
    """One version of a note."""
    return {"id": note.id, "version": note.version, "created_at": rfc3339(note.created_at), **_content(note.content)}


def line_json(line: NoteLine) -> dict[str, Any]:
    """A note in a list."""
    return {
        "id": line.id,
        "version": line.version,
        "created_at": rfc3339(line.created_at),
        "language": line.language,
        "sections": list(line.sections),
        "questions": line.questions,
    }


async def draft_json(view: Snapshot, keys: ServiceKeys, draft: Draft) -> dict[str, Any]:
    """A claimed draft, with the unit that handed it over."""
    return {
        "id": draft.id,
        "handed_over_by": await unit_seen(view, keys, draft.handed_over_by),
        "handed_over_at": rfc3339(draft.handed_over_at),
        **_content(draft.content),
    }


async def broken_draft_json(view: Snapshot, keys: ServiceKeys, line: DraftLine) -> dict[str, Any]:
    """A draft that is not as the service wrote it: it is there, and can't be read."""
    return {
        "id": line.id,
        "handed_over_by": await unit_seen(view, keys, line.handed_over_by),
        "handed_over_at": rfc3339(line.handed_over_at),
        "language": None,
        "sections": {},
        "questions": [],
    }


def _content(content: NoteContent) -> dict[str, Any]:
    return content.wire()
