"""Who is calling, as values: what a door knows once the token or session has been verified.

A calling unit is the pair of ``consumer`` and ``client_id`` in its token, registered for one unit; never a
header. What it may do is what its token's scopes and its kind both admit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Literal

from consent_service.errors import Forbidden, InsufficientScope
from consent_service.identity.employee import Acting
from consent_service.identity.unit_tokens import UnitToken
from consent_service.identity.units import Client, Unit, UnitKind


class Scope(StrEnum):
    """What a unit may do; at Maskinporten each stands after the prefix that its settings give."""

    NOTES_DRAFT = "notes.draft"
    CONSENTS_READ = "consents.read"
    CONTENT_READ = "content.read"
    CONSENTS_REQUEST = "consents.request"
    MAPPING_WRITE = "mapping.write"
    MAPPING_READ = "mapping.read"
    PLANS_WRITE = "plans.write"
    EVENTS_READ = "events.read"


_RECIPIENTS = {
    Scope.CONSENTS_READ,
    Scope.CONTENT_READ,
    Scope.CONSENTS_REQUEST,
    Scope.MAPPING_READ,
    Scope.EVENTS_READ,
}
MAY_HOLD: dict[UnitKind, frozenset[Scope]] = {
    UnitKind.CAREER_CENTRE: frozenset({Scope.NOTES_DRAFT}),
    UnitKind.NAV: frozenset({*_RECIPIENTS, Scope.MAPPING_WRITE}),
    UnitKind.VOCATIONAL_TRAINING: frozenset({*_RECIPIENTS, Scope.PLANS_WRITE}),
}
"""Design, section 5. A scope that Maskinporten gave to the wrong kind of unit gives it nothing here."""


@dataclass(frozen=True, slots=True)
class CandidateCaller:
    """A person who has logged in, at a level that suffices."""

    pid: str = field(repr=False)
    acr: str
    via: Literal["session", "bearer"]


@dataclass(frozen=True, slots=True)
class UnitCaller:
    """A registered unit's system. ``supplier``: the organisation that calls on its behalf, when one does."""

    unit: Unit
    client_id: str
    scopes: frozenset[Scope]
    supplier: str | None

    def demand(self, scope: Scope) -> None:
        """Raises InsufficientScope unless the caller's token has ``scope`` and its kind may hold it."""
        if scope not in self.scopes:
            raise InsufficientScope


@dataclass(frozen=True, slots=True)
class UnitActor:
    """A registered unit's system in a call about a person, and who acts in it."""

    unit: Unit
    by: Acting


@cache
def _named(prefix: str, kind: UnitKind) -> Mapping[str, Scope]:
    """The scopes that a unit of ``kind`` may hold, by their names at Maskinporten."""
    return {prefix + scope: scope for scope in MAY_HOLD[kind]}


def names_at_maskinporten(prefix: str, kind: UnitKind) -> list[str]:
    """The scopes that a unit of ``kind`` asks Maskinporten for, with ``prefix`` before each."""
    return sorted(_named(prefix, kind))


def client_of(token: UnitToken) -> Client:
    """Which client a verified token is of."""
    return Client(token.organisation_number, token.client_id)


def unit_caller(unit: Unit | None, token: UnitToken, *, prefix: str) -> UnitCaller:
    """The ``unit`` of a verified token's client as caller. Raises Forbidden if nobody registered it, or it is disabled.

    ``prefix`` is what stands before our scopes at Maskinporten. Acts of consequence ask ``units.enabled_unit``
    again, in their own transaction.
    """
    if unit is None or not unit.enabled:
        raise Forbidden
    named = _named(prefix, unit.kind)
    scopes = frozenset(named[name] for name in token.scopes if name in named)
    return UnitCaller(unit=unit, client_id=token.client_id, scopes=scopes, supplier=token.supplier)
