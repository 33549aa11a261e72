"""A request and a plan as the parts that are sealed, and back.

Each part is canonical JSON (RFC 8785), so its bytes are the same for everybody who hashes them, and stands by
itself: a candidate who shares only the subjects of a plan still shares that they are tentative and until when.

::

    mapping_request   wished_trades  schooling_and_practice  background  questions  contact  message:<n>
    plan              summary  route  subjects  practice  steps  answers  accommodation      (and pdf: raw bytes)

A part that has nothing to say is not there.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from consent_service.crypto.canonical import canonical
from consent_service.plans.content import MappingRequestContent, TrainingPlan
from consent_service.plans.shapes import Closed, Text
from consent_service.vault.parts import PartRef

# What every part of a plan says of itself.
TENTATIVE: Final = "tentative_not_a_decision"

MAPPING_REQUEST: Final = "mapping_request"
PLAN: Final = "plan"

MESSAGE: Final = "message"
PDF: Final = "pdf"

_WRITTEN_ONCE: Final = 1  # a mapping request has one version

_LISTS: Final = frozenset({"wished_trades", "questions", "subjects", "practice", "steps", "answers"})
_REQUEST: Final = ("wished_trades", "schooling_and_practice", "background", "questions", "contact")
_FRAME: Final = frozenset({"status", "language", "valid_until"})
_PLAN: Final = ("route", "subjects", "practice", "steps", "answers", "accommodation")
_SUMMARY: Final = ("outcome", "summary", "other_routes", "contact", "how_to_apply")


def request_ref(candidate_id: str, request_id: str, part: str) -> PartRef:
    """What a part of a mapping request is called in the vault."""
    return PartRef(candidate_id, MAPPING_REQUEST, request_id, _WRITTEN_ONCE, part)


def plan_ref(candidate_id: str, plan_id: str, version: int, part: str) -> PartRef:
    """What a part of a plan's version is called in the vault."""
    return PartRef(candidate_id, PLAN, plan_id, version, part)


class Message(Closed):
    """Fagopplæring's words for the candidate while the work goes on."""

    text: Text


def request_parts(request: MappingRequestContent) -> dict[str, bytes]:
    """The parts of ``request`` by name: ``{"items": […]}``, ``{"text": …}``, or the contact's own fields."""
    told = request.model_dump(mode="json", exclude_none=True)
    return {name: canonical(_wrapped(name, told[name])) for name in _REQUEST if told.get(name)}


def request_from(parts: Mapping[str, bytes]) -> MappingRequestContent:
    """The request whose parts these are; parts left out stay out. Raises pydantic's ValidationError."""
    return MappingRequestContent.model_validate(
        {name: _unwrapped(name, orjson.loads(content)) for name, content in parts.items() if name in _REQUEST}
    )


def plan_parts(plan: TrainingPlan) -> dict[str, bytes]:
    """The parts of ``plan`` by name. Each says that it is tentative, in which language it is, and until when."""
    told = plan.model_dump(mode="json", exclude_none=True)
    frame = {"status": TENTATIVE, "language": told["language"], "valid_until": told["valid_until"]}
    parts = {"summary": canonical(frame | {name: told[name] for name in _SUMMARY if told.get(name)})}
    for name in _PLAN:
        if told.get(name):
            parts[name] = canonical(frame | _wrapped(name, told[name]))
    return parts


def plan_from(parts: Mapping[str, bytes]) -> TrainingPlan:
    """The plan whose parts these are; ``summary`` must be among them. Raises pydantic's ValidationError."""
    told: dict[str, Any] = orjson.loads(parts["summary"])
    for name in _PLAN:
        if name in parts:
            told[name] = _unwrapped(name, _without_frame(orjson.loads(parts[name])))
    del told["status"]
    return TrainingPlan.model_validate(told)


def message_part(message: Message) -> bytes:
    """``message`` as the content of a part ``message:<n>``."""
    return canonical(message.model_dump(mode="json"))


def _wrapped(name: str, value: Any) -> dict[str, Any]:
    if name in _LISTS:
        return {"items": value}
    return value if isinstance(value, dict) else {"text": value}


def _unwrapped(name: str, content: dict[str, Any]) -> Any:
    if name in _LISTS:
        return content["items"]
    return content if name in {"route", "contact"} else content["text"]


def _without_frame(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in _FRAME}
