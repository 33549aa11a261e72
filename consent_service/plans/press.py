"""A press: a process of its own that makes one PDF and ends.

It stands apart from the service, because a document is content from outside. Here it gets bounded memory and time,
nothing of the service's environment but where libraries lie, and no way to write but its output; what it was given
stands in no argument list, and its error output goes nowhere, since libraries quote what they complain about.

::

    in    a line of JSON (the order), then bytes
    out   the PDF and exit status 0; a word that says why not, and exit status REFUSED (see ``confinement``)
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import consent_service
from consent_service.errors import Unavailable
from consent_service.plans.confinement import REFUSED

SECONDS: Final = 30.0  # wall clock, with waiting for the machine
AT_ONCE: Final = 2  # presses a process of the service runs at the same time

_presses: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class PressBusy(Unavailable):
    """The PDF was not done in time."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no PDF, in a word; empty when the press met its own limits."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """A PDF as it came out."""

    pdf: bytes = field(repr=False)


async def press(module: str, told: bytes, *, seconds: float = SECONDS) -> Pressed | Refusal:
    """What ``module``, run by itself, makes of ``told``.

    Raises PressBusy if it takes longer than ``seconds``, or ends in a way that says nothing of the content. Cancelling
    it stops the press.
    """
    presses = _presses.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with presses:
        status, out = await _run(module, told, seconds)
    if status == 0 and out.startswith(b"%PDF-"):
        return Pressed(out)
    if status == REFUSED:
        return Refusal(out.decode("ascii", "replace"))
    if status in {-signal.SIGXCPU, -signal.SIGABRT, -signal.SIGSEGV}:
        return Refusal("")
    raise PressBusy


async def _run(module: str, told: bytes, seconds: float) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-s",
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
        close_fds=True,
    )
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate(told)
    except TimeoutError:
        raise PressBusy from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out


def environment(ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the press is given of ``ours``: the very code that runs here, one thread, where libraries lie; no secret."""
    root = Path(consent_service.__file__).parents[1]
    given = {"PYTHONPATH": str(root), "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"}
    return given | {name: ours[name] for name in ("LD_LIBRARY_PATH", "PYTHONHOME") if name in ours}
