"""The frame: what every request meets before and after a route, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from consent_service import errors
from consent_service.app import limits
from consent_service.app.frame import framed
from consent_service.app.metrics import Metrics
from consent_service.security_headers import EVERYWHERE, OVER_TLS
from tests.support.serving import calling, serving

NUMBER = "21879498012"


class Body(BaseModel):
    """A closed, strict body."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(min_length=1, max_length=5)]


def _app() -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/v1/bodies")
    async def take(body: Body) -> dict[str, str]:
        return {"name": body.name}

    @app.get("/v1/things/{thing}")
    async def read(thing: str, limit: Annotated[int, Query(ge=1)] = 1) -> dict[str, str]:
        if thing == "broken":
            raise RuntimeError(f"could not work with {NUMBER}")
        raise errors.TooManyRequests(3)

    @app.put("/v1/things/{thing}")
    async def write(thing: str) -> None:
        raise errors.NotAvailable

    return framed(app, metrics=Metrics(), tls=True)


pytestmark = pytest.mark.usefixtures("written_lines")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a framed app."""
    async with serving(_app()) as url, calling(base_url=url) as client:
        yield client


async def test_a_good_call_passes(client: httpx.AsyncClient) -> None:
    """The frame leaves a good call as it is, and dresses the answer."""
    answer = await client.post("/v1/bodies", json={"name": "ok"})
    assert (answer.status_code, answer.json()) == (200, {"name": "ok"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["strict-transport-security"]
    assert "server" not in answer.headers


async def test_every_answer_forbids_what_it_does_not_need(client: httpx.AsyncClient) -> None:
    """Good ones, refusals of every layer, and the last answer to what nobody foresaw."""
    await client.get("/v1/nowhere")
    too_long = "/v1/things/" + "a" * limits.MAX_TARGET
    for method, path, status in (
        ("GET", "/v1/nowhere", 404),
        ("GET", "/v1/things/a", 429),
        ("DELETE", "/v1/things/a", 405),
        ("GET", too_long, 414),
        ("POST", "/v1/bodies", 422),
        ("GET", "/v1/things/broken", 500),
    ):
        answer = await client.request(method, path)
        assert answer.status_code == status
        said = {name: answer.headers.get(name) for name in {**EVERYWHERE, **OVER_TLS}}
        assert said == {**EVERYWHERE, **OVER_TLS}, path


async def test_an_unknown_address_is_not_available(client: httpx.AsyncClient) -> None:
    """An address that does not exist answers as everything else that is not available."""
    answer = await client.get("/v1/nowhere")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-available"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE", "OPTIONS"])
async def test_a_wrong_method_hears_of_all_that_work(client: httpx.AsyncClient, method: str) -> None:
    """405 lists every method of the address, not only the first route's."""
    answer = await client.request(method, "/v1/things/a")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, PUT"
    assert answer.json()["type"] == "/problems/method-not-allowed"


async def test_a_failure_shows_nothing_of_itself(client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown exception is a 500 with the request's id; its message is neither answered nor logged."""
    answer = await client.get("/v1/things/broken", headers={"Nav-Call-Id": "abcdefgh-1"})
    assert answer.status_code == 500
    body = answer.json()
    assert body["type"] == "/problems/internal"
    assert body["request_id"] == "abcdefgh-1" == answer.headers["nav-call-id"]
    assert NUMBER not in answer.text + "".join(capsys.readouterr())


@pytest.mark.parametrize("body", [b"{", b"", b"[1,", b'{"name": NaN}', b"\xff\xfe{}", b"[" * 100_000], ids=range(6))
async def test_what_is_not_json_is_malformed_or_invalid(client: httpx.AsyncClient, body: bytes) -> None:
    """A body that can't be read is the caller's error, never ours."""
    answer = await client.post("/v1/bodies", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({}, "/name", "is required"),
        ({"name": 5}, "/name", "must be text"),
        ({"name": NUMBER}, "/name", "must have at most 5 characters"),
        ({"name": "a", "owner": NUMBER}, "/owner", "is not a field that is known here"),
        ({"name": "a", NUMBER: 1}, "", "is not a field that is known here"),
    ],
)
async def test_a_violation_says_where_and_repeats_nothing(
    client: httpx.AsyncClient, body: dict[str, object], pointer: str, detail: str
) -> None:
    """422 points at the place and states the rule; what was sent does not come back."""
    answer = await client.post("/v1/bodies", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": detail}]
    assert NUMBER not in answer.text


async def test_a_bad_parameter_is_named(client: httpx.AsyncClient) -> None:
    """A query parameter that breaks its rule is named, its value is not."""
    answer = await client.get("/v1/things/a", params={"limit": "0"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "", "detail": "query parameter limit: must be at least 1"}]


async def test_a_limit_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    """429 carries Retry-After."""
    answer = await client.get("/v1/things/a")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/json; charset=utf-16",
    ],
)
async def test_a_body_of_another_kind_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    """Machines send JSON in UTF-8; anything else is 415."""
    answer = await client.post("/v1/bodies", content=b'{"name":"a"}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


async def test_a_stated_length_is_refused_at_once(client: httpx.AsyncClient) -> None:
    """A body that says it is too large is not read."""
    body = json.dumps({"name": "a" * limits.MAX_BODY}).encode()
    answer = await client.post("/v1/bodies", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


async def test_an_endless_body_is_cut_off(client: httpx.AsyncClient) -> None:
    """A chunked body is counted as it arrives and refused once it has passed the limit."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50 * limits.MAX_BODY:
            sent += 65536
            yield b" " * 65536
            await asyncio.sleep(0)

    answer = await client.post("/v1/bodies", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


async def test_headers_have_a_limit(client: httpx.AsyncClient) -> None:
    """Header fields past the limit are 431, and an address past its own 414."""
    answer = await client.get("/v1/things/a", headers={"X-Long": "a" * limits.MAX_HEADERS})
    assert answer.status_code == 431
    answer = await client.get("/v1/things/" + "a" * limits.MAX_TARGET)
    assert answer.status_code == 414


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Correlation-Id": "abc.def_123-X"}, "abc.def_123-X"),
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "ab" * 16),
        ({"Nav-Call-Id": "first-one", "X-Correlation-Id": "second-one"}, "first-one"),
    ],
)
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, headers: dict[str, str], expected: str) -> None:
    """The caller's own id goes through the answer, whichever of the names in use it came under."""
    answer = await client.get("/v1/nowhere", headers=headers)
    assert answer.headers["nav-call-id"] == answer.json()["request_id"] == expected


@pytest.mark.parametrize("bad", [f"person-{NUMBER}", "a b c d e f", "short", "x" * 65, '"><script>alert(1)'])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, bad: str) -> None:
    """An id that could be a number, a line break or markup is not taken in."""
    answer = await client.get("/v1/nowhere", headers={"Nav-Call-Id": bad})
    assert answer.headers["nav-call-id"] != bad
    assert bad not in answer.text


async def test_a_head_start_is_one_answer_each(client: httpx.AsyncClient) -> None:
    """Requests that run at once keep their own ids."""
    ids = [f"request-{number:04d}" for number in range(50)]
    answers = await asyncio.gather(*(client.get("/v1/nowhere", headers={"Nav-Call-Id": one}) for one in ids))
    assert [answer.json()["request_id"] for answer in answers] == ids


@pytest.mark.parametrize(("size", "status"), [(limits.MAX_UPLOAD, 404), (limits.MAX_UPLOAD + 1, 413)])
@pytest.mark.parametrize("stated", [True, False])
async def test_a_file_may_come_along_where_one_is_taken(size: int, status: int, stated: bool) -> None:
    """There a body of several fields may be as large as the largest file and a call; stated or counted."""

    async def body() -> AsyncIterator[bytes]:
        yield bytes(size)

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/v1/plans")
    async def take(request: Request) -> None:
        await request.body()
        raise errors.NotAvailable

    transport = httpx.ASGITransport(framed(app, metrics=Metrics(), tls=True))
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        answer = await http.post("/v1/plans", content=bytes(size) if stated else body(), headers=headers)
    assert answer.status_code == status
