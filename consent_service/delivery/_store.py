"""Letters. No text of a letter is here: its PDF is a sealed part, and its subject says nothing.

``next_attempt_at`` is None for letters that wait for nobody; while a worker has a letter it is the end of the
lease, so that one index finds both what is due and what a dead worker left.

``doubt_until`` is not None from a claim until it is known that the mailbox has nothing of it: in between, the
letter may be out. It is the instant from which a denial by the mailbox is final.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import Row, Snapshot, Statement, Transaction


def _number(*, null: bool = False, **more: bool) -> "Column[int]":
    return Column(BigInteger, nullable=null, **more)  # type: ignore[arg-type]  # primary_key=True


_TO_HERSELF = "unit_id = 'mailbox' AND shares_held = 1"


class LetterRow(SQLModel, table=True):
    """One letter to one person's mailbox. ``fence`` grows with each claim: an old holder's word counts no more.

    ``superseded``: 1 once a newer version of its plan has been accepted. ``shares_held``: the mailbox may still hold
    shares under the letter's consent. ``unit_id`` is the mailbox's own id for a letter that concerns no unit.
    ``printable``: 1 if an address to print it for came with its plan. ``sent_as``: the sender that it goes under in the
    mailbox, as the latest claim found it before which nothing was in doubt: it holds for as long as something is.
    """

    __tablename__ = "letter"
    __table_args__ = (
        Index(
            "letter_due",
            "next_attempt_at",
            "id",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("letter_candidate", "candidate_id", "id"),
        Index("letter_consent", "consent_id", "id"),
        Index("letter_plan", "plan_id", "plan_version"),
        Index("letter_standing", "status", "id"),
        Index("letter_to_herself", "consent_id", sqlite_where=text(_TO_HERSELF), postgresql_where=text(_TO_HERSELF)),
    )

    id: str = Field(primary_key=True)
    candidate_id: str
    plan_id: str
    plan_version: int = Field(sa_column=_number())
    consent_id: str
    unit_id: str
    sender_organisation: str
    message_id: str = Field(unique=True)
    document_uuid: str = Field(unique=True)
    subject: str
    language: str
    printable: int = Field(sa_column=_number())
    status: str
    attempts: int = Field(sa_column=_number())
    next_attempt_at: int | None = Field(sa_column=_number(null=True))
    doubt_until: int | None = Field(sa_column=_number(null=True))
    sent_as: str | None
    leased_by: str | None
    leased_until: int | None = Field(sa_column=_number(null=True))
    fence: int = Field(sa_column=_number())
    superseded: int = Field(sa_column=_number())
    shares_held: int = Field(sa_column=_number())
    created_at: int = Field(sa_column=_number())
    updated_at: int = Field(sa_column=_number())


class LetterStatusRow(SQLModel, table=True):
    """One line of a letter's history, only ever added. ``note`` is a code, never free text."""

    __tablename__ = "letter_status"

    letter_id: str = Field(primary_key=True, foreign_key="letter.id")
    position: int = Field(sa_column=_number(primary_key=True))
    candidate_id: str = Field(index=True)
    status: str
    at: int = Field(sa_column=_number())
    note: str | None


@dataclass(frozen=True)
class Letter:
    """A letter's row."""

    id: str
    candidate_id: str
    plan_id: str
    plan_version: int
    consent_id: str
    unit_id: str
    sender_organisation: str
    message_id: str
    document_uuid: str
    subject: str
    language: str
    printable: int
    status: str
    attempts: int
    next_attempt_at: int | None
    doubt_until: int | None
    sent_as: str | None
    leased_by: str | None
    leased_until: int | None
    fence: int
    superseded: int
    created_at: int
    updated_at: int

    def leased(self, sent_as: str) -> "Letter":
        """The same as its claim leaves it, but for the doubt: that is from before. ``sent_as``, if there is none."""
        kept = sent_as if self.doubt_until is None else self.sent_as
        return replace(self, attempts=self.attempts + 1, fence=self.fence + 1, sent_as=kept)


class GivenBack(NamedTuple):
    """A leased letter as it is given back; ``held`` is the fence that it was claimed with."""

    letter_id: str
    held: int
    status: str
    attempts: int
    next_attempt_at: int | None
    doubt_until: int | None
    updated_at: int


_COLUMNS = tuple(Letter.__dataclass_fields__)
_ALL = ", ".join(_COLUMNS)
_FINAL = "('delivered', 'undeliverable', 'cancelled', 'failed')"

_ADD = Statement(
    f"INSERT INTO letter ({_ALL}, shares_held) VALUES ({', '.join(':' + column for column in _COLUMNS)}, 1)"
)
_GET = Statement(f"SELECT {_ALL} FROM letter WHERE id = :id")
_DUE = Statement(
    f"SELECT {_ALL} FROM letter WHERE next_attempt_at IS NOT NULL AND next_attempt_at <= :now"
    " ORDER BY next_attempt_at, id LIMIT :limit {skip_locked}"
)
_CLAIM = Statement(
    "UPDATE letter SET leased_by = :worker, leased_until = :until, next_attempt_at = :until,"
    " doubt_until = :doubt_until, sent_as = c.sent_as, attempts = attempts + 1, fence = fence + 1"
    " FROM ROWS(:claimed AS c(letter_id text, sent_as text)) WHERE id = c.letter_id"
)
_FINISH = Statement(
    "UPDATE letter SET status = w.status, attempts = w.attempts, next_attempt_at = w.next_attempt_at,"
    " doubt_until = w.doubt_until, leased_by = NULL, leased_until = NULL, updated_at = w.updated_at"
    " FROM ROWS(:given_back AS w(letter_id text, held bigint, status text, attempts bigint, next_attempt_at bigint,"
    " doubt_until bigint, updated_at bigint)) WHERE id = w.letter_id AND fence = w.held RETURNING id, fence"
)
_CHANGE = Statement(
    "UPDATE letter SET status = :status, attempts = :attempts, next_attempt_at = :next_attempt_at,"
    " leased_by = NULL, leased_until = NULL, fence = fence + 1, updated_at = :updated_at"
    " WHERE id = :id AND fence = :fence"
)
_SUPERSEDE = Statement("UPDATE letter SET superseded = 1 WHERE plan_id = :plan_id AND plan_version < :plan_version")
_NEXT_DUE = Statement("SELECT MIN(next_attempt_at) FROM letter WHERE next_attempt_at IS NOT NULL")
_OF_DOCUMENTS = Statement(f"SELECT {_ALL} FROM letter WHERE document_uuid IN (:document_uuids[]) ORDER BY id")
_OF_PLAN = Statement(f"SELECT {_ALL} FROM letter WHERE plan_id = :plan_id ORDER BY plan_version, created_at, id")
_OF_CANDIDATE = Statement(f"SELECT {_ALL} FROM letter WHERE candidate_id = :candidate_id ORDER BY created_at, id")
_OF_CONSENTS = Statement(f"SELECT {_ALL} FROM letter WHERE consent_id IN (:ids[]) ORDER BY plan_id, plan_version, id")
_LISTED = Statement(f"SELECT {_ALL} FROM letter WHERE status IN (:statuses[]) AND id > :after ORDER BY id LIMIT :limit")
_SETTLED = Statement(
    "SELECT DISTINCT consent_id, candidate_id FROM letter WHERE shares_held = 1"
    f" AND status IN {_FINAL} AND consent_id > :after ORDER BY consent_id LIMIT :limit"
)
_SETTLED_TO_HERSELF = Statement(
    f"SELECT consent_id, candidate_id FROM letter WHERE {_TO_HERSELF}"
    f" AND status IN {_FINAL} AND consent_id > :after ORDER BY consent_id LIMIT :limit"
)
_OPEN_UNDER = Statement(f"SELECT COUNT(*) FROM letter WHERE consent_id = :consent_id AND status NOT IN {_FINAL}")
_SHARES_GONE = Statement("UPDATE letter SET shares_held = 0 WHERE consent_id = :consent_id")
_COUNTS = Statement("SELECT status, COUNT(*) AS letters FROM letter GROUP BY status")
_FORGET = Statement("DELETE FROM letter WHERE candidate_id = :candidate_id")


def _letter(row: Row) -> Letter:
    return Letter(**{column: row[column] for column in _COLUMNS})


async def add(tx: Transaction, letter: Letter) -> None:
    """Write a new letter."""
    await tx.run(_ADD, **vars(letter))


async def find(view: Snapshot, letter_id: str) -> Letter | None:
    """A letter by id."""
    row = await view.row(_GET, id=letter_id)
    return None if row is None else _letter(row)


async def due(tx: Transaction, *, now: int, limit: int) -> list[Letter]:
    """Letters whose time has come, locked, passing over those that another worker is claiming just now."""
    return [_letter(row) for row in await tx.rows(_DUE, now=now, limit=limit)]


async def claim(tx: Transaction, leased: Sequence[Letter], *, worker: str, until: int, doubt_until: int) -> None:
    """Lease letters to ``worker``."""
    claimed = [{"letter_id": letter.id, "sent_as": letter.sent_as} for letter in leased]
    await tx.run(_CLAIM, claimed=claimed, worker=worker, until=until, doubt_until=doubt_until)


async def supersede(tx: Transaction, plan_id: str, plan_version: int) -> None:
    """Write on the letters with older versions of a plan that this one takes their place."""
    await tx.run(_SUPERSEDE, plan_id=plan_id, plan_version=plan_version)


async def finish(tx: Transaction, given_back: Iterable[GivenBack]) -> set[tuple[str, int]]:
    """Give leased letters back: (id, fence) of those whose lease had not passed to somebody else."""
    rows = await tx.rows(_FINISH, given_back=[one._asdict() for one in given_back])
    return {(row["id"], row["fence"]) for row in rows}


async def change(
    tx: Transaction, letter: Letter, *, status: str, attempts: int, next_attempt_at: int | None, at: int
) -> bool:
    """Move a letter by an operator's hand; whoever has it leased finds that the fence has moved.

    False, and nothing is changed, if a worker has claimed it since it was read: claiming takes no lock on the chain.
    """
    rows = await tx.run(
        _CHANGE,
        id=letter.id,
        fence=letter.fence,
        status=status,
        attempts=attempts,
        next_attempt_at=next_attempt_at,
        updated_at=at,
    )
    return rows == 1


async def next_due(view: Snapshot) -> int | None:
    """When the next letter is due."""
    found: int | None = await view.value(_NEXT_DUE)
    return found


async def of_documents(view: Snapshot, document_uuids: list[str]) -> list[Letter]:
    """The letters that went under these ids."""
    return [_letter(row) for row in await view.rows(_OF_DOCUMENTS, document_uuids=document_uuids)]


async def of_plan(view: Snapshot, plan_id: str) -> list[Letter]:
    """The letters of a plan, oldest version first."""
    return [_letter(row) for row in await view.rows(_OF_PLAN, plan_id=plan_id)]


async def of_candidate(view: Snapshot, candidate_id: str) -> list[Letter]:
    """A candidate's letters, oldest first."""
    return [_letter(row) for row in await view.rows(_OF_CANDIDATE, candidate_id=candidate_id)]


async def of_consents(view: Snapshot, consent_ids: list[str]) -> list[Letter]:
    """The letters that were let in under some of the consents."""
    return [_letter(row) for row in await view.rows(_OF_CONSENTS, ids=consent_ids)]


async def listed(view: Snapshot, statuses: list[str], *, after: str, limit: int) -> list[Letter]:
    """Letters that stand at one of ``statuses``, in id order."""
    return [_letter(row) for row in await view.rows(_LISTED, statuses=statuses, after=after, limit=limit)]


async def settled(view: Snapshot, *, after: str, limit: int, to_herself: bool = False) -> list[Row]:
    """(consent_id, candidate_id) of consents with a finished letter and, perhaps, shares of the mailbox."""
    return await view.rows(_SETTLED_TO_HERSELF if to_herself else _SETTLED, after=after, limit=limit)


async def open_under(view: Snapshot, consent_id: str) -> int:
    """How many letters under a consent are not finished."""
    return int(await view.value(_OPEN_UNDER, consent_id=consent_id))


async def shares_gone(tx: Transaction, consent_id: str) -> None:
    """Write down that the mailbox's shares under a consent are destroyed."""
    await tx.run(_SHARES_GONE, consent_id=consent_id)


async def counts(view: Snapshot) -> dict[str, int]:
    """How many letters stand at each status."""
    return {row["status"]: row["letters"] for row in await view.rows(_COUNTS)}


async def forget(tx: Transaction, candidate_id: str) -> int:
    """Delete a candidate's letters, whose history is gone already; how many."""
    return await tx.run(_FORGET, candidate_id=candidate_id)
