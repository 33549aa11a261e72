"""The log's tables. ``chain`` and ``pending_leaf`` change; everything else is only ever added to."""

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from consent_service.audit.heads import Head, head_of
from consent_service.storage.engine import Row, Snapshot, Statement, Transaction, inserting, updating


def _number(**more: bool) -> "Column[int]":
    return Column(BigInteger, nullable=False, **more)  # type: ignore[arg-type]  # primary_key=True


def _bytes() -> "Column[bytes]":
    return Column(LargeBinary, nullable=False)


_A_STEP = text("changes_state <> 0")


class ChainRow(SQLModel, table=True):
    """The head of one chain: a candidate's, or the service's own.

    ``steps`` is where in the chain the last word stands about each consent that goes on, and about what is refused
    once and for all (JSON). ``mac`` covers all that moves.
    """

    __tablename__ = "chain"

    chain_id: str = Field(primary_key=True)
    length: int = Field(sa_column=_number())
    digest: bytes = Field(sa_column=_bytes())
    last_at: int = Field(sa_column=_number())
    closed: int = Field(sa_column=_number())
    closing: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    steps: str
    mac: bytes = Field(sa_column=_bytes())


class EntryRow(SQLModel, table=True):
    """One entry. ``body`` is what was hashed; the other columns are copies to search by."""

    __tablename__ = "entry"
    __table_args__ = (
        Index("entry_state", "consent_id", "position", sqlite_where=_A_STEP, postgresql_where=_A_STEP),
        Index("entry_consent", "consent_id", "position"),
        CheckConstraint("changes_state IN (0, 1)", name="entry_changes_state"),
    )

    chain_id: str = Field(primary_key=True)
    position: int = Field(sa_column=_number(primary_key=True))
    at: int = Field(sa_column=_number())
    event: str
    consent_id: str | None
    changes_state: int = Field(sa_column=_number())
    body: bytes = Field(sa_column=_bytes())
    digest: bytes = Field(sa_column=_bytes())


class EntryDetailRow(SQLModel, table=True):
    """What an entry's commitment commits to, sealed with the log key. Erasure deletes it; the entry stays."""

    __tablename__ = "entry_detail"

    chain_id: str = Field(primary_key=True)
    position: int = Field(sa_column=_number(primary_key=True))
    sealed: bytes = Field(sa_column=_bytes())


class PendingLeafRow(SQLModel, table=True):
    """An entry that is not yet numbered in the Merkle log."""

    __tablename__ = "pending_leaf"

    chain_id: str = Field(primary_key=True)
    position: int = Field(sa_column=_number(primary_key=True))


class LeafRow(SQLModel, table=True):
    """An entry's number in the Merkle log."""

    __tablename__ = "leaf"
    __table_args__ = (Index("leaf_entry", "chain_id", "position", unique=True),)

    leaf_index: int = Field(sa_column=_number(primary_key=True))
    chain_id: str
    position: int = Field(sa_column=_number())


class NodeRow(SQLModel, table=True):
    """The hash of a complete subtree: ``level`` 0 is the leaves, and node ``index`` covers 2**level of them."""

    __tablename__ = "node"

    level: int = Field(sa_column=_number(primary_key=True))
    node_index: int = Field(sa_column=_number(primary_key=True))
    digest: bytes = Field(sa_column=_bytes())


class CheckpointRow(SQLModel, table=True):
    """A signed head of the Merkle log."""

    __tablename__ = "checkpoint"

    size: int = Field(sa_column=_number(primary_key=True))
    root: bytes = Field(sa_column=_bytes())
    note: str
    at: int = Field(sa_column=_number())


_OPEN = Statement(
    "INSERT INTO chain (chain_id, length, digest, last_at, closed, steps, mac)"
    " VALUES (:chain_id, 0, :digest, :last_at, 0, '{}', :mac)"
    " ON CONFLICT (chain_id) DO NOTHING"
)
_LOCK = Statement(
    "SELECT chain_id, length, digest, last_at, steps, mac FROM chain WHERE chain_id IN (:ids[]) AND closed = 0"
    " ORDER BY chain_id {for_update}"
)
_LOCK_FREE = Statement(
    "SELECT chain_id, length, digest, last_at, steps, mac, closed FROM chain WHERE chain_id IN (:ids[])"
    " ORDER BY chain_id {skip_locked}"
)
_CLOSE = Statement("UPDATE chain SET closed = :closed, closing = :closing WHERE chain_id = :chain_id")
_HEADS = Statement("SELECT chain_id, length, digest, last_at, steps, mac FROM chain WHERE chain_id IN (:ids[])")
_MOVING = ("length", "digest", "last_at", "steps", "mac")
_MOVE = updating(ChainRow, _MOVING, key="chain_id")
_ENTRY = inserting(EntryRow, ("chain_id", "position", "at", "event", "consent_id", "changes_state", "body", "digest"))
_DETAIL = inserting(EntryDetailRow, ("chain_id", "position", "sealed"))
_PENDING = inserting(PendingLeafRow, ("chain_id", "position"))
_OF_ONE = (
    "SELECT e.position, e.at, e.event, e.consent_id, e.body, e.digest, d.sealed, l.leaf_index FROM entry e"
    " LEFT JOIN entry_detail d ON d.chain_id = e.chain_id AND d.position = e.position"
    " LEFT JOIN leaf l ON l.chain_id = e.chain_id AND l.position = e.position"
    " WHERE e.chain_id = :chain_id AND "
)
_OF_CHAIN = Statement(_OF_ONE + "e.position BETWEEN :after AND 4611686018427387904 ORDER BY e.position LIMIT :limit")
_NEWEST_FIRST = Statement(_OF_ONE + "e.position < :before ORDER BY e.position DESC LIMIT :limit")
_FREE = Statement(
    "WITH RECURSIVE place AS (SELECT CAST(:start AS BIGINT) AS position UNION ALL"
    " SELECT p.position + 1 FROM place p WHERE "
    + " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} t WHERE t.chain_id = :chain_id AND t.position = p.position)"
        for table in ("entry", "entry_detail", "pending_leaf", "leaf")
    )
    + ") SELECT MAX(position) FROM place"
)
_ABOUT_CONSENT = Statement(_OF_ONE + "e.consent_id = :consent_id ORDER BY e.position DESC LIMIT :limit")
_LAST_STEPS = Statement(
    "SELECT e.chain_id, e.position, e.consent_id, e.body, e.digest,"
    " c.length, c.digest AS head, c.last_at, c.steps, c.mac FROM entry e JOIN ("
    "SELECT consent_id, MAX(position) AS position FROM entry WHERE changes_state <> 0 AND consent_id IN (:ids[])"
    " GROUP BY consent_id) s ON s.consent_id = e.consent_id AND s.position = e.position"
    " LEFT JOIN chain c ON c.chain_id = e.chain_id WHERE e.changes_state <> 0"
)
_FORGET = Statement("DELETE FROM entry_detail WHERE chain_id = :chain_id")

_LEAF_ABOUT = Statement(
    "SELECT l.leaf_index, e.digest FROM entry e JOIN leaf l ON l.chain_id = e.chain_id AND l.position = e.position"
    " WHERE e.consent_id = :consent_id AND e.position = :position"
)

_UNNUMBERED = Statement(
    "SELECT w.chain_id, w.position, w.body, w.digest, d.sealed, c.closed FROM"
    " (SELECT p.chain_id, p.position, e.at, e.body, e.digest FROM pending_leaf p"
    " JOIN entry e ON e.chain_id = p.chain_id AND e.position = p.position"
    " ORDER BY e.at, p.chain_id, p.position LIMIT :limit) w"
    " LEFT JOIN entry_detail d ON d.chain_id = w.chain_id AND d.position = w.position"
    " LEFT JOIN chain c ON c.chain_id = w.chain_id ORDER BY w.at, w.chain_id, w.position"
)
_NUMBERED = Statement("DELETE FROM pending_leaf WHERE chain_id = :chain_id AND position = :position")
_LEAF = inserting(LeafRow, ("leaf_index", "chain_id", "position"))
_NODE = inserting(NodeRow, ("level", "node_index", "digest"))
_NODES = Statement("SELECT node_index, digest FROM node WHERE level = :level AND node_index IN (:indexes[])")
_SIZE = Statement("SELECT COALESCE(MAX(leaf_index) + 1, 0) AS size FROM leaf")
_CHECKPOINT = Statement(
    "INSERT INTO checkpoint (size, root, note, at) VALUES (:size, :root, :note, :at) ON CONFLICT (size) DO NOTHING"
)
_NEWEST = Statement("SELECT size, root, note, at FROM checkpoint ORDER BY size DESC LIMIT 1")


async def open_chain(tx: Transaction, chain_id: str, digest: bytes, at: int) -> bool:
    """Whether the chain is new."""
    return await tx.run(_OPEN, chain_id=chain_id, digest=digest, last_at=at, mac=b"") == 1


async def heads(view: Snapshot, ids: Sequence[str]) -> list[Head]:
    """The heads of the chains among ``ids``, not locked."""
    return [head_of(row) for row in await view.rows(_HEADS, ids=ids)]


async def lock_heads(tx: Transaction, ids: Sequence[str]) -> list[Head]:
    """The heads of the open chains among ``ids``, locked in id order."""
    return [head_of(row) for row in await tx.rows(_LOCK, ids=ids)]


async def lock_free_heads(tx: Transaction, ids: Sequence[str]) -> tuple[list[Head], set[str]]:
    """The same without waiting: only heads that nobody holds, and which of ``ids`` are closed chains."""
    rows = await tx.rows(_LOCK_FREE, ids=ids)
    return [head_of(row) for row in rows if not row["closed"]], {row["chain_id"] for row in rows if row["closed"]}


async def close_chain(tx: Transaction, chain_id: str, closing: bytes | None) -> None:
    """Close a chain: nothing is appended to it any more. ``closing`` seals how it ended; None opens it again."""
    await tx.run(_CLOSE, chain_id=chain_id, closed=int(closing is not None), closing=closing)


async def add_entries(
    tx: Transaction, entries: Sequence[dict[str, object]], details: Sequence[dict[str, object]], heads: Iterable[Head]
) -> None:
    """Write entries, their details and their place in the queue for numbers, and move the heads."""
    await tx.run_each(
        (_ENTRY, entries),
        (_DETAIL, details),
        (_PENDING, [{"chain_id": e["chain_id"], "position": e["position"]} for e in entries]),
        (_MOVE, [{name: getattr(head, name) for name in ("chain_id", *_MOVING)} for head in heads]),
    )


async def entries_of(view: Snapshot, chain_id: str, *, after: int, limit: int) -> list[Row]:
    """Entries at every number from ``after`` on, with sealed detail and leaf number where there are any."""
    return await view.rows(_OF_CHAIN, chain_id=chain_id, after=after, limit=limit)


async def newest_first(view: Snapshot, chain_id: str, *, before: int, limit: int) -> list[Row]:
    """Entries below position ``before``, the last one first; columns as in ``entries_of``."""
    return await view.rows(_NEWEST_FIRST, chain_id=chain_id, before=before, limit=limit)


async def first_free(view: Snapshot, chain_id: str, start: int) -> int:
    """The first position of the chain from ``start`` on where there is nothing in any of the log's tables."""
    return int(await view.value(_FREE, chain_id=chain_id, start=start))


async def about_consent(view: Snapshot, chain_id: str, consent_id: str, *, limit: int) -> list[Row]:
    """Entries that name a consent, the last one first; columns as in ``entries_of``."""
    return await view.rows(_ABOUT_CONSENT, chain_id=chain_id, consent_id=consent_id, limit=limit)


async def leaf_about(view: Snapshot, consent_id: str, position: int, digest: bytes) -> int | None:
    """The number of the entry with this hash at a position of its chain, about a consent."""
    rows = await view.rows(_LEAF_ABOUT, consent_id=consent_id, position=position)
    return next((row["leaf_index"] for row in rows if row["digest"] == digest), None)


async def last_steps(view: Snapshot, consent_ids: Sequence[str]) -> list[Row]:
    """The last entry that changed the state of each consent, by the columns beside it, with its chain's head."""
    return await view.rows(_LAST_STEPS, ids=consent_ids)


async def forget_details(tx: Transaction, chain_id: str) -> int:
    """Delete every detail of the chain; how many there were."""
    return await tx.run(_FORGET, chain_id=chain_id)


async def unnumbered(view: Snapshot, limit: int) -> list[Row]:
    """Entries that wait for a leaf number, oldest first, with their details and whether their chains are closed."""
    return await view.rows(_UNNUMBERED, limit=limit)


async def add_leaves(tx: Transaction, first: int, entries: Sequence[Row]) -> None:
    """Number ``entries`` from ``first`` on."""
    keys = [{"chain_id": row["chain_id"], "position": row["position"]} for row in entries]
    await tx.run_rows(_LEAF, [{"leaf_index": first + i, **key} for i, key in enumerate(keys)])
    await tx.run_many(_NUMBERED, keys)


async def add_nodes(tx: Transaction, nodes: Iterable[tuple[int, int, bytes]]) -> None:
    """Store hashes of complete subtrees: (level, index, digest)."""
    await tx.run_rows(_NODE, [{"level": level, "node_index": index, "digest": d} for level, index, d in nodes])


async def nodes(view: Snapshot, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The stored hashes of ``wanted`` (level, index)."""
    by_level: dict[int, list[int]] = {}
    for level, index in wanted:
        by_level.setdefault(level, []).append(index)
    return {
        (level, row["node_index"]): row["digest"]
        for level, indexes in by_level.items()
        for row in await view.rows(_NODES, level=level, indexes=indexes)
    }


async def size(view: Snapshot) -> int:
    """How many leaves there are."""
    return int(await view.value(_SIZE))


async def add_checkpoint(tx: Transaction, *, size: int, root: bytes, note: str, at: int) -> None:
    """Store a signed head."""
    await tx.run(_CHECKPOINT, size=size, root=root, note=note, at=at)


async def newest_checkpoint(view: Snapshot) -> Row | None:
    """The signed head of the largest size."""
    return await view.row(_NEWEST)
