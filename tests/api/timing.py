"""Whether two kinds of calls take the same time, on a machine that others use too.

Calls of all kinds are made in rounds, one of each in an order drawn anew, and compared within a round: what slows the
machine for a while slows all of them. Of the differences the median is told with an interval that needs no assumption
about how they are spread: between two of them in order, the sign test's, that miss it once in 16 000 times (z = 4).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

ROUNDS = 300
PRECISE = 0.0003  # of a second: when no interval is wider on either side of its middle, there is nothing more to learn
PATIENCE = 20.0  # seconds
_Z = 4.0


@dataclass(frozen=True)
class Interval:
    """Where the median difference lies, in seconds."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """How wide it is on either side of its middle."""
        return (self.high - self.low) / 2

    def beyond(self, bound: float) -> bool:
        """Whether it lies wholly further from nothing than ``bound``."""
        return self.low > bound or self.high < -bound


def median_within(differences: Sequence[float]) -> Interval:
    """The interval of the median; endless for too few."""
    ordered, count = sorted(differences), len(differences)
    rank = math.floor(count / 2 - _Z * math.sqrt(count) / 2)
    if rank < 1:
        return Interval(-math.inf, math.inf)
    return Interval(ordered[rank - 1], ordered[count - rank])


def precise(race: Race) -> bool:
    """Whether every difference is known precisely."""
    return all(one.half <= PRECISE for one in race.differences().values())


Enough = Callable[["Race"], bool]


@dataclass
class Race:
    """Calls by what they are; ``call`` makes one of them, ``between`` is done before each round and not timed."""

    names: Sequence[str]
    call: Callable[[str], Awaitable[object]]
    between: Callable[[], Awaitable[None]]
    chance: random.Random
    taken: list[dict[str, float]] = field(default_factory=list)

    async def run(self, enough: Enough = precise, *, patience: float = PATIENCE) -> None:
        """Go on until ``enough`` is known, or patience has ended."""
        began = time.monotonic()
        while True:
            for _ in range(100):
                await self._round()
            if (len(self.taken) >= ROUNDS and enough(self)) or time.monotonic() > began + patience:
                return

    def differences(self) -> dict[str, Interval]:
        """How much longer each takes than the first."""
        first, *others = self.names
        return {name: median_within([one[name] - one[first] for one in self.taken]) for name in others}

    def usual(self) -> float:
        """What a call of the first kind takes, in seconds."""
        return median(one[self.names[0]] for one in self.taken)

    async def _round(self) -> None:
        await self.between()
        taken = {}
        for name in self.chance.sample(self.names, len(self.names)):
            began = time.perf_counter()
            await self.call(name)
            taken[name] = time.perf_counter() - began
        self.taken.append(taken)
