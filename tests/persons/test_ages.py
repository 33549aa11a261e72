"""Who is old enough, by the number: on the day, whatever its marks, and whatever century the number does not tell."""

from __future__ import annotations

from datetime import date

import pytest

from consent_service.persons.ages import is_of_age
from consent_service.persons.numbers import NationalId, NumberRule, complete, parse

RULE = NumberRule(synthetic=True)
TODAY = date(2026, 11, 22)
AFTER_2032 = date(2035, 6, 1)


def number(six: str, individual: int, *, month_mark: int = 80, day_mark: int = 0, remainder: int = 0) -> NationalId:
    """A number for the date ``six`` (DDMMYY), with the first digits from ``individual`` on that one is issued for."""
    start = f"{int(six[:2]) + day_mark:02}{int(six[2:4]) + month_mark:02}{six[4:]}"
    for candidate in range(individual, individual + 10):
        digits = complete(f"{start}{candidate:03}", remainder=remainder)
        if digits is not None:
            parsed = parse(digits, new_style=True)
            assert isinstance(parsed, NationalId)
            return parsed
    raise AssertionError("no number for this date")


@pytest.mark.parametrize(
    ("six", "individual", "of_age"),
    [
        ("221108", 500, True),  # eighteen today
        ("231108", 500, False),  # eighteen tomorrow
        ("211108", 500, True),
        ("010126", 900, False),  # born this year
        ("010199", 100, True),  # 1999
        ("010115", 100, True),  # 1915, as the digits say
        ("010115", 600, False),  # 2015
        ("010160", 600, True),  # 1860
        ("010145", 950, True),  # 1945
        ("010145", 800, True),  # digits that say nothing: 2045 is still to come
        ("290208", 500, True),
    ],
)
@pytest.mark.parametrize("marks", [(0, 0), (80, 0), (40, 0), (65, 0), (80, 40), (0, 40)])
def test_who_is_eighteen(six: str, individual: int, marks: tuple[int, int], *, of_age: bool) -> None:
    """On the birthday, and whichever marks the day and the month carry."""
    month_mark, day_mark = marks
    one = number(six, individual, month_mark=month_mark, day_mark=day_mark)
    assert is_of_age(one, 18, rule=RULE, on=TODAY) is of_age


def test_a_leap_day_s_child_comes_of_age_in_march() -> None:
    """2026 has no 29 February."""
    one = number("290208", 500)
    assert not is_of_age(one, 18, rule=RULE, on=date(2026, 2, 28))
    assert is_of_age(one, 18, rule=RULE, on=date(2026, 3, 1))


@pytest.mark.parametrize(
    ("six", "individual", "of_age"),
    [
        ("010133", 100, False),  # a child of two, or somebody of 102: a child until somebody says otherwise
        ("010120", 100, False),
        ("010117", 900, True),  # eighteen
        ("010150", 600, True),  # 1950: 2050 is still to come
    ],
)
@pytest.mark.parametrize("remainder", [0, 1, 2, 3])
def test_from_2032_the_digits_do_not_tell_the_century(
    six: str, individual: int, remainder: int, *, of_age: bool
) -> None:
    """The youngest that the number can be counts, so that no child comes in with a new number."""
    one = number(six, individual, remainder=remainder)
    assert is_of_age(one, 18, rule=RULE, on=AFTER_2032) is of_age


def test_no_age_lets_everybody_in() -> None:
    """A limit of 0 years is none."""
    assert is_of_age(number("221126", 900), 0, rule=RULE, on=TODAY)
