"""Leases: one process at a time does a named job, and one that dies or is paused loses it by itself.

A lease is taken and checked inside the transaction of the work that it guards, so that a holder who was paused
past its end can't commit what it began: the fence number has moved on.
"""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import Snapshot, Statement, Transaction


class LeaseRow(SQLModel, table=True):
    """Who does a job until when. ``fence`` grows each time it changes hands."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    until: int = Field(sa_column=Column(BigInteger, nullable=False))
    fence: int = Field(sa_column=Column(BigInteger, nullable=False))


_ENTER = Statement(
    "INSERT INTO lease (name, holder, until, fence) VALUES (:name, :holder, 0, 0) ON CONFLICT (name) DO NOTHING"
)
_LOCK = Statement("SELECT holder, until, fence FROM lease WHERE name = :name {for_update}")
_TAKE = Statement("UPDATE lease SET holder = :holder, until = :until, fence = :fence WHERE name = :name")
_HELD = Statement("SELECT name FROM lease WHERE until > :now ORDER BY name")


async def held(view: Snapshot, *, now: int) -> list[str]:
    """The jobs that somebody does now: a process of the service runs, or ended a moment ago."""
    return [row["name"] for row in await view.rows(_HELD, now=now)]


async def hold(tx: Transaction, name: str, holder: str, *, now: int, duration: int) -> bool:
    """Whether ``holder`` has the job ``name``, for this transaction and at least half of ``duration`` (microseconds).

    A lease that has more than half of its time left is not written anew: a job that looks often, and seldom finds
    anything, costs no commit.
    """
    row = await tx.row(_LOCK, name=name)
    if row is None:
        await tx.run(_ENTER, name=name, holder=holder)
        row = await tx.row(_LOCK, name=name)
        assert row is not None
    ours = row["holder"] == holder
    if not ours and row["until"] > now:
        return False
    if ours and now + duration // 2 < row["until"] <= now + duration:
        return True
    fence = row["fence"] + (not ours)
    await tx.run(_TAKE, name=name, holder=holder, until=now + duration, fence=fence)
    return True
