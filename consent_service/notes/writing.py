"""The candidate writes: new notes, next versions, and the end of a note. Versions are numbered and never change.

Each verb locks the candidate's chain first, appends what happened to it, and leaves the commit to its caller.
"""

import uuid

from consent_service.audit.log import Entry, append, lock
from consent_service.crypto.service_keys import SealKey
from consent_service.errors import NotAvailable, PreconditionFailed
from consent_service.notes import _store
from consent_service.notes.content import NoteContent
from consent_service.notes.kept import Note
from consent_service.notes.reading import read_draft
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import destroy, seal


async def create(
    tx: Transaction, key: CandidateKey, log_key: SealKey, content: NoteContent, *, held_for: str, at: int
) -> Note:
    """A new note of the candidate's, at version 1. ``held_for`` names the controller."""
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    note = Note(str(uuid.uuid4()), 1, head.now(at), content)
    await _store.add_note(tx, note.id, key.candidate_id, note.created_at)
    await _seal(tx, key, note, held_for)
    await append(tx, log_key, head, _saved(note), at=note.created_at)
    return note


async def revise(
    tx: Transaction,
    key: CandidateKey,
    log_key: SealKey,
    note_id: str,
    content: NoteContent,
    *,
    expected: int,
    held_for: str,
    at: int,
) -> Note:
    """The next version of a note. ``expected`` is the version that the change was made on.

    Raises NotAvailable for a note that is not the candidate's, PreconditionFailed if ``expected`` is not its newest.
    Consents stay with the version that they were given for.
    """
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    if not await _store.advance_note(tx, note_id, key.candidate_id, expected):
        known = await _store.find_note_of(tx, note_id, key.candidate_id)
        raise PreconditionFailed if known else NotAvailable
    note = Note(note_id, expected + 1, head.now(at), content)
    await _seal(tx, key, note, held_for)
    await append(tx, log_key, head, _saved(note), at=note.created_at)
    return note


async def accept_as_new(
    tx: Transaction,
    key: CandidateKey,
    log_key: SealKey,
    draft_id: str,
    content: NoteContent | None,
    *,
    held_for: str,
    at: int,
) -> Note:
    """Make a claimed draft a note: as it is, or as the candidate edited it (``content``). The draft is destroyed.

    Raises NotAvailable for a draft that is not the candidate's, or is a note already.
    """
    content = await _take_draft(tx, key, log_key, draft_id, content, at=at)
    return await create(tx, key, log_key, content, held_for=held_for, at=at)


async def accept_as_next(
    tx: Transaction,
    key: CandidateKey,
    log_key: SealKey,
    draft_id: str,
    content: NoteContent | None,
    *,
    note_id: str,
    expected: int,
    held_for: str,
    at: int,
) -> Note:
    """As ``accept_as_new``, but the next version of a note; see ``revise`` for what that refuses."""
    content = await _take_draft(tx, key, log_key, draft_id, content, at=at)
    return await revise(tx, key, log_key, note_id, content, expected=expected, held_for=held_for, at=at)


async def delete(tx: Transaction, candidate_id: str, log_key: SealKey, note_id: str, *, at: int) -> None:
    """Destroy a note with all its versions; needs no key. Raises NotAvailable for one that is not the candidate's.

    The caller ends the consents on it in the same transaction (``consents.endings``).
    """
    head = (await lock(tx, [candidate_id]))[candidate_id]
    if not await _store.delete_note(tx, note_id, candidate_id):
        raise NotAvailable
    await destroy(tx, candidate_id, "note", note_id)
    await append(tx, log_key, head, Entry("note.deleted", "candidate", resource_id=note_id), at=at)


async def _take_draft(
    tx: Transaction,
    key: CandidateKey,
    log_key: SealKey,
    draft_id: str,
    content: NoteContent | None,
    *,
    at: int,
) -> NoteContent:
    """Destroy the draft; what becomes of it is ``content``, or what it said."""
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    draft = await read_draft(tx, key, draft_id)
    await _store.delete_draft_of(tx, draft_id, key.candidate_id)
    await destroy(tx, key.candidate_id, "note_draft", draft_id)
    entry = Entry("draft.accepted", "candidate", unit_id=draft.handed_over_by, resource_id=draft_id)
    await append(tx, log_key, head, entry, at=at)
    return content or draft.content


async def _seal(tx: Transaction, key: CandidateKey, note: Note, held_for: str) -> None:
    language, at = note.content.language, note.created_at
    await _store.add_version(tx, note.id, note.version, candidate_id=key.candidate_id, language=language, at=at)
    for name, content in note.content.to_parts().items():
        ref = PartRef(key.candidate_id, "note", note.id, note.version, name)
        await seal(tx, key, ref, content, held_for=held_for, at=at)


def _saved(note: Note) -> Entry:
    return Entry("note.saved", "candidate", resource_id=note.id, detail={"version": note.version})
