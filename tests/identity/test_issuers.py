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
from consent_service.identity.published_keys import pick, read_keys
from consent_service.sandbox.keys import IssuerKeys, SigningKey
from tests.identity.conftest import NOON
from tests.support.issuers import key

ISSUER = "https://issuer.example"
METADATA = f"{ISSUER}/.well-known/openid-configuration"
JWKS = f"{ISSUER}/jwks"


class Published:
    """An issuer's two documents, how often each was fetched, and whether it answers at all."""

    def __init__(self) -> None:
        """Publish one key."""
        self.keys = IssuerKeys(key("first"))
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_uri": JWKS,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
        }
        self.fetched: list[str] = []
        self.answers: Callable[[str], httpx.Response] | None = None

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, after others had a chance to come in between."""
        await asyncio.sleep(0)
        url = str(request.url)
        self.fetched.append(url)
        if self.answers is not None:
            return self.answers(url)
        document = {METADATA: self.metadata, JWKS: self.keys.jwks()}.get(url)
        return httpx.Response(404) if document is None else httpx.Response(200, json=document)

    def http(self) -> httpx.AsyncClient:
        """A client that reaches it alone."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle))

    def count(self, url: str) -> int:
        """How often ``url`` was fetched."""
        return self.fetched.count(url)


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
    """A forger's kids fetch a few times, and then once each fifteen seconds, however many there are."""
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


@pytest.mark.parametrize("url", ["http://issuer.example/m", "ftp://issuer.example/m", "https://", "issuer.example/m"])
def test_an_address_that_is_not_https_is_no_setting(published: Published, clock: SettableClock, url: str) -> None:
    """Keys that came over an open line could be anybody's."""
    with pytest.raises(ValueError, match="https"):
        Issuer(ISSUER, published.http(), clock, metadata_url=url)


def test_an_issuer_is_found_somewhere(published: Published, clock: SettableClock) -> None:
    """Neither metadata nor keys: a mistake that shows at start."""
    with pytest.raises(ValueError, match="found"):
        Issuer(ISSUER, published.http(), clock)


def _jwk(**changes: Any) -> dict[str, Any]:
    members: dict[str, Any] = {**key("first").public_jwk, **changes}
    return {name: value for name, value in members.items() if value is not None}


UNUSABLE: dict[str, Any] = {
    "another type": {"kty": "EC", "crv": "P-256", "kid": "first", "x": "AA", "y": "AA"},
    "a secret": {"kty": "oct", "kid": "first", "k": "AA"},
    "for encryption": _jwk(use="enc"),
    "for signing only": _jwk(key_ops=["sign"]),
    "key_ops no list": _jwk(key_ops=1),
    "without kid": _jwk(kid=None),
    "kid number": _jwk(kid=1),
    "alg number": _jwk(alg=1),
    "without n": _jwk(n=None, x5c=["AAAA"]),
    "n padded": _jwk(n=key("first").public_jwk["n"] + "="),
    "n even": _jwk(n="gA" + "A" * 340),
    "n short": _jwk(n="_" * 170 + "w"),
    "n endless": _jwk(n="_" * 2000),
    "e one": _jwk(e="AQ"),
    "e even": _jwk(e="Ag"),
    "e endless": _jwk(e="____________"),
    "text": "first",
    "null": None,
}


@pytest.mark.parametrize("member", [*UNUSABLE.values()], ids=[*UNUSABLE])
def test_keys_that_can_not_be_used_are_passed_over(member: Any) -> None:
    """A key of another kind beside a good one upsets nothing, and is never picked."""
    keys = read_keys({"keys": [member, key("second").public_jwk]})
    assert pick(keys, "first", "RS256") is None
    assert pick(keys, "second", "RS256")


def test_a_key_is_picked_by_kid_and_algorithm_if_there_is_one_alone() -> None:
    """Two keys of one name are told apart by their algorithm; two of one use are nobody's."""
    one, other = SigningKey.generate("same"), SigningKey.generate("same", alg="RS512")
    keys = read_keys({"keys": [one.public_jwk, one.public_jwk, other.public_jwk]})
    found = pick(keys, "same", "RS512")
    assert found
    assert found.n == other.public_jwk["n"]
    assert pick(keys, "same", "RS256")
    assert pick(keys, "same", "RS384") is None
    unnamed = read_keys({"keys": [{**k.public_jwk, "alg": "RS256"} for k in (one, other)]})
    assert pick(unnamed, "same", "RS256") is None
