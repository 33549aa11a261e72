"""``serve`` and ``work``: the two kinds of processes. Any number of each may run on one PostgreSQL."""

from typing import Annotated

import typer
import uvloop

from consent_service.app import serving
from consent_service.app.opening import database_url
from consent_service.cli.operating import operate
from consent_service.clock import Clock
from consent_service.settings import Settings

Worker = Annotated[
    bool | None,
    typer.Option(
        "--worker/--no-worker",
        help="Run a worker inside. By default on SQLite, where one process is all there is; not on PostgreSQL.",
    ),
]


def serve(worker: Worker = None) -> None:
    """Answer machines and people, until SIGTERM.

    Listens on CONSENT_PORT for the outside and on CONSENT_PLATFORM_PORT for the platform (/isalive, /isready,
    /metrics). Numbering of events and log entries and lapsing run beside it, in one process at a time.

    Example: CONSENT_ENVIRONMENT=local consent-service serve --worker
    """

    async def work(settings: Settings, clock: Clock) -> None:
        embedded = database_url(settings).startswith("sqlite:")
        await serving.serve(settings, clock, worker=embedded if worker is None else worker)

    operate(work, run=uvloop.run, log_level=None)


def work() -> None:
    """Carry letters from the outbox to the mailbox, until SIGTERM. Needs the DIGIPOST_ settings.

    A worker that dies loses its letters to another one after a while; none is sent twice and none is lost.

    Example: consent-service work
    """
    operate(serving.work, run=uvloop.run, log_level=None)
