"""The registry of units, as it is read: who may call, as whom. ``registry`` writes it.

The wall stands between units, not between organisation numbers: a county's career centre and its fagopplæring
may share a number, and each of their clients at Maskinporten is registered for one of them alone. Whether a unit
is enabled is read in the transaction that acts on it, and is never remembered.

A unit's row says who calls as it, too. It stands under a MAC, and names the entry of the log that wrote it: the last
one in a chain that the unit has to itself. So a row that somebody else wrote or changed, or put back as it once was
(enabled, or with a client that was removed since), is no unit's, after an alarm, and is not written over.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import structlog
from prometheus_client import Counter

from consent_service.audit.heads import left_beside
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey, ServiceKeys
from consent_service.errors import NotAvailable
from consent_service.identity import _store
from consent_service.storage.engine import Row, Snapshot, Transaction

TAMPERED = Counter("unit_rows_tampered_total", "Times that a unit's row was found to be none that the service left")

_log = structlog.get_logger()


class UnitKind(StrEnum):
    """What a unit is; it has one kind, for good."""

    CAREER_CENTRE = "career_centre"
    NAV = "nav"
    VOCATIONAL_TRAINING = "vocational_training"


@dataclass(frozen=True, slots=True)
class Unit:
    """A party as registered. ``enabled`` was true or false when it was read; one that is closed is never enabled again.

    ``successor_id`` is whom its candidates may turn to. Instants are microseconds.
    """

    id: str
    organisation_number: str
    unit_code: str
    name: str
    region: str
    kind: UnitKind
    enabled: bool
    privacy_email: str | None
    privacy_phone: str | None
    successor_id: str | None
    created_at: int
    closed_at: int | None


@dataclass(frozen=True, slots=True, order=True)
class Client:
    """A client at Maskinporten: its id, and the organisation (``consumer``) that its tokens name."""

    organisation_number: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Registered:
    """All that a unit's row says."""

    unit: Unit
    clients: tuple[Client, ...]


async def find(view: Snapshot, keys: ServiceKeys, unit_id: str) -> Unit | None:
    """The unit with this id, enabled or not. A row that the service did not leave so is no unit: here, and below."""
    return (await find_each(view, keys, [unit_id])).get(unit_id)


async def find_each(view: Snapshot, keys: ServiceKeys, unit_ids: Sequence[str]) -> dict[str, Unit]:
    """The same for several, without those that there are not."""
    return {one.unit.id: one.unit for one in _registered(keys, await _store.units(view, unit_ids))}


async def get(view: Snapshot, keys: ServiceKeys, unit_id: str) -> Unit:
    """The unit with this id, enabled or not. Raises NotAvailable."""
    unit = await find(view, keys, unit_id)
    if unit is None:
        raise NotAvailable
    return unit


async def enabled_unit(view: Snapshot, keys: ServiceKeys, unit_id: str) -> Unit | None:
    """The unit if it is enabled now."""
    unit = await find(view, keys, unit_id)
    return unit if unit is not None and unit.enabled else None


async def held_enabled(tx: Transaction, keys: ServiceKeys, unit_ids: Sequence[str]) -> dict[str, Unit]:
    """Those of the units that are enabled, which they then stay until this transaction ends: to grant to them, or ask.

    So whoever closes one knows, once that is committed, all that was granted or asked. They are read in a later
    statement than holds them: that one would see a row as of the end of its wait, and the head as of its start.
    """
    await _store.hold_units(tx, unit_ids)
    return {unit_id: unit for unit_id, unit in (await find_each(tx, keys, unit_ids)).items() if unit.enabled}


async def every(view: Snapshot, keys: ServiceKeys) -> list[Unit]:
    """All units, enabled or not, by region, kind and name."""
    return [one.unit for one in await registered(view, keys)]


async def registered(view: Snapshot, keys: ServiceKeys) -> list[Registered]:
    """The same, and who calls as each."""
    return _registered(keys, await _store.all_units(view))


async def of_clients(view: Snapshot, keys: ServiceKeys, clients: Sequence[Client]) -> dict[Client, Unit]:
    """The units that the clients call as, enabled or not, without clients that nobody registered."""
    wanted = set(clients)
    found: dict[Client, Unit] = {}
    for row in await _store.units_by_clients(view, [client.client_id for client in clients]):
        client = Client(row["consumer"], row["client_id"])
        if client not in wanted:
            continue  # another organisation's client of the same name
        for one in _registered(keys, [row]):
            if client in one.clients:
                found[client] = one.unit
            else:
                alarm(one.unit.id)
    return found


def successor_of(unit: Unit, known: Mapping[str, Unit]) -> Unit | None:
    """Whom the candidates of a closed unit may turn to: its successor, or that one's if it is closed too."""
    while unit.closed_at is not None:  # no unit is closed with a successor that was closed before it: this ends
        following = known.get(unit.successor_id or "")
        if following is None:
            return None
        unit = following
    return unit


def _registered(keys: ServiceKeys, rows: Iterable[Row]) -> list[Registered]:
    """What the rows say, without those, after the alarm, that the service did not leave so: they harm nobody else."""
    found = []
    for row in rows:
        one = read_row(keys, row)
        if one is None:
            alarm(row["id"])
        else:
            found.append(one)
    return found


def read_row(keys: ServiceKeys, row: Row) -> Registered | None:
    """What a unit's row says, if the service wrote it, and nothing about this unit after it."""
    columns = {name: row[name] for name in COVERED}
    try:
        ours = hmac.compare_digest(row["row_mac"], row_mac(keys.rows, columns))
    except (TypeError, ValueError):  # a column of another type: SQLite takes anything
        return None
    head = left_beside(keys.log, row)
    if not ours or head is None or head.length - 1 != row["position"]:
        return None
    clients, _ = columns.pop("clients"), columns.pop("position")
    unit = Unit(**{**columns, "kind": UnitKind(row["kind"]), "enabled": row["enabled"] == 1})
    return Registered(unit, tuple(Client(*one) for one in orjson.loads(clients)))


COVERED = (*Unit.__slots__, "clients", "position")
"""What of a unit's row its MAC covers."""


def row_mac(key: MacKey, columns: Mapping[str, Any]) -> bytes:
    """The MAC of a unit's row."""
    return key.mac(b"unit row 2\x00" + canonical([columns[name] for name in COVERED]))


def alarm(unit_id: object) -> None:
    """Tell the operators that a unit's row was changed by somebody else."""
    TAMPERED.inc()
    _log.error("unit row tampered with", unit_id=str(unit_id), alarm="unit")
