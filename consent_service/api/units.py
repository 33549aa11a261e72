"""The units' door: every route that a Maskinporten token opens. Nothing here reaches what opens for an owner."""

from starlette.routing import BaseRoute

from consent_service.api import (
    units_audit,
    units_consent_requests,
    units_consents,
    units_events,
    units_mapping_requests,
    units_note_drafts,
    units_plan_archive,
    units_plans,
    units_releases,
)
from consent_service.api.units_door import UnitDoor

_ROOMS = (
    units_releases,
    units_events,
    units_consents,
    units_mapping_requests,
    units_plans,
    units_plan_archive,
    units_note_drafts,
    units_consent_requests,
    units_audit,
)


def routes(door: UnitDoor) -> list[BaseRoute]:
    """Every units' route, the busiest first: they are tried in order."""
    return [route for room in _ROOMS for route in room.routes(door).routes]


__all__ = ["UnitDoor", "routes"]
