"""The outermost layer: every request has an id, one log line, one count, and an end.

Rule: whatever happens inside, the caller gets an answer in the service's own form and the log a line without
personal data. An exception that nothing knows becomes ``internal`` (500) with the request id and no detail; it
stops here, since the server would print its message.
"""

import time
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_service.app.metrics import Metrics
from consent_service.app.request_ids import REQUEST_ID, RESPONSE_HEADER, request_id

_UNKNOWN_ROUTE = "(none)"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

LastAnswer = Callable[[Request], Awaitable[Response]]


class Observing:
    """Name, time, count and log each request; end what failed."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, last_answer: LastAnswer) -> None:
        """Frame ``app``; ``last_answer`` is what a caller gets when nothing else knew an answer."""
        self._app = app
        self._metrics = metrics
        self._last_answer = last_answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        this = request_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = this
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (RESPONSE_HEADER, this.encode("ascii"))]
            await send(message)

        before = REQUEST_ID.set(this)
        failure: Exception | None = None
        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last one that can answer
            failure = error
            if not status:
                response = await self._last_answer(Request(scope))
                await response(scope, receive, send_with_id)
        finally:
            self._note(scope, status, time.perf_counter() - began, failure)
            REQUEST_ID.reset(before)

    def _note(self, scope: Scope, status: int, seconds: float, failure: Exception | None) -> None:
        route = getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "OTHER"
        self._metrics.answered(method=method, route=route, status=status, seconds=seconds)
        said = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1000, 2)}
        if failure is not None:
            self._lines.error("request failed", **said, exc_info=failure)
        else:
            self._lines.info("request", **said)

    @cached_property
    def _lines(self) -> Any:
        """The logger, put together once: to do so for each request takes longer than to write the line."""
        return structlog.get_logger().bind()
