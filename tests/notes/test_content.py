import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consent_service.notes.content import SECTIONS, NoteContent

texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf")), min_size=1, max_size=60).filter(str.strip)
sections = st.dictionaries(st.sampled_from(SECTIONS), texts)
questions = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
            "to": st.sampled_from(["nav", "vocational_training"]),
            "text": texts,
        }
    ),
    max_size=20,
    unique_by=lambda question: str(question["id"]),
)
languages = st.sampled_from(["nb", "nn", "en"])
bodies = st.fixed_dictionaries({"language": languages, "sections": sections, "questions": questions}).filter(
    lambda body: bool(body["sections"] or body["questions"])
)


def note(text: str = "Jeg har kokt i kantina.", **changed: Any) -> dict[str, Any]:
    """A body with one section, and whatever a test changes."""
    return {"language": "nb", "sections": {"motivation": text}, "questions": [], **changed}


@given(body=bodies)
def test_parts_and_content_are_the_same_thing(body: dict[str, Any]) -> None:
    """Taking a note apart and putting it together gives the same note, however its parts are ordered."""
    content = NoteContent.model_validate(body)
    parts = content.to_parts()
    assert NoteContent.from_parts(parts) == content
    assert NoteContent.from_parts(dict(reversed(parts.items()))) == content


@given(body=bodies)
def test_each_section_and_question_is_a_part(body: dict[str, Any]) -> None:
    """A part is named by its section, or by its question's addressee and id, and holds its text and language."""
    parts = NoteContent.model_validate(body).to_parts()
    texts = dict(body["sections"]) | {f"question_{one['to']}:{one['id']}": one["text"] for one in body["questions"]}
    assert {name: orjson.loads(raw) for name, raw in parts.items()} == {
        name: {"language": body["language"], "text": unicodedata.normalize("NFC", text)} for name, text in texts.items()
    }


@given(body=bodies)
def test_the_wire_form_is_read_back(body: dict[str, Any]) -> None:
    """What a door answers with, it also takes, and absent sections are absent."""
    content = NoteContent.model_validate(body)
    wire = content.wire()
    assert NoteContent.model_validate_json(orjson.dumps(wire)) == content
    assert wire["sections"].keys() == body["sections"].keys()


def test_text_is_normalised() -> None:
    """Composed and decomposed letters become one form, and a form's line breaks become line feeds."""
    content = NoteContent.model_validate(note("A\u030a ha\u030ape\r\npa\u030a noe"))
    assert content.sections.motivation == "Å håpe\npå noe"


@pytest.mark.parametrize("bad", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\r", "\u202e", "\u2066", "\ud800"])
def test_characters_that_deceive_are_refused(bad: str) -> None:
    """Control characters, lone surrogates and reversed reading order are no text; line feeds and tabs are."""
    NoteContent.model_validate(note("to\n\tlinjer"))
    with pytest.raises(ValidationError):
        NoteContent.model_validate(note(f"før{bad}etter"))


@pytest.mark.parametrize(
    "changed",
    [
        {"language": "se"},
        {"sections": {}},
        {"sections": {"motivation": ""}},
        {"sections": {"motivation": " \n"}},
        {"sections": {"motivation": "x" * 10_001}},
        {"sections": {"motivation": 5}},
        {"sections": {"health": "text"}},
        {"questions": [{"id": "Q1", "to": "nav", "text": "?"}]},
        {"questions": [{"id": "q1\n", "to": "nav", "text": "?"}]},
        {"questions": [{"id": "", "to": "nav", "text": "?"}]},
        {"questions": [{"id": "q" * 33, "to": "nav", "text": "?"}]},
        {"questions": [{"id": "q1", "to": "career_centre", "text": "?"}]},
        {"questions": [{"id": "q1", "to": "nav", "text": "x" * 1001}]},
        {"questions": [{"id": "q1", "to": "nav", "text": "?"}, {"id": "q1", "to": "nav", "text": "!"}]},
        {"questions": [{"id": f"q{n}", "to": "nav", "text": "?"} for n in range(21)]},
        {"title": "x"},
    ],
)
def test_anything_else_is_refused(changed: dict[str, Any]) -> None:
    """The schema is closed and bounded, a note says something, and each question has an id of its own."""
    with pytest.raises(ValidationError):
        NoteContent.model_validate(note(**changed))


def test_a_note_as_long_as_they_come_is_taken() -> None:
    """Every bound is inclusive."""
    questions = [{"id": "q" * 30 + f"{n:02}", "to": "nav", "text": "x" * 1000} for n in range(20)]
    NoteContent.model_validate(note(sections=dict.fromkeys(SECTIONS, "x" * 10_000), questions=questions))


def test_a_text_that_grows_in_normalising_is_still_bounded() -> None:
    """U+FB2C becomes three characters in NFC; the bound holds for what is stored."""
    with pytest.raises(ValidationError):
        NoteContent.model_validate(note("\ufb2c" * 4000))


def test_questions_stand_in_the_order_of_their_ids() -> None:
    """Numbers in ids count as numbers, so a note is the same however its questions came."""
    ids = ["q10", "q2", "b", "q1"]
    content = NoteContent.model_validate(note(questions=[{"id": i, "to": "nav", "text": "?"} for i in ids]))
    assert [question.id for question in content.questions] == ["b", "q1", "q2", "q10"]


def test_an_error_repeats_nothing_of_the_text() -> None:
    """What a person wrote does not leave through an error message."""
    with pytest.raises(ValidationError) as caught:
        NoteContent.model_validate(note("hemmelig\x00"))
    assert "hemmelig" not in str(caught.value)
