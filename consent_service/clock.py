"""Time, as an argument.

An instant is an ``int``: microseconds since 1970-01-01T00:00:00Z. It orders and adds without surprises,
is the same in both databases, and carries no time zone that could be forgotten. Nothing in the service asks
the operating system for the time but ``SystemClock``.
"""

import re
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_OSLO = ZoneInfo("Europe/Oslo")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> int:
        """The present instant."""
        ...

    def monotonic(self) -> int:
        """Microseconds since some moment, whatever the clock is set to meanwhile: for how long, never for when."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """The present instant, read from the operating system."""
        return time.time_ns() // 1_000

    def monotonic(self) -> int:
        """See ``Clock.monotonic``."""
        return time.monotonic_ns() // 1_000


class SettableClock:
    """A clock that stands still until it is told to move; for tests and the sandbox."""

    def __init__(self, start: int) -> None:
        """Stand at ``start``."""
        self._now = start
        self._passed = 0

    def now(self) -> int:
        """Where the clock stands."""
        return self._now

    def monotonic(self) -> int:
        """See ``Clock.monotonic``. A clock that is set back has let no time pass."""
        return self._passed

    def advance(self, *, seconds: float = 0, days: int = 0) -> None:
        """Move forward, or back when negative (a clock that is set back is a case to test)."""
        moved = int(seconds * SECOND) + days * DAY
        self._now += moved
        self._passed += max(0, moved)


def rfc3339(instant: int) -> str:
    """``instant`` as RFC 3339 in UTC, with as many decimals as it needs (0 or 6)."""
    whole, micros = divmod(instant, SECOND)
    return f"{_second(whole)}.{micros:06d}Z" if micros else f"{_second(whole)}Z"


@lru_cache(maxsize=256)  # many instants that are told fall within the same second
def _second(since_epoch: int) -> str:
    return (_EPOCH + timedelta(seconds=since_epoch)).replace(tzinfo=None).isoformat()


def parse_rfc3339(text: str) -> int:
    """The instant that ``text`` names (RFC 3339, at most six decimals). Raises ValueError for anything else."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("an instant is a time such as 2026-11-21T20:55:31Z")
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def end_of_day(day: date) -> int:
    """00:00 Europe/Oslo after ``day``: what "until and including that day" means to a person in Norway.

    The last day of the calendar, which callers can type, has no day after it and ends as it begins.
    """
    following = day + timedelta(days=1) if day < date.max else day
    midnight = datetime.combine(following, datetime.min.time(), tzinfo=_OSLO)
    return (midnight - _EPOCH) // timedelta(microseconds=1)


def local_date(instant: int) -> date:
    """The calendar day in Norway at ``instant``."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(_OSLO).date()
