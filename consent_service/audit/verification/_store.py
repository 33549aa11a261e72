"""What verification reads: the log's tables side by side, a page at a time, so that any size fits in memory."""

from consent_service.audit._store import (
    ChainRow,
    CheckpointRow,
    EntryDetailRow,
    EntryRow,
    LeafRow,
    NodeRow,
    PendingLeafRow,
)
from consent_service.storage.engine import Row, Snapshot, Statement
from consent_service.storage.misfits import Types

PAGE = 1_000

# The page is cut out first, and then joined: a planner that may merge whole tables would do so for every page.
_ENTRIES = Statement(
    "SELECT e.chain_id, e.position, e.at, e.event, e.consent_id, e.changes_state, e.body, e.digest, d.sealed,"
    " l.leaf_index, n.digest AS leaf, p.position AS pending,"
    " c.length, c.digest AS head, c.last_at, c.closed, c.closing, c.steps, c.mac"
    " FROM (SELECT * FROM entry WHERE (chain_id, position) > (:chain_id, :position)"
    " ORDER BY chain_id, position LIMIT :limit) e"
    " LEFT JOIN chain c ON c.chain_id = e.chain_id"
    " LEFT JOIN entry_detail d ON d.chain_id = e.chain_id AND d.position = e.position"
    " LEFT JOIN leaf l ON l.chain_id = e.chain_id AND l.position = e.position"
    " LEFT JOIN node n ON n.level = 0 AND n.node_index = l.leaf_index"
    " LEFT JOIN pending_leaf p ON p.chain_id = e.chain_id AND p.position = e.position"
    " ORDER BY e.chain_id, e.position"
)
_EMPTY = Statement(
    "SELECT c.chain_id, c.length FROM chain c WHERE c.length > 0 AND c.chain_id > :after"
    " AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.chain_id = c.chain_id) ORDER BY c.chain_id LIMIT :limit"
)
_LEAVES = Statement(
    "SELECT l.leaf_index, l.chain_id, l.position, e.position AS found FROM leaf l"
    " LEFT JOIN entry e ON e.chain_id = l.chain_id AND e.position = l.position"
    " WHERE l.leaf_index >= :first AND l.leaf_index < :end ORDER BY l.leaf_index"
)
_NODES = Statement(
    "SELECT node_index, digest FROM node WHERE level = :level AND node_index >= :first AND node_index < :end"
)
_BESIDE = {
    table: Statement(
        "SELECT s.chain_id, s.position, e.position AS found FROM"
        f" (SELECT chain_id, position FROM {table} WHERE (chain_id, position) > (:chain_id, :position)"
        " ORDER BY chain_id, position LIMIT :limit) s"
        " LEFT JOIN entry e ON e.chain_id = s.chain_id AND e.position = s.position ORDER BY s.chain_id, s.position"
    )
    for table in ("pending_leaf", "entry_detail")
}
_CHECKPOINTS = Statement("SELECT size, root, note FROM checkpoint WHERE size > :after ORDER BY size LIMIT :limit")
_TOTALS = Statement(
    "SELECT (SELECT COUNT(*) FROM entry) AS entries, (SELECT COUNT(*) FROM node) AS nodes,"
    " (SELECT COALESCE(MAX(leaf_index) + 1, 0) FROM leaf) AS leaves,"
    " (SELECT COALESCE(MAX(node_index) + 1, 0) FROM node WHERE level = 0) AS hashes"
)
_LEAF_OF = Statement("SELECT leaf_index FROM leaf WHERE chain_id = :chain_id AND position = :position")
_ABOUT = Statement("SELECT digest FROM entry WHERE consent_id = :consent_id AND position = :position")
_SPOKEN_OF = Statement("SELECT 1 FROM entry WHERE consent_id = :consent_id LIMIT 1")
_LAST = Statement("SELECT MAX(position) AS position FROM entry WHERE chain_id = :chain_id")


_TYPES = tuple(
    Types(table) for table in (ChainRow, EntryRow, EntryDetailRow, PendingLeafRow, LeafRow, NodeRow, CheckpointRow)
)


async def misfits(view: Snapshot) -> dict[str, int]:
    """How many rows of which of the log's tables hold what is not of their columns' types."""
    counted = {types.name: await types.misfits(view) for types in _TYPES}
    return {table: rows for table, rows in counted.items() if rows}


async def entries(view: Snapshot, chain_id: str, position: int) -> list[Row]:
    """The next entries in the order of chains and positions, each with everything that is said about it elsewhere."""
    return await view.rows(_ENTRIES, chain_id=chain_id, position=position, limit=PAGE)


async def empty_chains(view: Snapshot, after: str) -> list[Row]:
    """Heads that count entries where there is none."""
    return await view.rows(_EMPTY, after=after, limit=PAGE)


async def leaves(view: Snapshot, first: int, end: int) -> list[Row]:
    """Numbers and whose they are; ``found`` is None if there is no such entry."""
    return await view.rows(_LEAVES, first=first, end=end)


async def nodes(view: Snapshot, level: int, first: int, end: int) -> dict[int, bytes]:
    """Stored hashes of one level, by index."""
    rows = await view.rows(_NODES, level=level, first=first, end=end)
    return {row["node_index"]: row["digest"] for row in rows}


async def beside(view: Snapshot, table: str, chain_id: str, position: int) -> list[Row]:
    """The next rows of ``table`` (pending_leaf, entry_detail); ``found`` is None for those that belong to no entry."""
    return await view.rows(_BESIDE[table], chain_id=chain_id, position=position, limit=PAGE)


async def checkpoints(view: Snapshot, after: int) -> list[Row]:
    """The next checkpoints by size."""
    return await view.rows(_CHECKPOINTS, after=after, limit=PAGE)


async def totals(view: Snapshot) -> Row:
    """How many entries, leaf numbers, leaf hashes and nodes there are."""
    row = await view.row(_TOTALS)
    assert row is not None
    return row


async def leaf_of(view: Snapshot, chain_id: str, position: int) -> int | None:
    """The number of an entry that may be gone."""
    number: int | None = await view.value(_LEAF_OF, chain_id=chain_id, position=position)
    return number


async def last_position(view: Snapshot, chain_id: str) -> int | None:
    """The last entry of a chain that is there."""
    number: int | None = await view.value(_LAST, chain_id=chain_id)
    return number


async def about_consent(view: Snapshot, consent_id: str, position: int) -> list[bytes]:
    """The hashes of the entries about a consent at this position of their chains."""
    return [row["digest"] for row in await view.rows(_ABOUT, consent_id=consent_id, position=position)]


async def is_spoken_of(view: Snapshot, consent_id: str) -> bool:
    """Whether any entry is about the consent."""
    return await view.value(_SPOKEN_OF, consent_id=consent_id) is not None
