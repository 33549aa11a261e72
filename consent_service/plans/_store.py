"""Mapping requests, fagopplæring's messages and plans as rows: ids, states and times. What they say is sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import Row, Snapshot, Statement, Transaction


def _number(*, null: bool = False, **more: bool) -> "Column[int]":
    return Column(BigInteger, nullable=null, **more)  # type: ignore[arg-type]  # primary_key=True


class MappingRequestRow(SQLModel, table=True):
    """One mapping request. ``candidate_id`` is None until the person has come, and again once she is erased.

    ``progress`` is fagopplæring's work alone; what the candidate answered stands in the consent. ``questions`` has a
    keyed hash of each question's id (``questions.marks``): the ids are the asker's words too.
    """

    __tablename__ = "mapping_request"
    __table_args__ = (
        Index("mapping_request_candidate", "candidate_id", "id"),
        Index("mapping_request_requester", "requester_id", "id"),
        Index("mapping_request_recipient", "recipient_id", "id"),
    )

    id: str = Field(primary_key=True)
    candidate_id: str | None
    consent_id: str = Field(unique=True)
    requester_id: str | None
    recipient_id: str
    progress: str
    messages: int = Field(sa_column=_number())
    questions: str
    reply_by: int = Field(sa_column=_number())
    created_at: int = Field(sa_column=_number())
    changed_at: int = Field(sa_column=_number())


class MappingMessageRow(SQLModel, table=True):
    """One of fagopplæring's messages to the candidate; its words are the part ``message:<number>``."""

    __tablename__ = "mapping_message"

    mapping_request_id: str = Field(primary_key=True)
    number: int = Field(sa_column=_number(primary_key=True))
    candidate_id: str = Field(index=True)
    state: str
    at: int = Field(sa_column=_number())


class PlanRow(SQLModel, table=True):
    """One version of the plan that answers a mapping request. The newest one is in force.

    ``correction``: 1 for one that was let in after the consent had ended, for the candidate alone.
    """

    __tablename__ = "plan"
    __table_args__ = (Index("plan_request", "mapping_request_id", "version", unique=True),)

    id: str = Field(primary_key=True)
    version: int = Field(sa_column=_number(primary_key=True))
    candidate_id: str = Field(index=True)
    mapping_request_id: str
    consent_id: str
    unit_id: str
    correction: int = Field(sa_column=_number())
    created_at: int = Field(sa_column=_number())


@dataclass(frozen=True)
class MappingRequest:
    """A mapping request's row."""

    id: str
    candidate_id: str | None
    consent_id: str
    requester_id: str | None
    recipient_id: str
    progress: str
    messages: int
    questions: str
    reply_by: int
    created_at: int
    changed_at: int

    def but(self, **changes: object) -> "MappingRequest":
        """The same with ``changes``."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are the caller's own


@dataclass(frozen=True)
class Plan:
    """A plan version's row."""

    id: str
    version: int
    candidate_id: str
    mapping_request_id: str
    consent_id: str
    unit_id: str
    correction: int
    created_at: int


_REQUEST = tuple(MappingRequest.__dataclass_fields__)
_REQUESTS = ", ".join(_REQUEST)
_PLAN = tuple(Plan.__dataclass_fields__)
_PLANS = ", ".join(_PLAN)

_ADD_REQUEST = Statement(
    f"INSERT INTO mapping_request ({_REQUESTS}) VALUES ({', '.join(':' + column for column in _REQUEST)})"
)
_GET_REQUEST = Statement(f"SELECT {_REQUESTS} FROM mapping_request WHERE id = :id")
_OF_UNIT = Statement(
    f"SELECT {_REQUESTS} FROM mapping_request WHERE (requester_id = :unit_id OR recipient_id = :unit_id)"
    " AND id > :after ORDER BY id LIMIT :limit"
)
_OF_CANDIDATE = Statement(
    f"SELECT {_REQUESTS} FROM mapping_request WHERE candidate_id = :candidate_id ORDER BY created_at DESC, id"
)
_BIND = Statement("UPDATE mapping_request SET candidate_id = :candidate_id WHERE id = :id AND candidate_id IS NULL")
_ASK_UNDER = Statement("UPDATE mapping_request SET consent_id = :consent_id WHERE id = :id")
_PROGRESS = Statement(
    "UPDATE mapping_request SET progress = :progress, messages = :messages, changed_at = :changed_at WHERE id = :id"
)
_ADD_MESSAGE = Statement(
    "INSERT INTO mapping_message (mapping_request_id, number, candidate_id, state, at)"
    " VALUES (:mapping_request_id, :number, :candidate_id, :state, :at)"
)
_MESSAGES = Statement(
    "SELECT mapping_request_id, number, state, at FROM mapping_message WHERE candidate_id = :candidate_id"
    " ORDER BY mapping_request_id, number"
)
_ADD_PLAN = Statement(f"INSERT INTO plan ({_PLANS}) VALUES ({', '.join(':' + column for column in _PLAN)})")
_NEWEST_ANSWER = Statement(
    f"SELECT {_PLANS} FROM plan WHERE mapping_request_id = :mapping_request_id ORDER BY version DESC LIMIT 1"
)
_VERSIONS = Statement(f"SELECT {_PLANS} FROM plan WHERE id = :id ORDER BY version")
_PLANS_OF = Statement(
    f"SELECT {_PLANS} FROM plan WHERE candidate_id = :candidate_id ORDER BY created_at DESC, id, version DESC"
)
_UNBIND = Statement("UPDATE mapping_request SET candidate_id = NULL WHERE candidate_id = :candidate_id")
_FORGET_MESSAGES = Statement("DELETE FROM mapping_message WHERE candidate_id = :candidate_id")
_FORGET_PLANS = Statement("DELETE FROM plan WHERE candidate_id = :candidate_id")


def _request(row: Row) -> MappingRequest:
    return MappingRequest(**{column: row[column] for column in _REQUEST})


def _plan(row: Row) -> Plan:
    return Plan(**{column: row[column] for column in _PLAN})


async def add_request(tx: Transaction, request: MappingRequest) -> None:
    """Write a new mapping request."""
    await tx.run(_ADD_REQUEST, **vars(request))


async def find_request(view: Snapshot, request_id: str) -> MappingRequest | None:
    """A mapping request by id."""
    row = await view.row(_GET_REQUEST, id=request_id)
    return None if row is None else _request(row)


async def of_unit(view: Snapshot, unit_id: str, *, after: str, limit: int) -> list[MappingRequest]:
    """What a unit asked for or is asked, in id order."""
    return [_request(row) for row in await view.rows(_OF_UNIT, unit_id=unit_id, after=after, limit=limit)]


async def of_candidate(view: Snapshot, candidate_id: str) -> list[MappingRequest]:
    """The mapping requests that concern a candidate, newest first."""
    return [_request(row) for row in await view.rows(_OF_CANDIDATE, candidate_id=candidate_id)]


async def ask_under(tx: Transaction, request_id: str, consent_id: str) -> None:
    """Let a request stand under another consent."""
    await tx.run(_ASK_UNDER, id=request_id, consent_id=consent_id)


async def bind(tx: Transaction, request_id: str, candidate_id: str) -> bool:
    """Say whom a request concerns, once; whether it was still nobody's."""
    return await tx.run(_BIND, id=request_id, candidate_id=candidate_id) == 1


async def change_progress(tx: Transaction, request: MappingRequest) -> None:
    """Write how far the work has come."""
    await tx.run(
        _PROGRESS,
        id=request.id,
        progress=request.progress,
        messages=request.messages,
        changed_at=request.changed_at,
    )


async def add_message(tx: Transaction, request_id: str, number: int, *, candidate_id: str, state: str, at: int) -> None:
    """Write down that there is a message."""
    await tx.run(
        _ADD_MESSAGE, mapping_request_id=request_id, number=number, candidate_id=candidate_id, state=state, at=at
    )


async def messages(view: Snapshot, candidate_id: str) -> list[Row]:
    """The messages to a candidate: mapping_request_id, number, state, at."""
    return await view.rows(_MESSAGES, candidate_id=candidate_id)


async def add_plan(tx: Transaction, plan: Plan) -> None:
    """Write a plan's version. Raises Duplicate: a version is written once."""
    await tx.run(_ADD_PLAN, **vars(plan))


async def newest_answer(view: Snapshot, request_id: str) -> Plan | None:
    """The newest version of the plan that answers a mapping request."""
    row = await view.row(_NEWEST_ANSWER, mapping_request_id=request_id)
    return None if row is None else _plan(row)


async def versions(view: Snapshot, plan_id: str) -> Sequence[Plan]:
    """A plan's versions, oldest first; none for an unknown id."""
    return [_plan(row) for row in await view.rows(_VERSIONS, id=plan_id)]


async def plans_of(view: Snapshot, candidate_id: str) -> list[Plan]:
    """All versions of a candidate's plans, newest first."""
    return [_plan(row) for row in await view.rows(_PLANS_OF, candidate_id=candidate_id)]


async def forget(tx: Transaction, candidate_id: str) -> None:
    """Unbind a candidate's requests, and delete her messages and plans."""
    for statement in (_UNBIND, _FORGET_MESSAGES, _FORGET_PLANS):
        await tx.run(statement, candidate_id=candidate_id)
