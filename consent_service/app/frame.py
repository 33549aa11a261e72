"""The frame around the doors: the layers in order, and the answers to what goes wrong.

Every layer is a plain ASGI class: one ``BaseHTTPMiddleware`` alone would cost more than the rest of a request.

::

    SecurityHeaders   fills in what an answer does not say itself; also the last one
    Observing         request id, log line, count, the last answer
    Limits            too long, too large, of the wrong kind
    Shortcut          to the routes that answer directly; for all others:
    ExceptionMiddleware, and the routes: errors → problem documents
"""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consent_service import errors
from consent_service.api.direct_route import DirectRoute
from consent_service.app import problems
from consent_service.app.limits import MACHINES, Limits
from consent_service.app.metrics import Metrics
from consent_service.app.observing import Observing
from consent_service.app.violations import violations
from consent_service.security_headers import EVERYWHERE, OVER_TLS

ErrorPage = Callable[[Request, problems.Problem, str], Awaitable[Response] | Response]
"""Shows a person what went wrong: the request, the problem, and what is said of this case."""


def framed(app: FastAPI, *, metrics: Metrics, tls: bool, error_page: ErrorPage | None = None) -> FastAPI:
    """``app`` with its layers and its answers to errors.

    ``error_page`` answers for addresses outside ``/v1/`` when a person's browser asks; everything else
    gets a problem document.
    """
    answers = _Answers(app, error_page)
    app.add_exception_handler(errors.ServiceError, answers.service_error)
    app.add_exception_handler(RequestValidationError, answers.invalid)
    app.add_exception_handler(HTTPException, answers.http)
    inner: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(app.router), handlers=app.exception_handlers)
    # In the place of FastAPI's own layers, of which ours do the work: the last answer, and the body's limit.
    observed = Observing(
        Limits(_Shortcut(inner, app.router.routes, answers)), metrics=metrics, last_answer=answers.unexpected
    )
    app.middleware_stack = SecurityHeaders(observed, tls=tls)
    return app


class SecurityHeaders:
    """Fill in what an answer does not say itself. ``tls``: whether the public address is https."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        """Frame ``app``."""
        self._app = app
        fields = {**EVERYWHERE, **(OVER_TLS if tls else {})}
        self._fields = [(name.lower().encode(), value.encode()) for name, value in fields.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                said = {name for name, _ in headers}
                headers.extend(field for field in self._fields if field[0] not in said)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _Shortcut:
    """The way to the routes that answer directly: past the search through all others, and what only those need."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], answers: "_Answers") -> None:
        self._app = app
        self._routes = [route for route in routes if isinstance(route, DirectRoute)]
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in self._routes:
            match = route.path_regex.match(scope["path"])
            if match is not None and scope["method"] in (route.methods or ()):
                scope.update(route=route, path_params=match.groupdict())
                await self._answer(route, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _answer(self, route: DirectRoute, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await route.app(scope, receive, send)
        except errors.ServiceError as error:
            response = await self._answers.service_error(Request(scope), error)
        except RequestValidationError as error:
            response = await self._answers.invalid(Request(scope), error)
        except HTTPException as error:
            response = await self._answers.http(Request(scope), error)
        else:
            return
        await response(scope, receive, send)


class _Answers:
    """What each kind of exception is answered with."""

    def __init__(self, app: FastAPI, error_page: ErrorPage | None) -> None:
        self._app = app
        self._error_page = error_page

    async def service_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.ServiceError)
        if not self._for_people(request):
            return problems.answer_error(error, request.state.request_id)
        problem = problems.for_error(error)
        return await self._page(request, problem, problems.detail_of(problem, error))

    async def invalid(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return await self.service_error(
                request, errors.Malformed("The body is not the JSON that it must be (RFC 8259).")
            )
        return await self.service_error(request, errors.Invalid(violations=violations(found)))

    async def http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        match error.status_code:
            case 404:
                return await self.service_error(request, errors.NotAvailable())
            case 405:
                allow = ", ".join(methods_at(self._app.router.routes, request))
                return problems.answer(problems.METHOD_NOT_ALLOWED, request.state.request_id, headers={"Allow": allow})
            case 413:
                return await self.service_error(request, errors.TooLarge())
            case 400:
                return await self.service_error(request, errors.Malformed())
        return await self.unexpected(request)

    async def unexpected(self, request: Request) -> Response:
        if self._for_people(request):
            return await self._page(request, problems.INTERNAL, problems.detail_of(problems.INTERNAL))
        return problems.answer(problems.INTERNAL, request.state.request_id)

    def _for_people(self, request: Request) -> bool:
        if self._error_page is None or request.url.path.startswith(MACHINES):
            return False
        return "text/html" in request.headers.get("accept", "")

    async def _page(self, request: Request, problem: problems.Problem, detail: str) -> Response:
        assert self._error_page is not None
        page = self._error_page(request, problem, detail)
        return page if isinstance(page, Response) else await page


def methods_at(routes: list[BaseRoute], request: Request) -> list[str]:
    """Every method that some route takes at this address (RFC 9110 section 10.2.1 wants all of them)."""
    found: set[str] = set()
    for route in routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return sorted(found)
