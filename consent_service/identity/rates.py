"""How often one caller may call: so many calls in any minute, for each unit and for each person apart.

The wall stands between units, so two units of one organisation do not share a limit: neither can tell from its own how
much the other calls. A person is counted under a keyed hash of the identity number, wherever the counters lie. Limits
that protect a secret (pick-up codes) are not here: they are counted in the database, in the transaction that tries.
"""

from typing import TYPE_CHECKING

from consent_service.crypto.service_keys import MacKey
from consent_service.errors import TooManyRequests

if TYPE_CHECKING:
    from consent_service.identity.counters import Counters


class Rate:
    """At most ``per_minute`` calls of one kind (``what``) in any minute, for each caller."""

    def __init__(self, counters: "Counters", what: str, per_minute: int) -> None:
        """Count with ``counters``, apart from what else is counted there."""
        self._counters, self._what, self._per_minute = counters, what, per_minute

    @classmethod
    def of(cls, counters: "Counters", what: str, per_minute: int) -> "Rate | None":
        """The limit, or None for no limit (0), which then costs nothing."""
        return cls(counters, what, per_minute) if per_minute else None

    async def spend(self, caller: str) -> None:
        """Count one call. Raises TooManyRequests, with when to come back, and nothing else."""
        wait = await self._counters.take(self._what, caller, self._per_minute)
        if wait is not None:
            raise TooManyRequests(retry_after=wait)


def person(key: MacKey, digits: str) -> str:
    """What the person with an identity number is counted as; not what she is stored and found under."""
    return key.mac(b"rate limit 1\x00" + digits.encode()).hex()
