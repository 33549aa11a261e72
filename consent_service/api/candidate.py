"""The candidates' door for machines: every route that a session or a token made for us opens."""

from starlette.routing import BaseRoute

from consent_service.api import (
    candidate_consents,
    candidate_drafts,
    candidate_granting,
    candidate_limits,
    candidate_me,
    candidate_notes,
    candidate_plans,
    candidate_rights,
    candidate_sending,
)
from consent_service.api.candidate_door import CandidateDoor

_ROOMS = (
    candidate_consents,
    candidate_limits,
    candidate_notes,
    candidate_drafts,
    candidate_granting,
    candidate_plans,
    candidate_sending,
    candidate_me,
    candidate_rights,
)


def routes(door: CandidateDoor) -> list[BaseRoute]:
    """Every candidates' route."""
    return [route for room in _ROOMS for route in room.routes(door).routes]


__all__ = ["CandidateDoor", "routes"]
