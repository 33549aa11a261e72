"""Keys are fetched where settings say, seldom, and never because a token asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from consent_service.clock import SECOND, SettableClock
from consent_service.errors import Unavailable
from consent_service.identity.issuers import REFETCH_EVERY, REFETCHES, RETRY_AFTER, Issuer
from tests.identity.conftest import NOON
from tests.identity.published import ISSUER, JWKS, METADATA, Published
from tests.support.issuers import key


@pytest.fixture
def published() -> Published:
    """What the issuer publishes."""
    return Published()


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


@pytest.fixture
def issuer(published: Published, clock: SettableClock) -> Issuer:
    """The issuer as the service knows it."""
    return Issuer(ISSUER, published.http(), clock, metadata_url=METADATA)


async def test_keys_are_kept_for_a_day(published: Published, issuer: Issuer, clock: SettableClock) -> None:
    """Within 24 hours one fetch serves every token, many at once too; after that they are fetched again."""
    found = await asyncio.gather(*(issuer.key("first", "RS256") for _ in range(20)))
    assert all(found)
    clock.advance(seconds=24 * 3600 - 1)
    assert await issuer.key("first", "RS256")
    assert published.fetched == [METADATA, JWKS]
    clock.advance(seconds=1)
    assert await issuer.key("first", "RS256")
    assert published.fetched == [METADATA, JWKS] * 2


async def test_a_rotated_key_is_found_at_once(published: Published, issuer: Issuer) -> None:
    """Callers that come with the new kid together share one fetch, and none is refused."""
    assert await issuer.key("first", "RS256")
    published.keys.rotate(key("second"))
    found = await asyncio.gather(*(issuer.key("second", "RS256") for _ in range(20)))
    assert all(found)
    assert published.count(JWKS) == 2
    assert await issuer.key("first", "RS256")


async def test_unknown_kids_cost_a_bounded_number_of_fetches(
    published: Published, issuer: Issuer, clock: SettableClock
) -> None:
    """A forger's kids fetch a few times, and then once each two seconds, however many there are."""
    for number in range(50):
        assert await issuer.key(f"forged-{number}", "RS256") is None
    assert published.count(JWKS) == 1 + REFETCHES
    clock.advance(seconds=REFETCH_EVERY // SECOND)
    for number in range(50):
        assert await issuer.key(f"forged-{number}", "RS256") is None
    assert published.count(JWKS) == 2 + REFETCHES


async def test_the_last_keys_stand_while_the_issuer_is_down(
    published: Published, issuer: Issuer, clock: SettableClock
) -> None:
    """An issuer that fails costs nobody a key that was known, and is not asked again by every call."""
    assert await issuer.key("first", "RS256")
    published.answers = lambda url: httpx.Response(503)
    clock.advance(seconds=25 * 3600)
    for _ in range(5):
        assert await issuer.key("first", "RS256")
    assert len(published.fetched) == 3
    published.answers = None
    clock.advance(seconds=RETRY_AFTER // SECOND)
    assert await issuer.key("first", "RS256")
    assert published.fetched[3:] == [METADATA, JWKS]


async def test_rotations_cost_nothing_of_what_forgers_may_spend(published: Published, issuer: Issuer) -> None:
    """A key that is found was no forger's: an issuer may rotate as often as it likes."""
    assert await issuer.key("first", "RS256")
    for kid in (f"rotated-{number}" for number in range(3 * REFETCHES)):
        jwks = {"keys": [{**key("first").public_jwk, "kid": kid}]}
        published.answers = lambda url, jwks=jwks: httpx.Response(200, json=jwks)
        assert await issuer.key(kid, "RS256")


async def test_a_fetch_serves_those_who_came_before_it_began(published: Published, issuer: Issuer) -> None:
    """A key that came to be while an earlier answer was under way is found all the same: it is asked for again."""
    assert await issuer.key("first", "RS256")
    published.keys.rotate(key("second"))
    published.answered = asyncio.Event()
    earlier = asyncio.create_task(issuer.key("second", "RS256"))
    await published.answered.wait()  # with the second key, and the answer has not arrived
    published.keys.rotate(key("third"))
    later = [asyncio.create_task(issuer.key("third", "RS256")) for _ in range(20)]
    assert await earlier
    assert all(await asyncio.gather(*later))
    assert published.count(JWKS) == 3


async def test_nobody_waits_while_another_asks_for_keys_anew(
    published: Published, issuer: Issuer, clock: SettableClock
) -> None:
    """After a day, an issuer that does not answer holds up the one call that asks it; the others have the old keys."""
    assert await issuer.key("first", "RS256")
    clock.advance(seconds=25 * 3600)
    published.answered, published.held = asyncio.Event(), asyncio.Event()
    asking = asyncio.create_task(issuer.key("first", "RS256"))
    await published.answered.wait()
    async with asyncio.timeout(1):
        assert all(await asyncio.gather(*(issuer.key("first", "RS256") for _ in range(20))))
    assert not asking.done()
    published.held.set()
    assert await asking


async def test_an_unknown_kid_is_not_told_from_a_forgers_while_the_issuer_is_down(
    published: Published, issuer: Issuer, clock: SettableClock
) -> None:
    """It may have rotated, and we can't look: unavailable, until it answers and says that there is no such key."""
    assert await issuer.key("first", "RS256")
    published.answers = lambda url: httpx.Response(503)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await issuer.key("second", "RS256")
        assert await issuer.key("first", "RS256")
    assert published.count(JWKS) == 2
    published.answers = None
    clock.advance(seconds=RETRY_AFTER // SECOND)
    assert await issuer.key("second", "RS256") is None


async def test_a_connection_that_the_issuer_has_closed_is_no_failure(published: Published, issuer: Issuer) -> None:
    """A kept connection to an issuer that has started anew breaks once; it is asked again at once."""
    breaks = iter([True])

    def answers(url: str) -> httpx.Response:
        if url == JWKS and next(breaks, False):
            raise httpx.RemoteProtocolError("Server disconnected")
        return httpx.Response(200, json=published.metadata if url == METADATA else published.keys.jwks())

    published.answers = answers
    assert await issuer.key("first", "RS256")


def _not_json(url: str) -> httpx.Response:
    return httpx.Response(200, text="<html>")


def _endless(url: str) -> httpx.Response:
    return httpx.Response(200, text=" " * 300_000 + "{}")


def _elsewhere(url: str) -> httpx.Response:
    return httpx.Response(302, headers={"location": "https://evil.example/jwks"})


def _gone(url: str) -> httpx.Response:
    raise httpx.ConnectError("nobody there")


@pytest.mark.parametrize("answers", [_not_json, _endless, _elsewhere, _gone])
async def test_what_is_no_metadata_gives_no_keys(
    published: Published, issuer: Issuer, answers: Callable[[str], httpx.Response]
) -> None:
    """An answer of another kind, an endless one, a redirect or none at all: unavailable, and nothing followed."""
    published.answers = answers
    with pytest.raises(Unavailable):
        await issuer.key("first", "RS256")
    with pytest.raises(Unavailable):
        await issuer.metadata()
    assert set(published.fetched) == {METADATA}


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"jwks_uri": "http://issuer.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 1},
        {"jwks_uri": "https://issuer.example:99999999/"},
        {"token_endpoint": "http://127.0.0.1/token"},
    ],
)
async def test_metadata_is_the_issuers_own_and_its_addresses_are_https(
    published: Published, issuer: Issuer, changes: dict[str, Any]
) -> None:
    """Metadata of another issuer, or with an address that is not https, is not used."""
    published.metadata.update(changes)
    with pytest.raises(Unavailable):
        await issuer.metadata()


async def test_metadata_says_where_to_log_in(published: Published, issuer: Issuer) -> None:
    """Endpoints are the issuer's; what it does not name is None."""
    metadata = await issuer.metadata()
    assert metadata.authorization_endpoint == f"{ISSUER}/authorize"
    assert metadata.end_session_endpoint is None
    assert not metadata.names_itself


async def test_the_platform_may_name_the_keys_itself(published: Published, clock: SettableClock) -> None:
    """With the address of the keys in the settings, no metadata is fetched."""
    issuer = Issuer(ISSUER, published.http(), clock, jwks_uri=JWKS)
    assert await issuer.key("first", "RS256")
    assert published.fetched == [JWKS]


async def test_keys_that_the_platform_names_need_no_metadata(published: Published, clock: SettableClock) -> None:
    """Where both addresses are given, keys are had while the metadata is down."""
    published.answers = lambda url: (
        httpx.Response(503) if url == METADATA else httpx.Response(200, json=published.keys.jwks())
    )
    issuer = Issuer(ISSUER, published.http(), clock, metadata_url=METADATA, jwks_uri=JWKS)
    assert await issuer.key("first", "RS256")


@pytest.mark.parametrize("url", ["http://issuer.example/m", "ftp://issuer.example/m", "https://", "issuer.example/m"])
def test_an_address_that_is_not_https_is_no_setting(published: Published, clock: SettableClock, url: str) -> None:
    """Keys that came over an open line could be anybody's."""
    with pytest.raises(ValueError, match="https"):
        Issuer(ISSUER, published.http(), clock, metadata_url=url)


def test_an_issuer_is_found_somewhere(published: Published, clock: SettableClock) -> None:
    """Neither metadata nor keys: a mistake that shows at start."""
    with pytest.raises(ValueError, match="found"):
        Issuer(ISSUER, published.http(), clock)
