"""Reading about consents: metadata only, for the candidate and for the units that a consent names."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from consent_service.audit.log import Head, last_steps
from consent_service.clock import rfc3339
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.standing import alarm, intact, nobodys, terms_of
from consent_service.consents.states import LIVING, State, shown, shown_to_asker
from consent_service.consents.terms import Terms
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import NotAvailable, Tampered
from consent_service.storage.engine import Snapshot

__all__ = [
    "ConsentView",
    "as_written",
    "find_for_candidate",
    "find_for_unit",
    "find_under",
    "in_force",
    "of_candidate",
    "of_unit",
]


UNAVAILABLE = "unavailable"
"""How a consent shows to its candidate whose row can't be what the service wrote: by its id alone. The gate refuses it
too, and units see nothing of it."""

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, Tampered)
_TIMES = ("valid_until", "reply_by", "requested_at", "granted_at", "ended_at", "withdrawn_at", "exhausted_at")


@dataclass(frozen=True)
class ConsentView:
    """A consent as somebody sees it. ``terms`` is None until it was granted, and for an asker who gets nothing.

    ``state`` is what this viewer may know (see ``states.shown_to_asker``).
    """

    id: str
    purpose: str
    purpose_version: int
    recipient_id: str
    requester_id: str | None
    state: str
    requested_kinds: tuple[str, ...]
    terms: Terms | None
    valid_until: int | None
    uses_left: int | None
    reply_by: int | None
    requested_at: int
    granted_at: int | None
    ended_at: int | None
    mapping_request_id: str | None


def unavailable(consent_id: str) -> ConsentView:
    """What is known of a consent whose row can't be believed, after the alarm."""
    alarm(consent_id)
    return ConsentView(
        id=consent_id,
        purpose="",
        purpose_version=0,
        recipient_id="",
        requester_id=None,
        state=UNAVAILABLE,
        requested_kinds=(),
        terms=None,
        valid_until=None,
        uses_left=None,
        reply_by=None,
        requested_at=0,
        granted_at=None,
        ended_at=None,
        mapping_request_id=None,
    )


async def of_candidate(
    view: Snapshot, keys: ServiceKeys, candidate_id: str, *, after: str, limit: int, now: int
) -> list[ConsentView]:
    """The candidate's own consents in id order, after the id ``after``."""
    found = await _store.of_candidate(view, candidate_id, after=after, limit=limit)
    ours = await _ours(view, keys, found)
    return [_hers(consent, now, ours) for consent in found]


async def find_for_candidate(
    view: Snapshot, keys: ServiceKeys, candidate_id: str, consent_id: str, *, now: int
) -> ConsentView:
    """One of the candidate's own. Raises NotAvailable."""
    consent = await _store.find(view, consent_id)
    if consent is None or consent.candidate_id != candidate_id:
        raise NotAvailable
    return _hers(consent, now, await _ours(view, keys, [consent]))


async def find_under(
    view: Snapshot, keys: ServiceKeys, asked: Sequence[tuple[Head, str]], *, now: int
) -> dict[str, ConsentView]:
    """Those of the consents (by id) that are candidates' own whose heads, which are locked, stand beside them."""
    if not asked:
        return {}
    found = await _store.many(view, [consent_id for _, consent_id in asked])
    ours = await _ours(view, keys, list(found.values()), {head.chain_id: head for head, _ in asked})
    hers = [(head, found[one]) for head, one in asked if one in found and found[one].candidate_id == head.chain_id]
    return {consent.id: _hers(consent, head.now(now), ours) for head, consent in hers}


def as_written(consent: Stored, *, now: int) -> ConsentView:
    """What the candidate sees of a consent that was granted, or ended, just now."""
    return _whole(consent, terms_of(consent), now)


async def of_unit(
    view: Snapshot, keys: ServiceKeys, unit_id: str, *, after: str, limit: int, now: int
) -> list[ConsentView]:
    """What the unit asked for or receives under, in id order, as far as it may know."""
    found = await _store.of_unit(view, unit_id, after=after, limit=limit)
    ours = await _ours(view, keys, found)
    return [seen for consent in found if (seen := _for_unit(consent, unit_id, now, ours)) is not None]


async def page_of_unit(
    view: Snapshot, keys: ServiceKeys, unit_id: str, *, after: str, limit: int, now: int
) -> tuple[list[ConsentView], str | None]:
    """A page of ``of_unit``, and the cursor of the next one, None at the end."""
    found = await _store.of_unit(view, unit_id, after=after, limit=limit)
    ours = await _ours(view, keys, found)
    seen = [one for consent in found if (one := _for_unit(consent, unit_id, now, ours)) is not None]
    return seen, found[-1].id if len(found) == limit else None


async def find_for_unit(view: Snapshot, keys: ServiceKeys, unit_id: str, consent_id: str, *, now: int) -> ConsentView:
    """One that the unit asked for or receives under. Raises NotAvailable for anything else."""
    consent = await _store.find(view, consent_id)
    ours = await _ours(view, keys, [nobodys(keys) if consent is None else consent])  # as much work for all
    seen = None if consent is None else _for_unit(consent, unit_id, now, ours)
    if seen is None:
        raise NotAvailable
    return seen


async def in_force(
    view: Snapshot, keys: ServiceKeys, unit_id: str, candidate_id: str, *, now: int
) -> list[ConsentView]:
    """The unit's own consents for a person that are in force now."""
    found = await _store.between(view, candidate_id, unit_id)
    ours = await _ours(view, keys, found)
    return [
        seen
        for consent in found
        if (seen := _for_unit(consent, unit_id, now, ours)) is not None and seen.state == State.GRANTED
    ]


async def _ours(
    view: Snapshot, keys: ServiceKeys, found: Sequence[Stored], heads: Mapping[str, Head] | None = None
) -> set[str]:
    """Those whose rows are as the service left them, by the MACs and the log. ``heads`` are those that are locked."""
    steps = await last_steps(view, keys.log, [consent.id for consent in found], heads)
    return {consent.id for consent in found if intact(keys.rows, consent, steps.get(consent.id))}


def _hers(consent: Stored, now: int, ours: Set[str]) -> ConsentView:
    """What the candidate sees. One row that was changed must not hide the others."""
    try:
        if consent.id not in ours:
            raise Tampered
        return _whole(consent, _read(consent), now)
    except _UNREADABLE:
        return unavailable(consent.id)


def _for_unit(consent: Stored, unit_id: str, now: int, ours: Set[str]) -> ConsentView | None:
    """What a unit may see: the recipient from the grant on; the asker its request, a no looking like silence."""
    try:
        if consent.id not in ours:
            raise Tampered
        terms = _read(consent)
        if unit_id == consent.recipient_id and terms is not None:
            return _whole(consent, terms, now)
        if unit_id == consent.requester_id:
            withdrawn = consent.withdrawn_at is not None
            state = shown_to_asker(State(consent.state), consent.reply_by, now, withdrawn=withdrawn)
            return _outline(consent, _shown(consent, now) if state is None else state)
    except _UNREADABLE:
        alarm(consent.id)
    return None


def _read(consent: Stored) -> Terms | None:
    """The terms, None before the grant. Raises one of ``_UNREADABLE`` for a row that we can't have written.

    A row whose MACs hold looks like ours anyhow: this is for the day on which one does not.
    """
    for name in _TIMES:
        if (time := getattr(consent, name)) is not None:
            rfc3339(time)
    terms = None if consent.granted_at is None else terms_of(consent)
    copies = terms is None or (
        (terms.consent_id, terms.candidate_id, terms.recipient.id, terms.requester_id)
        == (consent.id, consent.candidate_id, consent.recipient_id, consent.requester_id)
        and (terms.purpose, terms.purpose_version) == (consent.purpose, consent.purpose_version)
        and (terms.valid_until, terms.mapping_request_id) == (consent.valid_until, consent.mapping_request_id)
    )
    asked = all(isinstance(kind, str) for kind in json.loads(consent.requested_kinds))
    living = State(consent.state) in LIVING
    if not (copies and asked and isinstance(consent.uses, int)) or (living and terms is None):
        raise Tampered
    return terms


def _outline(consent: Stored, state: str) -> ConsentView:
    """What the asker sees: times that would tell a no from silence are left out."""
    granted = consent.granted_at is not None
    return ConsentView(
        id=consent.id,
        purpose=consent.purpose,
        purpose_version=consent.purpose_version,
        recipient_id=consent.recipient_id,
        requester_id=consent.requester_id,
        state=state,
        requested_kinds=tuple(json.loads(consent.requested_kinds)),
        terms=None,
        valid_until=consent.valid_until if granted else None,
        uses_left=None,
        reply_by=consent.reply_by,
        requested_at=consent.requested_at,
        granted_at=consent.granted_at,
        ended_at=consent.ended_at if granted else consent.withdrawn_at,
        mapping_request_id=consent.mapping_request_id,
    )


def _shown(consent: Stored, now: int) -> str:
    state = shown(State(consent.state), consent.valid_until, now, exhausted=consent.exhausted_at is not None)
    return state.value


def _whole(consent: Stored, terms: Terms | None, now: int) -> ConsentView:
    limited = terms is not None and terms.max_uses is not None and State(consent.state) in LIVING
    return ConsentView(
        id=consent.id,
        purpose=consent.purpose,
        purpose_version=consent.purpose_version,
        recipient_id=consent.recipient_id,
        requester_id=consent.requester_id,
        state=_shown(consent, now),
        requested_kinds=tuple(json.loads(consent.requested_kinds)),
        terms=terms,
        valid_until=consent.valid_until,
        uses_left=(terms.max_uses or 0) - consent.uses if limited and terms is not None else None,
        reply_by=consent.reply_by,
        requested_at=consent.requested_at,
        granted_at=consent.granted_at,
        ended_at=consent.ended_at,
        mapping_request_id=consent.mapping_request_id,
    )
