"""How often one caller may call: a bucket that fills at a steady rate, for each caller apart.

Counted in the memory of one process, so that a limit costs no call a write; with several processes a caller gets at
most that many times as much. Limits that protect a secret (pick-up codes) are counted in the database instead.
"""

from collections import OrderedDict

from consent_service.clock import MINUTE, SECOND, Clock
from consent_service.errors import TooManyRequests

_REMEMBERED = 10_000


class Rate:
    """At most ``per_minute`` calls a minute for each caller, of which ``burst`` may come at once. 0: no limit."""

    def __init__(self, clock: Clock, *, per_minute: int, burst: int) -> None:
        """Start with full buckets."""
        self._clock = clock
        self._every = MINUTE // per_minute if per_minute else 0
        self._full = burst * self._every
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def spend(self, caller: str) -> None:
        """Count one call. Raises TooManyRequests, with when to come back."""
        if not self._every:
            return
        now = self._clock.now()
        # The bucket is kept as the instant at which it would be full again (a "generic cell rate").
        full_at = max(now, self._full_at.get(caller, now)) + self._every
        if full_at - now > self._full:
            raise TooManyRequests(retry_after=1 + (full_at - now - self._full) // SECOND)
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        while len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
