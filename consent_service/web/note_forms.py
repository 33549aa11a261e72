"""A note as it stands in a form, right or wrong, and the note that it makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from consent_service.errors import Malformed
from consent_service.notes.content import SECTIONS, NoteContent
from consent_service.web.forms import Form

_SPARE_QUESTIONS: Final = 2  # empty fields for new questions, below those that a note has
_MOST_QUESTIONS: Final = 20


@dataclass(frozen=True)
class EnteredQuestion:
    """A question as it stands in the form; ``id`` is empty for a new one."""

    id: str = ""
    to: str = "nav"
    text: str = ""


@dataclass(frozen=True)
class EnteredNote:
    """What somebody wrote, kept as it is while something in it must be mended."""

    language: str
    sections: dict[str, str]
    questions: tuple[EnteredQuestion, ...]

    @classmethod
    def of(cls, content: NoteContent) -> "EnteredNote":
        """The form of a note that is there."""
        told = content.wire()
        asked = tuple(EnteredQuestion(one["id"], one["to"], one["text"]) for one in told["questions"])
        return cls(content.language, told["sections"], _with_spare(asked))

    @classmethod
    def empty(cls, language: str) -> "EnteredNote":
        """The form of a new note."""
        return cls(language, {}, _with_spare(()))

    @classmethod
    def read(cls, form: Form) -> "EnteredNote":
        """What was sent. Raises Malformed for a form that is not ours."""
        ids, tos, texts = (form.many(name) for name in ("question_id", "question_to", "question_text"))
        if not len(ids) == len(tos) == len(texts) <= _MOST_QUESTIONS:
            raise Malformed("The form could not be read.")
        asked = tuple(EnteredQuestion(*one) for one in zip(ids, tos, texts, strict=True))
        return cls(form.one("language"), {name: form.one(name) for name in SECTIONS}, asked)

    def content(self) -> NoteContent | str:
        """The note it makes, fields left empty left out; or the key of the text that says what must be mended."""
        if not any(text.strip() for text in (*self.sections.values(), *(one.text for one in self.questions))):
            return "note.empty"
        try:
            return self._content()
        except ValidationError:
            return "note.unusable"

    def _content(self) -> NoteContent:
        asked = [one for one in self.questions if one.text.strip()]
        ids = _with_ids([one.id for one in asked])
        return NoteContent.model_validate(
            {
                "language": self.language,
                "sections": {name: text for name, text in self.sections.items() if text.strip()},
                "questions": [{"id": id_, "to": one.to, "text": one.text} for id_, one in zip(ids, asked, strict=True)],
            }
        )


def _with_spare(asked: tuple[EnteredQuestion, ...]) -> tuple[EnteredQuestion, ...]:
    return asked + (EnteredQuestion(),) * min(_SPARE_QUESTIONS, _MOST_QUESTIONS - len(asked))


def _with_ids(ids: Sequence[str]) -> list[str]:
    """Ids for those that have none: the first numbers that are free, so that each answer finds its question."""
    free = (f"q{number}" for number in range(1, 1000) if f"q{number}" not in ids)
    return [id_ or next(free) for id_ in ids]
