"""The lines of a letter's history, and until when the mailbox was asked. Lines are only ever added."""

from consent_service.delivery._store import Letter
from consent_service.storage.engine import Row, Snapshot, Statement, Transaction

_NEXT_POSITION = Statement("SELECT COALESCE(MAX(position) + 1, 0) FROM letter_status WHERE letter_id = :letter_id")
_ADD = Statement(
    "INSERT INTO letter_status (letter_id, position, candidate_id, status, at, note)"
    " VALUES (:letter_id, :position, :candidate_id, :status, :at, :note)"
)
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
    await tx.run(
        _ADD,
        letter_id=letter.id,
        position=position,
        candidate_id=letter.candidate_id,
        status=status,
        at=at,
        note=note,
    )


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
