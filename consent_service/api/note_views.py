"""Notes and drafts as JSON, for their owner."""

from typing import Any

from consent_service.api.consent_views import unit_json
from consent_service.clock import rfc3339
from consent_service.crypto.service_keys import MacKey
from consent_service.identity import units
from consent_service.notes.content import NoteContent
from consent_service.notes.kept import Draft, Note, NoteLine
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


async def draft_json(view: Snapshot, key: MacKey, draft: Draft) -> dict[str, Any]:
    """A claimed draft, with the unit that handed it over."""
    unit = await units.get(view, key, draft.handed_over_by)
    return {
        "id": draft.id,
        "handed_over_by": unit_json(unit),
        "handed_over_at": rfc3339(draft.handed_over_at),
        **_content(draft.content),
    }


def _content(content: NoteContent) -> dict[str, Any]:
    return content.wire()
