"""The feed: how a unit hears of what concerns it, as ids and states only.

Each unit has a feed of its own, numbered from 1 without gap or double. Numbers are given after commit, by the
sequencer, because a number given inside a transaction can become visible after a higher one, and the reader who
had already gone past it would never see it. An event may be laid down ahead: it is numbered when its time has come.
"""

from dataclasses import KW_ONLY, dataclass
from uuid import uuid4

from consent_service.errors import EventsGone
from consent_service.events import _store
from consent_service.storage.engine import Snapshot, Transaction


@dataclass(frozen=True)
class Event:
    """One line of a unit's feed."""

    number: int
    type: str
    consent_id: str | None
    mapping_request_id: str | None
    plan_id: str | None
    state: str
    at: int


@dataclass(frozen=True)
class News:
    """What a unit is to be told, but not before the instant ``not_before``."""

    unit_id: str
    type: str
    _: KW_ONLY
    state: str
    at: int
    not_before: int = 0
    consent_id: str | None = None
    mapping_request_id: str | None = None
    plan_id: str | None = None


async def announce(tx: Transaction, *news: News) -> None:
    """Tell units, in the transaction that makes it true."""
    await _store.add(tx, [{"id": str(uuid4()), **vars(one)} for one in news])


async def retract(tx: Transaction, consent_id: str, *, state: str) -> None:
    """Take back an event that lies ahead, because it will not come true."""
    await _store.retract(tx, consent_id, state)


async def read(view: Snapshot, unit_id: str, *, after: int, limit: int) -> list[Event]:
    """The unit's events after number ``after``. Raises EventsGone if some of them are past retention."""
    _, dropped = await _store.feed(view, unit_id)
    if after < dropped:
        raise EventsGone
    return [Event(**dict(row)) for row in await _store.after(view, unit_id, after, limit)]
