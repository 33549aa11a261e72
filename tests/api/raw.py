"""Answers byte by byte, as they come from the socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_DATE = re.compile(rb"(?<=\r\ndate: )[^\r]+", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Connection:
    """One connection, one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> bytes:
        """The whole answer: status line, headers in their order, body."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", *(f"{n}: {v}" for n, v in headers.items())]
        if body is not None:
            lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(content)}")
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return head + (await self._reader.readexactly(int(length[1])) if length else b"")


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    """A connection to ``url``."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield Connection(reader, writer, place.netloc)
    finally:
        writer.close()
        await writer.wait_closed()


def masked(answer: bytes) -> bytes:
    """``answer`` but for what differs from call to call: the date, and every random id; none changes its length."""
    return _UUID.sub(b"x" * 36, _DATE.sub(lambda date: b"x" * len(date[0]), answer))
