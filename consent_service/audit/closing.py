"""How the chain of a person ends who is erased: closed, its details destroyed, and its end sealed with the log key.

The details are what binds each entry to the log key, and with them goes the proof that an entry was changed. So each is
held against its entry first. What is found holds up no erasure; it alarms, and stays in what the end seals.
"""

import orjson
import structlog
from prometheus_client import Counter

from consent_service.audit import _store
from consent_service.audit.log import Head, SealBroken, is_sealed
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import aad
from consent_service.crypto.service_keys import SealKey
from consent_service.storage.engine import Transaction

TAMPERED = Counter("log_entries_tampered_total", "Log entries that were changed behind the service's back")

_PAGE = 500
_MOST = 100  # positions that are kept of a chain

_log = structlog.get_logger()


async def close(tx: Transaction, key: SealKey, head: Head) -> int:
    """Close the chain of a person who is erased, and destroy its details; how many. The caller holds the lock.

    Whoever waited for the lock meanwhile finds no chain, and writes nothing. A chain that others closed, or changed
    since, shows, and so does one that was changed before.
    """
    changed = await _changed(tx, key, head)
    if changed:
        TAMPERED.inc(len(changed))
        _log.error("log entries tampered with", count=len(changed), position=changed[0])
    told = canonical(changed[:_MOST]) if changed else b""
    await _store.close_chain(tx, head.chain_id, key.seal(told, _closing_aad(head.chain_id, head.length, head.digest)))
    return await _store.forget_details(tx, head.chain_id)


async def _changed(tx: Transaction, key: SealKey, head: Head) -> list[int]:
    """Positions whose entries are not what was written, or are gone."""
    left, after = set(range(head.length)), 0
    while page := await _store.entries_of(tx, head.chain_id, after=after, limit=_PAGE):
        left -= {row["position"] for row in page if is_sealed(key, head.chain_id, row)}
        after = page[-1]["position"] + 1
    return sorted(left)


def changed_before(key: SealKey, closing: bytes, chain_id: str, length: int, digest: bytes) -> list[int] | None:
    """Which entries ``close`` found changed; None if ``closing`` is not what it left on a chain of these entries."""
    try:
        told = key.open(closing, _closing_aad(chain_id, length, digest))
    except SealBroken:
        return None
    return list(orjson.loads(told)) if told else []


def _closing_aad(chain_id: str, length: int, digest: bytes) -> bytes:
    return aad("1", "log end", chain_id, str(length), digest.hex())
