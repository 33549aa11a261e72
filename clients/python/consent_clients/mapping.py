"""Mapping requests, as JSON: what is asked of vocational training, by NAV or by the candidate herself."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from consent_clients.models import PartRef, Unit


class WishedTrade(TypedDict):
    """A trade the candidate wishes for: in words, or by its Grep code."""

    text: NotRequired[str]
    grep_code: NotRequired[str]


class MappingQuestion(TypedDict):
    """A question to the vocational training office; `id` is unique in the request."""

    id: str
    text: str


class Contact(TypedDict, total=False):
    """Whom to speak with about a mapping request."""

    name: str
    phone: str
    email: str


class MappingAsked(TypedDict):
    """A mapping request as accepted; its words wait for the candidate's yes."""

    id: str
    consent_id: str
    state: str
    reply_by: NotRequired[str]


class MappingRequest(TypedDict):
    """A mapping request as its two units see it: ids, state and times, never content."""

    id: str
    consent_id: str
    state: str
    requester_id: str | None
    recipient_id: str
    created_at: str
    reply_by: str | None
    changed_at: str


class PartWithContent(PartRef):
    """A part with what it says."""

    content: dict[str, Any]


class MappingMessage(TypedDict):
    """What the vocational training office has told the candidate while it works."""

    state: str
    at: str
    text: str


class MyMappingRequest(TypedDict):
    """A mapping request as the candidate sees it: in full. `requester` is None when she asked herself.

    One that somebody else has changed in the database is `unavailable`: all but its ids is None or empty.
    """

    id: str
    consent_id: str
    state: str
    requester: Unit | None
    recipient: Unit | None
    created_at: str | None
    reply_by: str | None
    changed_at: str | None
    plan_id: str | None
    parts: list[PartWithContent]
    messages: list[MappingMessage]
