"""The calls of the local Digipost's sender API, each checked and answered as the real one does.

1. an order to go wrong before anything is done, if there is one
2. the account, the Date, the hash of the body, the signature; a wrong one is told what it should have signed
3. the call itself
4. an order to go wrong after all is done, if there is one
5. an answer with Date, hash and signature of its own, errors too
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from consent_service.clock import Clock
from consent_service.sandbox import digipost_answers as answers
from consent_service.sandbox import digipost_signatures as signatures
from consent_service.sandbox.digipost_certificates import Enterprise
from consent_service.sandbox.digipost_faults import Calls, Fault, Order, Switchboard
from consent_service.sandbox.digipost_messages import LARGEST_FILE
from consent_service.sandbox.digipost_post_office import DigipostAccount, PostOffice
from consent_service.sandbox.digipost_refusals import Refused
from consent_service.sandbox.digipost_signatures import Received

_XML = "application/vnd.digipost-v8+xml"
_LARGEST_REQUEST = LARGEST_FILE + 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Done:
    """What a call came to: status, XML, further headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call that was found to be an account's own."""

    account: DigipostAccount
    received: Received
    request: Request
    now: datetime
    order: Order | None


_INSTEAD: dict[Fault | None, Done] = {
    Fault.ERROR_BEFORE: Done(500, answers.error(Refused(500, "SERVER_ERROR", "Something went wrong."))),
    Fault.UNAVAILABLE: Done(503, answers.error(Refused(503, "API_UNAVAILABLE", "Digipost is being upgraded."))),
    Fault.TOO_MANY: Done(429, b"", {"Retry-After": "1"}),
}


class Dropped(Response):
    """An answer that begins and never comes: the server then breaks the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body, and leave."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


class Counter:
    """Where calls come in: checks them, does what was ordered to go wrong, and signs the answers."""

    def __init__(self, office: PostOffice, faults: Switchboard, enterprise: Enterprise, clock: Clock) -> None:
        """Take what is said above."""
        self.office, self.faults, self._enterprise, self._clock = office, faults, enterprise, clock

    @property
    def certificate_pem(self) -> str:
        """The certificate that the answers verify with."""
        return self._enterprise.certificate_pem

    def now(self) -> datetime:
        """The present instant, to the millisecond."""
        return _EPOCH + timedelta(milliseconds=self._clock.now() // 1000)

    async def answer(self, request: Request, calls: Calls, work: Callable[[Call], Done]) -> Response:
        """The answer to ``request``, with what ``work`` made of it."""
        order = self.faults.take(calls)
        fault = None if order is None else order.kind
        if order is not None and fault is Fault.SLOW:
            await asyncio.sleep(order.seconds)
        if fault is Fault.DROP_BEFORE:
            return Dropped()
        done = _INSTEAD.get(fault) or await self._done(request, order, work)
        if done is None:
            return Dropped()
        if order is not None and fault is Fault.SLOW_ANSWER:
            await asyncio.sleep(order.seconds)
        if fault is Fault.DROP_AFTER:
            return Dropped()
        if fault is Fault.ERROR_AFTER:
            done = _INSTEAD[Fault.ERROR_BEFORE]
        return self._signed(request, done, wrong=fault is Fault.WRONG_SIGNATURE)

    async def _done(self, request: Request, order: Order | None, work: Callable[[Call], Done]) -> Done | None:
        """What the call came to; None if its caller went away in the middle of it."""
        try:
            return work(self._checked(request, await _received(request), order))
        except Refused as refused:
            return Done(refused.status, answers.error(refused))
        except ClientDisconnect:
            return None

    def _checked(self, request: Request, received: Received, order: Order | None) -> Call:
        named = received.headers.get("x-digipost-userid", "")
        if not (named.isascii() and named.isdigit()):
            raise Refused(400, "INVALID_USER_ID_HEADER", "The X-Digipost-UserId header is missing or no number.")
        account = self.office.accounts.get(int(named))
        if account is None:
            raise Refused(403, "UNKNOWN_USER_ID", "There is no such account.")
        now = self.now()
        signatures.check_date(received, now)
        signatures.check_hash(received)
        signatures.check_signature(received, account.certificate_pem)
        return Call(account, received, request, now, order)

    def _signed(self, request: Request, done: Done, *, wrong: bool) -> Response:
        path = _raw_path(request)
        headers = signatures.signed_headers(self._enterprise.key, done.status, path, done.body, self.now())
        if wrong:
            other = signatures.signed_headers(self._enterprise.key, done.status, "/elsewhere", b"", self.now())
            headers["X-Digipost-Signature"] = other["X-Digipost-Signature"]
        return Response(done.body, done.status, {**headers, **done.headers}, media_type=_XML)


async def _received(request: Request) -> Received:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_REQUEST:
            raise Refused(400, "REQUEST_TOO_LARGE", f"A request is at most {_LARGEST_REQUEST} bytes.")
    query = request.scope["query_string"].decode("ascii")
    return Received(request.method, _raw_path(request), query, dict(request.headers), bytes(body))


def _raw_path(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    return raw.decode("ascii")
