"""What somebody who can write the database does to the log: any statement, and chains rewritten to look whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from consent_service.audit.log import FIRST, leaf_hash
from consent_service.audit.merkle import completed
from consent_service.crypto.canonical import canonical
from consent_service.storage.engine import Database, Row, Statement

Bodies = list[dict[str, Any]]

_UNCHECKED = Statement("PRAGMA ignore_check_constraints = ON")
_TRIGGERS = Statement("SELECT name FROM sqlite_master WHERE type = 'trigger'")


async def unlock(db: Database) -> None:
    """Take away what refuses changes: whoever owns the file can."""
    if db.dialect == "sqlite":
        async with db.transaction() as tx:
            await tx.run(_UNCHECKED)
            for row in await tx.rows(_TRIGGERS):
                await tx.run(Statement(f"DROP TRIGGER {row['name']}"))


async def tamper(db: Database, *statements: str, **given: Any) -> None:
    """Run ``statements``, each with all of ``given``."""
    await unlock(db)
    async with db.transaction() as tx:
        for statement in statements:
            await tx.run(Statement(statement), **given)


async def bodies(db: Database, chain: str) -> Bodies:
    """What a chain's entries say."""
    read = Statement("SELECT body FROM entry WHERE chain_id = :chain ORDER BY position")
    async with db.snapshot() as view:
        return [json.loads(row["body"]) for row in await view.rows(read, chain=chain)]


async def rewrite(db: Database, chain: str, change: Callable[[Bodies], None]) -> None:
    """Change a chain's entries, and recompute positions, links, hashes and head, so that the chain looks whole."""
    said = await bodies(db, chain)
    change(said)
    await tamper(db, "DELETE FROM entry WHERE chain_id = :chain", chain=chain)
    previous = FIRST
    for position, body in enumerate(said):
        raw = canonical({**body, "chain": chain, "position": position, "previous": previous.hex()})
        previous = leaf_hash(raw)
        await tamper(
            db,
            "INSERT INTO entry (chain_id, position, at, event, consent_id, changes_state, body, digest)"
            " VALUES (:chain, :position, :at, :event, :consent, :state, :body, :digest)",
            chain=chain,
            position=position,
            at=body["at"],
            event=body["event"],
            consent=body["consent"],
            state=int(body["state"]),
            body=raw,
            digest=previous,
        )
    await tamper(
        db,
        "UPDATE chain SET length = :length, digest = :digest, last_at = :at WHERE chain_id = :chain",
        chain=chain,
        length=len(said),
        digest=previous,
        at=said[-1]["at"],
    )


async def heads_proofs(db: Database) -> list[Row]:
    """The MACs of the chains' heads as they are now: whoever means to put back the rest keeps them, too."""
    async with db.snapshot() as view:
        return await view.rows(Statement("SELECT chain_id, mac FROM chain"))


async def put_back(db: Database, proofs: list[Row]) -> None:
    """Put them back."""
    for proof in proofs:
        await tamper(db, "UPDATE chain SET mac = :mac WHERE chain_id = :chain_id", **dict(proof))


async def number(db: Database, chain: str, position: int) -> None:
    """Number an entry that waits, as the sequencer would, but whatever it is."""
    await tamper(
        db,
        "INSERT INTO leaf (leaf_index, chain_id, position)"
        " SELECT COALESCE(MAX(leaf_index), -1) + 1, CAST(:chain AS TEXT), CAST(:position AS INTEGER) FROM leaf",
        "DELETE FROM pending_leaf WHERE chain_id = :chain AND position = :position",
        chain=chain,
        position=position,
    )
    await rebuild_tree(db)


async def rebuild_tree(db: Database) -> None:
    """Make the Merkle log again from the entries as they are now, so that it looks whole, checkpoints aside."""
    read = Statement(
        "SELECT e.digest FROM leaf l JOIN entry e ON e.chain_id = l.chain_id AND e.position = l.position"
        " ORDER BY l.leaf_index"
    )
    async with db.snapshot() as view:
        leaves = [row["digest"] for row in await view.rows(read)]
    await tamper(db, "DELETE FROM node")
    insert = Statement("INSERT INTO node (level, node_index, digest) VALUES (:level, :index, :digest)")
    async with db.transaction() as tx:
        for level, index, digest in completed(0, leaves, dict[tuple[int, int], bytes]().__getitem__):
            await tx.run(insert, level=level, index=index, digest=digest)
