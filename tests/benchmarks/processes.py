"""Servers as processes of their own, and the CPU time that they take, read from Linux's ``/proc``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STARTS_WITHIN = 60.0
_QUIET_WITHIN = 10.0
_LOOK_EVERY = 0.1
_IDLE = 0.05  # of a core

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class _Stat:
    """A line of ``/proc/PID/stat`` (proc_pid_stat(5)): name, parent, and its own and its ended children's ticks."""

    name: str
    parent: int
    ticks: int


def cpu_seconds(root: int) -> float:
    """User and system time of ``root`` and all that came of it. 0 where there is no ``/proc``."""
    stats = _stats()
    family, found = {root}, {root}
    while found:
        found = {pid for pid, stat in stats.items() if stat.parent in found} - family
        family |= found
    return sum(stats[pid].ticks for pid in family & stats.keys()) / _TICKS


def parent_of(pid: int, name: str) -> int | None:
    """The parent of the process ``pid``, if both are here and the parent is called ``name``."""
    stats = _stats()
    above = stats[pid].parent if pid in stats else None
    return above if above in stats and stats[above].name == name else None


def _stats() -> dict[int, _Stat]:
    found = {}
    for line in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = line.read_text(errors="replace")
            name, _, rest = text.partition("(")[2].rpartition(")")
            fields = rest.split()
            found[int(line.parent.name)] = _Stat(name, int(fields[1]), sum(map(int, fields[11:15])))
    return found


async def quiet(roots: Sequence[int]) -> tuple[float, ...]:
    """CPU seconds of each of ``roots`` once all have finished what they had to do, or have gone on for long."""
    before = tuple(cpu_seconds(root) for root in roots)
    for _ in range(int(_QUIET_WITHIN / _LOOK_EVERY)):
        await asyncio.sleep(_LOOK_EVERY)
        now = tuple(cpu_seconds(root) for root in roots)
        if sum(now) - sum(before) <= _IDLE * _LOOK_EVERY:
            return now
        before = now
    return before


@contextlib.asynccontextmanager
async def running(
    module: Sequence[str], port: int, log: Path, *, given: bytes = b"", more: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m module…`` with ``given`` on its standard input, until the block ends; it listens on ``port``.

    Raises RuntimeError, with what it said, if it ends first or does not listen in time.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", *module),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **(more or {})},
        )
    try:
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
        await _listens(process, port, log)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STARTS_WITHIN):
            while process.returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)
    said = await asyncio.to_thread(log.read_text, errors="replace")
    raise RuntimeError(f"{log.stem} did not start:\n{said}")
