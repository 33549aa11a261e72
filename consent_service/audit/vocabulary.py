"""What an entry may say: a closed list of events, of the details of each, and of how each value looks.

The rule it keeps: no content, no identity number and no name is written into the log by us. An event or a detail that
is not here is refused where it is written, and not when somebody reads it. Who acted, and at which office, are a unit's
own words: short, of few characters, never like an identity number, and in the sealed detail alone.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from consent_service.identity_numbers import looks_like_one

_ACTED: Final = frozenset({"employee", "office", "supplier"})
_HASHED: Final = frozenset({"content_sha256"})
_VERSIONED: Final = frozenset({"version"})
_OPERATED: Final = frozenset({"operator"})
_NOTHING: Final = frozenset[str]()

EVENTS: Final[Mapping[str, frozenset[str]]] = {
    # The log itself
    "checkpoint_key.made": _NOTHING,
    "checkpoint_key.retired": _NOTHING,
    # The registry of units
    "unit.registered": _NOTHING,
    "unit.disabled": _NOTHING,
    "unit.enabled": _NOTHING,
    "unit.closed": _NOTHING,
    "unit.client_added": _NOTHING,
    "unit.client_removed": _NOTHING,
    # The person
    "candidate.created": _NOTHING,
    "person.updated": _VERSIONED,
    "person.erased": _NOTHING,
    "number.linked": _VERSIONED | {"proposed_by", "confirmed_by"},
    "number.link_proposed": _OPERATED,
    "number.link_cancelled": _OPERATED,
    "export.made": _NOTHING,
    # Notes and their way here
    "draft.handed_over": _ACTED,
    "draft.withdrawn": _ACTED,
    "draft.claimed": _ACTED,
    "draft.claim_refused": _NOTHING,
    "draft.accepted": _NOTHING,
    "note.saved": _VERSIONED,
    "note.deleted": _NOTHING,
    # Consents, and who looked for them
    "consents.searched": _ACTED,
    "consent.requested": _ACTED,
    "consent.granted": _HASHED | {"purpose"},
    "consent.refused": _NOTHING,
    "consent.cancelled": _ACTED,
    "consent.lapsed": _NOTHING,
    "consent.paused": _NOTHING,
    "consent.resumed": _NOTHING,
    "consent.revoked": _NOTHING,
    "consent.expired": _NOTHING,
    "consent.used_up": _NOTHING,
    "consent.invalidated": _NOTHING,
    "standing_refusal.placed": _NOTHING,
    "standing_refusal.lifted": _NOTHING,
    # What left, and what did not
    "release.released": _ACTED | _HASHED,
    "release.repeated": _ACTED | _HASHED,
    "release.refused": _ACTED,
    "archive.released": _ACTED | _HASHED,
    "archive.refused": _ACTED,
    # Mapping and plans
    "mapping_request.received": _ACTED,
    "mapping_request.in_work": _ACTED,
    "mapping_request.more_information_needed": _ACTED,
    "mapping_request.declined": _ACTED,
    "mapping_request.refused": _ACTED,
    "plan.pushed": _ACTED | _HASHED | _VERSIONED | {"archive_sha256", "outcome"},
    "plan.corrected": _ACTED | _HASHED | _VERSIONED | {"outcome"},
    "plan.refused": _ACTED,
    # Letters
    "letter.accepted": _ACTED,
    "letter.released": _HASHED,
    "letter.refused": _NOTHING,
    "letter.dispatched": _NOTHING,
    "letter.delivered": _NOTHING,
    "letter.undeliverable": _NOTHING,
    "letter.cancelled": _NOTHING,
    "letter.failed": _NOTHING,
    "letter.retried": _NOTHING,
}

STANDING: Final = "standing_refusal"
_STANDING: Final = frozenset({"standing_refusal.placed", "standing_refusal.lifted"})
PERSON: Final = "person"
_WHO_SHE_IS: Final = frozenset({"candidate.created", "person.updated", "number.linked"})
ENDS: Final = frozenset(
    f"consent.{state}" for state in ("refused", "cancelled", "lapsed", "revoked", "expired", "used_up", "invalidated")
)
"""Events that end a consent, for good."""


def is_registering(event: str) -> bool:
    """Whether an entry says that a unit's row was written."""
    return event.startswith("unit.") and event in EVENTS


def stays(event: str) -> bool:
    """Whether an entry says what the head keeps, though it is no step of a consent."""
    return event in _STANDING or event in _WHO_SHE_IS


def note(steps: dict[str, int], event: object, consent_id: object, *, state: object, position: int) -> bool:
    """Bring up to date, by an entry, where a chain last said how each consent that goes on stands (by its id), and
    what is refused once and for all (``STANDING``), and how often it said who the person is (``PERSON``); whether the
    entry says any such thing.
    """
    if not isinstance(event, str):
        return False  # as somebody else wrote it
    if event in _WHO_SHE_IS:
        steps[PERSON] = steps.get(PERSON, 0) + 1
        return True
    if event in _STANDING:
        steps[STANDING] = position
        return True
    if state is not True or not isinstance(consent_id, str):
        return False
    if event in ENDS:
        steps.pop(consent_id, None)
    else:
        steps[consent_id] = position
    return True


_OPERATOR: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")  # as the commands take it
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    "employee": re.compile(r"[A-Za-z0-9._@-]{1,64}"),  # as Acting-Employee has it
    "operator": _OPERATOR,
    "proposed_by": _OPERATOR,
    "confirmed_by": _OPERATOR,
    "office": re.compile(r"[A-Za-z0-9 ._/-]{1,64}"),
    "supplier": re.compile(r"[0-9]{9}"),
    "content_sha256": re.compile(r"[0-9a-f]{64}"),
    "archive_sha256": re.compile(r"[0-9a-f]{64}"),
    "purpose": re.compile(r"[a-z][a-z_]{1,63}"),
    "outcome": re.compile(r"[a-z][a-z_]{1,63}"),
}


class NotInTheVocabulary(ValueError):
    """The log may not hold this. The message names event and field, never the value."""


def check(event: str, ids: tuple[str | None, ...], outcome: str | None, detail: Mapping[str, Any]) -> None:
    """Raises NotInTheVocabulary for an event, an id, an outcome or a detail that an entry may not hold."""
    allowed = EVENTS.get(event)
    if allowed is None:
        raise NotInTheVocabulary("an event that is not in the vocabulary")
    if any(one is not None and not _is_id(one) for one in ids):
        raise NotInTheVocabulary(f"{event}: an id")
    if outcome is not None and not _fits(_WORD, outcome):
        raise NotInTheVocabulary(f"{event}: an outcome")
    for name, value in detail.items():
        fits = isinstance(value, int) if name == "version" else name in _VALUES and _fits(_VALUES[name], value)
        if name not in allowed or not fits:
            raise NotInTheVocabulary(f"{event}: a detail")


def _is_id(value: object) -> bool:
    """A random id is one, however its digits fall."""
    return (isinstance(value, str) and _UUID.fullmatch(value) is not None) or _fits(_ID, value)


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None and not looks_like_one(value)
