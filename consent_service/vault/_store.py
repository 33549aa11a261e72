"""Where keys, parts and shares lie, sealed each and every one."""

from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import IN_THE_ROW, Row, Snapshot, Statement, Transaction, inserting
from consent_service.vault.parts import PartRef, Version


class CandidateKeyRow(SQLModel, table=True):
    """A candidate's own key, wrapped by the key provider. Destroying it destroys the person's parts."""

    __tablename__ = "candidate_key"

    candidate_id: str = Field(primary_key=True)
    wrapped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RecipientKeyRow(SQLModel, table=True):
    """A recipient's key (a unit's, or the mailbox's), wrapped by the key provider."""

    __tablename__ = "recipient_key"

    recipient_id: str = Field(primary_key=True)
    wrapped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ServiceKeyRow(SQLModel, table=True):
    """A service key, wrapped; and, as use ``check``, the value that tells whether the master key is the right one."""

    __tablename__ = "service_key"

    use: str = Field(primary_key=True)
    wrapped: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class MasterFloorRow(SQLModel, table=True):
    """By kind of provider, the oldest master version that a key may be stored under; raised before one is destroyed."""

    __tablename__ = "master_floor"

    name: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, nullable=False))


class PartRow(SQLModel, table=True):
    """A sealed part and its data key, wrapped for its owner. ``held_for`` names the controller."""

    __tablename__ = "part"
    __table_args__ = IN_THE_ROW

    candidate_id: str = Field(primary_key=True)
    resource: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, primary_key=True))
    part: str = Field(primary_key=True)
    held_for: str
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ShareRow(SQLModel, table=True):
    """A part's data key, wrapped for one recipient under one consent. No share, no reading."""

    __tablename__ = "share"
    __table_args__ = (Index("share_candidate", "candidate_id"),)

    consent_id: str = Field(primary_key=True)
    recipient_id: str = Field(primary_key=True)
    candidate_id: str = Field(primary_key=True)
    resource: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInteger, primary_key=True))
    part: str = Field(primary_key=True)
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


_PART = "candidate_id, resource, resource_id, version, part"
_ADD_CANDIDATE_KEY = Statement("INSERT INTO candidate_key (candidate_id, wrapped) VALUES (:id, :wrapped)")
_ADD_RECIPIENT_KEY = Statement(
    "INSERT INTO recipient_key (recipient_id, wrapped) VALUES (:id, :wrapped) ON CONFLICT (recipient_id) DO NOTHING"
)
_ADD_SERVICE_KEY = Statement("INSERT INTO service_key (use, wrapped) VALUES (:use, :wrapped)")
_SERVICE_KEYS = Statement("SELECT use, wrapped FROM service_key")
_CHECKPOINT_KEYS = {
    keep: Statement(f"SELECT use, wrapped FROM service_key WHERE use LIKE 'checkpoints%' ORDER BY use {lock}")
    for keep, lock in ((False, ""), (True, "{for_share}"))
}
_DROP_SERVICE_KEYS = Statement("DELETE FROM service_key WHERE use IN (:uses[])")
_LAY_FLOOR = Statement("INSERT INTO master_floor (name, version) VALUES (:kind, 0) ON CONFLICT (name) DO NOTHING")
_FLOOR = Statement("SELECT version FROM master_floor WHERE name = :kind {for_share}")
_RAISE_FLOOR = Statement(
    "INSERT INTO master_floor (name, version) VALUES (:kind, :version) ON CONFLICT (name) DO UPDATE"
    " SET version = excluded.version WHERE master_floor.version < excluded.version OR :lower = 1"
)
WRAPPED = {
    "service": ("service_key", "use"),
    "recipient": ("recipient_key", "recipient_id"),
    "candidate": ("candidate_key", "candidate_id"),
}
_FIND = {owner: Statement(f"SELECT wrapped FROM {table} WHERE {key} = :id") for owner, (table, key) in WRAPPED.items()}
_WRAPPED = {
    owner: Statement(f"SELECT {key} AS id, wrapped FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT :limit")
    for owner, (table, key) in WRAPPED.items()
}
_SWAP = {
    owner: Statement(f"UPDATE {table} SET wrapped = :after WHERE {key} = :id AND wrapped = :before")
    for owner, (table, key) in WRAPPED.items()
}
_ADD_PARTS = inserting(PartRow, (*PartRef._fields, "held_for", "wrapped_key", "sealed", "created_at"))
_PARTS = Statement(
    f"SELECT {', '.join('p.' + name for name in PartRef._fields)}, p.wrapped_key, p.sealed"
    " FROM ROWS(:refs AS w(candidate_id text, resource text, resource_id text, version bigint, part text))"
    " JOIN part p ON p.candidate_id = w.candidate_id AND p.resource = w.resource AND p.resource_id = w.resource_id"
    " AND p.version = w.version AND p.part = w.part"
)
_REFS = Statement(
    f"SELECT {_PART} FROM part WHERE candidate_id = :candidate_id AND resource = :resource"
    " AND resource_id = :resource_id AND version = :version ORDER BY part"
)
_OF_CANDIDATE = Statement(f"SELECT {_PART}, held_for, created_at FROM part WHERE candidate_id = :id ORDER BY {_PART}")
_HOLD_FOR = Statement(
    "UPDATE part SET held_for = :held_for"
    " FROM ROWS(:versions AS w(candidate_id text, resource text, resource_id text, version bigint))"
    " WHERE part.candidate_id = w.candidate_id AND part.resource = w.resource AND part.resource_id = w.resource_id"
    " AND part.version = w.version AND part.resource || '.' || part.part NOT LIKE :but || ':%'"
)
_DESTROY_RESOURCE, _DESTROY_SHARES_ON = (
    Statement(f"DELETE FROM {table} WHERE candidate_id = :candidate_id AND resource = :resource AND resource_id = :id")
    for table in ("part", "share")
)
_ADD_SHARES = inserting(ShareRow, ("consent_id", "recipient_id", *PartRef._fields, "wrapped_key"))
_SHARED = Statement(
    "SELECT s.consent_id, s.recipient_id, s.candidate_id, s.resource, s.resource_id, s.version, s.part,"
    " s.wrapped_key, p.sealed FROM share s JOIN part p ON p.candidate_id = s.candidate_id"
    " AND p.resource = s.resource AND p.resource_id = s.resource_id AND p.version = s.version AND p.part = s.part"
    " WHERE s.consent_id IN (:consent_ids[]) AND s.recipient_id IN (:recipient_ids[])"
)
_HOLDS = Statement(
    "SELECT 1 FROM share WHERE consent_id = :consent_id AND recipient_id = :recipient_id AND resource = :resource"
)
_RECIPIENTS = Statement(
    "SELECT DISTINCT recipient_id FROM share WHERE consent_id = :consent_id AND candidate_id = :candidate_id"
    " ORDER BY recipient_id"
)
_CONSENTS = Statement("SELECT DISTINCT consent_id FROM share WHERE candidate_id = :candidate_id")
_DESTROY_CANDIDATES = Statement("DELETE FROM share WHERE consent_id = :consent_id AND candidate_id = :candidate_id")
_DESTROY_SHARES = Statement(
    "DELETE FROM share WHERE consent_id IN (:ids[]) AND recipient_id <> :but AND (recipient_id = :only OR :only = '')"
)
_ERASE = {
    what: Statement(f"DELETE FROM {table} WHERE candidate_id = :id")
    for what, table in (("keys", "candidate_key"), ("parts", "part"), ("shares", "share"))
}


def ref_of(row: Row) -> PartRef:
    """The reference in a row."""
    return PartRef(row["candidate_id"], row["resource"], row["resource_id"], row["version"], row["part"])


async def add_candidate_key(tx: Transaction, candidate_id: str, wrapped: bytes) -> None:
    """Store a candidate's key."""
    await tx.run(_ADD_CANDIDATE_KEY, id=candidate_id, wrapped=wrapped)


async def add_recipient_key(tx: Transaction, recipient_id: str, wrapped: bytes) -> None:
    """Store a recipient's key, unless somebody was first."""
    await tx.run(_ADD_RECIPIENT_KEY, id=recipient_id, wrapped=wrapped)


async def find_wrapped(view: Snapshot, owner: str, key_id: str) -> bytes | None:
    """The wrapped key of a candidate, a recipient or a service; None when there is none, or no longer."""
    return cast("bytes | None", await view.value(_FIND[owner], id=key_id))


async def add_service_keys(tx: Transaction, wrapped: dict[str, bytes]) -> None:
    """Store the service keys and the check value."""
    await tx.run_many(_ADD_SERVICE_KEY, [{"use": use, "wrapped": key} for use, key in wrapped.items()])


async def service_keys(view: Snapshot) -> dict[str, bytes]:
    """The wrapped service keys by use; empty before they are made."""
    return {row["use"]: row["wrapped"] for row in await view.rows(_SERVICE_KEYS)}


async def checkpoint_keys(view: Snapshot, *, keep: bool = False) -> dict[str, bytes]:
    """The wrapped keys of the log's heads; ``keep``: nobody changes them until this transaction ends."""
    return {row["use"]: row["wrapped"] for row in await view.rows(_CHECKPOINT_KEYS[keep])}


async def drop_service_keys(tx: Transaction, *uses: str) -> None:
    """Forget service keys."""
    await tx.run(_DROP_SERVICE_KEYS, uses=list(uses))


async def floor(tx: Transaction, kind: str) -> int:
    """The oldest master version that may be stored; it stays so until this transaction ends."""
    await tx.run(_LAY_FLOOR, kind=kind)
    return int(await tx.value(_FLOOR, kind=kind))


async def raise_floor(tx: Transaction, kind: str, version: int, *, lower: bool = False) -> None:
    """Let nothing older than ``version`` be stored from now on; or all from there. Waits for whoever is storing."""
    await tx.run(_RAISE_FLOOR, kind=kind, version=version, lower=int(lower))


async def wrapped_keys(view: Snapshot, owner: str, *, after: str, limit: int) -> list[Row]:
    """(id, wrapped) of an owner's kind (see ``WRAPPED``), in id order."""
    return await view.rows(_WRAPPED[owner], after=after, limit=limit)


async def swap_wrapped(tx: Transaction, owner: str, key_id: str, before: bytes, after: bytes) -> bool:
    """Put ``after`` where ``before`` still is; whether it was."""
    return await tx.run(_SWAP[owner], id=key_id, before=before, after=after) > 0


async def add_parts(tx: Transaction, rows: Sequence[dict[str, object]]) -> None:
    """Store sealed parts, every column of them. Raises Duplicate: a version is written once."""
    await tx.run_rows(_ADD_PARTS, rows)


async def parts(view: Snapshot, refs: Iterable[PartRef]) -> dict[PartRef, Row]:
    """The sealed parts that exist of ``refs``."""
    wanted = [ref._asdict() for ref in sorted(set(refs))]
    return {ref_of(row): row for row in await view.rows(_PARTS, refs=wanted)}


async def refs(view: Snapshot, candidate_id: str, resource: str, resource_id: str, version: int) -> list[PartRef]:
    """What parts a version has."""
    of = {"candidate_id": candidate_id, "resource": resource, "resource_id": resource_id, "version": version}
    return [ref_of(row) for row in await view.rows(_REFS, **of)]


async def hold_for(tx: Transaction, versions: Iterable[Version], held_for: str, *, but: str) -> None:
    """Name another controller of these versions' parts, but those of a kind whose parts are named after something."""
    await tx.run(_HOLD_FOR, versions=[one._asdict() for one in versions], held_for=held_for, but=but)


async def of_candidate(view: Snapshot, candidate_id: str) -> list[Row]:
    """Every part of a candidate: its reference, controller and time; not its content."""
    return await view.rows(_OF_CANDIDATE, id=candidate_id)


async def destroy_resource(tx: Transaction, candidate_id: str, resource: str, resource_id: str) -> int:
    """Delete every version of a resource, and every share of it; how many parts that were."""
    of = {"candidate_id": candidate_id, "resource": resource, "id": resource_id}
    await tx.run(_DESTROY_SHARES_ON, **of)
    return await tx.run(_DESTROY_RESOURCE, **of)


async def add_shares(tx: Transaction, rows: Sequence[dict[str, object]]) -> None:
    """Store data keys wrapped for recipients, every column of them."""
    await tx.run_rows(_ADD_SHARES, rows)


async def shared(view: Snapshot, consent_ids: Sequence[str], recipient_ids: Sequence[str]) -> list[Row]:
    """The recipients' shares under the consents, with the sealed part that each opens."""
    return await view.rows(_SHARED, consent_ids=consent_ids, recipient_ids=recipient_ids)


async def holds(view: Snapshot, consent_id: str, recipient_id: str, resource: str) -> bool:
    """Whether a recipient holds a share of some ``resource`` under the consent."""
    return bool(await view.value(_HOLDS, consent_id=consent_id, recipient_id=recipient_id, resource=resource))


async def recipients(view: Snapshot, consent_id: str, candidate_id: str) -> list[str]:
    """Who holds shares of the candidate's parts under the consent, by the shares' own word."""
    rows = await view.rows(_RECIPIENTS, consent_id=consent_id, candidate_id=candidate_id)
    return [row["recipient_id"] for row in rows]


async def consents_of(view: Snapshot, candidate_id: str) -> list[str]:
    """Under which consents parts of the candidate are shared, by the shares' own word."""
    return [row["consent_id"] for row in await view.rows(_CONSENTS, candidate_id=candidate_id)]


async def destroy_shares_of(tx: Transaction, consent_id: str, candidate_id: str) -> int:
    """Delete the shares of the candidate's parts under a consent."""
    return await tx.run(_DESTROY_CANDIDATES, consent_id=consent_id, candidate_id=candidate_id)


async def destroy_shares(
    tx: Transaction, consent_ids: Sequence[str], *, recipient_id: str | None = None, but: str | None = None
) -> int:
    """Delete the shares of consents: all, those of ``recipient_id``, or all ``but`` one recipient's."""
    return await tx.run(_DESTROY_SHARES, ids=consent_ids, only=recipient_id or "", but=but or "")


async def erase(tx: Transaction, candidate_id: str) -> dict[str, int]:
    """Delete the candidate's key, parts and shares; how many of each."""
    return {what: await tx.run(statement, id=candidate_id) for what, statement in _ERASE.items()}
