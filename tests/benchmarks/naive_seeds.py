"""What the naive service is given to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Person:
    """A candidate with a note, and a consent that is in force. ``content`` is what a release hands out, as JSON."""

    national_id: str
    note_id: str
    consent_id: str
    content: str


@dataclass(frozen=True)
class Seeds:
    """What there is in the beginning, and whom to believe: issuers with their public keys (JWK)."""

    database_url: str
    organisation_number: str
    unit_id: str
    scope: str
    audience: str
    maskinporten: tuple[str, dict[str, Any]]
    idporten: tuple[str, dict[str, Any]]
    people: tuple[Person, ...]
