"""Where NAV's audit log goes: a place of its own, since its lines name people, as NAV demands, and no other log does.

A line is written when the release has been recorded and before the content is answered. It fails closed: without its
line nothing is shown, because a showing that is in no log can't be made up for, and a fetch can be repeated under its
key, spending no use. A stream gives no receipt: over TCP a line counts as written when the system has taken it, on a
connection that the other side has not closed.
"""

import asyncio
import os
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter

from consent_service.audit.cef import Shown, line
from consent_service.errors import Unavailable

FAILED = Counter("consent_nav_log_failed_total", "Contents that were not shown, because NAV's audit log was down")

_WITHIN = 2.0
"""Seconds that a line may take."""
_PRIORITY: Final = 13 * 8 + 6  # syslog's facility "log audit", severity informational (RFC 5424 section 6.2.1)

_log = structlog.get_logger()


class Place(Protocol):
    """Takes lines, one at a time."""

    async def write(self, text: str) -> None:
        """Write one line. Raises OSError."""
        ...

    async def close(self) -> None:
        """Give up what it holds."""
        ...


class NavLog:
    """NAV's audit log of this service, known there as ``vendor`` and ``product``."""

    def __init__(self, place: Place, *, vendor: str, product: str) -> None:
        """Write to ``place``."""
        self._place, self._vendor, self._product = place, vendor, product
        self._one = asyncio.Lock()

    async def record(self, shown: Shown) -> None:
        """Write that content is about to be shown. Raises Unavailable: then it may not be."""
        try:
            async with asyncio.timeout(_WITHIN), self._one:
                await self._place.write(line(self._vendor, self._product, shown))
        except OSError as failure:  # a TimeoutError is one
            FAILED.inc()
            _log.error("NAV's audit log can't be written", reason=type(failure).__name__, alarm="nav_log")
            raise Unavailable("Nothing is shown just now. Repeat it with the same Idempotency-Key.") from None

    async def close(self) -> None:
        """Give up the place."""
        await self._place.close()


def place_of(where: str, *, product: str) -> Place:
    """The place that a setting names: ``stdout``, ``file:/path``, ``tcp://host:port`` or ``tls://host:port``."""
    if where == "stdout":
        return StandardOutput()
    if where.startswith("file:"):
        return AuditFile(Path(where.removeprefix("file:")))
    return Syslog(where, product)


class StandardOutput:
    """The process's own output, for whoever looks at it on one machine."""

    async def write(self, text: str) -> None:
        """See ``Place.write``."""
        print(text, flush=True, file=sys.stdout)  # an ordinary log line is no place for a number, and this is none

    async def close(self) -> None:
        """See ``Place.close``."""


class AuditFile:
    """A file that only its owner reads, opened for each line, so that it can be moved away at any time."""

    def __init__(self, path: Path) -> None:
        """Append to ``path``."""
        self._path = path

    async def write(self, text: str) -> None:
        """See ``Place.write``. The disk is waited for in a thread."""
        await asyncio.to_thread(self._append, text.encode() + b"\n")

    async def close(self) -> None:
        """See ``Place.close``."""

    def _append(self, whole: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.write(handle, whole) != len(whole):
                os.write(handle, b"\n")  # what was cut short ends here, and is none of the next line's
                raise OSError("the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)


class Syslog:
    """A syslog server over TCP, a line a message (RFC 6587 section 3.4.2), as NAV's own applications send it."""

    def __init__(self, where: str, product: str) -> None:
        """Connect to ``where`` when the first line comes."""
        parts = urlsplit(where)
        self._at = (str(parts.hostname), parts.port)
        self._tls = ssl.create_default_context() if parts.scheme == "tls" else None
        self._sender = f"{gethostname()} {''.join(one for one in product if one.isalnum() or one in '-_.')}:"
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def write(self, text: str) -> None:
        """See ``Place.write``."""
        if self._stream is None or self._stream[0].at_eof() or self._stream[1].is_closing():
            await self.close()
            self._stream = await asyncio.open_connection(*self._at, ssl=self._tls)
        at = datetime.now(UTC).strftime("%b %d %H:%M:%S")
        try:
            self._stream[1].write(f"<{_PRIORITY}>{at} {self._sender} {text}\n".encode())
            await self._stream[1].drain()
        except BaseException:
            await self.close()  # nobody knows how much of it went
            raise

    async def close(self) -> None:
        """See ``Place.close``."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream[1].close()
