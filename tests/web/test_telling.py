"""What a preview shows of a part: everything, in an order that people read in."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.consents.purposes import LANGUAGES, Language
from consent_service.plans.parts import plan_parts, request_parts
from consent_service.web.telling import Told, in_short, tell
from consent_service.web.words import Words, load
from tests.plans.examples import plan, request

TEXTS = load()
NB = Words(TEXTS, "nb")

leaves = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.integers()
contents = st.dictionaries(
    st.sampled_from(["text", "items", "name", "where", "unheard_of", "basis", "language", "contact"]),
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["text", "months", "new_field"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=5,
)


def said(fields: tuple[Told, ...]) -> Iterator[str]:
    """Every text in ``fields``."""
    for field in fields:
        yield from said(field.fields)
        if field.text:
            yield field.text


def values(content: Any) -> Iterator[str]:
    """Every value in ``content``, as text."""
    if isinstance(content, dict):
        for value in content.values():
            yield from values(value)
    elif isinstance(content, list):
        for value in content:
            yield from values(value)
    else:
        yield str(content)


@given(contents)
def test_nothing_is_left_out(content: dict[str, Any]) -> None:
    """Every value in a part is shown, under whatever names it stands, as often as it stands there."""
    assert sorted(said(tell(content, NB))) == sorted(values(content))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_of_a_plan_and_a_request_has_a_name(language: Language) -> None:
    """No reader meets the name of a field as programs write it."""
    words = Words(TEXTS, language)
    for parts in (plan_parts(plan()), request_parts(request())):
        for content in parts.values():
            assert not [label for label in labels(tell(orjson.loads(content), words)) if "_" in label]


def labels(fields: tuple[Told, ...]) -> Iterator[str]:
    """Every name in ``fields``, and every text that is ours."""
    for field in fields:
        yield field.label
        if field.ours:
            yield field.text
        yield from labels(field.fields)


def test_the_writer_s_own_words_stand_first() -> None:
    """A list shows what was written, and not our words for what kind of thing it is."""
    assert in_short(tell({"language": "nb", "text": "Motorer"}, NB)) == "Motorer"


def test_the_language_of_a_text_is_said_to_the_browser() -> None:
    """A screen reader reads an English note aloud in English (WCAG 3.1.2)."""
    (text, language) = tell({"language": "en", "text": "Engines"}, NB)
    assert text.lang == "en"
    assert language.lang is None


def test_days_are_said_in_words() -> None:
    """A day in a plan reads as people say it."""
    assert tell({"valid_until": "2027-06-30"}, NB)[0].text == "30. juni 2027"
