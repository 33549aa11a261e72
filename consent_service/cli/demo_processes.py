"""The demo's processes: started in groups of their own, watched while they start, ended by their handles."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import typer

from consent_service.cli.demo_telling import PATIENCE, POLL, DoesNotHold


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now; held together while they are picked, so that they differ."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]


@contextlib.contextmanager
def running(
    module: Sequence[str], log: Path, environ: Mapping[str, str] | None = None, *, ends_within: float = 15.0
) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m module…`` in a group of its own while the block lasts; what it prints goes to ``log``.

    Ctrl-C in the terminal reaches the demo alone, which then ends its processes in order: each gets ``ends_within``
    seconds to end by itself, and is killed then.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and modules of ours
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environ is None else dict(environ),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process, ends_within)


def _end(process: subprocess.Popen[bytes], within: float) -> None:
    """Ask the process's group to end; kill it if it doesn't."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_up(name: str, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once ``url`` answers 200. Raises DoesNotHold if the process ends first, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DoesNotHold(f"{name} starts: it ended with status {process.returncode}; see {log}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=2.0).status_code == httpx.codes.OK:
                return
        time.sleep(POLL)
    raise DoesNotHold(f"{name} starts within {PATIENCE:.0f} seconds; see {log}")


def operate(command: typer.Typer, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """What an operator's ``command`` prints, run in this process: a new one for each would take seconds to start.

    Raises DoesNotHold if it fails, with what it said.
    """
    printed, complaints = io.StringIO(), io.StringIO()
    with _environment(environ), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
        status = command(list(arguments), standalone_mode=False)
    if status:
        raise DoesNotHold(f"{' '.join(arguments)}: {complaints.getvalue().strip()}")
    return printed.getvalue()


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    """``environ`` as the process's environment, while the block lasts."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environ)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
