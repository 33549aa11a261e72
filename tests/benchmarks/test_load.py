"""The load generator counts what it should, and is not taken in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from tests.benchmarks.load import FOUND, UNIQUE, Ask, Orders, WrongAnswer, measure, percentile
from tests.benchmarks.processes import cpu_seconds, quiet

ID = "6f1c2f8e-7b1b-4a59-9a55-0d2c3c2b1a00"
GET = f"GET /{UNIQUE} HTTP/1.1\r\nHost: here\r\n\r\n"

Reply = Callable[[str], tuple[int, str]]


class Tiny:
    """A server of a few lines that keeps what it was asked for, and answers each call after ``pause`` seconds."""

    def __init__(self, reply: Reply, *, pause: float = 0.0, hangs_up: bool = False) -> None:
        self._reply, self._pause, self._hangs_up = reply, pause, hangs_up
        self.paths: list[str] = []
        self.connections = 0
        self._closed = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while self._hangs_up is False:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.paths.append(head.split(" ")[1])
                await asyncio.sleep(self._pause)
                status, body = self._reply(self.paths[-1])
                answer = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
                writer.write(answer[:20])  # an answer may come in pieces
                await asyncio.sleep(0)
                writer.write(answer[20:])
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self._closed += 1

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            async with asyncio.timeout(10):
                while self._closed < self.connections:  # noqa: ASYNC110 - the last of them to end is known to none
                    await asyncio.sleep(0.005)


def orders(port: int, *operations: tuple[Ask, ...], **how: float) -> Orders:
    return Orders(port=port, operations=operations, connections=4, warm=0.05, seconds=how.get("seconds", 0.3))


async def test_it_counts_what_was_answered_in_its_time() -> None:
    """Four connections at 10 ms an answer are 400 a second at most, at 10 ms or more; nothing is asked for twice."""
    tiny = Tiny(lambda _: (200, '{"here": 1}'), pause=0.01)
    async with tiny.up() as port:
        result = await measure(orders(port, (Ask(GET, 200, ("here",)),)))
    assert 40 < result.rate <= 400
    assert 10 <= result.p50 <= result.p99 < 300
    assert result.rate * 0.3 <= result.done <= len(tiny.paths)
    assert tiny.connections == 4
    assert len(set(tiny.paths)) == len(tiny.paths)


async def test_a_sequence_is_one_operation_and_goes_on_with_the_id_it_found() -> None:
    """Each second request names the id of the first one's answer, and both together count once."""
    tiny = Tiny(lambda path: (200, "{}") if path == f"/{ID}" else (201, f'{{"id":"{ID}"}}'))
    first, second = Ask(GET, 201), Ask(f"GET /{FOUND} HTTP/1.1\r\nHost: here\r\n\r\n", 200)
    async with tiny.up() as port:
        result = await measure(orders(port, (first, second)))
    seconds = sum(path == f"/{ID}" for path in tiny.paths)
    assert len(tiny.paths) == 2 * seconds
    assert 0 < result.done <= seconds


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, '{"content": {"a": 1}}'), (200, '{"content": {"a": 2}}'), (200, "{}")],
    ids=["status", "content", "nothing"],
)
async def test_one_wrong_answer_ends_the_run(status: int, body: str) -> None:
    """Another status, another content, or none of it: then there is no figure."""
    async with Tiny(lambda _: (status, body)).up() as port:
        with pytest.raises(WrongAnswer):
            await measure(orders(port, (Ask(GET, 200, ('"content"',), {"a": 1}),)))


async def test_a_server_that_hangs_up_ends_the_run() -> None:
    """A connection that is closed before its answer is no answer."""
    async with Tiny(lambda _: (200, ""), hangs_up=True).up() as port:
        with pytest.raises(WrongAnswer):
            await measure(orders(port, (Ask(GET, 200),)))


def test_percentiles_are_of_the_nearest_rank() -> None:
    """Of a hundred values, the 50th and the 99th."""
    values = [float(one) for one in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (50.0, 99.0, 7.0)


async def test_the_time_of_children_is_their_parents() -> None:
    """What a child of a process burns is counted, whether it has ended or not, and then all is quiet."""
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    parent = await asyncio.create_subprocess_exec(
        *("sh", "-c", f"python3 -c '{burn}'; read _"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    await parent.stdout.readline()
    running = cpu_seconds(parent.pid)
    parent.stdin.write(b"\n")
    (ended,) = await quiet([parent.pid])
    parent.stdin.write(b"\n")
    await parent.wait()
    assert 0.3 <= running <= ended < 3
