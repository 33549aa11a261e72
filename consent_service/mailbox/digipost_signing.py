"""What is signed in a call to Digipost and in its answer (Digipost's security page 3.2 and 4.1).

The rule: these are pure functions of what goes over the wire. ``tests/contracts/test_digipost_signature.py``
holds them to the signatures that Digipost's own clients publish.
"""

import base64
import hashlib
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

from consent_service.clock import MINUTE, SECOND

ACCEPTED_SKEW = 5 * MINUTE

_SIGNED_HEADERS = ("content-md5", "date", "x-content-sha256", "x-digipost-userid")  # alphabetical, as signed


def request_string(method: str, path: str, query: str, headers: Mapping[str, str]) -> bytes:
    """The bytes that a request's signature covers. ``path`` and ``query`` are as sent, percent-encoded."""
    lines = [method.upper(), path.lower(), *_signed(headers), query.lower()]
    return _joined(lines)


def response_string(status: int, path: str, headers: Mapping[str, str]) -> bytes:
    """The bytes that a response's signature covers; ``path`` is the one that was asked for, without query."""
    return _joined([str(status), path.lower(), *_signed(headers)])


def content_hash(body: bytes) -> str:
    """The value of ``X-Content-SHA256``."""
    return base64_text(hashlib.sha256(body).digest())


def http_date(instant: int) -> str:
    """``instant`` as RFC 1123, in English whatever the locale, such as ``Mon, 07 Jul 2014 12:00:02 GMT``."""
    return formatdate(instant // SECOND, usegmt=True)


def parsed_date(text: str) -> int | None:
    """The instant of an RFC 1123 date; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return int(moment.timestamp()) * SECOND if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def base64_text(raw: bytes) -> str:
    """``raw`` as a header carries it."""
    return base64.b64encode(raw).decode()


def base64_bytes(text: str) -> bytes:
    """What ``text`` stands for; nothing, if it is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _signed(headers: Mapping[str, str]) -> list[str]:
    lower = {name.lower(): value for name, value in headers.items()}
    return [f"{name}: {lower[name]}" for name in _SIGNED_HEADERS if name in lower]


def _joined(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
