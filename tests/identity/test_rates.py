"""Limits: so many calls in any minute for each caller, counted alone or together; a Redis that is down stops nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis as Client

from consent_service.crypto.service_keys import MacKey
from consent_service.errors import TooManyRequests
from consent_service.identity.counters import ALONE, Counters
from consent_service.identity.rates import Rate, person
from tests.provision.redis import Redis

KARI = "21879498012"
pytestmark = pytest.mark.usefixtures("early_in_the_minute")


def alone() -> float:
    """How many calls were counted without Redis."""
    return next(sample.value for metric in ALONE.collect() for sample in metric.samples)


async def passed(counters: Counters, calls: int, *, what: str = "unit", caller: str = "a", limit: int = 5) -> int:
    """How many of so many calls at once may pass."""
    waits = await asyncio.gather(*(counters.take(what, caller, limit) for _ in range(calls)))
    return waits.count(None)


@pytest.fixture(params=["memory", "redis"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    """Counters of either kind."""
    url = request.getfixturevalue("redis_server").url if request.param == "redis" else ""
    made = Counters(url)
    yield made
    await made.close()


async def test_so_many_pass_and_the_next_hears_when_to_come_back(counters: Counters) -> None:
    """Of any number at once, for each caller and each kind of call apart."""
    assert await passed(counters, 20) == 5
    rate = Rate(counters, "unit", 5)
    with pytest.raises(TooManyRequests) as refused:
        await rate.spend("a")
    assert 1 <= refused.value.retry_after <= 61
    assert await passed(counters, 5, caller="b") == 5
    assert await passed(counters, 5, what="search") == 5


async def test_no_limit_is_nothing_to_count(counters: Counters) -> None:
    """0 is no limit at all."""
    assert Rate.of(counters, "unit", 0) is None
    assert Rate.of(counters, "unit", 1) is not None


async def test_processes_count_together(redis_server: Redis) -> None:
    """Two processes on one Redis let a caller through as often as one does."""
    first, second = Counters(redis_server.url), Counters(redis_server.url)
    before = alone()
    let_through = await asyncio.gather(passed(first, 10, limit=12), passed(second, 10, limit=12))
    assert sum(let_through) == 12
    assert alone() == before
    for one in (first, second):
        await one.close()


async def test_what_lies_in_redis_names_nobody(redis_server: Redis) -> None:
    """A person is a keyed hash there, which another key makes another one."""
    key = MacKey(bytes(32))
    counters = Counters(redis_server.url)
    await Rate(counters, "person", 5).spend(person(key, KARI))
    await counters.close()
    client = Client.from_url(redis_server.url)
    stored = b" ".join([name async for name in client.scan_iter()])
    await client.aclose()
    assert person(key, KARI).encode() in stored
    assert KARI.encode() not in stored
    assert person(key, KARI) != person(MacKey(b"x" * 32), KARI)


async def test_a_redis_that_is_down_stops_nobody_and_is_used_again(redis_server: Redis) -> None:
    """Each process counts alone meanwhile, which shows in log and metric, and together once it is back."""
    counters, before = Counters(redis_server.url), alone()
    assert await passed(counters, 3) == 3
    redis_server.kill()
    assert await passed(counters, 9) == 5
    assert alone() > before
    redis_server.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        before = alone()
        await counters.take("unit", "b", 100)
        if alone() == before:
            break
        await asyncio.sleep(0.2)
    assert alone() == before
    await counters.close()


async def test_a_redis_that_hangs_holds_nobody_up(redis_server: Redis) -> None:
    """Two calls wait a moment; then the breaker spares all others the wait."""
    counters = Counters(redis_server.url)
    assert await passed(counters, 1) == 1
    with redis_server.paused():
        begun = time.monotonic()
        for _ in range(30):
            await counters.take("unit", "c", 100)
        assert time.monotonic() - begun < 2
    await counters.close()


async def test_a_wrong_password_stops_nobody(redis_server: Redis) -> None:
    """It is as if Redis were down."""
    counters, before = Counters(redis_server.url.replace(redis_server.password, "wrong")), alone()
    assert await passed(counters, 9) == 5
    assert alone() == before + 9
    await counters.close()
