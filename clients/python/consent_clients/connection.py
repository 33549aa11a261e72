"""One party's HTTP conversation with the service: token, time-outs, repeats, problems.

The rule it keeps: a call is repeated by itself only if doing it twice is the same as doing it once (GET,
DELETE, and POSTs that carry an `Idempotency-Key`). Anything else is tried once, and `Unreachable` then
says honestly that the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import httpx

from consent_clients.problems import Problem, Unreachable, problem_from
from consent_clients.trust import authorities

REPEAT_ON = frozenset({502, 503, 504})
"""Answers that say "not now": nothing was done, and the same call may succeed in a moment."""

UNDER_WAY = "/problems/idempotency-conflict"
"""The first try of a creating call, which the repeat came too early for, has not finished."""

LONGEST_PAUSE = 5.0
"""Seconds. A service that asks for a longer wait gets its answer handed to the caller instead."""


File = tuple[str | None, bytes, str]
"""A field's file name, if it has one, its content and media type."""


class Tokens(Protocol):
    """Where the bearer token comes from: `Maskinporten` for units, `IdPortenSession` for candidates."""

    async def bearer(self) -> str:
        """A token that is valid now and for some seconds more."""
        ...

    async def close(self) -> None:
        """Closes what it holds open."""
        ...


class Connection:
    """Calls the service as one party. Not shared between parties: it holds one party's tokens.

    `headers` go with each call, but for those that a call names itself: who acts (`Employee.headers`), where
    somebody must. `timeout` is seconds for each of connect, read and write; `attempts` counts the first try too.
    `pause` and `transport` are seams for tests: a clock that doesn't wait, a network that isn't there.
    """

    def __init__(
        self,
        service: str,
        tokens: Tokens,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        attempts: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tokens = tokens
        self._headers = dict(headers or {})
        self._attempts = attempts
        self._pause = pause
        self._http = httpx.AsyncClient(verify=authorities(), base_url=service, timeout=timeout, transport=transport)

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, /, **params: str | int | None
    ) -> httpx.Response:
        """GET; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return await self._call("GET", path, params=given, headers=headers, repeat=True)

    async def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """DELETE: gone is gone, however often it is said."""
        return await self._call("DELETE", path, headers=headers, repeat=True)

    async def put(self, path: str, body: Mapping[str, Any], *, version: int | None = None) -> httpx.Response:
        """PUT, with `If-Match` when a version is named. Not repeated: the second would meet its own first."""
        return await self._call("PUT", path, json=body, headers=if_match(version))

    async def post(
        self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST without a key: one try."""
        return await self._call("POST", path, json=body, headers=headers)

    async def create(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        key: str | None,
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> httpx.Response:
        """POST with an `Idempotency-Key`, so it may be repeated and still happen once.

        Without a `key` a random one serves this call. Give your own, and keep it, where the repeat may
        come from another process after a crash. With `files` the call has several fields, and `body` is not sent.
        """
        keyed = {**(headers or {}), "Idempotency-Key": quoted(key or str(uuid.uuid4()))}
        return await self._call("POST", path, json=body, headers=keyed, files=files, repeat=True)

    async def close(self) -> None:
        """Closes the sockets, the token source's too: it is this party's own."""
        await self._http.aclose()
        await self._tokens.close()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
        repeat: bool = False,
    ) -> httpx.Response:
        attempts = self._attempts if repeat else 1
        for attempt in range(1, attempts + 1):
            sent = {**self._headers, **(headers or {}), "Authorization": f"Bearer {await self._tokens.bearer()}"}
            try:
                response = await self._http.request(
                    method, path, params=params, json=None if files else json, files=files, headers=sent
                )
            except httpx.TransportError as lost:
                if attempt == attempts:
                    raise Unreachable(f"{method} {path}: {type(lost).__name__}") from lost
                await self._pause(_backoff(attempt))
                continue
            if response.is_success:
                return response
            problem = problem_from(response)
            wait = problem.retry_after if problem.retry_after is not None else _backoff(attempt)
            if attempt == attempts or not _not_now(problem) or wait > LONGEST_PAUSE:
                raise problem
            await self._pause(wait)
        raise AssertionError("the last attempt returns or raises")


def quoted(text: str) -> str:
    """An RFC 8941 string. Refuses (ValueError) what such a string cannot hold: anything but visible ASCII."""
    if not all(" " <= letter <= "~" for letter in text):
        raise ValueError("a header string holds visible ASCII only")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def if_match(version: int | None) -> dict[str, str]:
    """The header by which a write names the version it has read."""
    return {} if version is None else {"If-Match": f'"{version}"'}


def _not_now(problem: Problem) -> bool:
    """True where the same call may succeed in a moment: the service is busy, or this very call is under way."""
    return problem.status in REPEAT_ON or problem.type == UNDER_WAY


def _backoff(attempt: int) -> float:
    """0.2, 0.4, 0.8 … seconds, with a random half so that many clients don't come back at once."""
    return float(0.2 * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - spreads calls, hides nothing
