"""Standing refusals: "nothing of mine to this unit" (or to any unit of a kind), until she lifts it herself.

A standing refusal beats every consent, those given before it too, and every request: what arrives meanwhile is
refused for her, and to the asker that looks like silence. Consents in force are not ended by it: when it is lifted,
what was in force and has not expired is in force again.
"""

from dataclasses import dataclass

from consent_service.audit.log import Entry, append, lock
from consent_service.consents import _store
from consent_service.consents.desk import Desk
from consent_service.errors import Invalid, Violation
from consent_service.identity import units
from consent_service.identity.units import Unit, UnitKind
from consent_service.storage.engine import Snapshot, Transaction


@dataclass(frozen=True)
class StandingRefusal:
    """``against`` is a unit's id, or a kind of units."""

    against: str
    since: int


async def place(tx: Transaction, desk: Desk, candidate_id: str, against: str, *, now: int) -> None:
    """Refuse, from now on. Raises Invalid for what is neither a unit nor a kind; twice changes nothing."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    if against not in set(UnitKind) and await units.find(tx, desk.keys.rows, against) is None:
        raise Invalid(violations=(Violation("/against", "Name a unit's id, or a kind of units."),))
    at = head.now(now)
    if await _store.refuse_standing(tx, candidate_id, against, at):
        entry = Entry("standing_refusal.placed", "candidate", unit_id=_unit(against), outcome=_kind(against))
        await append(tx, desk.keys.log, head, entry, at=at)


async def lift(tx: Transaction, desk: Desk, candidate_id: str, against: str, *, now: int) -> None:
    """Lift a standing refusal; one that is not there changes nothing."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    if await _store.lift_standing(tx, candidate_id, against):
        entry = Entry("standing_refusal.lifted", "candidate", unit_id=_unit(against), outcome=_kind(against))
        await append(tx, desk.keys.log, head, entry, at=now)


async def of_candidate(view: Snapshot, candidate_id: str) -> list[StandingRefusal]:
    """The candidate's standing refusals."""
    rows = await _store.standing_refusals(view, [candidate_id])
    return [StandingRefusal(row["against"], row["since"]) for row in rows]


async def stands(view: Snapshot, candidate_id: str, unit: Unit) -> bool:
    """Whether the candidate refuses this unit."""
    against = {row["against"] for row in await _store.standing_refusals(view, [candidate_id])}
    return unit.id in against or str(unit.kind) in against


def _unit(against: str) -> str | None:
    return None if against in set(UnitKind) else against


def _kind(against: str) -> str | None:
    return against if against in set(UnitKind) else None
