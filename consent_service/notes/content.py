"""What a guidance note says: its sections and questions, as the doors take them and as parts of the vault.

Each section and each question is a part of its own, since each can be shared alone; a part says its language, so
that whoever reads it alone can render it rightly. Text is bounded, is in Unicode's form NFC, and holds no character
that could make what is shown differ from what is stored.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from consent_service.crypto.canonical import canonical

Language = Literal["nb", "nn", "en"]
SectionName = Literal["education_and_work", "interests", "strengths", "motivation", "values", "needs", "way_forward"]
Addressee = Literal["nav", "vocational_training"]

SECTIONS: tuple[SectionName, ...] = get_args(SectionName)

_QUESTION_PARTS: dict[str, Addressee] = {f"question_{name}": name for name in get_args(Addressee)}
# Embeddings, overrides and isolates: they can show a text in another order than it is stored in (UTS 39, 5.4).
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_DIGITS = re.compile(r"([0-9]+)")


def _clean(text: str) -> str:
    """``text`` in NFC with line feeds alone as line breaks. Raises ValueError for what a reader could not see."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text if character not in "\n\t"):
        raise ValueError("control characters are not taken")
    if _REORDERING.search(text):
        raise ValueError("characters that change the reading direction are not taken")
    if not text.strip():
        raise ValueError("a text of white space alone says nothing")
    return text


_Clean = AfterValidator(_clean)
_AtMost10000 = Field(min_length=1, max_length=10_000)
_AtMost1000 = Field(min_length=1, max_length=1_000)
# Bounded before NFC, so that no work is done on more than is taken, and after it, since it can lengthen a text.
SectionText = Annotated[str, _AtMost10000, _Clean, _AtMost10000]
QuestionText = Annotated[str, _AtMost1000, _Clean, _AtMost1000]


class _Closed(BaseModel):
    """An unknown field is an error, and a value once read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Question(_Closed):
    """What the candidate asks one of the parties. ``id`` is what a plan's answer names; it holds nothing personal."""

    id: Annotated[str, Field(pattern=r"\A[a-z0-9-]{1,32}\z")]
    to: Addressee
    text: QuestionText


class Sections(_Closed):
    """The note's sections; those without text are left out."""

    education_and_work: SectionText | None = None
    interests: SectionText | None = None
    strengths: SectionText | None = None
    motivation: SectionText | None = None
    values: SectionText | None = None
    needs: SectionText | None = None
    way_forward: SectionText | None = None


class NoteContent(_Closed):
    """A whole note or draft. Questions stand in the order of their ids (q2 before q10), however they came."""

    language: Language
    sections: Sections
    questions: Annotated[tuple[Question, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _says_something_once(self) -> Self:
        ids = [question.id for question in self.questions]
        if len(set(ids)) != len(ids):
            raise ValueError("each question has an id of its own")
        if not ids and not self.section_names():
            raise ValueError("a note has at least one section or question")
        ordered = tuple(sorted(self.questions, key=_by_id))
        object.__setattr__(self, "questions", ordered)  # frozen: the one normalisation that needs the whole
        return self

    def section_names(self) -> list[SectionName]:
        """The sections that have text, in their fixed order."""
        return [name for name in SECTIONS if getattr(self.sections, name) is not None]

    def wire(self) -> dict[str, Any]:
        """The content as its JSON object, absent sections left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_parts(self) -> dict[str, bytes]:
        """The parts by name, each as canonical JSON ``{"language", "text"}``.

        A section's name is its part's; a question's part is ``question_<addressee>:<id>``.
        """
        parts = {name: self._part(getattr(self.sections, name)) for name in self.section_names()}
        return parts | {f"question_{one.to}:{one.id}": self._part(one.text) for one in self.questions}

    def _part(self, text: str) -> bytes:
        return canonical({"language": self.language, "text": text})

    @classmethod
    def from_parts(cls, parts: Mapping[str, bytes]) -> Self:
        """The content whose ``to_parts`` is ``parts``: all of a note's, at least one."""
        content: dict[str, Any] = {"sections": {}, "questions": []}
        for name, raw in parts.items():
            part = orjson.loads(raw)
            content["language"] = part["language"]
            kind, _, question_id = name.partition(":")
            if kind in _QUESTION_PARTS:
                question = {"id": question_id, "to": _QUESTION_PARTS[kind], "text": part["text"]}
                content["questions"].append(question)
            else:
                content["sections"][kind] = part["text"]
        return cls.model_validate(content)


def _by_id(question: Question) -> list[tuple[int, str]]:
    """Numbers inside an id by their value, so that q10 comes after q9."""
    return [(int(piece) if piece.isdigit() else -1, piece) for piece in _DIGITS.split(question.id)]
