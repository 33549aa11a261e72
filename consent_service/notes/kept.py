"""What the room answers with: drafts, notes, and lines of a list."""

from dataclasses import dataclass, field

from consent_service.notes.content import Language, NoteContent


@dataclass(frozen=True, slots=True)
class Draft:
    """A claimed draft, the candidate's alone."""

    id: str
    handed_over_by: str
    """The unit's id."""
    handed_over_at: int
    content: NoteContent = field(repr=False)


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A claimed draft in a list."""

    id: str
    handed_over_by: str
    handed_over_at: int


@dataclass(frozen=True, slots=True)
class Note:
    """One version of a note. ``created_at`` is the version's."""

    id: str
    version: int
    created_at: int
    content: NoteContent = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoteLine:
    """The newest version of a note in a list: what it has, not what it says."""

    id: str
    version: int
    created_at: int
    language: Language
    sections: tuple[str, ...]
    questions: int
