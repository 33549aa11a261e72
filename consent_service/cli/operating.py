"""How every command runs: settings read, a coroutine awaited, what goes wrong said in one sentence.

Exit codes: 0 done · 1 it could not be done · 2 typed wrongly · 3 the settings, the keys or the database are not fit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import typer

from consent_service.app import logs
from consent_service.app.opening import Opened, Unready, open_service
from consent_service.clock import Clock, SystemClock
from consent_service.crypto.providers import KeysUnfit
from consent_service.errors import Invalid, ServiceError
from consent_service.settings import Misconfigured, Settings, read

FAILED = 1
NOT_FIT = 3

T = TypeVar("T")


def operate(
    work: Callable[[Settings, Clock], Coroutine[Any, Any, T]],
    *,
    run: Callable[[Coroutine[Any, Any, T]], T] = asyncio.run,
    log_level: str | None = "error",
) -> T:
    """What ``work(settings, clock)`` returns. ``log_level`` None: the settings' own."""
    try:
        settings = read()
        logs.configure(log_level or settings.log_level)
        return run(work(settings, SystemClock()))
    except Misconfigured as misconfigured:
        fail(*misconfigured.problems, code=NOT_FIT)
    except (Unready, KeysUnfit) as unfit:
        fail(str(unfit), code=NOT_FIT)
    except Invalid as invalid:
        fail(invalid.detail, *(f"{one.pointer.strip('/') or 'it'}: {one.detail}" for one in invalid.violations))
    except ServiceError as error:
        fail(error.detail)
    except OSError as error:
        fail(f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}")


def fail(*sentences: str, code: int = FAILED) -> NoReturn:
    """Say why, on standard error, and end."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


@asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[Opened]:
    """The database and its keys, while the block lasts."""
    here = await open_service(settings, clock)
    try:
        yield here
    finally:
        await here.db.close()
