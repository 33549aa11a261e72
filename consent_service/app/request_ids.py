"""Which request this is: one id, from the caller if it is sane, else our own.

Rule: an id is letters, digits, ``.``, ``_`` and ``-``, at most 64 of them, and no eleven digits in a row: an
identity number must not enter our logs by way of a header. NAV has no consensus on a name, so the variants
in use are taken, and W3C's ``traceparent`` after them; ``Nav-Call-Id`` goes back.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from uuid import uuid4

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, for the log."""

RESPONSE_HEADER = b"nav-call-id"

_NAMES = (b"nav-call-id", b"nav-callid", b"x-correlation-id")
_SANE = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_NUMBER = re.compile(rb"[0-9]{11}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's id for this request, or a new random one."""
    trace: bytes | None = None
    for name, value in headers:
        if name in _NAMES and _SANE.fullmatch(value) and not _NUMBER.search(value):
            return value.decode("ascii")
        if name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            trace = match["trace"]
    return trace.decode("ascii") if trace is not None else str(uuid4())
