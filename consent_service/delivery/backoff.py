"""How long to wait before the next attempt: twice as long each time, up to an hour, with jitter.

Half of the wait is fixed and half is chance, so that letters that failed together do not come back together.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from consent_service.clock import HOUR, MINUTE, SECOND


@dataclass(frozen=True)
class Timing:
    """How a worker times its work; every duration in microseconds.

    ``signature_lives``: Digipost refuses a request signed longer ago than that, so a letter that it denies having
    after that time will not turn up there later. By its clock that is five minutes; by ours twice that, since its clock
    may be five minutes behind ours before we believe none of its answers. ``most_attempts``: then a person looks at it.
    """

    first_wait: int = SECOND
    longest_wait: int = HOUR
    paused_wait: int = HOUR
    lease: int = MINUTE
    signature_lives: int = 10 * MINUTE
    most_attempts: int = 100

    @property
    def margin(self) -> int:
        """What an attempt leaves of its lease, to be written down in."""
        return self.lease // 6

    def wait(self, attempts: int, chance: Callable[[], float] = random.random) -> int:
        """How long to wait after ``attempts`` of them (1 or more)."""
        whole = min(self.longest_wait, self.first_wait << min(attempts - 1, 40))
        return whole // 2 + int(whole * chance() / 2)
