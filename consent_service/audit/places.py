"""Where a chain goes on whose head can't be followed: others wrote it, put it back, or took the place that it names.

Nothing may keep a person from ending what she shares, whatever somebody planted among the log's rows. So an end goes
behind the last entry that is ours, at the first place where nothing stands, and time goes on from there, or from the
clock. Nothing is overwritten and nothing removed: what was planted stays as evidence, and verification names it.
"""

import orjson
import structlog
from prometheus_client import Counter

from consent_service.audit import _store
from consent_service.audit.details import is_sealed, leaf_hash
from consent_service.audit.heads import FIRST, Head, is_sound
from consent_service.crypto.service_keys import SealKey
from consent_service.errors import Tampered
from consent_service.storage.engine import Row, Snapshot, Transaction

TAMPERED = Counter("log_chains_tampered_total", "Times that a chain's end was found to be none that the service left")

_NO_BOUND = 2**62  # no chain gets that long
_PAGE = 100

_log = structlog.get_logger()


class Taken(Tampered):
    """Where a chain goes on, by its head, there is something. Nothing more can be written in the transaction."""


async def go_on(tx: Transaction, key: SealKey, head: Head) -> None:
    """Let ``head``, which is locked, name a place that is free, behind all that is ours.

    One that others wrote, or put back, or whose place they took, is proven no more, and links to what stands before,
    whoever wrote that. It alarms, and so does an entry of theirs at the end.
    """
    if head.placed:
        return
    head.placed = True
    last, theirs = await _last_of_ours(tx, key, head.chain_id)
    behind = 0 if last is None else last["position"] + 1
    if not is_sound(key, head) or head.length < behind:
        head.sound, head.length = False, behind
        head.last_at = 0 if last is None else orjson.loads(last["body"])["at"]
    free = await _store.first_free(tx, head.chain_id, head.length)
    if free != head.length:
        head.sound, head.length = False, free
    if not head.sound:
        head.digest = await _link(tx, head)
    if theirs or not head.sound:
        alarm(head.length)


def alarm(*positions: int) -> None:
    """Tell the operators that a chain does not end at one of ``positions`` as the service left it."""
    TAMPERED.inc()
    _log.error("the end of a chain tampered with", position=min(positions), alarm="log")


async def _link(view: Snapshot, head: Head) -> bytes:
    """The hash of the entry that stands before the place that ``head`` names."""
    bodies = [row["body"] for row in await _store.newest_first(view, head.chain_id, before=head.length, limit=1)]
    return leaf_hash(bodies[0]) if bodies and isinstance(bodies[0], bytes) else FIRST


async def _last_of_ours(view: Snapshot, key: SealKey, chain_id: str) -> tuple[Row | None, bool]:
    """The last entry of the chain whose detail was sealed for it, and whether others stand behind it: commonly none."""
    before, limit = _NO_BOUND, 1
    while page := await _store.newest_first(view, chain_id, before=before, limit=limit):
        for row in page:
            if is_sealed(key, chain_id, row):
                return row, row is not page[0] or limit > 1
        before, limit = page[-1]["position"], _PAGE
    return None, limit > 1
