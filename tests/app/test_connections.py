"""What a connection may take before there is a call: a bare socket, and callers who don't come to the point."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from consent_service.app.connections import CUT, Connection
from consent_service.app.frame import framed
from consent_service.app.metrics import Metrics
from consent_service.app.serving import server_for
from tests.support.serving import serving


class Hasty(Connection):
    """The same with less patience, for a test's."""

    header_seconds = 0.4
    body_seconds = 0.6
    header_bytes = 4096


class Body(BaseModel):
    """Anything."""

    name: str


@dataclass
class Served:
    """The address, and how many calls reached a route."""

    url: str
    reached: list[str]


def _app(reached: list[str]) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/v1/bodies")
    async def take(body: Body) -> dict[str, str]:
        reached.append(body.name)
        return {"name": body.name}

    @app.get("/v1/slow")
    async def slow() -> dict[str, str]:
        await asyncio.sleep(1)
        return {}

    return framed(app, metrics=Metrics(), tls=True)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A framed application behind hasty connections."""
    reached: list[str] = []
    async with serving(_app(reached), http=Hasty) as url:
        yield Served(url, reached)


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    place = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def trickle(writer: asyncio.StreamWriter, letter: bytes) -> None:
    """A letter now and then, for as long as the other side takes it."""
    try:
        while True:
            writer.write(letter)
            await writer.drain()
            await asyncio.sleep(0.05)
    except OSError:
        return


async def until_closed(reader: asyncio.StreamReader) -> tuple[bytes, float]:
    """What came until the other side closed, and how many seconds that took."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(5):
            return await reader.read(), time.monotonic() - begun
    except ConnectionResetError:
        return b"", time.monotonic() - begun


def cut() -> float:
    """How many connections were closed for a body that did not come."""
    samples = (sample for metric in CUT.collect() for sample in metric.samples)
    return sum(one.value for one in samples if one.name.endswith("_total") and one.labels == {"awaited": "body"})


HEAD = b"POST /v1/bodies HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


async def test_who_says_nothing_is_cut_off(served: Served) -> None:
    """Without a word, as a browser's connection ahead of its time expects."""
    async with connected(served) as (reader, _):
        said, seconds = await until_closed(reader)
    assert said == b""
    assert 0.3 < seconds < 2


@pytest.mark.parametrize(
    ("begun", "letter"),
    [
        (b"", b"\r\n"),
        (b"GET /v1", b"a"),
        (b"GET /v1/slow HTTP/1.1\r\nHost: here\r\nX: ", b"a"),
        (b"GET /v1/slow HTTP/1.1\r\nHost: here\r\n", b"X: a\r\n"),
    ],
    ids=["empty lines", "an address", "a field", "fields"],
)
async def test_header_fields_that_trickle_in_are_cut_off(served: Served, begun: bytes, letter: bytes) -> None:
    """However they do it, the time is counted from the first byte."""
    async with connected(served) as (reader, writer):
        writer.write(begun)
        trickling = asyncio.create_task(trickle(writer, letter))
        said, seconds = await until_closed(reader)
        trickling.cancel()
    assert said == b"" or said.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))
    assert seconds < 2


async def test_header_fields_without_end_are_cut_off(served: Served) -> None:
    """At once, when they pass what is taken: they are not gathered in memory until the time is out."""
    async with connected(served) as (reader, writer):
        writer.write(b"GET /v1/slow HTTP/1.1\r\nHost: here\r\nX: " + b"a" * 5000)
        said, seconds = await until_closed(reader)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert seconds < 0.3


@pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_a_body_that_trickles_in_is_cut_off(served: Served, length: bytes) -> None:
    """408, and its route is never reached."""
    before = cut()
    async with connected(served) as (reader, writer):
        writer.write(HEAD + length + b"\r\n")
        trickling = asyncio.create_task(trickle(writer, b"1\r\n \r\n" if b"chunked" in length else b" "))
        said, seconds = await until_closed(reader)
        trickling.cancel()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.4 < seconds < 2
    assert served.reached == []
    assert cut() == before + 1


async def test_the_rest_of_a_body_that_was_refused_is_not_awaited_for_ever(served: Served) -> None:
    """Who has had the answer, and goes on sending, is cut off too, and hears no second one."""
    async with connected(served) as (reader, writer):
        writer.write(HEAD.replace(b"application/json", b"text/plain") + b"Transfer-Encoding: chunked\r\n\r\n")
        trickling = asyncio.create_task(trickle(writer, b"1\r\n \r\n"))
        said, seconds = await until_closed(reader)
        trickling.cancel()
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 415 ")
    assert seconds < 2


async def test_a_body_in_pieces_passes_in_time(served: Served) -> None:
    """As bodies come over slow lines."""
    async with connected(served) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 14\r\n\r\n")
        for piece in (b'{"nam', b'e": "', b'ok"}'):
            await asyncio.sleep(0.05)
            writer.write(piece)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    assert served.reached == ["ok"]


async def test_who_was_answered_may_stay_and_wait(served: Served) -> None:
    """Neither a slow answer nor the silence between two calls is cut off; empty lines after an answer are."""
    call = b"GET /v1/slow HTTP/1.1\r\nHost: here\r\n\r\n"
    async with connected(served) as (reader, writer):
        for _ in range(2):
            writer.write(call)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(2)
            await asyncio.sleep(0.8)
        writer.write(b"\r\n")
        said, seconds = await until_closed(reader)
    assert said == b""
    assert seconds < 2


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 4, 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
    ],
    ids=["both", "two", "negative", "a list", "another coding last"],
)
async def test_a_length_that_can_be_read_in_two_ways_is_refused(served: Served, lengths: bytes) -> None:
    """So that nobody in front of us reads another call out of the same bytes (RFC 9112 section 6.3)."""
    async with connected(served) as (reader, writer):
        writer.write(HEAD + lengths + b"\r\n0\r\n\r\nGET /v1/slow HTTP/1.1\r\nHost: here\r\n\r\n")
        said, _ = await until_closed(reader)
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 400 ")
    assert served.reached == []


def test_what_serves_has_these_connections() -> None:
    """With the patience that production has."""
    assert server_for(_app([]), "127.0.0.1", 0).config.http is Connection
    assert (Connection.header_seconds, Connection.body_seconds) == (10, 30)
