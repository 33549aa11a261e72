"""What is refused before anything is read: too long, too large, of the wrong kind.

The server's parser has no limit of its own on header fields (httptools), so it is kept here; how long a call may take
to come is kept in ``connections``. A body is counted as it arrives: a stated length that is too large is refused at
once, an endless one when it has passed the limit. Bodies are JSON for machines, forms for the people's pages, and where
a file may come along, in several fields; anything else is 415.
"""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_service.app import problems
from consent_service.errors import Malformed, ServiceError, TooLarge, UnsupportedMediaType

MAX_BODY = 1024 * 1024
"""Bytes. The largest call is a note of seven sections of 10 000 characters, each up to six bytes in JSON."""
MAX_UPLOAD = MAX_BODY + 10_000_000
"""Bytes, of a body that a file comes along in: a plan's PDF."""
UPLOADS = frozenset({"/v1/plans"})
"""The addresses that take one."""
MAX_HEADERS = 32 * 1024
"""Bytes of names and values together; a token is at most 8 KiB."""
MAX_TARGET = 8 * 1024
"""Bytes of path and query."""

MACHINES = "/v1/"

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FORM = b"application/x-www-form-urlencoded"
_FIELDS = b"multipart/form-data"


class Limits:
    """Refuse what no route takes; count the body of what goes on."""

    def __init__(self, app: ASGIApp) -> None:
        """Frame ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _refusal(scope)
        if refusal is not None:
            request_id = scope["state"]["request_id"]
            if isinstance(refusal, problems.Problem):
                response = problems.answer(refusal, request_id)
            else:
                response = problems.answer_error(refusal, request_id)
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        if scope["method"] in _WITH_BODY:
            receive = _counted(receive, _most(scope))
        await self._app(scope, receive, send)


def _refusal(scope: Scope) -> problems.Problem | ServiceError | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
        return problems.URI_TOO_LONG
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        return problems.HEADERS_TOO_LARGE
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        return Malformed("The header Content-Length must be a number.")
    if int(length) > _most(scope):
        return TooLarge()
    has_body = length != b"0" or b"transfer-encoding" in headers
    if has_body and scope["method"] in _WITH_BODY:
        kind = headers.get(b"content-type", b"").lower()
        if not _comes_with_file(scope) and not _known(kind, machine=scope["path"].startswith(MACHINES)):
            return UnsupportedMediaType()
    return None


def _known(kind: bytes, *, machine: bool) -> bool:
    media, _, parameters = kind.partition(b";")
    charset = parameters.strip().removeprefix(b"charset=").strip(b'"')
    return media.strip() == (b"application/json" if machine else _FORM) and charset in {b"", b"utf-8"}


def _comes_with_file(scope: Scope) -> bool:
    kind = dict(scope["headers"]).get(b"content-type", b"").lower()
    return scope["path"] in UPLOADS and bool(kind.partition(b";")[0].strip() == _FIELDS)


def _most(scope: Scope) -> int:
    return MAX_UPLOAD if _comes_with_file(scope) else MAX_BODY


def _counted(receive: Receive, most: int) -> Receive:
    received = 0

    async def receive_counted() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most:
                # FastAPI passes on this class alone; any other becomes its own 400.
                raise HTTPException(413)
        return message

    return receive_counted
