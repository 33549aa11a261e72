"""Reading a candidate's own log: each entry with its detail opened, and its place in the chain and the Merkle log."""

import json
from dataclasses import dataclass
from typing import Any

import structlog

from consent_service.audit import _store
from consent_service.audit.log import open_detail
from consent_service.crypto.envelope import SealBroken
from consent_service.crypto.service_keys import SealKey
from consent_service.storage.engine import Row, Snapshot

_log = structlog.get_logger()

_NO_BOUND = 2**62  # no chain gets that long


@dataclass(frozen=True)
class Line:
    """An entry as the candidate may see it. ``salt`` and ``detail`` prove the commitment; empty if it does not open.

    ``body`` is the canonical bytes that were hashed (RFC 8785), ``digest`` their leaf hash.
    """

    position: int
    at: int
    event: str
    actor: str
    unit_id: str | None
    consent_id: str | None
    resource_id: str | None
    outcome: str | None
    detail: dict[str, Any]
    salt: bytes
    body: bytes
    digest: bytes
    leaf_index: int | None


async def lines(view: Snapshot, log_key: SealKey, chain_id: str, *, after: int, limit: int) -> list[Line]:
    """Entries of a candidate's chain from position ``after`` on."""
    return [_line(log_key, chain_id, row) for row in await _store.entries_of(view, chain_id, after=after, limit=limit)]


async def latest(view: Snapshot, log_key: SealKey, chain_id: str, *, before: int | None, limit: int) -> list[Line]:
    """The newest entries, newest first; those below position ``before`` when it is given."""
    bound = _NO_BOUND if before is None else before
    rows = await _store.newest_first(view, chain_id, before=bound, limit=limit)
    return [_line(log_key, chain_id, row) for row in rows]


async def about_consent(
    view: Snapshot, log_key: SealKey, chain_id: str, consent_id: str, *, limit: int = 200
) -> list[Line]:
    """What happened under one consent, newest first."""
    rows = await _store.about_consent(view, chain_id, consent_id, limit=limit)
    return [_line(log_key, chain_id, row) for row in rows]


def _line(log_key: SealKey, chain_id: str, row: Row) -> Line:
    body = json.loads(row["body"])
    try:
        opened = open_detail(log_key, chain_id, row)
    except SealBroken:
        # One detail that was changed must not hide all the others from the person they concern.
        _log.error("a log detail was changed", alarm="log", position=row["position"])
        opened = None
    return Line(
        position=row["position"],
        at=row["at"],
        event=body["event"],
        actor=body["actor"],
        unit_id=body["unit"],
        consent_id=body["consent"],
        resource_id=body["resource"],
        outcome=body["outcome"],
        detail={} if opened is None else json.loads(opened[1]),
        salt=b"" if opened is None else opened[0],
        body=row["body"],
        digest=row["digest"],
        leaf_index=row["leaf_index"],
    )
