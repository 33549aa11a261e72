"""The registry of units, as operators write it: who takes part, and who calls as whom. ``units`` reads it.

Every change is an entry in the log, in a chain that the unit has to itself and that is locked first; the unit's row is
written anew beside it, and names its position. A row that the service did not leave so is not written over.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from consent_service.audit.log import Entry, Head, append, lock, lock_known, open_chain
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import Conflict, Invalid, NotAvailable, Tampered
from consent_service.identity import _store
from consent_service.identity.organisation_numbers import is_organisation_number
from consent_service.identity.unit_fields import wrong_fields
from consent_service.identity.units import (
    COVERED,
    Client,
    Registered,
    Unit,
    UnitKind,
    alarm,
    find,
    get,
    read_row,
    registered,
    row_mac,
)
from consent_service.storage.engine import Duplicate, Row, Snapshot, Transaction

_TAKEN = "The client is registered for a unit already."
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class _Held:
    """A unit whose chain is locked: what its row says, and how."""

    head: Head
    row: Row
    said: Registered


async def add(
    tx: Transaction,
    keys: ServiceKeys,
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
    chain = _chain(unit.id)
    await open_chain(tx, chain, at=at)
    head = (await lock(tx, [chain]))[chain]
    entry = Entry("unit.registered", "operator", unit_id=unit.id)
    columns = {name: getattr(unit, name) for name in Unit.__slots__} | {"kind": kind.value, "enabled": 1}
    await _store.add_unit(tx, await _recorded(tx, keys, head, entry, {**columns, "clients": _list(())}, at=at))
    return unit


async def disable(tx: Transaction, keys: ServiceKeys, unit_id: str, *, at: int) -> None:
    """Let the unit neither call nor receive. Its consents stand, unused. Raises NotAvailable, Tampered."""
    held = await _hold_open(tx, keys, unit_id)
    await _change(tx, keys, held, Entry("unit.disabled", "operator", unit_id=unit_id), at=at, enabled=0)


async def enable(tx: Transaction, keys: ServiceKeys, unit_id: str, *, at: int) -> None:
    """Undo ``disable``. Raises NotAvailable, Tampered; a closed unit stays closed."""
    held = await _hold_open(tx, keys, unit_id)
    await _change(tx, keys, held, Entry("unit.enabled", "operator", unit_id=unit_id), at=at, enabled=1)


async def close(tx: Transaction, keys: ServiceKeys, unit_id: str, *, successor_id: str | None, at: int) -> Unit:
    """Let the unit neither call nor receive ever again; its consents are ended by ``consents.closing``.

    ``successor_id`` is named to its candidates and inherits nothing. Closing it again as before changes nothing.
    Raises NotAvailable, Conflict if it was closed in another way, Invalid for a successor that can't be one, Tampered.
    """
    held = await _hold(tx, keys, unit_id, beside=successor_id)
    unit = held.said.unit
    if unit.closed_at is not None:
        if successor_id not in {None, unit.successor_id}:
            raise Conflict("The unit is closed already, without this successor.")
        return unit
    if successor_id is not None:
        successor = await find(tx, keys, successor_id)
        if successor is None or successor.kind is not unit.kind or successor.closed_at is not None or successor == unit:
            raise Invalid("A successor is another unit of the same kind, which is not closed.")
    entry = Entry("unit.closed", "operator", unit_id=unit_id, resource_id=successor_id)
    await _change(tx, keys, held, entry, at=at, enabled=0, closed_at=at, successor_id=successor_id)
    return await get(tx, keys, unit_id)


async def add_client(
    tx: Transaction, keys: ServiceKeys, unit_id: str, *, client_id: str, at: int, organisation_number: str | None = None
) -> Client:
    """Let a client at Maskinporten call as the unit.

    ``organisation_number`` is the consumer that its tokens name: the unit's own when None. Raises NotAvailable (for a
    closed unit too), Tampered, Invalid, and Conflict if the client is registered already: one client, one unit.
    """
    held = await _hold_open(tx, keys, unit_id)
    consumer = held.said.unit.organisation_number if organisation_number is None else organisation_number
    if not _CLIENT_ID.fullmatch(client_id) or not is_organisation_number(consumer):
        raise Invalid("A client has an id of 1 to 255 printable characters and a valid organisation number.")
    client = Client(consumer, client_id)
    if any(client in one.clients and one.unit.id != unit_id for one in await registered(tx, keys)):
        raise Conflict(_TAKEN)
    try:
        await _store.add_client(tx, organisation_number=consumer, client_id=client_id, unit_id=unit_id)
    except Duplicate:
        raise Conflict(_TAKEN) from None
    entry = Entry("unit.client_added", "operator", unit_id=unit_id, resource_id=_named(client))
    await _change(tx, keys, held, entry, at=at, clients=_list({*held.said.clients, client}))
    return client


async def remove_client(
    tx: Transaction, keys: ServiceKeys, *, organisation_number: str, client_id: str, at: int
) -> None:
    """Let the client call no more, from the next call on. Raises NotAvailable; no client is a changed unit's."""
    client = Client(organisation_number, client_id)
    whose = next((one.unit.id for one in await registered(tx, keys) if client in one.clients), "")
    held = await _hold(tx, keys, whose)
    if client not in held.said.clients:
        raise NotAvailable  # somebody else has removed it meanwhile
    entry = Entry("unit.client_removed", "operator", unit_id=whose, resource_id=_named(client))
    await _change(tx, keys, held, entry, at=at, clients=_list({*held.said.clients} - {client}))
    await _store.remove_client(tx, organisation_number=organisation_number, client_id=client_id)


def changed(keys: ServiceKeys) -> Callable[[Snapshot, Mapping[str, int]], Awaitable[list[str]]]:
    """What finds, given the last entry about each unit in the log, the units whose rows are not as that left them.

    Their own, or those that their clients are found by. It raises no alarm: it is for whoever verifies the log.
    """

    async def find_changed(view: Snapshot, last: Mapping[str, int]) -> list[str]:
        rows = {row["id"]: row for row in await _store.all_units(view)}
        read = {unit_id: read_row(keys, row) for unit_id, row in rows.items()}
        said = {(client, unit_id) for unit_id, one in read.items() if one is not None for client in one.clients}
        found = {
            (Client(row["organisation_number"], row["client_id"]), row["unit_id"]) for row in await _store.clients(view)
        }
        wrong = {
            unit_id for unit_id, one in read.items() if one is None or rows[unit_id]["position"] != last.get(unit_id)
        }
        return sorted(wrong | (last.keys() - rows.keys()) | {unit_id for _, unit_id in said ^ found})

    return find_changed


async def _hold_open(tx: Transaction, keys: ServiceKeys, unit_id: str) -> _Held:
    held = await _hold(tx, keys, unit_id)
    if held.said.unit.closed_at is not None:
        raise NotAvailable
    return held


async def _hold(tx: Transaction, keys: ServiceKeys, unit_id: str, *, beside: str | None = None) -> _Held:
    """Lock the unit's chain, and read its row in a later statement. ``beside`` is a unit that stays as it is, too.

    Raises NotAvailable, and Tampered, after the alarm, if the row is not as the service left it.
    """
    heads = await lock_known(tx, [_chain(one) for one in (unit_id, beside) if one is not None])
    rows = await _store.units(tx, [unit_id])
    if not rows:
        raise NotAvailable
    head, said = heads.get(_chain(unit_id)), read_row(keys, rows[0])
    if head is None or said is None:
        alarm(unit_id)
        raise Tampered
    return _Held(head, rows[0], said)


async def _change(tx: Transaction, keys: ServiceKeys, held: _Held, entry: Entry, *, at: int, **changes: object) -> None:
    columns = {name: held.row[name] for name in COVERED} | changes
    await _store.change_unit(tx, await _recorded(tx, keys, held.head, entry, columns, at=at))


async def _recorded(
    tx: Transaction, keys: ServiceKeys, head: Head, entry: Entry, columns: Mapping[str, Any], *, at: int
) -> dict[str, Any]:
    """Append the entry; the row, every column of it, that goes with it."""
    position = (await append(tx, keys.log, head, entry, at=at)).position
    row = {**columns, "position": position}
    return {**row, "mac": row_mac(keys.rows, row)}


def _chain(unit_id: str) -> str:
    return f"{_store.CHAIN}{unit_id}"


def _list(clients: Iterable[Client]) -> str:
    return canonical([[one.organisation_number, one.client_id] for one in sorted(clients)]).decode()


def _named(client: Client) -> str:
    """The client in an entry, which holds no such text as an id at Maskinporten may be."""
    return sha256(_list([client]).encode()).hexdigest()
