"""What an issuer publishes about itself: its endpoints (RFC 8414, OIDC Discovery) and its keys.

The rule: we go only where settings and the issuer's own metadata send us. No token chooses an address or a key.

Keys are kept for 24 hours, as Digdir asks. A ``kid`` that is not among them fetches anew, so that a key rotation
costs no caller an error: the fetch begins after the caller came, since one that was under way may have been answered
before the rotation. Fetches that find nothing are at a bounded rate, so that a forger costs us next to nothing. While
the issuer is down the last keys stand, and nobody but the one who asks it waits.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpx
import structlog

from consent_service.bounded_answers import read_at_most
from consent_service.clock import HOUR, SECOND, Clock
from consent_service.errors import Unavailable
from consent_service.identity.compact import Unreadable, strict_json
from consent_service.identity.published_keys import RsaKey, pick, read_keys

KEPT = 24 * HOUR
RETRY_AFTER = 5 * SECOND
"""An issuer that is down is not asked again by every call."""

REFETCHES = 10
"""So many unknown ``kid``s are looked up in vain at once, and then one each REFETCH_EVERY."""

REFETCH_EVERY = 2 * SECOND
"""While a forger spends them all, a key rotation is noticed so much later: a short while, for few fetches."""

_LARGEST_ANSWER = 256 * 1024
_TIMEOUT_SECONDS = 5.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# A URL that httpx can't read comes from the metadata.
_NO_ANSWER = (httpx.HTTPError, httpx.InvalidURL, TimeoutError, Unreadable)

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of an issuer's metadata that we use; None where it names no such endpoint.

    ``names_itself``: it puts ``iss`` into authorisation responses, so that one without is forged (RFC 9207).
    ``demands_pushed``: it takes no authorisation request but a pushed one (RFC 9126). ``takes_claims``: a request may
    say what the id_token shall tell (OIDC Core, section 5.5).
    """

    jwks_uri: str | None
    authorization_endpoint: str | None
    pushed_request_endpoint: str | None
    token_endpoint: str | None
    end_session_endpoint: str | None
    names_itself: bool
    demands_pushed: bool
    takes_claims: bool


class Issuer:
    """One issuer, by its exact ``identifier`` (Maskinporten's ends with a slash, ID-porten's does not).

    ``jwks_uri`` spares the discovery where the platform tells it; logging in needs ``metadata_url``.
    """

    def __init__(
        self,
        identifier: str,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        metadata_url: str = "",
        jwks_uri: str = "",
    ) -> None:
        """Take where it is to be found. Raises ValueError for an address that is not https (or loopback)."""
        if not (metadata_url or jwks_uri):
            raise ValueError("an issuer is found by its metadata or by its keys")
        for url in filter(None, (metadata_url, jwks_uri)):
            _check_address(url, identifier)
        self.identifier = identifier
        self._http = http
        self._clock = clock
        self._metadata_url = metadata_url
        self._jwks_uri = jwks_uri
        self._metadata: _Fetched[Metadata] | None = None
        self._keys: _Fetched[tuple[RsaKey, ...]] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._fetches_begun = 0
        self._is_down = True
        self._ask_not_before = 0
        self._refetches = _Allowance(REFETCHES, REFETCH_EVERY)

    async def metadata(self) -> Metadata:
        """Its endpoints. Raises Unavailable when they were never had."""
        if not self._fresh(self._metadata):
            async with self._one_at_a_time:
                await self._refresh_metadata()
        if self._metadata is None:
            raise Unavailable
        return self._metadata.value

    async def key(self, kid: str, alg: str) -> RsaKey | None:
        """The one key with ``kid`` for ``alg``, or None. Raises Unavailable when that can't be known.

        It can't while the issuer is down, if no keys were ever had or ``kid`` is not among the last ones.
        """
        come = self._fetches_begun
        if not self._fresh(self._keys) and not (self._keys and self._one_at_a_time.locked()):
            async with self._one_at_a_time:
                if not self._fresh(self._keys):
                    await self._refresh_keys()
        found = self._pick(kid, alg) or await self._pick_after_rotation(kid, alg, come)
        if found is None and self._is_down:
            raise Unavailable
        return found

    def _pick(self, kid: str, alg: str) -> RsaKey | None:
        return pick(self._keys.value, kid, alg) if self._keys else None

    async def _pick_after_rotation(self, kid: str, alg: str, come: int) -> RsaKey | None:
        """For a call that came when so many fetches had begun: the next one serves all who came before it began."""
        async with self._one_at_a_time:
            found, asked_since = self._pick(kid, alg), self._fetches_begun > come
            if found or asked_since or self._is_left_alone() or not self._refetches.spend(self._clock.now()):
                return found
            await self._refresh_keys()
            found = self._pick(kid, alg)
            if found:
                self._refetches.give_back()
            return found

    def _fresh(self, fetched: "_Fetched[Any] | None") -> bool:
        return fetched is not None and self._clock.now() < fetched.at + KEPT

    def _is_left_alone(self) -> bool:
        return self._clock.now() < self._ask_not_before

    async def _refresh_keys(self) -> None:
        if not self._jwks_uri:
            await self._refresh_metadata()
        uri = self._jwks_uri or (self._metadata.value.jwks_uri if self._metadata else None)
        if uri is None or self._is_left_alone():
            return
        self._fetches_begun += 1
        try:
            keys = read_keys(await self._ask(uri))
        except _NO_ANSWER as failure:
            self._did_not_answer("keys", failure)
        else:
            self._keys = _Fetched(keys, self._clock.now())
            self._is_down = False

    async def _refresh_metadata(self) -> None:
        if not self._metadata_url or self._fresh(self._metadata) or self._is_left_alone():
            return
        try:
            metadata = _read_metadata(await self._ask(self._metadata_url), self.identifier)
        except _NO_ANSWER as failure:
            self._did_not_answer("metadata", failure)
        else:
            self._metadata = _Fetched(metadata, self._clock.now())

    def _did_not_answer(self, what: str, failure: Exception) -> None:
        self._is_down = True
        self._ask_not_before = self._clock.now() + (RETRY_AFTER if self._keys else SECOND)
        _log.warning("issuer did not answer", issuer=self.identifier, what=what, failure=type(failure).__name__)

    async def _ask(self, url: str) -> dict[str, Any]:
        try:
            return await self._fetch(url)
        except (httpx.NetworkError, httpx.RemoteProtocolError):  # it has closed the connection that we had kept
            return await self._fetch(url)

    async def _fetch(self, url: str) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        async with (
            asyncio.timeout(_TIMEOUT_SECONDS),
            self._http.stream("GET", url, headers=headers, follow_redirects=False) as answer,
        ):
            if answer.status_code != 200:
                raise Unreadable("status")
            body = await read_at_most(answer.aiter_bytes(), _LARGEST_ANSWER)
        if body is None:
            raise Unreadable("too large")
        return strict_json(body)


@dataclass(frozen=True, slots=True)
class _Fetched(Generic[T]):
    value: T
    at: int


class _Allowance:
    """``most`` at once, and one more each ``every`` microseconds."""

    def __init__(self, most: int, every: int) -> None:
        self._most = most
        self._every = every
        self._left = most
        self._counted_at = 0

    def spend(self, now: int) -> bool:
        regained = max(0, now - self._counted_at) // self._every
        if self._left + regained >= self._most:
            self._left, self._counted_at = self._most, now
        else:
            self._left, self._counted_at = self._left + regained, self._counted_at + regained * self._every
        if self._left == 0:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        self._left = min(self._left + 1, self._most)


def _read_metadata(answer: Mapping[str, Any], identifier: str) -> Metadata:
    if answer.get("issuer") != identifier:  # RFC 8414, section 3.3
        raise Unreadable("metadata of another issuer")

    def endpoint(name: str) -> str | None:
        value = answer.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Unreadable(name)
        try:
            _check_address(value, identifier)
        except ValueError:
            raise Unreadable(name) from None
        return value

    return Metadata(
        jwks_uri=endpoint("jwks_uri"),
        authorization_endpoint=endpoint("authorization_endpoint"),
        pushed_request_endpoint=endpoint("pushed_authorization_request_endpoint"),
        token_endpoint=endpoint("token_endpoint"),
        end_session_endpoint=endpoint("end_session_endpoint"),
        names_itself=answer.get("authorization_response_iss_parameter_supported") is True,
        demands_pushed=answer.get("require_pushed_authorization_requests") is True,
        takes_claims=answer.get("claims_parameter_supported") is True,
    )


def _check_address(url: str, identifier: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname and parts.port != 0:  # a port out of bounds raises ValueError
        return
    local_issuer = identifier.startswith("http://") and urlsplit(identifier).hostname in _LOOPBACK
    if not (local_issuer and parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("an issuer's addresses are https, or http on loopback for a local issuer")
