"""The load generator: a process of its own; on each of its keep-alive connections, one operation after the other.

It is light, so that what is timed is the server: requests are bytes made beforehand, an answer is looked at as bytes.
It is not blind: every answer must have the right status and hold what was asked for, and of some the whole content is
read and compared. One wrong answer ends the run. ``python -m tests.benchmarks.load`` takes ``Orders`` as JSON on
standard input and prints a ``Result``.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import re
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop
from pydantic import TypeAdapter

from tests.benchmarks.processes import cpu_seconds

NAME: Final = "tests.benchmarks.load (asyncio Protocol, uvloop, {connections} keep-alive connections)"
UNIQUE: Final = "@unique@"
FOUND: Final = "@found@"
_UNIQUE, _FOUND = UNIQUE.encode(), FOUND.encode()
_READ_EVERY: Final = 50  # answers, of which one is read whole
_DRAINS_WITHIN: Final = 30.0  # seconds

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_ID: Final = re.compile(rb'"id":"([0-9a-f-]{36})"')


class WrongAnswer(Exception):
    """The server did not do what was asked; what was measured means nothing."""


@dataclass(frozen=True)
class Ask:
    """One request. ``UNIQUE`` in it is replaced by a text never used before, ``FOUND`` by the id in the answer before.

    The answer must have ``status`` and hold every text of ``holds``; where ``content`` is given, that is what the
    answer's ``content`` must be, read as JSON.
    """

    request: str
    status: int
    holds: tuple[str, ...] = ()
    content: Any = None


@dataclass(frozen=True)
class Orders:
    """A run: for ``warm`` seconds that do not count and ``seconds`` that do.

    ``operations`` are sequences of requests, each done in its order on one connection. A connection repeats its own
    operation, or goes through all of them if it may ``roam``. ``watched`` is the process whose CPU time is read.
    """

    port: int
    operations: tuple[tuple[Ask, ...], ...]
    connections: int = 32
    warm: float = 1.0
    seconds: float = 4.0
    roam: bool = True
    watched: tuple[int, ...] = ()


@dataclass(frozen=True)
class Result:
    """What came of it: operations a second and their latencies in milliseconds.

    ``done`` is how many operations were finished since ``cpu_before`` (CPU seconds of each watched process) was read,
    those still under way at the end among them; ``busy`` the share of a core that the generator itself took.
    """

    rate: float
    p50: float
    p99: float
    done: int
    cpu_before: tuple[float, ...]
    busy: float


class _Prepared:
    """An ``Ask`` as bytes."""

    def __init__(self, ask: Ask) -> None:
        self.request = ask.request.encode()
        self.status = str(ask.status).encode()
        self.holds = tuple(text.encode() for text in ask.holds)
        self.content = ask.content

    def bytes(self, unique: bytes, found: bytes) -> bytes:
        return self.request.replace(_UNIQUE, unique).replace(_FOUND, found)


@dataclass
class _Run:
    """What the connections share."""

    operations: Sequence[Sequence[_Prepared]]
    roam: bool
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    numbers: Any = field(default_factory=itertools.count)
    counting: bool = False
    over: bool = False
    done: int = 0
    latencies: list[float] = field(default_factory=list)
    failed: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, why: str) -> None:
        if not self.failed.done():
            self.failed.set_exception(WrongAnswer(why))


class _Connection(asyncio.Protocol):
    """One connection: it sends, looks at the answer, and sends again."""

    def __init__(self, run: _Run, index: int) -> None:
        self._run, self._index = run, index
        self._transport: Any = None
        self._got = b""
        self._step = 0
        self._operation: Sequence[_Prepared] = ()
        self._began = 0.0
        self.idle = False

    async def open(self, port: int) -> None:
        """Connect. Raises OSError."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    def close(self) -> None:
        """Hang up, whatever is under way."""
        self.idle = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.idle:
            self._run.fail(f"a connection was closed in the middle: {exc!r}")

    def begin(self) -> None:
        """Start the next operation, unless the run is over."""
        run = self._run
        if run.over:
            self.idle = True
            return
        self._operation = run.operations[self._index % len(run.operations)]
        self._index += run.roam
        self._step = 0
        self._began = time.perf_counter()
        self._send(b"")

    def _send(self, found: bytes) -> None:
        unique = b"%s-%d" % (self._run.name.encode(), next(self._run.numbers))
        self._transport.write(self._operation[self._step].bytes(unique, found))

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data if self._got else data
        head = got.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(got, 0, head + 2)
        if length is None:
            self._run.fail(f"an answer without a length: {got[:head]!r}")
            return
        if len(got) < head + 4 + int(length[1]):
            return
        self._got = b""
        self._answered(got, head + 4)

    def _answered(self, got: bytes, body: int) -> None:
        run = self._run
        wrong = self._wrong(got, body)
        self._step += 1
        if wrong:
            run.fail(wrong)
        elif self._step < len(self._operation):
            self._go_on(got, body)
        else:
            run.done += 1
            if run.counting:
                run.latencies.append(time.perf_counter() - self._began)
            self.begin()

    def _wrong(self, got: bytes, body: int) -> str | None:
        """What is wrong with an answer; every answer is looked at, and one of so many is read whole."""
        ask = self._operation[self._step]
        if got[9:12] != ask.status or any(got.find(text, body) < 0 for text in ask.holds):
            return f"wanted {ask.status.decode()} with {ask.holds!r}, got {got[:1500]!r}"
        read = ask.content is not None and next(self._run.numbers) % _READ_EVERY == 0
        if read and json.loads(got[body:])["content"] != ask.content:
            return "the content is not what it should be"
        return None

    def _go_on(self, got: bytes, body: int) -> None:
        found = _ID.search(got, body)
        if found is None:
            self._run.fail(f"no id in {got[:1500]!r}")
        else:
            self._send(found[1])


async def measure(orders: Orders) -> Result:
    """Carry ``orders`` out. Raises WrongAnswer, OSError if nobody listens."""
    run = _Run([[_Prepared(ask) for ask in operation] for operation in orders.operations], orders.roam)
    connections = [_Connection(run, number) for number in range(orders.connections)]
    try:
        for connection in connections:
            await connection.open(orders.port)
        return await _measure(orders, run, connections)
    finally:
        for connection in connections:
            connection.close()
        await asyncio.sleep(0)


async def _measure(orders: Orders, run: _Run, connections: Sequence[_Connection]) -> Result:
    for connection in connections:
        connection.begin()
    await _unless_failed(run, orders.warm)
    before = tuple(cpu_seconds(root) for root in orders.watched)
    run.counting, run.done = True, 0
    began, own = time.perf_counter(), time.process_time()
    await _unless_failed(run, orders.seconds)
    took, own = time.perf_counter() - began, time.process_time() - own
    run.counting, run.over = False, True
    drained = time.perf_counter() + _DRAINS_WITHIN
    while not all(connection.idle for connection in connections):
        if time.perf_counter() > drained:
            run.fail("operations were still under way long after the end")
        await _unless_failed(run, 0.005)
    latencies = sorted(run.latencies)
    if not latencies:
        raise WrongAnswer("not one operation was finished in time")
    return Result(
        rate=len(latencies) / took,
        p50=1000 * percentile(latencies, 0.50),
        p99=1000 * percentile(latencies, 0.99),
        done=run.done,
        cpu_before=before,
        busy=own / took,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed (nearest rank)."""
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[max(0, int(rank) - 1)]


async def _unless_failed(run: _Run, seconds: float) -> None:
    await asyncio.wait([run.failed], timeout=seconds)
    if run.failed.done():
        await run.failed


if __name__ == "__main__":
    given = TypeAdapter(Orders).validate_json(sys.stdin.buffer.read())
    gc.disable()  # a pause of the generator's own would look like one of the server's
    print(TypeAdapter(Result).dump_json(uvloop.run(measure(given))).decode())
