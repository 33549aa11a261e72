"""Real HTTP servers for tests: an ASGI app on a free port of 127.0.0.1, in the running event loop.

The rule: nothing is short-circuited. A test that speaks to a served app goes through uvicorn and a socket, as
its users do.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

_STARTS_WITHIN_SECONDS = 10.0
_STOPS_WITHIN_SECONDS = 5


@dataclass(frozen=True)
class Place:
    """A loopback port that is already ours, for an app that must know its own URL before it is made."""

    socket: socket.socket
    base_url: str


def reserve() -> Place:
    """Binds a free port of 127.0.0.1; pass the place to `serving`, which closes it."""
    # asyncio sends at once (TCP_NODELAY) only on sockets that say they are TCP; on others a call can take 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return Place(socket=listener, base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Several servers share a test's loop: were each to take SIGINT, the last to stop would keep it.
        yield


@contextlib.asynccontextmanager
async def serving(app: Any, at: Place | None = None, *, date_header: bool = True) -> AsyncIterator[str]:
    """Serves `app` (lifespan included) until the block ends; gives its base URL, without a trailing slash.

    `date_header=False` leaves the Date to the app, as the local Digipost needs, which signs its own.
    Raises RuntimeError if the app does not start. Leaves no task and no socket behind.
    """
    place = at or reserve()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="auto",
        ws="none",
        server_header=False,
        date_header=date_header,
        timeout_graceful_shutdown=_STOPS_WITHIN_SECONDS,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[place.socket]))
    try:
        async with asyncio.timeout(_STARTS_WITHIN_SECONDS):
            while not server.started:
                if running.done():
                    running.result()
                    raise RuntimeError("the served app did not start")
                await asyncio.sleep(0.005)
        yield place.base_url
    finally:
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await running
        place.socket.close()
