"""The floors do what they are compared for: the naive service is honest, and every system takes the same requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import one_round
from tests.benchmarks.load import Orders, measure
from tests.benchmarks.systems import FIGURES, SYSTEMS, Row, row
from tests.linearizability.wire import Answer, Wire


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Row]:
    """The three systems on SQLite."""
    async with row(tmp_path, None, people=2) as here:
        yield here


async def send(here: Row, request: str, **instead: str) -> Answer:
    """One of the load generator's requests to the naive service, with a few texts replaced."""
    for before, after in {"@unique@": "once", **instead}.items():
        request = request.replace(before, after)
    head, _, body = request.partition("\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    wire = Wire(here.ports["naive"])
    await wire.connect()
    more = f"Acting-Employee: {lines.get('Acting-Employee', 'nobody')}\r\n"
    token = lines["Authorization"].removeprefix("Bearer ")
    answer = await wire.call("POST", head.split(" ")[1], token, json.loads(body), more=more)
    await wire.close()
    return answer


async def test_the_naive_service_is_honest_and_all_take_the_same_requests(here: Row) -> None:
    """A consent that was revoked releases nothing; a hash of something else grants nothing; a wrong token does nothing.

    And each system answers what the load generator asks of it, for both figures.
    """
    (release,), *_ = await here.operations("naive", "release")
    (grant, revoke), *_ = await here.operations("naive", "grant_revoke")
    first, second = here.shared[:2]

    released = await send(here, release.request)
    assert released.json()["content"] == first.content
    assert (await send(here, release.request, **{_token(release.request): "x"})).status == 401
    assert (await send(here, grant.request, **{first.sha256: second.sha256})).status == 409
    # Nor with a candidate's token, nor for somebody else.
    assert (await send(here, release.request, **{_token(release.request): _token(grant.request)})).status == 401
    assert (await send(here, revoke.request, **{"@found@": second.consent_id})).status == 404

    granted = (await send(here, grant.request)).json()["id"]
    ours = {first.consent_id: granted}
    assert (await send(here, release.request, **ours)).status == 200
    assert (await send(here, revoke.request, **{"@found@": granted})).json()["state"] == "revoked"
    assert (await send(here, release.request, **ours)).status == 404
    assert (await send(here, revoke.request, **{"@found@": granted})).status == 409

    for system in SYSTEMS:
        for figure in FIGURES:
            operations = await here.operations(system, figure)
            result = await measure(Orders(here.ports[system], operations, connections=2, warm=0, seconds=0.2))
            assert result.rate > 0, (system, figure)
    # In processes of its own, as ``make bench`` does it: the service's CPU time is its own, and never nothing.
    found = await one_round(here, "service", "release", 0.5, warm=0.1, connections=2)
    assert found.rate > 0
    assert 50 < found.cpu < 1e6
    assert found.database_cpu is None


def _token(request: str) -> str:
    return request.partition("Bearer ")[2].partition("\r\n")[0]
