"""Consents, their receipts, and the releases that were made under them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import IN_THE_ROW, Row, Snapshot, Statement, Transaction, inserting, updating


def _number(*, null: bool = False) -> "Column[int]":
    return Column(BigInteger, nullable=null)


class ConsentRow(SQLModel, table=True):
    """One consent. ``terms`` are what was consented to; the columns about them are copies to search by."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_candidate", "candidate_id", "id"),
        Index("consent_recipient", "recipient_id", "id"),
        Index("consent_requester", "requester_id", "id"),
        Index("consent_until", "state", "valid_until"),
        Index("consent_reply", "state", "reply_by"),
    )

    id: str = Field(primary_key=True)
    candidate_id: str | None
    recipient_id: str
    requester_id: str | None
    purpose: str
    purpose_version: int = Field(sa_column=_number())
    requested_kinds: str
    mapping_request_id: str | None
    state: str
    state_position: int = Field(sa_column=_number())
    row_mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    terms: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    terms_mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    uses: int = Field(sa_column=_number())
    valid_until: int | None = Field(sa_column=_number(null=True))
    reply_by: int | None = Field(sa_column=_number(null=True))
    requested_at: int = Field(sa_column=_number())
    granted_at: int | None = Field(sa_column=_number(null=True))
    ended_at: int | None = Field(sa_column=_number(null=True))
    withdrawn_at: int | None = Field(sa_column=_number(null=True))
    exhausted_at: int | None = Field(sa_column=_number(null=True))


class ReceiptRow(SQLModel, table=True):
    """A signed receipt (compact JWS): of a grant, a refusal or an end. ``mac`` covers the row."""

    __tablename__ = "receipt"
    __table_args__ = (Index("receipt_consent", "consent_id", "at"), IN_THE_ROW)

    id: str = Field(primary_key=True)
    consent_id: str
    candidate_id: str
    type: str
    jws: str
    at: int = Field(sa_column=_number())
    mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ReleaseRow(SQLModel, table=True):
    """A release that was made, by the unit's idempotency key, so that a repeat spends no use. ``mac`` covers it.

    It is looked for by its key's hash, which therefore stands first in the primary key.
    """

    __tablename__ = "release"

    key_hash: str = Field(primary_key=True)
    consent_id: str = Field(primary_key=True)
    candidate_id: str
    release_id: str
    at: int = Field(sa_column=_number())
    mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class StandingRefusalRow(SQLModel, table=True):
    """To whom a candidate lets nothing go until she lifts it: units, or kinds of units, each with since when (JSON).

    One row for each candidate who has ever refused so. ``position`` is where the log says what it says last, and
    ``mac`` covers all of it, so that a row that was changed, put back or taken shows.
    """

    __tablename__ = "standing_refusal"

    candidate_id: str = Field(primary_key=True)
    against: str
    position: int = Field(sa_column=_number())
    mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


@dataclass(frozen=True)
class Stored:
    """A consent's row as read. Nothing in it is trusted before its MACs have been checked (``standing.verify``)."""

    id: str
    candidate_id: str | None
    recipient_id: str
    requester_id: str | None
    purpose: str
    purpose_version: int
    requested_kinds: str
    mapping_request_id: str | None
    state: str
    state_position: int
    row_mac: bytes = field(repr=False)
    terms: bytes = field(repr=False)
    terms_mac: bytes = field(repr=False)
    uses: int
    valid_until: int | None
    reply_by: int | None
    requested_at: int
    granted_at: int | None
    ended_at: int | None
    withdrawn_at: int | None = None
    exhausted_at: int | None = None

    def covered(self) -> tuple[object, ...]:
        """What the row's MAC covers, in its order: every column but itself, and the terms by their own MAC."""
        return _covered(self)

    def but(self, **changes: object) -> "Stored":
        """The same with ``changes``."""
        return Stored(**{**vars(self), **changes})


_COLUMNS = tuple(Stored.__dataclass_fields__)
_COVERED = tuple(name for name in _COLUMNS if name not in {"row_mac", "terms"})
_covered, _columns = attrgetter(*_COVERED), itemgetter(*_COLUMNS)
_ALL = ", ".join(_COLUMNS)
_ADD = inserting(ConsentRow, _COLUMNS)
_CHANGED = ("state", "state_position", "row_mac", "uses", "ended_at", "withdrawn_at", "exhausted_at")
_CHANGE = updating(ConsentRow, _CHANGED, key="id", still="row_mac")
_ANSWERED = (*_CHANGED, "candidate_id", "terms", "terms_mac", "valid_until", "granted_at")
_ANSWER = Statement(
    f"UPDATE consent SET {', '.join(f'{c} = :{c}' for c in _ANSWERED)} WHERE id = :id AND row_mac = :before"
)
_GET = Statement(f"SELECT {_ALL} FROM consent WHERE id = :id")
_MANY = Statement(f"SELECT {_ALL} FROM consent WHERE id IN (:ids[])")
_CANDIDATES = Statement("SELECT id, candidate_id FROM consent WHERE id IN (:ids[])")
_OF_CANDIDATE = Statement(
    f"SELECT {_ALL} FROM consent WHERE candidate_id = :candidate_id AND id > :after ORDER BY id LIMIT :limit"
)
_OF_UNIT = Statement(
    f"SELECT {_ALL} FROM consent"
    " WHERE ((recipient_id = :unit_id AND (granted_at IS NOT NULL OR :asked = 1)) OR requester_id = :unit_id)"
    " AND id > :after ORDER BY id LIMIT :limit"
)
_BETWEEN = Statement(
    f"SELECT {_ALL} FROM consent WHERE candidate_id = :candidate_id AND recipient_id = :recipient_id ORDER BY id"
)
_OVER = Statement(
    "SELECT id, candidate_id FROM consent WHERE state IN ('granted', 'paused')"
    " AND (valid_until <= :now OR exhausted_at <= :spent_before) AND id > :after ORDER BY id LIMIT :limit"
)
_LAPSED = Statement(
    "SELECT id, candidate_id FROM consent WHERE state IN ('requested', 'pending_confirmation')"
    " AND reply_by <= :now AND id > :after ORDER BY id LIMIT :limit"
)
_RECEIPT = tuple(ReceiptRow.model_fields)
_ADD_RECEIPTS = inserting(ReceiptRow, _RECEIPT)
_RECEIPTS = Statement(f"SELECT {', '.join(_RECEIPT)} FROM receipt WHERE consent_id IN (:ids[]) ORDER BY at, id")
_ADD_RELEASES = inserting(ReleaseRow, ("consent_id", "key_hash", "candidate_id", "release_id", "at", "mac"))
_RELEASES = Statement("SELECT consent_id, key_hash, release_id, at, mac FROM release WHERE key_hash IN (:hashes[])")
_REFUSE = Statement(
    "INSERT INTO standing_refusal (candidate_id, against, position, mac)"
    " VALUES (:candidate_id, :against, :position, :mac) ON CONFLICT (candidate_id) DO UPDATE"
    " SET against = excluded.against, position = excluded.position, mac = excluded.mac"
)
_REFUSALS = Statement(
    "SELECT candidate_id, against, position, mac FROM standing_refusal WHERE candidate_id IN (:candidate_ids[])"
)
_FORGET_REFUSALS = Statement("DELETE FROM standing_refusal WHERE candidate_id = :candidate_id")


def _stored(row: Row) -> Stored:
    return Stored(*_columns(row))


def _values(consent: Stored, columns: Sequence[str]) -> dict[str, object]:
    return {column: getattr(consent, column) for column in columns}


async def add(tx: Transaction, *consents: Stored) -> None:
    """Write new consents."""
    await tx.run_rows(_ADD, [_values(consent, _COLUMNS) for consent in consents])


async def change(tx: Transaction, *changes: tuple[Stored, Stored]) -> None:
    """Write where consents stand now, each (before, after). Raises StorageUnavailable if one no longer stands so."""
    rows = [{"id": before.id, "before": before.row_mac, **_values(after, _CHANGED)} for before, after in changes]
    _written(await tx.run_rows(_CHANGE, rows), len(rows))


async def answer(tx: Transaction, before: Stored, after: Stored) -> None:
    """Write whom a request concerns, or what was granted, beside where it stands. Raises as ``change``."""
    _written(await tx.run(_ANSWER, id=before.id, before=before.row_mac, **_values(after, _ANSWERED)))


def _written(rows: int, wanted: int = 1) -> None:
    # The chain's lock keeps writers apart, but a request that is bound to nobody has no chain: somebody may have
    # bound it since it was read. Nothing is overwritten, and the call can be repeated.
    if rows != wanted:
        raise StorageUnavailable


async def find(view: Snapshot, consent_id: str) -> Stored | None:
    """A consent by id."""
    row = await view.row(_GET, id=consent_id)
    return None if row is None else _stored(row)


async def many(view: Snapshot, ids: Sequence[str]) -> dict[str, Stored]:
    """The consents that exist of ``ids``."""
    return {row["id"]: _stored(row) for row in await view.rows(_MANY, ids=ids)}


async def candidates(view: Snapshot, ids: Sequence[str]) -> dict[str, str | None]:
    """Whom the consents concern: read before the lock, since once written it never changes."""
    return {row["id"]: row["candidate_id"] for row in await view.rows(_CANDIDATES, ids=ids)}


async def of_candidate(view: Snapshot, candidate_id: str, *, after: str, limit: int) -> list[Stored]:
    """A candidate's consents in id order."""
    return [_stored(row) for row in await view.rows(_OF_CANDIDATE, candidate_id=candidate_id, after=after, limit=limit)]


async def of_unit(view: Snapshot, unit_id: str, *, after: str, limit: int, asked: bool = False) -> list[Stored]:
    """Consents that a unit receives under or asked for, in id order; ``asked``: also what it may come to receive."""
    found = await view.rows(_OF_UNIT, unit_id=unit_id, after=after, limit=limit, asked=int(asked))
    return [_stored(row) for row in found]


async def between(view: Snapshot, candidate_id: str, recipient_id: str) -> list[Stored]:
    """A candidate's consents for one recipient."""
    return [_stored(row) for row in await view.rows(_BETWEEN, candidate_id=candidate_id, recipient_id=recipient_id)]


async def over(view: Snapshot, *, now: int, spent_before: int, after: str, limit: int) -> list[Row]:
    """(id, candidate_id) of consents whose end has come, or whose last use was spent, and is not yet written down."""
    return await view.rows(_OVER, now=now, spent_before=spent_before, after=after, limit=limit)


async def lapsed(view: Snapshot, *, now: int, after: str, limit: int) -> list[Row]:
    """(id, candidate_id) of requests whose reply-by date has passed, in id order after ``after``."""
    return await view.rows(_LAPSED, now=now, after=after, limit=limit)


async def add_receipts(tx: Transaction, receipts: Sequence[dict[str, object]]) -> None:
    """Keep signed receipts, every column of them."""
    await tx.run_rows(_ADD_RECEIPTS, receipts)


async def receipts(view: Snapshot, consent_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The receipts of each of the consents, oldest first."""
    found: dict[str, list[Row]] = {consent_id: [] for consent_id in consent_ids}
    for row in await view.rows(_RECEIPTS, ids=consent_ids):
        found[row["consent_id"]].append(row)
    return found


async def add_releases(tx: Transaction, releases: Sequence[dict[str, object]]) -> None:
    """Remember releases by their idempotency keys."""
    await tx.run_rows(_ADD_RELEASES, releases)


async def releases(view: Snapshot, hashes: Sequence[str]) -> dict[tuple[str, str], Row]:
    """Releases that were made with the keys, by (consent id, key hash)."""
    return {(row["consent_id"], row["key_hash"]): row for row in await view.rows(_RELEASES, hashes=hashes)}


async def refuse_standing(tx: Transaction, candidate_id: str, *, against: str, position: int, mac: bytes) -> None:
    """Write what a candidate refuses once and for all, in place of what she refused before."""
    await tx.run(_REFUSE, candidate_id=candidate_id, against=against, position=position, mac=mac)


async def forget_standing(tx: Transaction, candidate_id: str) -> None:
    """Delete what a candidate refuses once and for all."""
    await tx.run(_FORGET_REFUSALS, candidate_id=candidate_id)


async def standing_refusals(view: Snapshot, candidate_ids: Sequence[str]) -> dict[str, Row]:
    """What each of the candidates refuses once and for all, of those who ever did."""
    return {row["candidate_id"]: row for row in await view.rows(_REFUSALS, candidate_ids=candidate_ids)}
