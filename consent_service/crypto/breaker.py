"""A breaker: what was down a moment ago is not waited for again by everybody.

After ``FAILURES`` failures in a row it opens: calls are refused at once, for a second at first, then twice as long up
to ``LONGEST``. When that time is over one call is let through to try; if it succeeds, all are.
"""

import time
from collections.abc import Callable

FAILURES = 2
SHORTEST = 1.0  # seconds
LONGEST = 4.0


class Breaker:
    """The state of one line to somebody else. For one event loop."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Begin closed: calls pass. ``seconds`` is a clock that never goes back."""
        self._seconds = seconds
        self._failures = 0
        self._open_until = 0.0
        self._rest = SHORTEST

    def lets_through(self) -> bool:
        """Whether to try now. While the breaker is open, the one who is let through tries for everybody."""
        if self._failures < FAILURES:
            return True
        now = self._seconds()
        if now < self._open_until:
            return False
        self._open_until = now + self._rest
        return True

    def succeeded(self) -> None:
        """The call was answered, with whatever answer."""
        self._failures, self._rest = 0, SHORTEST

    def failed(self) -> None:
        """Nobody answered."""
        self._failures += 1
        if self._failures >= FAILURES:
            self._open_until = self._seconds() + self._rest
            self._rest = min(2 * self._rest, LONGEST)
