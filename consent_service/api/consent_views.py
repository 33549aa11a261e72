"""Consents and units as JSON. A unit's view has no parts: which sections a person has written is content too."""

from collections.abc import Iterable
from typing import Any

from consent_service.clock import rfc3339
from consent_service.consents.purposes import IDENTITY, Language, Purposes
from consent_service.consents.reading import UNAVAILABLE, ConsentView
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.consents.terms import wire
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.identity import units
from consent_service.identity.units import Unit
from consent_service.storage.engine import Snapshot

Units = dict[str, Unit]

_MAILBOX = {"kind": THE_MAILBOX.kind, "name": THE_MAILBOX.name, "organisation_number": THE_MAILBOX.organisation_number}


def unit_json(unit: Unit) -> dict[str, Any]:
    """A unit, as everybody may know it."""
    return {
        "id": unit.id,
        "name": unit.name,
        "kind": unit.kind.value,
        "organisation_number": unit.organisation_number,
        "unit_code": unit.unit_code,
        "region": unit.region,
    }


async def unit_seen(view: Snapshot, keys: ServiceKeys, unit_id: str) -> dict[str, Any] | None:
    """The unit, or None for one whose row was changed by somebody else: what it sent is hers to read all the same."""
    unit = await units.find(view, keys, unit_id)
    return None if unit is None else unit_json(unit)


async def units_of(view: Snapshot, keys: ServiceKeys, consents: Iterable[ConsentView]) -> Units:
    """The units that ``consents`` name, and who took over from those that are closed, without any that there is not."""
    named = {unit_id for one in consents for unit_id in (one.recipient_id, one.requester_id) if unit_id is not None}
    return await with_successors(view, keys, named)


async def with_successors(view: Snapshot, keys: ServiceKeys, unit_ids: Iterable[str]) -> Units:
    """The units with these ids, and who took over from those that are closed, without any that there is not."""
    known: Units = {}
    wanted = set(unit_ids)
    while wanted:
        found = await units.find_each(view, keys, sorted(wanted))
        known |= found
        wanted = {unit.successor_id for unit in found.values() if unit.successor_id} - known.keys()
    return known


def can_be(consent: ConsentView, known: Units, purposes: Purposes) -> bool:
    """Whether there are the units and the purpose that ``consent`` names: not for a row that was changed.

    The mailbox is there, and is no unit.
    """
    named = {consent.recipient_id, consent.requester_id} - {None, THE_MAILBOX.id}
    return named <= known.keys() and purposes.has(consent.purpose, consent.purpose_version)


def metadata_json(consent: ConsentView, known: Units, purposes: Purposes, language: Language = "nb") -> dict[str, Any]:
    """A consent without its parts: for units."""
    purpose = purposes.get(consent.purpose, consent.purpose_version)
    terms = consent.terms
    return {
        "id": consent.id,
        "purpose": {
            "code": purpose.code,
            "version": purpose.version,
            "title": purpose.text(language).title,
        },
        "recipient": _MAILBOX if consent.recipient_id == THE_MAILBOX.id else unit_json(known[consent.recipient_id]),
        "requester": None if consent.requester_id is None else unit_json(known[consent.requester_id]),
        "state": consent.state,
        "requested_kinds": list(consent.requested_kinds),
        "valid_from": None if terms is None else rfc3339(terms.valid_from),
        "valid_until": _time(consent.valid_until),
        "max_uses": None if terms is None else terms.max_uses,
        "uses_left": consent.uses_left,
        "reply_by": _time(consent.reply_by),
        "requested_at": rfc3339(consent.requested_at),
        "granted_at": _time(consent.granted_at),
        "ended_at": _time(consent.ended_at),
        "mapping_request_id": consent.mapping_request_id,
    }


def whole_json(consent: ConsentView, known: Units, purposes: Purposes, language: Language = "nb") -> dict[str, Any]:
    """A consent with its parts: for the candidate. Who she is goes with every consent and is not listed."""
    if consent.state == UNAVAILABLE or not can_be(consent, known, purposes):
        return _unavailable_json(consent.id)
    parts = () if consent.terms is None else consent.terms.parts
    recipient = known.get(consent.recipient_id)
    successor = None if recipient is None or recipient.closed_at is None else units.successor_of(recipient, known)
    return {
        **metadata_json(consent, known, purposes, language),
        "successor": None if successor is None else unit_json(successor),
        "parts": [wire(ref) for ref in parts if ref.kind != IDENTITY],
    }


def _unavailable_json(consent_id: str) -> dict[str, Any]:
    unknown = ("purpose", "recipient", "requester", "valid_from", "valid_until", "max_uses", "uses_left", "reply_by")
    never = ("successor", "requested_at", "granted_at", "ended_at", "mapping_request_id")
    about = {"id": consent_id, "state": UNAVAILABLE, "requested_kinds": [], "parts": []}
    return {**about, **dict.fromkeys((*unknown, *never))}


def _time(instant: int | None) -> str | None:
    return None if instant is None else rfc3339(instant)
