"""A breaker keeps everybody from waiting for what was down a moment ago."""

from __future__ import annotations

from consent_service.crypto.breaker import LONGEST, SHORTEST, Breaker


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_failure_stops_nobody() -> None:
    """A call that was lost once is nothing yet; a success begins the count anew."""
    breaker = Breaker(Seconds())
    for _ in range(5):
        breaker.failed()
        assert breaker.lets_through()
        breaker.succeeded()


def test_after_two_failures_one_at_a_time_may_try() -> None:
    """It opens; when its time is over one call is let through, and the others still are not."""
    seconds = Seconds()
    breaker = Breaker(seconds)
    breaker.failed()
    breaker.failed()
    assert not breaker.lets_through()
    seconds.now += SHORTEST
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert all(breaker.lets_through() for _ in range(3))


def test_it_rests_longer_each_time_and_never_too_long() -> None:
    """What stays down is tried ever more seldom, but at least every few seconds: so it recovers by itself."""
    seconds = Seconds()
    breaker = Breaker(seconds)
    breaker.failed()
    rests = []
    for _ in range(6):
        breaker.failed()
        began = seconds.now
        while not breaker.lets_through():
            seconds.now += 0.25
        rests.append(seconds.now - began)
    assert rests == sorted(rests)
    assert rests[0] == SHORTEST
    assert rests[-1] == LONGEST
