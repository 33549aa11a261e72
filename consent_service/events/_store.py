"""The feed's tables."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import Row, Snapshot, Statement, Transaction, inserting, updating


class EventRow(SQLModel, table=True):
    """Something that a unit is told: ids and a state, nothing personal. ``number`` is given after commit."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_number", "unit_id", "number", unique=True),
        Index(
            "event_unnumbered", "at", "id", sqlite_where=text("number IS NULL"), postgresql_where=text("number IS NULL")
        ),
    )

    id: str = Field(primary_key=True)
    unit_id: str
    number: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    type: str
    consent_id: str | None
    mapping_request_id: str | None
    plan_id: str | None
    state: str
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    not_before: int = Field(sa_column=Column(BigInteger, nullable=False))


class FeedRow(SQLModel, table=True):
    """Where a unit's feed stands: the last number given, and the last one past retention."""

    __tablename__ = "feed"

    unit_id: str = Field(primary_key=True)
    last: int = Field(sa_column=Column(BigInteger, nullable=False))
    dropped: int = Field(sa_column=Column(BigInteger, nullable=False))


_ADD = inserting(
    EventRow, ("id", "unit_id", "type", "state", "at", "not_before", "consent_id", "mapping_request_id", "plan_id")
)
_AFTER = Statement(
    "SELECT number, type, consent_id, mapping_request_id, plan_id, state, at FROM event"
    " WHERE unit_id = :unit_id AND number > :after ORDER BY number LIMIT :limit"
)
_FEED = Statement("SELECT last, dropped FROM feed WHERE unit_id = :unit_id")
_UNNUMBERED = Statement(
    "SELECT id, unit_id FROM event WHERE number IS NULL AND not_before <= :now"
    " ORDER BY at, id LIMIT :limit {skip_locked}"
)
_RETRACT = Statement("DELETE FROM event WHERE consent_id = :consent_id AND state = :state AND number IS NULL")
_NUMBER = updating(EventRow, ("number",), key="id")
_ADVANCE = Statement(
    "INSERT INTO feed (unit_id, last, dropped) VALUES (:unit_id, :last, 0)"
    " ON CONFLICT (unit_id) DO UPDATE SET last = excluded.last"
)
_OLD = Statement(
    "SELECT unit_id, MAX(number) AS last FROM event WHERE number IS NOT NULL AND at < :before"
    " GROUP BY unit_id ORDER BY unit_id"
)
_DROP = Statement("DELETE FROM event WHERE unit_id = :unit_id AND number <= :last")
_DROPPED = Statement("UPDATE feed SET dropped = :last WHERE unit_id = :unit_id")


async def add(tx: Transaction, events: Sequence[dict[str, object]]) -> None:
    """Write events, to be numbered after commit."""
    await tx.run_rows(_ADD, events)


async def after(view: Snapshot, unit_id: str, number: int, limit: int) -> list[Row]:
    """Numbered events of a unit after ``number``, in order."""
    return await view.rows(_AFTER, unit_id=unit_id, after=number, limit=limit)


async def feed(view: Snapshot, unit_id: str) -> tuple[int, int]:
    """(last number given, last number dropped) of a unit's feed."""
    row = await view.row(_FEED, unit_id=unit_id)
    return (0, 0) if row is None else (row["last"], row["dropped"])


async def unnumbered(view: Snapshot, now: int, limit: int) -> list[Row]:
    """Committed events whose time has come and that wait for a number, oldest first, and locked.

    One that is just being retracted is passed over: a number given to it would be a gap.
    """
    return await view.rows(_UNNUMBERED, now=now, limit=limit)


async def retract(tx: Transaction, consent_id: str, state: str) -> int:
    """Delete an event that nobody has been told yet."""
    return await tx.run(_RETRACT, consent_id=consent_id, state=state)


async def number(tx: Transaction, numbers: Mapping[str, int]) -> None:
    """Give events (by id) their numbers."""
    await tx.run_rows(_NUMBER, [{"id": event_id, "number": value} for event_id, value in numbers.items()])


async def advance(tx: Transaction, unit_id: str, last: int) -> None:
    """Note the last number given in a unit's feed."""
    await tx.run(_ADVANCE, unit_id=unit_id, last=last)


async def drop(tx: Transaction, before: int) -> int:
    """Delete numbered events from before ``before``, remembering how far; how many feeds that touched."""
    old = await tx.rows(_OLD, before=before)
    for row in old:
        await tx.run(_DROP, unit_id=row["unit_id"], last=row["last"])
        await tx.run(_DROPPED, unit_id=row["unit_id"], last=row["last"])
    return len(old)
