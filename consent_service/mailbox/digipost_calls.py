"""Signed calls to Digipost, and answers that are known to be Digipost's.

1. the entry point says where things are and brings the certificate that answers are signed with; it is kept
   for five minutes, as Digipost's own clients do
2. every request carries a Date of this moment, the hash of its body, and a signature over both
3. every answer is checked in this order: Date within five minutes, hash of the body, signature. An answer
   that fails is as good as none. The entry point is exempt from the last: it brings the key, over TLS
4. a signature that does not match may mean that the certificate was changed: the entry point is fetched
   once more, and the same bytes are checked again

The rule: only a link's path is followed, on the host that was configured, so no answer can send us elsewhere.
"""

import hashlib
import math
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from consent_service.bounded_answers import read_at_most
from consent_service.clock import MINUTE, Clock
from consent_service.mailbox import digipost_signing as signing
from consent_service.mailbox import digipost_xml as xml
from consent_service.mailbox.digipost_errors import Step, step

Sign = Callable[[bytes], bytes]
Verify = Callable[[str, bytes, bytes], bool]

XML = "application/vnd.digipost-v8+xml"

_KEPT_FOR = 5 * MINUTE
_LARGEST_ANSWER = 1024 * 1024
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Answer:
    """What Digipost answered, checked."""

    status: int
    body: bytes
    retry_after: float | None = None

    @property
    def error(self) -> xml.ErrorBody:
        """The ``<error>`` in it."""
        return xml.error_body(self.body)


@dataclass(frozen=True)
class NotSent:
    """The request never left: nothing can have come of it. ``park``: it won't until an operator acts."""

    reason: str
    park: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class NoAnswer:
    """The request left, at least in part, and no answer came that can be trusted."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True)
class _Reply:
    """What came over the wire, unchecked."""

    status: int
    headers: httpx.Headers
    body: bytes


class SignedCalls:
    """Calls as one account. ``pins``: SHA-256 (hex) of the only certificates to trust; none is any."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        base_url: str,
        user_id: int,
        sign: Sign,
        verify: Verify,
        clock: Clock,
        pins: frozenset[str] = frozenset(),
    ) -> None:
        """Refuse (ValueError) a ``base_url`` with a path, or in the clear beyond this machine."""
        self._origin = _origin(base_url)
        self._http, self._user_id, self._clock = http, user_id, clock
        self._sign, self._verify, self._pins = sign, verify, pins
        self._entry: xml.EntryPoint | None = None
        self._entry_until = 0

    def now(self) -> int:
        """The instant by the clock that the calls go by."""
        return self._clock.now()

    async def link(self, relation: str, *, at_hand: bool = False) -> str | NotSent:
        """The path that the entry point gives for ``relation``; "" if it names none. ``at_hand``: as in ``call``."""
        entry = await self._entry_point(at_hand=at_hand)
        if isinstance(entry, NotSent):
            return entry
        try:
            return urlsplit(entry.links.get(relation, "")).path
        except ValueError:  # no address at all, hence no link
            return ""

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        at_hand: bool = False,
    ) -> Answer | NotSent | NoAnswer:
        """One call. ``path`` and ``query`` are percent-encoded already, and signed as they are sent.

        ``at_hand``: an entry point that was fetched before will do, however long ago: nothing else is asked first.
        """
        entry = await self._entry_point(at_hand=at_hand)
        if isinstance(entry, NotSent):
            return entry
        reply = await self._exchange(method, path, query, body, headers or {})
        if not isinstance(reply, _Reply):
            return reply
        wrong = self._wrong_in(reply) or await self._wrong_signature(reply, path, entry)
        if wrong:
            return NoAnswer(wrong, _retry_after(reply.headers))
        return Answer(reply.status, reply.body, _retry_after(reply.headers))

    async def _entry_point(self, *, at_hand: bool = False) -> xml.EntryPoint | NotSent:
        if self._entry is not None and (at_hand or self._clock.now() < self._entry_until):
            return self._entry
        reply = await self._exchange("GET", "/", "", None, {})
        if not isinstance(reply, _Reply):
            return NotSent(f"entry-point-{reply.reason}")
        if wrong := self._wrong_in(reply):
            return NotSent(f"entry-point-{wrong}")
        entry = self._read_entry_point(reply)
        if isinstance(entry, xml.EntryPoint):
            self._entry, self._entry_until = entry, self._clock.now() + _KEPT_FOR
        return entry

    def _read_entry_point(self, reply: _Reply) -> xml.EntryPoint | NotSent:
        if reply.status != 200:
            error = xml.error_body(reply.body)
            park = step(reply.status, error.code, error.type) is Step.PARK
            return NotSent(error.code or f"http-{reply.status}", park, _retry_after(reply.headers))
        try:
            entry = xml.entry_point(reply.body)
        except xml.Unreadable:
            return NotSent("entry-point-unreadable")
        if not self._trusted(entry.certificate_pem):
            return NotSent("entry-point-certificate", park=True)
        return entry

    def _trusted(self, certificate_pem: str | None) -> bool:
        if certificate_pem is None:
            return False
        try:
            der = ssl.PEM_cert_to_DER_cert(certificate_pem)
        except ValueError:
            return False
        return not self._pins or hashlib.sha256(der).hexdigest() in self._pins

    async def _exchange(
        self, method: str, path: str, query: str, body: bytes | None, headers: dict[str, str]
    ) -> _Reply | NotSent | NoAnswer:
        target = f"{path}?{query}" if query else path
        request = self._http.build_request(method, self._origin + target, content=body, headers=headers)
        self._sign_request(request, body)
        try:
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                content = await _bounded(response)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failure:
            return NotSent(type(failure).__name__)
        except httpx.HTTPError as failure:
            return NoAnswer(type(failure).__name__)
        if content is None:
            return NoAnswer("answer-not-taken")
        return _Reply(response.status_code, response.headers, content)

    def _sign_request(self, request: httpx.Request, body: bytes | None) -> None:
        request.headers["Accept"] = XML
        request.headers["Accept-Encoding"] = "identity"  # the hash covers the bytes as they come
        request.headers["Date"] = signing.http_date(self._clock.now())
        request.headers["X-Digipost-UserId"] = str(self._user_id)
        if body is not None:
            request.headers["X-Content-SHA256"] = signing.content_hash(body)
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        signed = signing.request_string(request.method, path, query, request.headers)
        request.headers["X-Digipost-Signature"] = signing.base64_text(self._sign(signed))

    def _wrong_in(self, reply: _Reply) -> str | None:
        date = signing.parsed_date(reply.headers.get("Date", ""))
        if date is None or abs(date - self._clock.now()) > signing.ACCEPTED_SKEW:
            return "answer-date"
        if reply.body and reply.headers.get("X-Content-SHA256") != signing.content_hash(reply.body):
            return "answer-hash"
        return None

    async def _wrong_signature(self, reply: _Reply, path: str, entry: xml.EntryPoint) -> str | None:
        if self._is_signed(reply, path, entry):
            return None
        self._entry_until = 0  # perhaps the certificate was changed
        newer = await self._entry_point()
        if isinstance(newer, xml.EntryPoint) and self._is_signed(reply, path, newer):
            return None
        return "answer-signature"

    def _is_signed(self, reply: _Reply, path: str, entry: xml.EntryPoint) -> bool:
        signature = signing.base64_bytes(reply.headers.get("X-Digipost-Signature", ""))
        signed = signing.response_string(reply.status, path, reply.headers)
        return self._verify(entry.certificate_pem or "", signature, signed)


def _origin(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError("Digipost is spoken to over https")
    if not parts.netloc or parts.username or parts.path.strip("/") or parts.query:
        raise ValueError("the address of Digipost is a host, without a path")
    return f"{parts.scheme}://{parts.netloc}"


async def _bounded(response: httpx.Response) -> bytes | None:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return None  # we asked for none, and unpacking is where small answers become large
    return await read_at_most(response.aiter_bytes(), _LARGEST_ANSWER)


def _retry_after(headers: httpx.Headers) -> float | None:
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_WAIT)
