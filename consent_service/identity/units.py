"""The registry of units: who may call, as whom.

The wall stands between units, not between organisation numbers: a county's career centre and its fagopplæring
may share a number, and each of their clients at Maskinporten is registered for one of them alone. Whether a unit
is enabled is read in the transaction that acts on it, and is never remembered.

A MAC under the rows key (``key``, below) covers each row, a unit's and a client's: one that somebody else wrote or
changed is nobody's, after an alarm, and is not written over. A row put back whole as it once was is as good as it
was then: that a unit was disabled since, or a client removed, is not seen from the row.
"""

import hmac
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Counter

from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey
from consent_service.errors import Conflict, Invalid, NotAvailable, StorageUnavailable, Tampered
from consent_service.identity import _store
from consent_service.identity.organisation_numbers import is_organisation_number
from consent_service.identity.unit_fields import wrong_fields
from consent_service.storage.engine import Duplicate, Row, Snapshot, Transaction

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,255}")

TAMPERED = Counter(
    "unit_rows_tampered_total", "Times that a unit's row, or a client's, was found to be none that the service wrote"
)

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


@dataclass(frozen=True, slots=True)
class Client:
    """A client at Maskinporten: its id, and the organisation (``consumer``) that its tokens name."""

    organisation_number: str
    client_id: str


async def add(
    tx: Transaction,
    key: MacKey,
    *,
    organisation_number: str,
    unit_code: str,
    name: str,
    region: str,
    kind: UnitKind,
    at: int,
    privacy_email: str | None = None,
    privacy_phone: str | None = None,
) -> Unit:
    """Register a unit, enabled. Raises Invalid, naming each field that can't be."""
    said: dict[str, Any] = {
        "organisation_number": organisation_number,
        "unit_code": unit_code,
        "name": name,
        "region": region,
        "privacy_email": privacy_email,
        "privacy_phone": privacy_phone,
    }
    violations = wrong_fields(**said)
    if violations:
        raise Invalid(violations=violations)
    never: dict[str, Any] = {"successor_id": None, "closed_at": None}
    unit = Unit(id=str(uuid.uuid4()), kind=kind, enabled=True, created_at=at, **said, **never)
    columns = {name: getattr(unit, name) for name in Unit.__slots__} | {"kind": kind.value, "enabled": 1}
    await _store.add_unit(tx, {**columns, "mac": _mac(key, columns)})
    return unit


async def find(view: Snapshot, key: MacKey, unit_id: str) -> Unit | None:
    """The unit with this id, enabled or not. A row that somebody else wrote is no unit: here, and below."""
    return (await find_each(view, key, [unit_id])).get(unit_id)


async def find_each(view: Snapshot, key: MacKey, unit_ids: Sequence[str]) -> dict[str, Unit]:
    """The same for several, without those that there are not."""
    rows = (await _store.units(view, unit_ids)).values()
    return {unit.id: unit for row in rows if (unit := _unit(key, row)) is not None}


async def get(view: Snapshot, key: MacKey, unit_id: str) -> Unit:
    """The unit with this id, enabled or not. Raises NotAvailable."""
    unit = await find(view, key, unit_id)
    if unit is None:
        raise NotAvailable
    return unit


async def enabled_unit(view: Snapshot, key: MacKey, unit_id: str) -> Unit | None:
    """The unit if it is enabled now."""
    unit = await find(view, key, unit_id)
    return unit if unit is not None and unit.enabled else None


async def held_enabled(tx: Transaction, key: MacKey, unit_ids: Sequence[str]) -> dict[str, Unit]:
    """Those of the units that are enabled, which they then stay until this transaction ends: to grant to them, or ask.

    So whoever closes one knows, once that is committed, all that was granted or asked.
    """
    rows = await _store.hold_units(tx, unit_ids)
    return {unit.id: unit for row in rows if (unit := _unit(key, row)) is not None and unit.enabled}


async def every(view: Snapshot, key: MacKey) -> list[Unit]:
    """All units, enabled or not, by region, kind and name."""
    return [unit for row in await _store.all_units(view) if (unit := _unit(key, row)) is not None]


async def of_clients(view: Snapshot, key: MacKey, clients: Sequence[Client]) -> dict[Client, Unit]:
    """The units that the clients call as, enabled or not, without clients that nobody registered."""
    wanted = set(clients)
    found: dict[Client, Unit] = {}
    for row in await _store.units_by_clients(view, [client.client_id for client in clients]):
        client = Client(row["consumer"], row["client_id"])
        if client not in wanted:
            continue  # another organisation's client of the same name
        written = {name: row[name] for name in ("client_id", "unit_id", "added_at")}
        unit = _unit(key, row)
        if unit is not None and _client(key, {**written, "organisation_number": row["consumer"]}, row["client_mac"]):
            found[client] = unit
    return found


async def disable(tx: Transaction, key: MacKey, unit_id: str) -> None:
    """Let the unit neither call nor receive. Its consents stand, unused. Raises NotAvailable, Tampered."""
    await _change(tx, key, unit_id, enabled=0)


async def enable(tx: Transaction, key: MacKey, unit_id: str) -> None:
    """Undo ``disable``. Raises NotAvailable, Tampered; a closed unit stays closed."""
    await _change(tx, key, unit_id, enabled=1)


async def close(tx: Transaction, key: MacKey, unit_id: str, *, successor_id: str | None, at: int) -> Unit:
    """Let the unit neither call nor receive ever again; its consents are ended by ``consents.closing``.

    ``successor_id`` is named to its candidates and inherits nothing. Closing it again as before changes nothing.
    Raises NotAvailable, Conflict if it was closed in another way, Invalid for a successor that can't be one.
    """
    unit = await get(tx, key, unit_id)
    if unit.closed_at is not None:
        if successor_id not in {None, unit.successor_id}:
            raise Conflict("The unit is closed already, without this successor.")
        return unit
    if successor_id is not None:
        successor = await find(tx, key, successor_id)
        if successor is None or successor.kind is not unit.kind or successor.closed_at is not None or successor == unit:
            raise Invalid("A successor is another unit of the same kind, which is not closed.")
    await _change(tx, key, unit_id, enabled=0, closed_at=at, successor_id=successor_id)
    return await get(tx, key, unit_id)


def successor_of(unit: Unit, known: Mapping[str, Unit]) -> Unit | None:
    """Whom the candidates of a closed unit may turn to: its successor, or that one's if it is closed too."""
    while unit.closed_at is not None:  # no unit is closed with a successor that was closed before it: this ends
        following = known.get(unit.successor_id or "")
        if following is None:
            return None
        unit = following
    return unit


async def _change(tx: Transaction, key: MacKey, unit_id: str, **changes: int | str | None) -> None:
    row = (await _store.units(tx, [unit_id])).get(unit_id)
    if row is None:
        raise NotAvailable
    if _unit(key, row) is None:
        raise Tampered
    if row["closed_at"] is not None:
        raise NotAvailable
    changed = {name: changes.get(name, row[name]) for name in ("enabled", "successor_id", "closed_at")}
    mac = _mac(key, {**_columns(row), **changed})
    if not await _store.change_unit(tx, unit_id, mac=mac, before=row["mac"], **changed):
        raise StorageUnavailable  # somebody else changed it meanwhile; the call can be repeated


async def add_client(
    tx: Transaction, key: MacKey, unit_id: str, *, client_id: str, at: int, organisation_number: str | None = None
) -> Client:
    """Let a client at Maskinporten call as the unit.

    ``organisation_number`` is the consumer that its tokens name: the unit's own when None. Raises NotAvailable (for a
    closed unit too), Invalid, and Conflict when the client is registered already: one registered client, one unit.
    """
    unit = await get(tx, key, unit_id)
    if unit.closed_at is not None:
        raise NotAvailable
    consumer = unit.organisation_number if organisation_number is None else organisation_number
    if not _CLIENT_ID.fullmatch(client_id) or not is_organisation_number(consumer):
        raise Invalid("A client has an id of 1 to 255 printable characters and a valid organisation number.")
    client = {"organisation_number": consumer, "client_id": client_id, "unit_id": unit_id, "added_at": at}
    try:
        await _store.add_client(tx, {**client, "mac": _client_mac(key, client)})
    except Duplicate:
        raise Conflict("The client is registered for a unit already.") from None
    return Client(consumer, client_id)


async def remove_client(tx: Transaction, *, organisation_number: str, client_id: str) -> None:
    """Let the client call no more, from the next call on. Raises NotAvailable."""
    if not await _store.remove_client(tx, organisation_number=organisation_number, client_id=client_id):
        raise NotAvailable


async def clients(view: Snapshot, key: MacKey, unit_id: str) -> list[Client]:
    """The clients that call as the unit."""
    rows = await _store.clients_of(view, unit_id)
    return [
        Client(row["organisation_number"], row["client_id"])
        for row in rows
        if _client(key, {name: row[name] for name in _CLIENT}, row["mac"])
    ]


_CLIENT = ("organisation_number", "client_id", "unit_id", "added_at")


def _unit(key: MacKey, row: Row) -> Unit | None:
    """The unit, or None, after the alarm, if somebody else wrote the row: it harms nobody but itself."""
    columns = _columns(row)
    if not _holds(row["mac"], lambda: _mac(key, columns)):
        _alarm(row["id"])
        return None
    return Unit(**{**columns, "kind": UnitKind(row["kind"]), "enabled": row["enabled"] == 1})


def _client(key: MacKey, columns: Mapping[str, Any], mac: object) -> bool:
    """Whether the service registered the client, for this unit; if not, after the alarm."""
    holds = _holds(mac, lambda: _client_mac(key, columns))
    if not holds:
        _alarm(columns["unit_id"])
    return holds


def _columns(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in Unit.__slots__}


def _mac(key: MacKey, columns: Mapping[str, Any]) -> bytes:
    return key.mac(b"unit row 1\x00" + canonical([columns[name] for name in Unit.__slots__]))


def _client_mac(key: MacKey, columns: Mapping[str, Any]) -> bytes:
    return key.mac(b"unit client row 1\x00" + canonical([columns[name] for name in _CLIENT]))


def _holds(mac: object, expected: Callable[[], bytes]) -> bool:
    try:
        return isinstance(mac, bytes) and hmac.compare_digest(mac, expected())
    except (TypeError, ValueError):  # a column of another type: SQLite takes anything
        return False


def _alarm(unit_id: object) -> None:
    TAMPERED.inc()
    _log.error("unit row tampered with", unit_id=str(unit_id), alarm="unit")
