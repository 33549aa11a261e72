"""The candidate reads her own drafts and notes.

This module opens parts for their owner, so no unit's route, and nothing that sends anything, may come to it.
"""

from consent_service.errors import NotAvailable
from consent_service.notes import _store
from consent_service.notes.content import NoteContent
from consent_service.notes.kept import Draft, DraftLine, Note, NoteLine
from consent_service.storage.engine import Row, Snapshot
from consent_service.vault.candidate import open_parts
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import refs


async def list_drafts(view: Snapshot, candidate_id: str) -> list[DraftLine]:
    """The candidate's claimed drafts that are not yet notes, newest first."""
    rows = await _store.drafts_of(view, candidate_id)
    return [DraftLine(row["id"], row["unit_id"], row["handed_over_at"]) for row in rows]


async def read_draft(view: Snapshot, key: CandidateKey, draft_id: str) -> Draft:
    """One of them. Raises NotAvailable if the owner of ``key`` has none with this id."""
    row = await _store.find_draft_of(view, draft_id, key.candidate_id)
    if row is None:
        raise NotAvailable
    parts = await refs(view, key.candidate_id, "note_draft", draft_id, 1)
    return Draft(draft_id, row["unit_id"], row["handed_over_at"], await _content(view, key, parts))


async def list_notes(view: Snapshot, candidate_id: str, *, after: str | None = None, limit: int = 50) -> list[NoteLine]:
    """The candidate's notes, newest first, from the one after ``after`` (an id) on; opens nothing."""
    rows = await _store.notes_of(view, candidate_id, after=after, limit=limit)
    return [await _line(view, candidate_id, row) for row in rows]


async def _line(view: Snapshot, candidate_id: str, row: Row) -> NoteLine:
    names = [ref.part for ref in await refs(view, candidate_id, "note", row["id"], row["version"])]
    sections = tuple(name for name in names if ":" not in name)
    return NoteLine(
        id=row["id"],
        version=row["version"],
        created_at=row["created_at"],
        language=row["language"],
        sections=sections,
        questions=len(names) - len(sections),
    )


async def read_note(view: Snapshot, key: CandidateKey, note_id: str, version: int | None = None) -> Note:
    """A version of a note, by default the newest. Raises NotAvailable if the owner of ``key`` has none such."""
    row = await _store.find_note_of(view, note_id, key.candidate_id, version)
    if row is None:
        raise NotAvailable
    parts = await refs(view, key.candidate_id, "note", note_id, row["version"])
    return Note(note_id, row["version"], row["created_at"], await _content(view, key, parts))


async def _content(view: Snapshot, key: CandidateKey, parts: list[PartRef]) -> NoteContent:
    opened = await open_parts(view, key, parts)
    return NoteContent.from_parts({ref.part: raw for ref, raw in opened.items()})
