"""Standing refusals: "nothing of mine to this unit" (or to any unit of a kind), until she lifts it herself.

A standing refusal beats every consent, those given before it too, and every request: what arrives meanwhile is
refused for her, and to the asker that looks like silence. Consents in force are not ended by it: when it is lifted,
what was in force and has not expired is in force again.

All that a candidate refuses so stands in one row under a MAC, which names the log entry that said it last; the head
of her chain names it too. So a row that somebody changed, put back as it was, or took away agrees with neither: then
it is not known whom she refuses, nothing of hers goes to anybody, and nothing is written over.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
import structlog
from prometheus_client import Counter

from consent_service.audit.log import Entry, Head, append, last_words, lock
from consent_service.audit.vocabulary import STANDING
from consent_service.consents import _store
from consent_service.consents.desk import Desk
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey, ServiceKeys
from consent_service.errors import Invalid, Tampered, Violation
from consent_service.identity import units
from consent_service.identity.units import Unit, UnitKind
from consent_service.storage.engine import Row, Snapshot, Transaction

TAMPERED = Counter(
    "standing_refusals_tampered_total", "Times that a candidate's standing refusals were not as the service left them"
)

_log = structlog.get_logger()


@dataclass(frozen=True)
class StandingRefusal:
    """``against`` is a unit's id, or a kind of units."""

    against: str
    since: int


async def place(tx: Transaction, desk: Desk, candidate_id: str, against: str, *, now: int) -> None:
    """Refuse, from now on. Raises Invalid for what is neither a unit nor a kind, Tampered; twice changes nothing."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    if against not in set(UnitKind) and await units.find(tx, desk.keys, against) is None:
        raise Invalid(violations=(Violation("/against", "Name a unit's id, or a kind of units."),))
    refused = await _read(tx, desk.keys, candidate_id)
    if against not in refused:
        at = head.now(now)
        await _write(tx, desk, head, "standing_refusal.placed", against, {**refused, against: at}, at=at)


async def lift(tx: Transaction, desk: Desk, candidate_id: str, against: str, *, now: int) -> None:
    """Lift a standing refusal; one that is not there changes nothing. Raises Tampered."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    refused = await _read(tx, desk.keys, candidate_id)
    if against in refused:
        left = {one: since for one, since in refused.items() if one != against}
        await _write(tx, desk, head, "standing_refusal.lifted", against, left, at=head.now(now))


async def of_candidate(view: Snapshot, keys: ServiceKeys, candidate_id: str) -> list[StandingRefusal]:
    """The candidate's standing refusals, oldest first. Raises Tampered, after the alarm."""
    refused = await _read(view, keys, candidate_id)
    found = [StandingRefusal(against, since) for against, since in refused.items()]
    return sorted(found, key=lambda one: (one.since, one.against))


async def by_words(
    view: Snapshot, keys: ServiceKeys, words: Mapping[str, dict[str, int] | None]
) -> dict[str, dict[str, int] | None]:
    """What each candidate refuses, given the last words of the chain; None, after the alarm, where it can't be told."""
    rows = await _store.standing_refusals(view, sorted(words))
    return {one: _judge(keys.rows, one, rows.get(one), said) for one, said in words.items()}


async def stands(view: Snapshot, keys: ServiceKeys, candidate_id: str, unit: Unit) -> bool:
    """Whether the candidate refuses this unit. Raises Tampered, after the alarm."""
    return bool({unit.id, str(unit.kind)} & (await _read(view, keys, candidate_id)).keys())


async def _read(view: Snapshot, keys: ServiceKeys, candidate_id: str) -> dict[str, int]:
    rows = await _store.standing_refusals(view, [candidate_id])
    words = await last_words(view, keys.log, candidate_id)
    refused = _judge(keys.rows, candidate_id, rows.get(candidate_id), words)
    if refused is None:
        raise Tampered
    return refused


def _judge(key: MacKey, candidate_id: str, row: Row | None, words: dict[str, int] | None) -> dict[str, int] | None:
    """What the row says, if its MAC and the last word of the log agree with it; no row says that nothing was ever."""
    try:
        if words is not None and row is None and STANDING not in words:
            return {}
        if words is not None and row is not None and row["position"] == words.get(STANDING):
            against: str = row["against"]
            if key.verify(_covered(candidate_id, against, row["position"]), row["mac"]):
                return dict(orjson.loads(against))
    except (TypeError, ValueError):  # a column of another type: SQLite takes anything
        pass
    TAMPERED.inc()
    _log.error("standing refusals tampered with", alarm="consent")
    return None


async def _write(
    tx: Transaction, desk: Desk, head: Head, event: str, about: str, refused: Mapping[str, int], *, at: int
) -> None:
    kind = about in set(UnitKind)
    entry = Entry(event, "candidate", unit_id=None if kind else about, outcome=about if kind else None)
    position = (await append(tx, desk.keys.log, head, entry, at=at)).position
    against = canonical(dict(refused)).decode()
    mac = desk.keys.rows.mac(_covered(head.chain_id, against, position))
    await _store.refuse_standing(tx, head.chain_id, against=against, position=position, mac=mac)


def _covered(candidate_id: str, against: str, position: int) -> bytes:
    return b"standing refusals 1\x00" + canonical([candidate_id, against, position])
