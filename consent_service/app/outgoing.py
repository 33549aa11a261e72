"""The HTTP client for everything that goes out: issuers' keys, logging in, Digipost.

Rules: no redirect is followed, no proxy or certificate bundle is taken from the environment's variables, and every
call has a time-out, so that nobody outside decides where we go or how long we wait.
"""

import ssl
import sys
from collections.abc import AsyncIterator
from functools import cache
from importlib.util import find_spec

import httpx

from consent_service.delivery.failpoints import Failpoint, Reached

Outgoing = httpx.AsyncClient

_SECONDS = 10.0

if find_spec("sniffio") is None:
    # httpcore tries to import it some ten times a call. Told once that it is not there, Python does not search all of
    # its path for it each time, which was a fifth of what a letter costs.
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # how Python itself notes what is not to be found


@cache
def _authorities() -> ssl.SSLContext:
    """Whom we trust, read once in a process: that takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)


def outgoing(reached: Reached | None = None) -> Outgoing:
    """A client for the process's lifetime. The caller closes it. ``reached`` is told how far a letter was sent."""
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
    transport = httpx.AsyncHTTPTransport(verify=_authorities(), limits=limits, trust_env=False)
    return httpx.AsyncClient(
        transport=transport if reached is None else _Watched(transport, reached),
        timeout=_SECONDS,
        follow_redirects=False,
        trust_env=False,
    )


class _Watched(httpx.AsyncBaseTransport):
    """A transport that tells when half of a letter was sent, and when all of it was. For failpoints alone."""

    def __init__(self, behind: httpx.AsyncBaseTransport, reached: Reached) -> None:
        self._behind, self._reached = behind, reached

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/messages":
            request.stream = _Halves(request.content, self._reached)
        return await self._behind.handle_async_request(request)

    async def aclose(self) -> None:
        await self._behind.aclose()


class _Halves(httpx.AsyncByteStream):
    def __init__(self, body: bytes, reached: Reached) -> None:
        self._body, self._reached = body, reached

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self._body) // 2
        yield self._body[:half]
        self._reached(Failpoint.HALF_SENT)
        yield self._body[half:]
        self._reached(Failpoint.SENT)
