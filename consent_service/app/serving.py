"""Running the service until it is told to end: two servers, the jobs beside them, and a worker if wanted.

SIGTERM and SIGINT end it in order: no new connections, what is under way is answered, then the jobs and the worker
stop, and the database is closed. A second signal does not wait.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import structlog
import uvicorn

from consent_service.app.assembly import Service, assemble
from consent_service.app.connections import Connection
from consent_service.app.doors import web_app
from consent_service.app.platform import platform_app
from consent_service.clock import Clock
from consent_service.settings import Settings

_ANSWERS_WITHIN = 20  # seconds; NAIS gives 30 from SIGTERM
_KEEP_ALIVE = 65  # seconds; longer than the load balancers in front keep theirs
_COLLECT_AFTER = (20_000, 50, 100)
"""How much is allocated between two searches for cyclic garbage. Calls make next to none, and a search through all
that is alive, at Python's own rate, takes an eighth of the time that there is and shows in the slowest answers."""

_log = structlog.get_logger()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Two servers share the process, which handles the signals itself."""
        yield


async def serve(settings: Settings, clock: Clock, *, worker: bool) -> None:
    """Serve until a signal. Raises Misconfigured or Unready before anything listens."""
    async with _assembled(settings, clock) as service:
        beside = [service.jobs().run]
        if worker:
            beside.append(service.worker().run)
        servers = [
            server_for(web_app(service), settings.bind, settings.port),
            server_for(platform_app(service.db, service.metrics), settings.bind, settings.platform_port),
        ]
        _settle_memory()
        _log.info("serving", port=settings.port, environment=settings.environment.value, worker=worker)
        await _until_told(servers, beside)
        _log.info("ended")


async def work(settings: Settings, clock: Clock) -> None:
    """Run a worker and the jobs, and answer the platform, until a signal. Raises as ``serve``."""
    async with _assembled(settings, clock) as service:
        servers = [server_for(platform_app(service.db, service.metrics), settings.bind, settings.platform_port)]
        _settle_memory()
        _log.info("working", port=settings.platform_port, environment=settings.environment.value)
        await _until_told(servers, [service.jobs().run, service.worker().run])
        _log.info("ended")


def _settle_memory() -> None:
    """What was made to start with stays until the end: it is never searched for garbage again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


@contextlib.asynccontextmanager
async def _assembled(settings: Settings, clock: Clock) -> AsyncIterator[Service]:
    service = await assemble(settings, clock)
    try:
        yield service
    finally:
        await service.close()


def server_for(app: Any, host: str, port: int) -> uvicorn.Server:
    """A server of ``app`` with the settings that all of ours have; whoever runs it handles the signals."""
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who calls is what the token says; no header changes it
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_ANSWERS_WITHIN,
        )
    )


async def _until_told(servers: list[uvicorn.Server], beside: list[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, _tell, servers, told)
    running = [asyncio.create_task(server.serve(), name="server") for server in servers]
    jobs = [asyncio.create_task(run(), name="beside") for run in beside]
    waiting = asyncio.create_task(told.wait())
    try:
        # A server that can't listen, or a job that ends, ends the process: half a service is none.
        await asyncio.wait([waiting, *running, *jobs], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        for server in servers:
            server.should_exit = True
        ended = await asyncio.gather(*running, return_exceptions=True)
        for job in jobs:
            job.cancel()
        ended += await asyncio.gather(*jobs, return_exceptions=True)
    failed = [one for one in ended if isinstance(one, Exception | SystemExit)]
    if failed:
        raise failed[0]


def _tell(servers: list[uvicorn.Server], told: asyncio.Event) -> None:
    if told.is_set():
        for server in servers:
            server.force_exit = True
    told.set()
