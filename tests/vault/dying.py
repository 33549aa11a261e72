"""Commands that die between two of their steps: a process that ends itself by SIGKILL before its nth line of code.

What counts as a step is a line of the modules that do the work (``STEPS``): whatever the order of writes, syncs and
commits in them is, each place between two of them is met. The process is a fork of a clean server, so that dying
some hundred times takes seconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from consent_service.clock import SettableClock
from consent_service.crypto import keyring, keyring_file
from consent_service.crypto.keyring import read_keyring
from consent_service.persons import relookup
from consent_service.storage.opening import open_database
from consent_service.vault import lookup_key, rotation
from consent_service.vault.rotation import Begun

WRITING = {(str(keyring_file.__file__), name) for name in ("replace", "_put", "_sync_folder")}
STEPS = frozenset(str(module.__file__) for module in (keyring, keyring_file, rotation, relookup, lookup_key))
LATER = date(2026, 6, 1)
CLOCK = SettableClock(1_780_000_000_000_000)

Work = Callable[[str, Path], Coroutine[Any, Any, None]]


async def rotate(url: str, path: Path) -> None:
    """``keys rotate`` and ``keys retire``, as an operator types them one after the other, on a keyring's file."""
    db, provider = await open_database(url), read_keyring(path)
    try:
        begun = await rotation.begin(db, provider, LATER)
        assert isinstance(begun, Begun)
        await rotation.rewrap(db, provider)
        await rotation.retire(db, provider, begun.version - 1)
    finally:
        await db.close()


async def change_lookup(url: str, path: Path) -> None:
    """``keys relookup``."""
    db, provider = await open_database(url), read_keyring(path)
    try:
        change = await lookup_key.begin(db, provider, CLOCK)
        await relookup.relookup(db, provider, change)
    finally:
        await db.close()


def die_before(line: int, work: Work, url: str, path: Path) -> bool:
    """Whether ``work`` died before its nth ``line``; False when it had fewer, and ended well."""
    process = _clean().Process(target=_run, args=(line, work, url, path))
    process.start()
    process.join()
    code: int = process.exitcode
    assert code in {0, -signal.SIGKILL}, code
    return code != 0


def places(work: Work, url: str, path: Path) -> tuple[list[int], list[int]]:
    """The nth lines at which a line of code is first and last met when nothing kills ``work``.

    Apart: those that change the keyring's file, and all others.
    """
    ours, theirs = _clean().Pipe()
    process = _clean().Process(target=_count, args=(work, url, path, theirs))
    process.start()
    theirs.close()  # so that one who dies without an answer is heard
    met: list[tuple[str, str, int]] = ours.recv()
    process.join()
    assert process.exitcode == 0
    ends: dict[tuple[str, str, int], list[int]] = {}
    for number, place in enumerate(met, 1):
        ends[place] = [*ends.get(place, [])[:1], number]
    writing = {number for place, numbers in ends.items() if place[:2] in WRITING for number in numbers}
    return sorted(writing), sorted({number for numbers in ends.values() for number in numbers} - writing)


def _clean() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _run(line: int, work: Work, url: str, path: Path) -> None:
    left = line

    def step(_: FrameType) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _traced(step, work, url, path)


def _count(work: Work, url: str, path: Path, answer: Any) -> None:
    met: list[tuple[str, str, int]] = []

    def step(frame: FrameType) -> None:
        met.append((frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno))

    _traced(step, work, url, path)
    answer.send(met)


def _traced(step: Callable[[FrameType], None], work: Work, url: str, path: Path) -> None:
    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in STEPS:
            return None
        if event == "line":
            step(frame)
        return trace

    sys.settrace(trace)
    try:
        asyncio.run(work(url, path))
    finally:
        sys.settrace(None)
