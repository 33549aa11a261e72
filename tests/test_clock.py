"""Instants: how they are written, read and counted in Norwegian days."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.clock import (
    DAY,
    SECOND,
    SettableClock,
    SystemClock,
    end_of_day,
    local_date,
    parse_rfc3339,
    rfc3339,
)

INSTANTS = st.integers(parse_rfc3339("0001-01-01T00:00:00Z"), parse_rfc3339("9999-12-31T23:59:59.999999Z"))
DAYS = st.dates(min_value=date(1, 1, 2), max_value=date.max - timedelta(days=1))


@given(INSTANTS)
def test_an_instant_survives_being_written(instant: int) -> None:
    """What ``rfc3339`` writes, ``parse_rfc3339`` reads as the same instant."""
    assert parse_rfc3339(rfc3339(instant)) == instant


@given(st.lists(INSTANTS.map(lambda instant: instant - instant % SECOND)))
def test_whole_seconds_sort_as_text(instants: list[int]) -> None:
    """Instants and their text have one order, so that a reader may compare either."""
    assert sorted(map(rfc3339, instants)) == list(map(rfc3339, sorted(instants)))


def test_decimals_are_written_when_there_are_any() -> None:
    """No decimals or six."""
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
    assert rfc3339(1) == "1970-01-01T00:00:00.000001Z"
    assert rfc3339(1_795_294_531 * SECOND) == "2026-11-21T20:55:31Z"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-21T20:55:31+00:00", "2026-11-21T20:55:31Z"),
        ("2026-11-21T21:55:31+01:00", "2026-11-21T20:55:31Z"),
        ("2026-11-21T20:25:31.5-00:30", "2026-11-21T20:55:31.500000Z"),
    ],
)
def test_a_zone_and_fewer_decimals_are_read(text: str, same: str) -> None:
    """RFC 3339 allows any offset, and any number of decimals of which up to six are held."""
    assert rfc3339(parse_rfc3339(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T20:55:31",
        "2026-11-21",
        "2026-11-21 20:55:31Z",
        "20261121T205531Z",
        "2026-W47-6T20:55:31Z",
        "2026-11-21T20:55Z",
        "2026-11-21T20:55:31.1234567Z",
        "2026-11-21T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-21T20:55:31Z\n",
        "٢٠٢٦-11-21T20:55:31Z",
        "",
    ],
)
def test_anything_else_names_no_instant(text: str) -> None:
    """A time without a zone, another ISO 8601 form, too many decimals and no time at all are refused."""
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        (date(2026, 1, 31), "2026-01-31T23:00:00Z"),
        (date(2026, 3, 28), "2026-03-28T23:00:00Z"),
        (date(2026, 3, 29), "2026-03-29T22:00:00Z"),  # the clock goes forward that night
        (date(2026, 10, 24), "2026-10-24T22:00:00Z"),
        (date(2026, 10, 25), "2026-10-25T23:00:00Z"),  # and back
        (date(2026, 12, 31), "2026-12-31T23:00:00Z"),
    ],
)
def test_a_day_ends_at_midnight_in_norway(day: date, instant: str) -> None:
    """A consent until a day holds until 00:00 Europe/Oslo after it, in summer time and in winter time."""
    assert rfc3339(end_of_day(day)) == instant


@given(DAYS)
def test_the_last_instant_of_a_day_is_in_it(day: date) -> None:
    """Just before its end it is still that day in Norway, and at its end it is the next."""
    assert local_date(end_of_day(day) - 1) == day
    assert local_date(end_of_day(day)) == day + timedelta(days=1)


def test_the_end_of_the_calendar_is_an_instant() -> None:
    """A caller who types 9999-12-31 gets an answer: it can be ordered and written."""
    assert end_of_day(date.max) > end_of_day(date(9999, 12, 29))
    assert rfc3339(end_of_day(date.max)).startswith("9999-12-3")


def test_a_settable_clock_moves_when_told() -> None:
    """It stands still, goes forward, and can be set back."""
    clock = SettableClock(1_000)
    assert clock.now() == clock.now() == 1_000
    clock.advance(seconds=1.5, days=1)
    assert clock.now() == 1_000 + 1_500_000 + DAY
    clock.advance(seconds=-2)
    assert clock.now() == 1_000 - 500_000 + DAY
    assert clock.monotonic() == 1_500_000 + DAY  # which has passed, whatever the clock says


def test_the_system_clock_tells_microseconds_since_1970() -> None:
    """It is the machine's time, in this service's unit."""
    before = time.time_ns() // 1_000
    assert before <= SystemClock().now() <= time.time_ns() // 1_000
    passed = time.monotonic_ns() // 1_000
    assert passed <= SystemClock().monotonic() <= time.monotonic_ns() // 1_000
