"""How long and how much a connection may take to come to the point: header fields, and then a body.

The server has no limit of its own, so that a connection that says nothing, a header field without end, or a body of
which a letter comes now and then would be kept for as long as its caller likes. What has come in time is held against
``limits``. A call that came whole, as nearly all do, costs nothing here; how long an answer takes is no caller's fault.
"""

import asyncio
from enum import Enum
from typing import Any, ClassVar

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CUT = Counter("consent_connections_cut_total", "Connections that were closed because a call did not come", ("awaited",))


class _Awaited(Enum):
    NOTHING = "nothing"
    HEADERS = "headers"
    BODY = "body"


class Connection(HttpToolsProtocol):
    """A connection that is closed when its caller does not come to the point."""

    header_seconds: ClassVar[float] = 10
    """From the connection, or from a call's first byte, until its header fields are there."""
    body_seconds: ClassVar[float] = 30
    """From then, until the whole body is."""
    header_bytes: ClassVar[int] = 64 * 1024
    """Of a call that has not come to the end of its header fields."""

    _comes = _Awaited.NOTHING
    _awaited = _Awaited.NOTHING
    _called = False
    """Whether there has been any call."""
    _received = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait, but not for ever."""
        super().connection_made(transport)
        self._wait(_Awaited.HEADERS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._wait(_Awaited.NOTHING)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; if it is not a whole call, wait for the rest, but not for ever."""
        super().data_received(data)
        comes = self._comes
        if comes is _Awaited.NOTHING and (not self._called or self.cycle.response_complete):
            comes = _Awaited.HEADERS  # empty lines, say: the server has stopped its own clock for them
        if comes is not self._awaited:
            self._wait(comes)
        if comes is _Awaited.HEADERS:
            self._received += len(data)
            if self._received > self.header_bytes:
                self._cut(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """A call begins."""
        self._comes, self._received = _Awaited.HEADERS, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its header fields are there."""
        self._comes, self._called = _Awaited.BODY, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is."""
        self._comes = _Awaited.NOTHING
        super().on_message_complete()

    def _wait(self, what: _Awaited) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._awaited = what
        if what is not _Awaited.NOTHING and not self.transport.is_closing():
            seconds = self.header_seconds if what is _Awaited.HEADERS else self.body_seconds
            self._deadline = self.loop.call_later(seconds, self._cut, b"408 Request Timeout")

    def _cut(self, status: bytes) -> None:
        """Close; and say why to somebody who has begun to call, and has no answer."""
        if not self.transport.is_closing():
            CUT.labels(self._awaited.value).inc()
            if self._comes is not _Awaited.NOTHING and not self._answered():
                self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
        self._wait(_Awaited.NOTHING)

    def _answered(self) -> bool:
        """Whether an answer is on its way, or the call that comes still has had its own."""
        if not self._called or not self.cycle.response_started:
            return False
        return not self.cycle.response_complete or self._comes is _Awaited.BODY
