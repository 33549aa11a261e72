"""A login sidecar for tests: what NAIS's does for the application behind it, and nothing that it does not.

It logs a browser in at ID-porten as a client of its own, keeps the access token, and adds it to the calls of that
browser that it passes on. It checks no token, and passes on what others bring. (github.com/nais/wonderwall, docs)
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from consent_service.clock import Clock
from tests.support.issuers import Flow, answered

COOKIE = "sidecar"


@dataclass
class SidecarInFront:
    """Stands before ``upstream``. ``at_the_keyboard`` is who logs in next, at ``level`` or what was asked for."""

    upstream: str
    idporten: str
    callback: str
    audience: str
    clock: Clock
    http: httpx.AsyncClient
    at_the_keyboard: str
    level: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The sidecar as an app."""
        methods = ["GET", "POST", "PUT", "DELETE"]
        return Starlette(
            routes=[
                Route("/oauth2/login", self._log_in),
                Route("/oauth2/logout", self._log_out),
                Route("/{path:path}", self._pass_on, methods=methods),
            ]
        )

    async def _log_in(self, request: Request) -> Response:
        self.asked = dict(request.query_params)
        flow = Flow(self.clock, issuer=self.idporten)
        level = self.level or self.asked["level"]
        asked = {"redirect_uri": self.callback, "resource": self.audience, "acr_values": level}
        login = await flow.log_in(self.http, self.at_the_keyboard, **asked)
        given = await flow.exchange(self.http, answered(login)["code"], redirect_uri=self.callback)
        value = secrets.token_urlsafe()
        self._tokens[value] = given.json()["access_token"]
        answer = RedirectResponse(self.asked["redirect"], status_code=302)
        answer.set_cookie(COOKIE, value)
        return answer

    async def _log_out(self, request: Request) -> Response:
        self._tokens.pop(request.cookies.get(COOKIE, ""), None)
        return RedirectResponse("/", status_code=302)

    async def _pass_on(self, request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.items() if name not in {"host", "content-length"}]
        token = self._tokens.get(request.cookies.get(COOKIE, ""))
        if token is not None:
            headers = [(name, value) for name, value in headers if name != "authorization"]
            headers.append(("authorization", f"Bearer {token}"))
        target = f"{self.upstream}{request.url.path}" + (f"?{request.url.query}" if request.url.query else "")
        given = await self.http.request(request.method, target, headers=headers, content=await request.body())
        passed = Response(given.content, given.status_code)
        hop = {"content-length", "transfer-encoding", "connection", "content-encoding"}
        passed.raw_headers.extend(
            (name.lower(), value) for name, value in given.headers.raw if name.lower().decode() not in hop
        )
        return passed
