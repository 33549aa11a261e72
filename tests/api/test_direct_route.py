"""A directly answered route says what FastAPI would say, whatever it is sent."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute

from consent_service.api.answers import json_answer
from consent_service.api.direct_route import direct, read_body
from consent_service.api.fields import Closed, PathId, path_id
from consent_service.api.json_bodies import StrictRoute
from consent_service.app.frame import framed
from consent_service.app.metrics import Metrics
from consent_service.errors import Malformed

PATH = "/v1/things/6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02"
JSON = {"Content-Type": "application/json"}


class Count(Closed):
    count: int = 0


async def parameters(request: Request) -> dict[str, object]:
    return {"thing_id": path_id(request.path_params["thing_id"]), "body": await read_body(request, Count)}


def application(kind: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=kind)

    @router.post("/v1/things/{thing_id}")
    async def count(thing_id: PathId, body: Count) -> Response:
        """What was understood."""
        return json_answer({"id": thing_id, "count": body.count})

    app = FastAPI()
    app.router.routes.extend(router.routes)
    return framed(app, metrics=Metrics(), tls=False)


async def ask(
    app: FastAPI, path: str, body: bytes, headers: dict[str, str], method: str = "POST"
) -> tuple[int, object, dict[str, str]]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        answer = await http.request(method, path, content=body, headers={"Nav-Call-Id": "the-same-id", **headers})
    return answer.status_code, answer.json(), dict(answer.headers)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' {"count": 3} ',
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{} {}",
        b'{"count": "3"}',
        b'{"count": 3, "count": 4}',
        b'{"count": NaN}',
        b'{"count": 1.5}',
        b'{"other": 1, "count": []}',
        b'{"other": "\\ud800"}',
        b"\xff\xfe{\x00}\x00",
        b'{"count": ' + b"[" * 50 + b"]" * 50 + b"}",
        b'{"other": "' + b"x" * 1_100_000 + b'"}',
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain", ""])
async def test_both_ways_answer_alike(body: bytes, kind: str) -> None:
    """Status, body and headers are the same, also of what can't be read, is too large or is of another type."""
    headers = {"Content-Type": kind} if kind else {}
    usual, directly = [application(one) for one in (StrictRoute, direct(parameters))]
    assert await ask(directly, PATH, body, headers) == await ask(usual, PATH, body, headers)


@pytest.mark.parametrize("path", ["/v1/things/42", PATH.upper().replace("/V1/THINGS", "/v1/things"), PATH])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_both_ways_are_found_alike(path: str, method: str) -> None:
    """A malformed id, another address and another method have the same answers."""
    usual, directly = [application(one) for one in (StrictRoute, direct(parameters))]
    assert await ask(directly, path, b"{}", JSON, method) == await ask(usual, path, b"{}", JSON, method)


async def test_both_ways_are_described_alike() -> None:
    """The contract can't tell which route answers directly."""
    assert application(direct(parameters)).openapi() == application(StrictRoute).openapi()


async def test_a_caller_who_goes_away_in_the_middle_is_a_call_that_cannot_be_read() -> None:
    """A body that ends before its end is Malformed, and nothing that the log would call a failure of ours."""

    async def gone() -> dict[str, object]:
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "headers": []}, gone)
    with pytest.raises(Malformed):
        await read_body(request, Count)
