import asyncio

import pytest

from consent_service.audit.log import lock, read
from consent_service.errors import NotAvailable, PreconditionFailed
from consent_service.notes.claiming import Claimed
from consent_service.notes.content import NoteContent
from consent_service.notes.forgetting import forget
from consent_service.notes.kept import Note
from consent_service.notes.reading import list_drafts, list_notes, read_draft, read_note
from consent_service.notes.writing import accept_as_new, accept_as_next, create, delete, revise
from consent_service.storage.engine import Statement
from consent_service.vault.keys import CandidateKey
from consent_service.vault.seal import refs
from tests.notes.conftest import CENTRE, Room, content
from tests.persons.conftest import CONTROLLER, KARI, OLA

UNKNOWN = "00000000-0000-4000-8000-000000000000"
HELD_FOR = Statement("SELECT resource, held_for FROM part WHERE resource <> 'person'")


async def written(room: Room, key: CandidateKey, said: NoteContent | None = None) -> Note:
    """A new note."""
    async with room.db.transaction() as tx:
        return await create(tx, key, room.keys.service.log, said or content(), held_for=CONTROLLER, at=room.clock.now())


async def revised(room: Room, key: CandidateKey, note_id: str, said: NoteContent, *, expected: int) -> Note:
    """The next version of a note."""
    async with room.db.transaction() as tx:
        return await revise(
            tx,
            key,
            room.keys.service.log,
            note_id,
            said,
            expected=expected,
            held_for=CONTROLLER,
            at=room.clock.now(),
        )


async def claimed(room: Room, said: NoteContent | None = None) -> str:
    """A draft that Kari has claimed."""
    handed = await room.hand_over(said)
    answer = await room.claim(KARI, handed.code.shown())
    assert isinstance(answer, Claimed)
    return answer.draft.id


async def accepted(room: Room, key: CandidateKey, draft_id: str, said: NoteContent | None = None) -> Note:
    """A draft, accepted as a new note."""
    async with room.db.transaction() as tx:
        return await accept_as_new(
            tx, key, room.keys.service.log, draft_id, said, held_for=CONTROLLER, at=room.clock.now()
        )


async def deleted(room: Room, key: CandidateKey, note_id: str) -> None:
    """A note, deleted."""
    async with room.db.transaction() as tx:
        await delete(tx, key.candidate_id, room.keys.service.log, note_id, at=room.clock.now())


async def test_a_note_is_read_as_it_was_written(room: Room) -> None:
    """A new note has version 1 and says what was written, and it is in the candidate's log."""
    key = await room.key_of(KARI)
    note = await written(room, key, content("Ny.", language="nn"))
    assert note.version == 1
    async with room.db.snapshot() as view:
        assert await read_note(view, key, note.id) == note
        assert [entry["event"] for entry in await read(view, key.candidate_id)][-1] == "note.saved"


async def test_versions_are_numbered_and_never_change(room: Room) -> None:
    """A change makes the next version, with its own time, and the ones before it stay as they were."""
    key = await room.key_of(KARI)
    first = await written(room, key)
    room.clock.advance(seconds=60)
    second = await revised(room, key, first.id, content("Annet.", sections={"values": "Ro."}), expected=1)
    assert second.version == 2
    assert 59_000_000 < second.created_at - first.created_at <= 60_000_000
    async with room.db.snapshot() as view:
        assert await read_note(view, key, first.id) == second
        assert await read_note(view, key, first.id, 1) == first
        with pytest.raises(NotAvailable):
            await read_note(view, key, first.id, 3)


async def test_a_change_of_an_older_version_is_refused(room: Room) -> None:
    """Whoever changed something else than the newest version has to look first; nothing is lost."""
    key = await room.key_of(KARI)
    note = await written(room, key)
    await revised(room, key, note.id, content("To."), expected=1)
    for expected in (0, 1, 3):
        with pytest.raises(PreconditionFailed):
            await revised(room, key, note.id, content("Tapt?"), expected=expected)
    async with room.db.snapshot() as view:
        assert (await read_note(view, key, note.id)).content == content("To.")


async def test_of_two_changes_at_once_one_is_asked_to_look_again(room: Room) -> None:
    """Two changes of the same version: one becomes the next, the other is refused."""
    key = await room.key_of(KARI)
    note = await written(room, key)
    answers = await asyncio.gather(
        *(revised(room, key, note.id, content(text), expected=1) for text in ("A.", "B.")), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Note", "PreconditionFailed"]


async def test_nobody_reaches_anothers_note_or_draft(room: Room) -> None:
    """Reading, changing, accepting and deleting what is somebody else's is as if it were not there."""
    kari, ola = await room.key_of(KARI), await room.key_of(OLA)
    note, draft_id = await written(room, kari), await claimed(room)
    for note_id in (note.id, UNKNOWN):
        with pytest.raises(NotAvailable):
            await revised(room, ola, note_id, content(), expected=1)
        with pytest.raises(NotAvailable):
            await deleted(room, ola, note_id)
        async with room.db.snapshot() as view:
            with pytest.raises(NotAvailable):
                await read_note(view, ola, note_id)
    for other in (draft_id, UNKNOWN):
        with pytest.raises(NotAvailable):
            await accepted(room, ola, other)
        async with room.db.snapshot() as view:
            with pytest.raises(NotAvailable):
                await read_draft(view, ola, other)
    async with room.db.snapshot() as view:
        assert await list_notes(view, ola.candidate_id) == []
        assert await list_drafts(view, ola.candidate_id) == []
        assert (await read_note(view, kari, note.id)).version == 1
        assert (await read_draft(view, kari, draft_id)).content == content()


async def test_a_draft_becomes_a_note_as_it_is_or_as_edited(room: Room) -> None:
    """Accepting makes a new note, and the draft is gone."""
    key = await room.key_of(KARI)
    as_is = await accepted(room, key, await claimed(room, content("Som den er.")))
    edited = await accepted(room, key, await claimed(room), content("Med egne ord."))
    assert as_is.content == content("Som den er.")
    assert edited.content == content("Med egne ord.")
    async with room.db.snapshot() as view:
        assert await list_drafts(view, key.candidate_id) == []
        assert {row["resource"]: row["held_for"] for row in await view.rows(HELD_FOR)} == {"note": CONTROLLER}
        events = [entry["event"] for entry in await read(view, key.candidate_id)]
    assert events[1:] == ["draft.claimed", "draft.accepted", "note.saved"] * 2


async def test_a_draft_is_the_career_centres_until_it_is_accepted(room: Room) -> None:
    """The controller of a claimed draft's parts is the unit that wrote it."""
    await claimed(room)
    async with room.db.snapshot() as view:
        assert {row["held_for"] for row in await view.rows(HELD_FOR)} == {CENTRE}


async def test_a_draft_is_accepted_once(room: Room) -> None:
    """A draft that has become a note is no draft any more."""
    key, draft_id = await room.key_of(KARI), await claimed(room)
    await accepted(room, key, draft_id)
    with pytest.raises(NotAvailable):
        await accepted(room, key, draft_id)


async def test_a_draft_becomes_the_next_version_of_a_note(room: Room) -> None:
    """There may be several conversations; a stale version, or a foreign note, leaves the draft where it was."""
    key = await room.key_of(KARI)
    note, draft_id = await written(room, key), await claimed(room, content("Andre samtale."))
    foreign = await written(room, await room.key_of(OLA))
    for note_id, expected, refusal in ((note.id, 2, PreconditionFailed), (foreign.id, 1, NotAvailable)):
        with pytest.raises(refusal):
            await _accepted_as_next(room, key, draft_id, note_id, expected)
    second = await _accepted_as_next(room, key, draft_id, note.id, 1)
    assert (second.id, second.version, second.content) == (note.id, 2, content("Andre samtale."))


async def _accepted_as_next(room: Room, key: CandidateKey, draft_id: str, note_id: str, expected: int) -> Note:
    async with room.db.transaction() as tx:
        return await accept_as_next(
            tx,
            key,
            room.keys.service.log,
            draft_id,
            None,
            note_id=note_id,
            expected=expected,
            held_for=CONTROLLER,
            at=room.clock.now(),
        )


async def test_a_list_says_what_notes_have_not_what_they_say(room: Room) -> None:
    """Newest note first, in its newest version, a page at a time."""
    key = await room.key_of(KARI)
    notes = []
    for text in ("En.", "To.", "Tre."):
        room.clock.advance(seconds=1)
        notes.append(await written(room, key, content(text)))
    question = {"id": "q1", "to": "vocational_training", "text": "Hva mangler?"}
    said = content(language="nn", sections={"values": "Ro.", "needs": "Tid."}, questions=[question])
    await revised(room, key, notes[0].id, said, expected=1)
    async with room.db.snapshot() as view:
        first = await list_notes(view, key.candidate_id, limit=2)
        rest = await list_notes(view, key.candidate_id, limit=2, after=first[-1].id)
        assert await list_notes(view, key.candidate_id, after=UNKNOWN) == []
    assert [line.id for line in (*first, *rest)] == [note.id for note in reversed(notes)]
    line = rest[0]
    assert (line.version, line.language, set(line.sections), line.questions) == (2, "nn", {"values", "needs"}, 1)


async def test_deleting_destroys_every_version(room: Room) -> None:
    """Nothing is left of a deleted note but the entry that says so; other notes stay."""
    key = await room.key_of(KARI)
    note, other = await written(room, key), await written(room, key)
    await revised(room, key, note.id, content("To."), expected=1)
    await deleted(room, key, note.id)
    async with room.db.snapshot() as view:
        for version in (None, 1, 2):
            with pytest.raises(NotAvailable):
                await read_note(view, key, note.id, version)
        assert await refs(view, key.candidate_id, "note", note.id, 1) == []
        assert [line.id for line in await list_notes(view, key.candidate_id)] == [other.id]
        assert [entry["event"] for entry in await read(view, key.candidate_id)][-1] == "note.deleted"
    with pytest.raises(NotAvailable):
        await deleted(room, key, note.id)


async def test_forgetting_leaves_none_of_a_persons_notes(room: Room) -> None:
    """Drafts, notes, versions and counted tries go; another person's stay."""
    kari, ola = await room.key_of(KARI), await room.key_of(OLA)
    await claimed(room)
    await written(room, kari)
    kept = await written(room, ola)
    async with room.db.transaction() as tx:
        await lock(tx, [kari.candidate_id])
        await forget(tx, kari.candidate_id)
    counts = [
        Statement("SELECT COUNT(*) FROM note_draft"),
        Statement("SELECT COUNT(*) FROM claim_try"),
        Statement("SELECT COUNT(*) - 1 FROM note"),
        Statement("SELECT COUNT(*) - 1 FROM note_version"),
    ]
    async with room.db.snapshot() as view:
        assert [await view.value(count) for count in counts] == [0, 0, 0, 0]
        assert await read_note(view, ola, kept.id) == kept
