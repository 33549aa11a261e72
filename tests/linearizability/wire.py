"""The thinnest HTTP client that will do: one connection, one call at a time, so that what is timed is the service."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any


class NotSent(Exception):
    """Nobody listens: the call has not begun."""


class Lost(Exception):
    """The call was sent, and no answer came (in time): nobody knows what became of it."""


@dataclass(frozen=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Wire:
    """A connection to a port of loopback, made when it is needed and again when it was lost."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connect(self) -> None:
        """Have a connection. Raises NotSent."""
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as failure:
                raise NotSent from failure

    async def call(
        self, method: str, path: str, token: str, body: Any = None, *, more: str = "", within: float = 10.0
    ) -> Answer:
        """One call, on the connection that ``connect`` made. Raises Lost."""
        assert self._streams is not None
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n{more}"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(within):
                writer.write(head.encode() + content)
                return await _read(reader)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as failure:
            await self.close()
            raise Lost from failure

    async def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return Answer(int(lines[0].split(" ")[1]), await reader.readexactly(int(fields.get("content-length", "0"))))
