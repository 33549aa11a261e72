"""Real HTTP servers for tests: an ASGI app on a free port of 127.0.0.1, in the running event loop.

The rule: nothing is short-circuited. A test that speaks to a served app goes through uvicorn and a socket, as
its users do.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

_STARTS_WITHIN_SECONDS = 10.0
_STOPS_WITHIN_SECONDS = 5.0
_LOOKS_EVERY_SECONDS = 0.005

_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


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


def calling(**how: Any) -> httpx.AsyncClient:
    """A client for what is served on loopback; ``how`` is httpx's own.

    No TLS is spoken there, so no authorities are read: httpx reads them for every client, which takes 35 ms.
    """
    return httpx.AsyncClient(verify=_TRUSTS_NOBODY, **how)


class _Server(uvicorn.Server):
    """uvicorn, which ends as soon as it is asked to: its own loop looks every 100 ms, and sleeps as long at the end.

    Every answer that was begun is sent, within ``_STOPS_WITHIN_SECONDS``, as uvicorn does.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Several servers share a test's loop: were each to take SIGINT, the last to stop would keep it.
        yield

    def end(self) -> None:
        """Ask it to end."""
        self.should_exit = True
        self._asked.set()

    async def main_loop(self) -> None:
        ticks = 0  # every tenth one sets the clock of the Date header
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOPS_WITHIN_SECONDS):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - nobody announces it
                    await asyncio.sleep(_LOOKS_EVERY_SECONDS)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@contextlib.asynccontextmanager
async def serving(
    app: Any, at: Place | None = None, *, date_header: bool = True, http: Any = "auto"
) -> AsyncIterator[str]:
    """Serves `app` (lifespan included) until the block ends; gives its base URL, without a trailing slash.

    `date_header=False` leaves the Date to the app, as the local Digipost needs, which signs its own; `http` is how
    connections are handled.
    Raises RuntimeError if the app does not start. Leaves no task and no socket behind.
    """
    place = at or reserve()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="auto",
        http=http,
        ws="none",
        server_header=False,
        date_header=date_header,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[place.socket]))
    try:
        async with asyncio.timeout(_STARTS_WITHIN_SECONDS):
            while not server.started:
                if running.done():
                    running.result()
                    raise RuntimeError("the served app did not start")
                await asyncio.sleep(_LOOKS_EVERY_SECONDS)
        yield place.base_url
    finally:
        server.end()
        with contextlib.suppress(SystemExit):
            await running
        place.socket.close()
