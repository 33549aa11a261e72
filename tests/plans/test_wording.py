import re
from datetime import date
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

import consent_service.plans.texts as texts_module
from consent_service.plans.content import Language
from consent_service.plans.texts import texts
from consent_service.plans.wording import worded
from tests.plans.examples import HEAD, no_plan, plan

LANGUAGES = get_args(Language)


def told(language: str) -> dict[str, str]:
    """Every text of a language by its path."""
    raw = orjson.loads((Path(texts_module.__file__).parent / "languages" / f"{language}.json").read_bytes())

    def walk(path: str, value: Any) -> dict[str, str]:
        if isinstance(value, str):
            return {path: value}
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: text for name, inner in items for key, text in walk(f"{path}/{name}", inner).items()}

    return walk("", raw)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_the_same_in_its_own_words(language: Language) -> None:
    """Each language has the texts of the others, with the same places to fill in, and none is empty."""
    texts(language)
    own, first = told(language), told("nb")
    assert own.keys() == first.keys()
    for path, text in own.items():
        assert text.strip(), path
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", first[path])), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_short(language: Language) -> None:
    """No sentence of the service's own is longer than 20 words, for people who find reading hard."""
    for path, text in told(language).items():
        for sentence in re.split(r"[.?:](?:\s|$)", text):
            assert len(sentence.split()) <= 20, f"{path}: {sentence}"


def kinds(words: dict[str, Any]) -> list[str]:
    return [section["kind"] for section in words["sections"]]


def test_what_to_do_comes_before_what_was() -> None:
    """The order is: what to do, what is missing, what there is, answers, other ways, how to apply, whom to ask."""
    assert kinds(worded(plan(), HEAD)) == [
        "steps",
        "table",
        "table",
        "table",
        "legend",
        "answers",
        "text",
        "ways",
        "text",
        "contact",
    ]


def test_without_a_plan_the_other_ways_come_first() -> None:
    """Who hears that there is no plan reads next what there is instead."""
    assert kinds(worded(no_plan(), HEAD))[0] == "ways"


def test_what_is_not_there_is_not_announced() -> None:
    """A plan of a route alone has no empty headings."""
    bare = plan(
        summary=None, subjects=[], practice=[], steps=[], answers=[], accommodation=None, other_routes=[],
        how_to_apply=None,
    )  # fmt: skip
    assert kinds(worded(bare, HEAD)) == ["contact"]


def test_steps_stand_in_the_order_of_their_days() -> None:
    """However they came, the first step is the one that comes first, and "in short" names it."""
    words = worded(plan(), HEAD)
    assert [step["when"] for step in words["sections"][0]["steps"]] == [
        "1. februar 2027 til 1. mars 2027",
        "16. august 2027",
    ]
    first = next(fact for fact in words["in_short"]["facts"] if fact["label"] == "Første steg")
    assert first["more"] == "Søk."


def test_the_meaning_of_words_is_given_for_those_that_stand_there() -> None:
    """The legend explains each basis that a line has, and no other."""
    only_expected = plan(practice=[], subjects=[{"text": "a", "state": "done", "basis": {"kind": "expected"}}])
    (legend,) = (one for one in worded(only_expected, HEAD)["sections"] if one["kind"] == "legend")
    assert [fact["label"] for fact in legend["facts"]] == ["Forventet"]


@pytest.mark.parametrize(("language", "day"), [("nb", "2. mai 2027"), ("nn", "2. mai 2027"), ("en", "2 May 2027")])
def test_days_are_written_as_people_write_them(language: Language, day: str) -> None:
    """A day is in words, in its language."""
    assert texts(language).day_of(date(2027, 5, 2)) == day


def test_braces_in_what_people_write_stay() -> None:
    """A value is never read as a place to fill in."""
    words = worded(plan(steps=[{"date": "2027-01-01", "text": "{start}", "who": "{who} {0}"}]), HEAD)
    assert words["sections"][0]["steps"][0]["who"] == "Hvem: {who} {0}"
