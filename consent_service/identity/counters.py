"""Where calls are counted: in the memory of this process, or in a Redis that all processes share.

Decided once: a call never fails because Redis does. While it is down, every process counts alone, so that a caller gets
at most as many times as much as there are processes; the alarm goes off in log and metric, and a breaker keeps calls
from waiting for what was down a moment ago.
"""

import asyncio
import math
import time
from typing import Any

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from prometheus_client import Counter
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from consent_service.crypto.breaker import Breaker

ALONE = Counter("consent_rates_counted_alone_total", "Calls that were counted in one process, because Redis was down")

_WITHIN = 0.25
"""Seconds that a call waits for Redis."""
_CONNECTIONS = 20

_log = structlog.get_logger()


class Counters:
    """The counters of this process. ``redis_url``: where all processes count together; empty for memory."""

    def __init__(self, redis_url: str = "", *, prefix: str = "consent-rates") -> None:
        """Nothing is connected to before a call is counted. ``prefix`` stands before every key in Redis."""
        self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._pool: BlockingConnectionPool | None = None
        self._together: SlidingWindowCounterRateLimiter | None = None
        self._breaker = Breaker()
        if redis_url:
            self._pool = BlockingConnectionPool.from_url(
                redis_url, max_connections=_CONNECTIONS, socket_timeout=_WITHIN, socket_connect_timeout=_WITHIN
            )
            self._together = SlidingWindowCounterRateLimiter(_shared(self._pool, redis_url, prefix))

    async def take(self, what: str, caller: str, per_minute: int) -> int | None:
        """Count one call of ``caller``; None if it may pass, else in how many seconds to come back."""
        if self._together is not None and self._breaker.lets_through():
            try:
                async with asyncio.timeout(_WITHIN):
                    wait = await _take(self._together, what, caller, per_minute)
            except (StorageError, RedisError, OSError) as failure:  # a TimeoutError is an OSError
                self._breaker.failed()
                _log.error("calls are counted in this process alone", reason=type(failure).__name__, alarm="rates")
            else:
                self._breaker.succeeded()
                return wait
        if self._together is not None:
            ALONE.inc()
        return await _take(self._alone, what, caller, per_minute)

    async def close(self) -> None:
        """Give up the connections."""
        if self._pool is not None:
            await self._pool.aclose()


def _shared(pool: BlockingConnectionPool, url: str, prefix: str) -> Storage:
    options: dict[str, Any] = {"connection_pool": pool}  # documented, though its type says otherwise
    return RedisStorage(f"async+{url}", implementation="redispy", key_prefix=prefix, wrap_exceptions=True, **options)


async def _take(limiter: SlidingWindowCounterRateLimiter, what: str, caller: str, per_minute: int) -> int | None:
    limit = RateLimitItemPerMinute(per_minute)
    if await limiter.hit(limit, what, caller):
        return None
    stats = await limiter.get_window_stats(limit, what, caller)
    return max(1, math.ceil(stats.reset_time - time.time()))
