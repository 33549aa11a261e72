"""The registry of units: who may call, as whom.

The wall stands between units, not between organisation numbers: a county's career centre and its fagopplæring
may share a number, and each of their clients at Maskinporten is registered for one of them alone. Whether a unit
is enabled is read in the transaction that acts on it, and is never remembered.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog
from prometheus_client import Counter

from consent_service.errors import Conflict, Invalid, NotAvailable, Violation
from consent_service.identity import _store
from consent_service.identity.organisation_numbers import is_organisation_number
from consent_service.storage.engine import Duplicate, Row, Snapshot, Transaction

_NAME = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}(?<!\s)")
_UNIT_CODE = re.compile(r"[A-Za-z0-9._-]{1,32}")
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,255}")
_EMAIL = re.compile(r"[\x21-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9.-]{1,190}")
_PHONE = re.compile(r"\+?[0-9][0-9 ]{1,30}")
_TEXTS = ("id", "organisation_number", "unit_code", "name", "region")

UNREADABLE = Counter(
    "unit_rows_unreadable_total", "Times that a unit's row was found to be none that the service wrote"
)

_log = structlog.get_logger()


class UnitKind(StrEnum):
    """What a unit is; it has one kind, for good."""

    CAREER_CENTRE = "career_centre"
    NAV = "nav"
    VOCATIONAL_TRAINING = "vocational_training"


_KINDS = frozenset(kind.value for kind in UnitKind)


@dataclass(frozen=True, slots=True)
class Unit:
    """A party as registered. ``enabled`` was true or false when it was read; instants are microseconds."""

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
    checks = {
        "/organisation_number": is_organisation_number(organisation_number),
        "/unit_code": _UNIT_CODE.fullmatch(unit_code),
        "/name": _NAME.fullmatch(name),
        "/region": _NAME.fullmatch(region),
        "/privacy_email": privacy_email is None or _EMAIL.fullmatch(privacy_email),
        "/privacy_phone": privacy_phone is None or _PHONE.fullmatch(privacy_phone),
    }
    violations = tuple(Violation(pointer, _WANTED[pointer]) for pointer, holds in checks.items() if not holds)
    if violations:
        raise Invalid(violations=violations)
    unit = Unit(
        id=str(uuid.uuid4()),
        organisation_number=organisation_number,
        unit_code=unit_code,
        name=name,
        region=region,
        kind=kind,
        enabled=True,
        privacy_email=privacy_email,
        privacy_phone=privacy_phone,
        successor_id=None,
        created_at=at,
        closed_at=None,
    )
    columns = {name: getattr(unit, name) for name in Unit.__slots__}
    await _store.add_unit(tx, {**columns, "kind": kind.value, "enabled": 1})
    return unit


async def find(view: Snapshot, unit_id: str) -> Unit | None:
    """The unit with this id, enabled or not. A row that can't be read is no unit: here, and below."""
    row = await _store.find_unit(view, unit_id)
    return None if row is None else _unit(row)


async def get(view: Snapshot, unit_id: str) -> Unit:
    """The unit with this id, enabled or not. Raises NotAvailable."""
    unit = await find(view, unit_id)
    if unit is None:
        raise NotAvailable
    return unit


async def enabled_unit(view: Snapshot, unit_id: str) -> Unit | None:
    """The unit if it is enabled now: for the transaction that releases, grants or requests."""
    unit = await find(view, unit_id)
    return unit if unit is not None and unit.enabled else None


async def every(view: Snapshot) -> list[Unit]:
    """All units, enabled or not, by region, kind and name."""
    return [unit for row in await _store.all_units(view) if (unit := _unit(row)) is not None]


async def of_clients(view: Snapshot, clients: Sequence[Client]) -> dict[Client, Unit]:
    """The units that the clients call as, enabled or not, without clients that nobody registered."""
    rows = await _store.units_by_clients(view, [client.client_id for client in clients])
    found = {Client(row["consumer"], row["client_id"]): _unit(row) for row in rows}
    return {client: unit for client in clients if (unit := found.get(client)) is not None}


async def disable(tx: Transaction, unit_id: str) -> None:
    """Let the unit neither call nor receive. Its consents stand, unused. Raises NotAvailable."""
    if not await _store.set_enabled(tx, unit_id, enabled=False):
        raise NotAvailable


async def enable(tx: Transaction, unit_id: str) -> None:
    """Undo ``disable``. Raises NotAvailable; a closed unit stays closed."""
    if not await _store.set_enabled(tx, unit_id, enabled=True):
        raise NotAvailable


async def add_client(
    tx: Transaction, unit_id: str, *, client_id: str, at: int, organisation_number: str | None = None
) -> Client:
    """Let a client at Maskinporten call as the unit.

    ``organisation_number`` is the consumer that its tokens name: the unit's own when None. Raises NotAvailable,
    Invalid, and Conflict when the client is registered already: one registered client, one unit.
    """
    unit = await get(tx, unit_id)
    consumer = unit.organisation_number if organisation_number is None else organisation_number
    if not _CLIENT_ID.fullmatch(client_id) or not is_organisation_number(consumer):
        raise Invalid("A client has an id of 1 to 255 printable characters and a valid organisation number.")
    try:
        await _store.add_client(tx, organisation_number=consumer, client_id=client_id, unit_id=unit_id, at=at)
    except Duplicate:
        raise Conflict("The client is registered for a unit already.") from None
    return Client(consumer, client_id)


async def remove_client(tx: Transaction, *, organisation_number: str, client_id: str) -> None:
    """Let the client call no more, from the next call on. Raises NotAvailable."""
    if not await _store.remove_client(tx, organisation_number=organisation_number, client_id=client_id):
        raise NotAvailable


async def clients(view: Snapshot, unit_id: str) -> list[Client]:
    """The clients that call as the unit."""
    return [Client(row["organisation_number"], row["client_id"]) for row in await _store.clients_of(view, unit_id)]


_WANTED = {
    "/organisation_number": "It is nine digits, of which the last is a check digit.",
    "/unit_code": "It is 1 to 32 letters, digits, dots, hyphens or underscores.",
    "/name": "It is 1 to 200 characters without control characters or outer space.",
    "/region": "It is 1 to 200 characters without control characters or outer space.",
    "/privacy_email": "It is an e-mail address.",
    "/privacy_phone": "It is a telephone number of digits and spaces, with + before a country code.",
}


def _unit(row: Row) -> Unit | None:
    """The unit, or None, after the alarm, if somebody else wrote what no unit can be: it harms nobody but itself."""
    columns = {name: row[name] for name in Unit.__slots__}
    if row["kind"] not in _KINDS or not all(isinstance(columns[name], str) for name in _TEXTS):
        UNREADABLE.inc()
        _log.error("unit row can't be read", unit_id=str(row["id"]), alarm="unit")
        return None
    return Unit(**{**columns, "kind": UnitKind(row["kind"]), "enabled": row["enabled"] == 1})
