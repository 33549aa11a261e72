"""Guidance notes and drafts, as JSON: the candidate's own words, section by section."""

from __future__ import annotations

from typing import Literal, TypedDict

from consent_clients.models import Unit

Language = Literal["nb", "nn", "en"]
Addressee = Literal["nav", "vocational_training"]


class Sections(TypedDict, total=False):
    """What a guidance note may say, section by section; each can be shared, or not, by itself."""

    education_and_work: str
    interests: str
    strengths: str
    motivation: str
    values: str
    needs: str
    way_forward: str


class NoteQuestion(TypedDict):
    """A question the candidate wants answered by one of the parties; `id` is unique in the note."""

    id: str
    to: Addressee
    text: str


class NoteContent(TypedDict):
    """A guidance note's words."""

    language: Language
    sections: Sections
    questions: list[NoteQuestion]


class Note(NoteContent):
    """One version of the candidate's own note."""

    id: str
    version: int
    created_at: str


class Draft(NoteContent):
    """A note handed over, claimed by the candidate, and not yet accepted."""

    id: str
    handed_over_by: Unit | None
    handed_over_at: str


class NoteSummary(TypedDict):
    """A line of the list of one's notes."""

    id: str
    version: int
    created_at: str
    language: Language
    sections: list[str]
    questions: int
