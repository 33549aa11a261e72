"""Tables and statements of this room. Texts lie in the vault; here are ids, versions, times and counters."""

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import Row, Snapshot, Statement, Transaction


class NoteDraft(SQLModel, table=True):
    """A draft on its way. Until it is claimed it belongs to nobody known, and its text lies here, sealed under a key
    of which the service holds half (``service_half``, itself sealed); from the claim on its text is in the vault.
    """

    __tablename__ = "note_draft"

    id: str = Field(primary_key=True)
    unit_id: str
    handed_over_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    lapses_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    locator: str | None = Field(unique=True)
    service_half: bytes | None = Field(sa_column=Column(LargeBinary))
    sealed: bytes | None = Field(sa_column=Column(LargeBinary))
    wrong_tries: int = Field(sa_column=Column(BigInteger, nullable=False))
    candidate_id: str | None = Field(index=True)


class Note(SQLModel, table=True):
    """A candidate's note; ``version`` is its newest."""

    __tablename__ = "note"

    id: str = Field(primary_key=True)
    candidate_id: str = Field(index=True)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class NoteVersion(SQLModel, table=True):
    """One version of a note, never changed. Its sections and questions are parts in the vault."""

    __tablename__ = "note_version"

    note_id: str = Field(primary_key=True, foreign_key="note.id")
    version: int = Field(sa_column=Column(BigInteger, primary_key=True))
    candidate_id: str = Field(index=True)
    language: str
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ClaimTry(SQLModel, table=True):
    """How many codes a person has tried since when; by keyed hash, since who tries need not be a candidate."""

    __tablename__ = "claim_try"

    lookup: str = Field(primary_key=True)
    since_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    tries: int = Field(sa_column=Column(BigInteger, nullable=False))


_ADD_DRAFT = Statement(
    "INSERT INTO note_draft"
    " (id, unit_id, handed_over_at, lapses_at, locator, service_half, sealed, wrong_tries, candidate_id)"
    " VALUES (:id, :unit_id, :handed_over_at, :lapses_at, :locator, :service_half, :sealed, 0, NULL)"
    " ON CONFLICT (locator) DO NOTHING"
)
_OPEN = (
    "SELECT id, unit_id, handed_over_at, service_half, sealed, wrong_tries FROM note_draft"
    " WHERE locator = :locator AND lapses_at > :now"
)
_FIND_OPEN = Statement(_OPEN)
_LOCK_OPEN = Statement(f"{_OPEN} {{for_update}}")
_COUNT_WRONG = Statement("UPDATE note_draft SET wrong_tries = wrong_tries + 1 WHERE id = :id RETURNING wrong_tries")
_TAKE = Statement(
    "UPDATE note_draft SET candidate_id = :candidate_id, locator = NULL, service_half = NULL, sealed = NULL"
    " WHERE id = :id AND candidate_id IS NULL AND lapses_at > :now"
)
_WITHDRAW = Statement("DELETE FROM note_draft WHERE id = :id AND unit_id = :unit_id AND candidate_id IS NULL")
_LOCK_AWAY = Statement("DELETE FROM note_draft WHERE id = :id AND candidate_id IS NULL")
_LAPSE_DRAFTS = Statement("DELETE FROM note_draft WHERE lapses_at <= :now AND candidate_id IS NULL")
_DRAFTS_OF = Statement(
    "SELECT id, unit_id, handed_over_at FROM note_draft WHERE candidate_id = :candidate_id"
    " ORDER BY handed_over_at DESC, id"
)
_DRAFT_OF = Statement(
    "SELECT id, unit_id, handed_over_at FROM note_draft WHERE id = :id AND candidate_id = :candidate_id"
)
_DELETE_DRAFT_OF = Statement("DELETE FROM note_draft WHERE id = :id AND candidate_id = :candidate_id")
_DELETE_DRAFTS_OF = Statement("DELETE FROM note_draft WHERE candidate_id = :candidate_id")

_COUNT_TRY = Statement(
    "INSERT INTO claim_try (lookup, since_at, tries) VALUES (:lookup, :now, 1)"
    " ON CONFLICT (lookup) DO UPDATE SET"
    " tries = CASE WHEN claim_try.since_at > :cutoff THEN claim_try.tries + 1 ELSE 1 END,"
    " since_at = CASE WHEN claim_try.since_at > :cutoff THEN claim_try.since_at ELSE :now END"
    " RETURNING tries, since_at"
)
_FORGET_OLD_TRIES = Statement("DELETE FROM claim_try WHERE since_at <= :cutoff")
_FORGET_TRIES = Statement("DELETE FROM claim_try WHERE lookup IN (:lookups[])")

_ADD_NOTE = Statement(
    "INSERT INTO note (id, candidate_id, version, created_at) VALUES (:id, :candidate_id, 1, :created_at)"
)
_ADVANCE_NOTE = Statement(
    "UPDATE note SET version = :version + 1 WHERE id = :id AND candidate_id = :candidate_id AND version = :version"
)
_ADD_VERSION = Statement(
    "INSERT INTO note_version (note_id, version, candidate_id, language, created_at)"
    " VALUES (:note_id, :version, :candidate_id, :language, :created_at)"
)
_NOTE_OF = Statement(
    "SELECT n.id, v.version, v.created_at, v.language FROM note n JOIN note_version v ON v.note_id = n.id"
    " AND v.version = COALESCE(:version, n.version) WHERE n.id = :id AND n.candidate_id = :candidate_id"
)
_NOTES_OF = Statement(
    "SELECT n.id, v.version, v.created_at, v.language FROM note n JOIN note_version v ON v.note_id = n.id"
    " AND v.version = n.version WHERE n.candidate_id = :candidate_id AND (CAST(:after AS TEXT) IS NULL"
    " OR (n.created_at, n.id) < (SELECT created_at, id FROM note WHERE id = :after AND candidate_id = :candidate_id))"
    " ORDER BY n.created_at DESC, n.id DESC LIMIT :limit"
)
_DELETE_VERSIONS = Statement("DELETE FROM note_version WHERE note_id = :note_id AND candidate_id = :candidate_id")
_DELETE_NOTE = Statement("DELETE FROM note WHERE id = :id AND candidate_id = :candidate_id")
_DELETE_VERSIONS_OF = Statement("DELETE FROM note_version WHERE candidate_id = :candidate_id")
_DELETE_NOTES_OF = Statement("DELETE FROM note WHERE candidate_id = :candidate_id")


async def add_draft(
    tx: Transaction,
    *,
    draft_id: str,
    unit_id: str,
    handed_over_at: int,
    lapses_at: int,
    locator: str,
    service_half: bytes,
    sealed: bytes,
) -> bool:
    """Lay down a draft; False if another open draft has this locator."""
    added = await tx.run(
        _ADD_DRAFT,
        id=draft_id,
        unit_id=unit_id,
        handed_over_at=handed_over_at,
        lapses_at=lapses_at,
        locator=locator,
        service_half=service_half,
        sealed=sealed,
    )
    return added == 1


async def find_open_draft(view: Snapshot, locator: str, now: int) -> Row | None:
    """The unclaimed draft that a locator finds."""
    return await view.row(_FIND_OPEN, locator=locator, now=now)


async def lock_open_draft(tx: Transaction, locator: str, now: int) -> Row | None:
    """The same, held until the transaction ends, so that tries are counted one after the other."""
    return await tx.row(_LOCK_OPEN, locator=locator, now=now)


async def count_wrong_try(tx: Transaction, draft_id: str) -> int:
    """How many wrong tries there have been, with this one."""
    return int(await tx.value(_COUNT_WRONG, id=draft_id))


async def take_draft(tx: Transaction, draft_id: str, candidate_id: str, now: int) -> bool:
    """Give the draft to the candidate and destroy the service's half of its key; False if somebody was first."""
    return await tx.run(_TAKE, id=draft_id, candidate_id=candidate_id, now=now) == 1


async def withdraw_draft(tx: Transaction, draft_id: str, unit_id: str) -> bool:
    """Delete a draft that is this unit's and unclaimed."""
    return await tx.run(_WITHDRAW, id=draft_id, unit_id=unit_id) == 1


async def delete_unclaimed_draft(tx: Transaction, draft_id: str) -> None:
    """Delete a draft that has met too many wrong tries."""
    await tx.run(_LOCK_AWAY, id=draft_id)


async def delete_lapsed_drafts(tx: Transaction, now: int) -> int:
    """Delete unclaimed drafts whose time is out; how many."""
    return await tx.run(_LAPSE_DRAFTS, now=now)


async def drafts_of(view: Snapshot, candidate_id: str) -> list[Row]:
    """The candidate's claimed drafts, newest first: id, unit_id, handed_over_at."""
    return await view.rows(_DRAFTS_OF, candidate_id=candidate_id)


async def find_draft_of(view: Snapshot, draft_id: str, candidate_id: str) -> Row | None:
    """One of them."""
    return await view.row(_DRAFT_OF, id=draft_id, candidate_id=candidate_id)


async def delete_draft_of(tx: Transaction, draft_id: str, candidate_id: str) -> bool:
    """Delete a claimed draft; False if the candidate has none with this id."""
    return await tx.run(_DELETE_DRAFT_OF, id=draft_id, candidate_id=candidate_id) == 1


async def count_try(tx: Transaction, lookup: str, *, now: int, cutoff: int) -> tuple[int, int]:
    """Count one more try of a person; the tries since ``cutoff`` at the earliest, and when the first of them was."""
    row = await tx.row(_COUNT_TRY, lookup=lookup, now=now, cutoff=cutoff)
    assert row is not None
    return row["tries"], row["since_at"]


async def forget_old_tries(tx: Transaction, cutoff: int) -> None:
    """Delete counters that count for nothing any more."""
    await tx.run(_FORGET_OLD_TRIES, cutoff=cutoff)


async def add_note(tx: Transaction, note_id: str, candidate_id: str, at: int) -> None:
    """A new note, at version 1."""
    await tx.run(_ADD_NOTE, id=note_id, candidate_id=candidate_id, created_at=at)


async def advance_note(tx: Transaction, note_id: str, candidate_id: str, version: int) -> bool:
    """From ``version`` to the next; False if the note is at another version, or not there."""
    return await tx.run(_ADVANCE_NOTE, id=note_id, candidate_id=candidate_id, version=version) == 1


async def add_version(
    tx: Transaction, note_id: str, version: int, *, candidate_id: str, language: str, at: int
) -> None:
    """Record a version. Raises Duplicate: a version is written once."""
    await tx.run(
        _ADD_VERSION,
        note_id=note_id,
        version=version,
        candidate_id=candidate_id,
        language=language,
        created_at=at,
    )


async def find_note_of(view: Snapshot, note_id: str, candidate_id: str, version: int | None = None) -> Row | None:
    """A version of a candidate's note, by default the newest: id, version, created_at, language."""
    return await view.row(_NOTE_OF, id=note_id, candidate_id=candidate_id, version=version)


async def notes_of(view: Snapshot, candidate_id: str, *, after: str | None, limit: int) -> list[Row]:
    """The newest version of each note, newest note first, from the one after ``after`` on."""
    return await view.rows(_NOTES_OF, candidate_id=candidate_id, after=after, limit=limit)


async def delete_note(tx: Transaction, note_id: str, candidate_id: str) -> bool:
    """Delete a note with all its versions; False if the candidate has none with this id."""
    await tx.run(_DELETE_VERSIONS, note_id=note_id, candidate_id=candidate_id)
    return await tx.run(_DELETE_NOTE, id=note_id, candidate_id=candidate_id) == 1


async def delete_all_of(tx: Transaction, candidate_id: str, lookups: list[str]) -> None:
    """Delete everything of a candidate in this room."""
    for statement in (_DELETE_VERSIONS_OF, _DELETE_NOTES_OF, _DELETE_DRAFTS_OF):
        await tx.run(statement, candidate_id=candidate_id)
    await tx.run(_FORGET_TRIES, lookups=lookups)
