"""The lines of a letter's history, and until when the mailbox was asked. Lines are only ever added."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from consent_service.delivery._store import Letter, LetterStatusRow
from consent_service.storage.engine import Row, Snapshot, Statement, Transaction, inserting


class MailboxHeardRow(SQLModel, table=True):
    """Until when the mailbox has been asked what happened there."""

    __tablename__ = "mailbox_heard"

    name: str = Field(primary_key=True)
    until: int = Field(sa_column=Column(BigInteger, nullable=False))


class Line(NamedTuple):
    """A line of a letter's history, as ``LetterStatusRow`` has it."""

    letter_id: str
    position: int
    candidate_id: str
    status: str
    at: int
    note: str | None


_NEXT_POSITION = Statement("SELECT COALESCE(MAX(position) + 1, 0) FROM letter_status WHERE letter_id = :letter_id")
_ADD = inserting(LetterStatusRow, Line._fields)
_OF = Statement(
    "SELECT letter_id, position, status, at, note FROM letter_status WHERE letter_id IN (:ids[])"
    " ORDER BY letter_id, position"
)
_FORGET = Statement("DELETE FROM letter_status WHERE candidate_id = :candidate_id")
_HEARD = Statement("SELECT until FROM mailbox_heard WHERE name = :name")
_HEAR = Statement(
    "INSERT INTO mailbox_heard (name, until) VALUES (:name, :until) ON CONFLICT (name) DO UPDATE SET until = :until"
)

_EVENTS = "events"


async def add(tx: Transaction, letter: Letter, status: str, *, at: int, note: str | None) -> None:
    """Add a line to a letter's history; the lock on the candidate's chain keeps the positions apart."""
    position = await tx.value(_NEXT_POSITION, letter_id=letter.id)
    await add_all(tx, [Line(letter.id, position, letter.candidate_id, status, at, note)])


async def add_all(tx: Transaction, lines: Sequence[Line]) -> None:
    """Add lines to several letters' histories."""
    await tx.run_rows(_ADD, [line._asdict() for line in lines])


async def of(view: Snapshot, ids: list[str]) -> dict[str, list[Row]]:
    """The history of each of ``ids``, oldest first."""
    lines: dict[str, list[Row]] = {letter_id: [] for letter_id in ids}
    for row in await view.rows(_OF, ids=ids):
        lines[row["letter_id"]].append(row)
    return lines


async def forget(tx: Transaction, candidate_id: str) -> None:
    """Delete a candidate's lines."""
    await tx.run(_FORGET, candidate_id=candidate_id)


async def heard_until(view: Snapshot) -> int | None:
    """Until when the mailbox's events have been heard; None if never."""
    found: int | None = await view.value(_HEARD, name=_EVENTS)
    return found


async def hear_until(tx: Transaction, until: int) -> None:
    """They have been, until then."""
    await tx.run(_HEAR, name=_EVENTS, until=until)
