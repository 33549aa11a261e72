import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.persons.numbers import Fault, Kind, NationalId, NumberRule, complete, parse

VECTORS = json.loads((Path(__file__).parents[1] / "contracts" / "fnr-vectors.json").read_text())
PUBLISHED = [*VECTORS["fnrvalidator"].items(), *VECTORS["skatteetaten"].items()]
BEFORE, AFTER = date(2031, 12, 31), date(2032, 1, 1)

NOT_VALID_EXAMPLES = ["48507582368", "10068831950", "12121212121", "01010199999"]
VALID_TEST_PERSONS = ["21879498012", "20914695016", "25922947409", "21818297804", "23886799519", "17912099997"]

dates = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31))
marks = st.tuples(st.sampled_from([0, 40]), st.sampled_from([0, 40, 65, 80]))


@st.composite
def numbers(draw: st.DrawFn, remainders: tuple[int, ...] = (0,)) -> str:
    """An identity number of any kind, made from a date, marks and a serial number."""
    day, (on_day, on_month) = draw(dates), draw(marks)
    head = f"{day.day + on_day:02}{day.month + on_month:02}{day.year % 100:02}"
    made = complete(head + f"{draw(st.integers(0, 999)):03}", remainder=draw(st.sampled_from(remainders)))
    return made or draw(numbers(remainders))


@pytest.mark.parametrize(("text", "expected"), PUBLISHED)
def test_published_numbers_are_judged_as_their_publishers_judge_them(text: str, expected: dict[str, Any]) -> None:
    """With the 2032 rule, validity and kind are those of fnrvalidator and Skatteetaten."""
    number = parse(text, new_style=True)
    assert isinstance(number, NationalId) is expected["valid"]
    if isinstance(number, NationalId):
        assert number.kind == expected["type"]
        assert number.synthetic is expected.get("synthetic", number.synthetic)


@pytest.mark.parametrize(("text", "expected"), PUBLISHED)
def test_the_2032_rule_is_not_in_force_before_its_day(text: str, expected: dict[str, Any]) -> None:
    """Without it, exactly the numbers with remainder 0 are valid."""
    assert isinstance(parse(text, new_style=False), NationalId) is expected["valid_pre2032_rule"]


@pytest.mark.parametrize("text", NOT_VALID_EXAMPLES)
def test_example_numbers_that_circulate_in_documents_are_refused(text: str) -> None:
    """They look right, but their control digits do not match."""
    assert parse(text, new_style=True) == Fault.CONTROL_DIGITS


@pytest.mark.parametrize("text", VALID_TEST_PERSONS)
def test_test_persons_are_taken_outside_production_only(text: str) -> None:
    """Tenor's persons are synthetic; production refuses them."""
    assert isinstance(NumberRule(synthetic=True).admit(text, on=BEFORE), NationalId)
    assert NumberRule(synthetic=False).admit(text, on=BEFORE) == Fault.SYNTHETIC


def test_a_real_number_is_never_taken_outside_production() -> None:
    """A number without a mark on its month is refused where only test persons may be."""
    assert NumberRule(synthetic=True).admit("13097248022", on=BEFORE) == Fault.NOT_SYNTHETIC
    assert isinstance(NumberRule(synthetic=False).admit("13097248022", on=BEFORE), NationalId)


def test_new_numbers_are_taken_from_their_first_day_on() -> None:
    """Skatteetaten's synthetic 2032 number waits for the day, and for an earlier one if a rule names it."""
    rule = NumberRule(synthetic=True)
    assert rule.admit("30908299902", on=BEFORE) == Fault.CONTROL_DIGITS
    assert isinstance(rule.admit("30908299902", on=AFTER), NationalId)
    early = NumberRule(synthetic=True, new_style_from=date(2026, 1, 1))
    assert isinstance(early.admit("30908299902", on=date(2026, 1, 1)), NationalId)


@pytest.mark.parametrize(
    "text", ["", "13097248022\n", " 13097248022", "1309724802٢", "１３097248022", "-3097248022", "13 09 72480"]
)
def test_only_eleven_ascii_digits_are_a_number(text: str) -> None:
    """Other scripts' digits, white space, signs and a trailing newline are refused."""
    assert parse(text, new_style=True) == Fault.NOT_ELEVEN_DIGITS


@pytest.mark.parametrize(
    ("marked", "kind"),
    [
        ((0, 0), Kind.FNR),
        ((40, 0), Kind.DNR),
        ((0, 40), Kind.HNR),
        ((0, 65), Kind.NHN),
        ((0, 80), Kind.TNR),
        ((40, 40), Kind.DNR_AND_HNR),
        ((40, 65), Kind.DNR_AND_NHN),
        ((40, 80), Kind.DNR_AND_TNR),
    ],
)
@given(day=dates)
def test_marks_on_day_and_month_tell_the_kind(marked: tuple[int, int], kind: Kind, day: date) -> None:
    """Every date can carry every mark, and only marked months are synthetic."""
    head = f"{day.day + marked[0]:02}{day.month + marked[1]:02}{day.year % 100:02}"
    number = parse(_numbered(head), new_style=False)
    assert isinstance(number, NationalId)
    assert (number.kind, number.synthetic) == (kind, marked[1] != 0)


@given(head=st.from_regex(r"[0-9]{4}", fullmatch=True), year=st.integers(0, 99))
def test_a_number_begins_with_a_date(head: str, year: int) -> None:
    """With right control digits, a number is admitted exactly if its marks come off to a day of the calendar."""
    made = _numbered(f"{head}{year:02}")
    days = [int(head[:2]) - mark for mark in (0, 40)]
    months = [int(head[2:]) - mark for mark in (0, 40, 65, 80)]
    exists = any(_exists(2000 + year, month, day) for month in months for day in days)
    assert isinstance(parse(made, new_style=False), NationalId) is exists


def _numbered(six: str) -> str:
    """The first number of those born on a day: some serial numbers have no control digits."""
    return next(made for made in (complete(f"{six}{serial:03}") for serial in range(99)) if made)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


@given(text=numbers(), place=st.integers(0, 10), other=st.integers(1, 9))
def test_one_mistyped_digit_is_always_caught(text: str, place: int, other: int) -> None:
    """Today's rule catches every single wrong digit."""
    wrong = str((int(text[place]) + other) % 10)
    assert parse(text[:place] + wrong + text[place + 1 :], new_style=False) == Fault.CONTROL_DIGITS


@given(text=numbers(), place=st.integers(0, 9))
def test_two_swapped_neighbours_are_always_caught(text: str, place: int) -> None:
    """Today's rule catches every swap of two different neighbouring digits."""
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    expected = NationalId if swapped == text else Fault
    assert isinstance(parse(swapped, new_style=False), expected)


@given(text=numbers(remainders=(1, 2, 3)))
def test_new_numbers_are_mistyped_ones_to_the_old_rule(text: str) -> None:
    """A number with remainder 1 to 3 is valid under the new rule and under it alone."""
    assert parse(text, new_style=False) == Fault.CONTROL_DIGITS
    assert isinstance(parse(text, new_style=True), NationalId)


@given(text=numbers())
def test_a_number_does_not_show_itself(text: str) -> None:
    """Neither repr nor str of the value holds the digits."""
    number = parse(text, new_style=False)
    assert isinstance(number, NationalId)
    assert number.digits == text
    assert text not in repr(number)
    assert text not in f"{number}"


@given(text=st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    """No text makes it fail, and a fault repeats nothing of the text."""
    answer = NumberRule(synthetic=True).admit(text, on=BEFORE)
    assert isinstance(answer, NationalId | Fault)
