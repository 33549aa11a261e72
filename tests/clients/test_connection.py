"""How a client speaks HTTP: what it repeats, what it never repeats, and how a no reaches the caller."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from consent_clients.connection import Connection, quoted
from consent_clients.models import Employee, acting
from consent_clients.problems import (
    Conflict,
    Invalid,
    NotAvailable,
    Problem,
    TooManyRequests,
    Unavailable,
    Unreachable,
    Violation,
)

Answer = Callable[[httpx.Request], httpx.Response]


class Held:
    """A token that never ends."""

    closed = False

    async def bearer(self) -> str:
        return "a-token"

    async def close(self) -> None:
        self.closed = True


class Network:
    """Answers calls one after the other, and keeps what was sent."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def connection(network: Network, pauses: list[float] | None = None) -> Connection:
    async def pause(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    return Connection("http://service", Held(), transport=httpx.MockTransport(network), pause=pause)


def problem(status: int, slug: str, **fields: object) -> httpx.Response:
    document = {"type": f"/problems/{slug}", "title": "A title", "status": status, "detail": "A detail", **fields}
    return httpx.Response(status, content=json.dumps(document), headers={"content-type": "application/problem+json"})


async def test_get_comes_back_after_a_lost_connection_and_a_503() -> None:
    """Reading is repeated, with growing pauses, until it is answered."""
    pauses: list[float] = []
    network = Network(httpx.ConnectError("no"), problem(503, "unavailable"), httpx.Response(200, json={}))
    assert (await connection(network, pauses).get("/v1/events", after=0, limit=None)).status_code == 200
    assert len(network.sent) == 3
    assert 0.1 <= pauses[0] <= 0.2 <= pauses[1] <= 0.4
    assert str(network.sent[0].url) == "http://service/v1/events?after=0"


async def test_a_creating_call_is_repeated_under_one_and_the_same_key() -> None:
    """The repeat of a creating call carries the first one's Idempotency-Key, so it happens once."""
    network = Network(httpx.ReadTimeout("slow"), httpx.Response(201, json={}))
    await connection(network).create("/v1/plans", {"consent_id": "c"}, key=None)
    first, second = (request.headers["idempotency-key"] for request in network.sent)
    assert first == second
    assert first.startswith('"')
    assert network.sent[0].headers["authorization"] == "Bearer a-token"


async def test_a_repeat_that_comes_too_early_waits_for_the_first() -> None:
    """While the first try is still under way the service says so, and the client asks again."""
    network = Network(problem(409, "idempotency-conflict"), httpx.Response(201, json={}))
    assert (await connection(network).create("/v1/plans", {}, key="k")).status_code == 201


async def test_a_call_without_a_key_is_tried_once() -> None:
    """A grant or a revoke whose answer was lost is the caller's to look up, not the client's to say again."""
    network = Network(httpx.ReadTimeout("slow"))
    with pytest.raises(Unreachable, match="POST /v1/me/consents: ReadTimeout"):
        await connection(network).post("/v1/me/consents", {})
    assert len(network.sent) == 1


async def test_who_acts_goes_with_each_call() -> None:
    """The one that the connection has, unless a call names another; a connection of nobody's names nobody."""
    network = Network(*(httpx.Response(200, json={}) for _ in range(5)))
    usual, other = Employee("A123456", "0501"), Employee("B123456", "0502")
    speaking = Connection("http://service", Held(), headers=usual.headers, transport=httpx.MockTransport(network))
    await speaking.get("/v1/events")
    await speaking.post("/v1/consents/search", {}, headers=acting(None))
    await speaking.create("/v1/plans", {}, key=None, headers=acting(other))
    await speaking.delete("/v1/consent-requests/c", headers=acting(other))
    await connection(network).get("/v1/me/notes")
    assert [request.headers.get("acting-employee") for request in network.sent] == [
        usual.header,
        usual.header,
        other.header,
        other.header,
        None,
    ]


async def test_put_and_delete_say_what_they_mean() -> None:
    """A write names the version it has read; a deletion may be said twice."""
    network = Network(httpx.Response(200, json={}), httpx.ReadError("lost"), httpx.Response(204))
    speaking = connection(network)
    await speaking.put("/v1/me/notes/n", {}, version=3)
    await speaking.delete("/v1/me/notes/n")
    assert network.sent[0].headers["if-match"] == '"3"'
    assert [request.method for request in network.sent] == ["PUT", "DELETE", "DELETE"]


async def test_a_lasting_503_is_raised_after_the_last_attempt() -> None:
    """A service that stays down is reported as such, with the wait it asks for honoured in between."""
    pauses: list[float] = []
    answers = [problem(503, "unavailable") for _ in range(4)]
    for answer in answers:
        answer.headers["retry-after"] = "1"
    with pytest.raises(Unavailable):
        await connection(Network(*answers), pauses).get("/v1/events")
    assert pauses == [1.0, 1.0, 1.0]


async def test_a_long_wait_is_handed_to_the_caller() -> None:
    """A client doesn't sleep for minutes inside a call: who asked is told how long to wait."""
    answer = problem(503, "unavailable")
    answer.headers["retry-after"] = "120"
    with pytest.raises(Unavailable) as raised:
        await connection(Network(answer)).get("/v1/events")
    assert raised.value.retry_after == 120


async def test_a_refusal_is_never_repeated() -> None:
    """A no is an answer. Asking the same again would only be written into the log again."""
    for status, kind in ((404, NotAvailable), (409, Conflict), (429, TooManyRequests)):
        network = Network(problem(status, "no"))
        with pytest.raises(kind):
            await connection(network).get("/v1/consents/x")
        assert len(network.sent) == 1


async def test_a_problem_carries_its_type_status_detail_and_places() -> None:
    """Everything of the problem document that a caller can act on is on the exception."""
    errors = [{"pointer": "/sections/needs", "detail": "too long"}]
    network = Network(problem(422, "invalid", errors=errors, request_id="r-1"))
    with pytest.raises(Invalid) as raised:
        await connection(network).post("/v1/me/notes", {})
    said = raised.value
    assert (said.type, said.status, said.title, said.detail) == ("/problems/invalid", 422, "A title", "A detail")
    assert said.request_id == "r-1"
    assert said.violations == (Violation("/sections/needs", "too long"),)


@pytest.mark.parametrize(
    "content",
    [b"<h1>Bad gateway</h1>", b"[1]", b"\xff"],
    ids=["a page", "a list", "no text"],
)
async def test_an_answer_that_is_no_problem_document_is_still_a_problem(content: bytes) -> None:
    """What a proxy in between answers becomes a Problem too, and nothing else is raised."""
    for kind in ("application/problem+json", "text/html"):
        answer = httpx.Response(418, content=content, headers={"content-type": kind})
        with pytest.raises(Problem) as raised:
            await connection(Network(answer)).post("/v1/me/notes", {})
        assert (raised.value.status, raised.value.type) == (418, "about:blank")


def test_header_strings_are_escaped_and_bounded() -> None:
    """What stands in a header is a string of RFC 8941: quotes escaped, anything but visible ASCII refused."""
    assert Employee("A123456", "0501").header == 'id="A123456", office="0501"'
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    for bad in ("å", "a\nb", "\x7f"):
        with pytest.raises(ValueError, match="visible ASCII"):
            quoted(bad)


async def test_a_party_closes_its_own_token_source() -> None:
    """Tokens belong to one party: whoever closes the conversation closes them too."""
    tokens = Held()
    await Connection("http://service", tokens).close()
    assert tokens.closed
