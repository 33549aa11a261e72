"""Processes of the service that are quickly started, and killed: ``python -m tests.delivery.nursery``.

It has everything loaded, reads orders (JSON, one a line) and answers each with a line; a process is a fork that runs
what the operator's commands run, with the settings of its order. What still lives when the orders end is killed.
``Nursery`` gives the orders.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import PIPE
from typing import Any, Literal, NoReturn

import uvloop

from consent_service.app import logs, serving
from consent_service.clock import SystemClock
from consent_service.settings import read

What = Literal["serve", "work"]

_KILLED = "killed"


def live(order: Mapping[str, Any]) -> NoReturn:
    """The process of an order."""
    log = os.open(order["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        settings = read(order["environ"])
        logs.configure(settings.log_level)
        works = {"serve": lambda: serving.serve(settings, SystemClock(), worker=False)}
        uvloop.run(works.get(order["what"], lambda: serving.work(settings, SystemClock()))())
    except BaseException as failure:  # noqa: BLE001 - it says why, and never comes back to the parent's loop
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def start(order: Mapping[str, Any]) -> str:
    """Fork; the process's id."""
    child = os.fork()
    if child == 0:
        live(order)
    return str(child)


def ended(pid: int, flags: int) -> str:
    """How a process ended; nothing while it lives."""
    found, status = os.waitpid(pid, flags)
    if not found:
        return ""
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return _KILLED if killed else f"ended with {status}"


def kill(pid: int) -> str:
    """Kill it, wherever it is; how it ended."""
    os.kill(pid, signal.SIGKILL)  # a child that has ended waits for its parent, so the id is nobody else's
    return ended(pid, 0)


def obey() -> None:
    """Carry orders out until there are no more."""
    living: set[int] = set()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "what" in order:
            answer = start(order)
            living.add(int(answer))
        else:
            answer = kill(order["kill"]) if "kill" in order else ended(order["ended"], os.WNOHANG)
            living -= {next(iter(order.values()))} if answer else set()
        print(answer, flush=True)
    for pid in living:
        kill(pid)


class Nursery:
    """Whoever gives the orders. Each takes a few milliseconds."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        """Over the process's pipes; logs go to ``folder``."""
        self._process, self._folder = process, folder

    def start(self, what: What, environ: Mapping[str, str]) -> int:
        """Start ``serve`` or ``work``; the process's id."""
        return int(self._order({"what": what, "environ": dict(environ), "log": str(self._folder / f"{what}.log")}))

    def kill(self, pid: int) -> None:
        """Kill it (SIGKILL), unless it is dead already; it must not have ended in any other way."""
        how = self._order({"kill": pid})
        assert how == _KILLED, (how, self.said())

    def is_dead(self, pid: int) -> bool:
        """Whether it was killed, by itself or by somebody; asked once more after that, it is nobody's."""
        how = self._order({"ended": pid})
        assert how in {"", _KILLED}, (how, self.said())
        return bool(how)

    def said(self) -> str:
        """What all of them said."""
        return "\n".join(log.read_text() for log in sorted(self._folder.glob("*.log")))

    def _order(self, order: Mapping[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """A nursery, until the block ends."""
    command = [sys.executable, "-m", "tests.delivery.nursery"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Nursery(process, folder)


if __name__ == "__main__":
    obey()
