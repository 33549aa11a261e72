import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consent_service.notes.codes import ALPHABET, PickupCode, new_code, parse

letters = st.sampled_from(ALPHABET)
codes = st.builds(PickupCode, st.text(letters, min_size=4, max_size=4), st.text(letters, min_size=11, max_size=11))


@given(code=codes)
def test_what_is_shown_is_read_back(code: PickupCode) -> None:
    """A code is shown as four groups of four, and reading them gives the same code."""
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code.shown())
    assert parse(code.shown()) == code


@given(code=codes, breaks=st.lists(st.integers(0, 16)))
def test_reading_forgives_what_people_do(code: PickupCode, breaks: list[int]) -> None:
    """Lower case, look-alikes, and spaces or hyphens anywhere change nothing."""
    typed = code.shown().replace("-", "").lower()
    for place in sorted(breaks, reverse=True):
        typed = typed[:place] + " -"[place % 2] + typed[place:]
    assert parse(typed) == code
    assert parse(typed.replace("0", "o").replace("1", "l")) == code
    assert parse(typed.replace("0", "O").replace("1", "I")) == code


@given(code=codes, place=st.integers(0, 15), other=letters)
def test_one_mistyped_character_is_always_caught(code: PickupCode, place: int, other: str) -> None:
    """No single wrong character passes, the check character included."""
    shown = code.shown().replace("-", "")
    assume(shown[place] != other)
    assert parse(shown[:place] + other + shown[place + 1 :]) is None


@given(code=codes, first=st.integers(0, 15), second=st.integers(0, 15))
def test_two_swapped_characters_are_always_caught(code: PickupCode, first: int, second: int) -> None:
    """No swap of two different characters passes, neighbours or not."""
    shown = list(code.shown().replace("-", ""))
    assume(shown[first] != shown[second])
    shown[first], shown[second] = shown[second], shown[first]
    assert parse("".join(shown)) is None


@given(text=st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    """No text makes reading fail, and what it admits is one of the codes that are shown."""
    code = parse(text)
    assert code is None or parse(code.shown()) == code


@pytest.mark.parametrize(
    "text", ["", "-", "0000-0000-0000-000", "0000-0000-0000-0000-0", "UUUU-0000-0000-0000", "ſ" * 16]
)
def test_texts_of_another_shape_are_no_codes(text: str) -> None:
    """Too short, too long, or a character outside the alphabet."""
    assert parse(text) is None


def test_the_secret_is_not_shown_by_accident() -> None:
    """The repr, which logs and tracebacks use, holds the locator only."""
    code = new_code()
    assert code.secret not in repr(code)
    assert code.locator in repr(code)


def test_the_code_stands_in_the_fragment_of_the_link() -> None:
    """Browsers never send a fragment, so no server's log gets the code."""
    code = new_code()
    url = code.claim_url("https://consent.example/claim")
    assert url.partition("#") == ("https://consent.example/claim", "#", code.shown())


def test_codes_are_random() -> None:
    """A thousand codes share no secret, and use the whole alphabet."""
    made = [new_code() for _ in range(1000)]
    assert len({code.secret for code in made}) == 1000
    assert set("".join(code.secret for code in made)) == set(ALPHABET)
