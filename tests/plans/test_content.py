import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from consent_service.plans.content import LONGEST_PLAN, MappingRequestContent, Subject, TrainingPlan
from consent_service.plans.parts import TENTATIVE, plan_from, plan_parts, request_from, request_parts
from consent_service.plans.shapes import CurriculumCode, Day, GrepCode, Line, ProgrammeArea, SubjectCode, Text
from tests.plans.examples import (
    CONTACT,
    DOCUMENTED,
    EXPECTED,
    ROUTE,
    no_plan,
    plan,
    plan_bodies,
    plan_body,
    request,
    request_bodies,
)


def takes(shape: Any, value: object) -> bool:
    try:
        TypeAdapter(shape).validate_python(value)
    except ValidationError:
        return False
    return True


@given(body=plan_bodies)
def test_a_plan_and_its_parts_are_the_same_thing(body: dict[str, Any]) -> None:
    """Taking a plan apart and putting it together gives the same plan, however its parts are ordered."""
    content = TrainingPlan.model_validate(body)
    parts = plan_parts(content)
    assert plan_from(parts) == content
    assert plan_from(dict(reversed(parts.items()))) == content
    assert plan_parts(plan_from(parts)) == parts


@given(body=request_bodies)
def test_a_request_and_its_parts_are_the_same_thing(body: dict[str, Any]) -> None:
    """The same holds for a mapping request."""
    content = MappingRequestContent.model_validate(body)
    parts = request_parts(content)
    assert request_from(parts) == content
    assert request_parts(request_from(parts)) == parts


@given(body=plan_bodies)
def test_a_plan_is_read_back_from_json(body: dict[str, Any]) -> None:
    """What a door takes as JSON is what the models dump as JSON."""
    content = TrainingPlan.model_validate_json(orjson.dumps(body))
    assert TrainingPlan.model_validate_json(content.model_dump_json()) == content


def test_each_part_of_a_plan_says_that_it_is_tentative() -> None:
    """A candidate who shares one part of a plan shares with it that nothing is decided, and until when it holds."""
    parts = plan_parts(plan())
    assert set(parts) == {"summary", "route", "subjects", "practice", "steps", "answers", "accommodation"}
    for part in parts.values():
        told = orjson.loads(part)
        assert (told["status"], told["valid_until"], told["language"]) == (TENTATIVE, "2027-06-30", "nb")


def test_the_candidate_can_leave_out_each_part_of_a_request() -> None:
    """What remains after leaving a part out is still a request, as long as anything is asked."""
    parts = request_parts(request())
    assert set(parts) == {"wished_trades", "schooling_and_practice", "background", "questions", "contact"}
    for left_out in parts:
        rest = {name: content for name, content in parts.items() if name != left_out}
        assert set(request_parts(request_from(rest))) == set(rest)


def test_health_stands_in_one_part_alone() -> None:
    """Accommodation, which may tell of health, is in no other part."""
    parts = plan_parts(plan(accommodation="Migrene"))
    assert [name for name, content in parts.items() if b"Migrene" in content] == ["accommodation"]


def every_field(schema: dict[str, Any]) -> set[str]:
    return {field for model in schema["$defs"].values() for field in model.get("properties", {})} | set(
        schema["properties"]
    )


def test_there_is_no_field_for_grades_or_failed_attempts() -> None:
    """The closed schema has these fields and no other, at any depth."""
    told = (
        "accommodation answers basis body code contact curriculum_code date decided_on email entitlement"
        " final_qualification how_to_appeal how_to_apply kind language months months_credited name of other_routes"
        " outcome phone practice programme_area question question_id route source state steps subjects summary text"
        " title trade until valid_until when where who year"
    )
    assert every_field(TrainingPlan.model_json_schema()) == set(told.split())


@pytest.mark.parametrize("field", ["grade", "karakter", "failed_attempts", "absence"])
def test_unknown_fields_are_refused(field: str) -> None:
    """An unknown field is an error, in a plan, in a line of it and in a request."""
    line = {"text": "Norsk", "state": "done", "basis": DOCUMENTED, field: "5"}
    for model, body in (
        (TrainingPlan, plan_body(**{field: "5"})),
        (TrainingPlan, plan_body(subjects=[line])),
        (MappingRequestContent, {"background": "x", field: "5"}),
    ):
        with pytest.raises(ValidationError, match="Extra inputs"):
            model.model_validate(body)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"route": None}, "a plan has a route"),
        ({"outcome": "no_plan"}, "there is no route"),
        ({"outcome": "no_plan", "route": None, "other_routes": []}, "at least one"),
        ({"answers": [{"question_id": "q1", "text": "Ja"}] * 2}, "distinct"),
        ({"steps": [{"date": "2027-02-01", "until": "2027-01-31", "text": "Søk"}]}, "before date"),
        ({"practice": [{"text": "a", "months": 3, "months_credited": 4, "basis": EXPECTED}]}, "exceed"),
        ({"subjects": [{"state": "done", "basis": EXPECTED}]}, "code, a text or both"),
        ({"contact": {}}, "a name, a phone number or an e-mail address"),
        ({"subjects": [{"text": "Norsk", "state": "done"}]}, "basis"),
        ({"subjects": [{"text": "Norsk", "state": "done", "basis": {"kind": "certain"}}]}, "basis"),
        ({"subjects": [{"text": "Norsk", "state": "failed", "basis": EXPECTED}]}, "state"),
        ({"route": ROUTE | {"entitlement": "yes"}}, "entitlement"),
        ({"language": "de"}, "language"),
    ],
)
def test_plans_that_contradict_themselves_are_refused(changed: dict[str, Any], why: str) -> None:
    """Each rule between fields refuses what breaks it, and only that."""
    plan()
    no_plan()
    with pytest.raises(ValidationError, match=why):
        plan(**changed)


def test_a_request_asks_something_once() -> None:
    """A contact alone is no request, a wish is either words or a code, and question ids are distinct."""
    bodies: tuple[dict[str, Any], ...] = (
        {"contact": CONTACT},
        {"wished_trades": [{}]},
        {"wished_trades": [{"text": "Kokk", "grep_code": "RMKOK3----"}]},
        {"questions": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]},
    )
    for body in bodies:
        with pytest.raises(ValidationError):
            MappingRequestContent.model_validate(body)


def test_a_plan_has_an_end() -> None:
    """A plan of more text than fits on some 25 pages is refused, though each of its fields is within its bounds."""
    answers = [{"question_id": f"q{n}", "text": "a" * 4000} for n in range(LONGEST_PLAN // 4000)]
    with pytest.raises(ValidationError, match="characters in all"):
        plan(answers=answers)
    assert len(plan(answers=answers[:-1]).answers) == len(answers) - 1


def test_the_past_may_be_foreign_and_old() -> None:
    """A subject without a code is told in words, and one with a code needs none."""
    Subject.model_validate({"text": "Догляд за хворими", "state": "done", "basis": EXPECTED})
    Subject.model_validate({"code": "NOR1204", "state": "remaining", "basis": EXPECTED})


@pytest.mark.parametrize(
    ("shape", "code", "fits"),
    [
        (ProgrammeArea, "HSHEA3MV--", True),
        (ProgrammeArea, "HSHEA3----", True),
        (ProgrammeArea, "BAANL1V123", True),
        (ProgrammeArea, "HSHEA3", False),
        (ProgrammeArea, "HSHEA3--MV", False),
        (ProgrammeArea, "HSHEA3MV---", False),
        (ProgrammeArea, "hshea3----", False),
        (ProgrammeArea, "HSHEA3MV-\n", False),
        (CurriculumCode, "HEA03-02", True),
        (CurriculumCode, "HEA3-01", True),
        (CurriculumCode, "HEA03-2", False),
        (SubjectCode, "NOR1204", True),
        (SubjectCode, "FBJ9000", True),
        (SubjectCode, "HEAV1001", True),
        (SubjectCode, "NOR 1204", False),
        (GrepCode, "HS", True),
        (GrepCode, "HSHEA3", True),
        (GrepCode, "HSHEA3MV--", True),
        (GrepCode, "HEA03-02", True),
        (GrepCode, "helsefag", False),
        (GrepCode, "HSHEA3----\n", False),
    ],
)
def test_codes_are_judged_by_shape(shape: object, code: str, fits: bool) -> None:
    """Published shapes are taken, next year's codes among them; other shapes are not."""
    assert takes(shape, code) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("2027-01-31", True),
        ("2027-02-30", False),
        ("20270131", False),
        (86400, False),
        ("2027-W01-1", False),
        (True, False),
    ],
)
def test_a_day_is_a_day(value: object, fits: bool) -> None:
    """A day is written in one way, and no number is taken for one."""
    assert takes(Day, value) is fits


@pytest.mark.parametrize(
    "text", ["", " \n", "a\x00b", "a\x1b[31m", "a\u202eb", "a\u2066b", "\ud800", "a" * 4001, "a\n" * 120]
)
def test_text_that_hides_something_is_refused(text: str) -> None:
    """Control characters, changes of direction, lone surrogates, nothing at all and too much are refused."""
    assert not takes(Text, text)


def test_one_line_is_one_line() -> None:
    """A name or a place holds no line break."""
    assert not takes(Line, "Kari\nNordmann")
    assert takes(Line, "Kari Nordmann")


@given(text=st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf")), min_size=1, max_size=200).filter(str.strip))
def test_text_is_kept(text: str) -> None:
    """What people write is kept to the letter, in the form NFC."""
    kept = TypeAdapter[str](Text).validate_python(text)
    lines = text.replace("\u2028", "\n").replace("\u2029", "\n")
    assert kept == unicodedata.normalize("NFC", lines)


def test_line_ends_are_line_feeds() -> None:
    """Text from any machine has the same line ends, and so the same bytes."""
    assert TypeAdapter[str](Text).validate_python("a\r\nb\rc\u2028d") == "a\nb\nc\nd"


def test_a_refusal_does_not_repeat_what_was_written() -> None:
    """The text of an error, which may reach a log, holds no word of the content."""
    with pytest.raises(ValidationError) as refused:
        plan(summary="Migrene\x00")
    assert "Migrene" not in str(refused.value)
