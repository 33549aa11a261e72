"""The floors do what they are compared for, and take the requests that the load generator sends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from consent_service.cli.demo_processes import free_ports
from tests.benchmarks.__main__ import load
from tests.benchmarks.load import Ask, Orders, measure
from tests.benchmarks.naive_seeds import Person, Seeds
from tests.benchmarks.systems import SECTIONS, Shared, ask_grant_and_revoke, ask_release, floor
from tests.journeys.neighbours import MARIT, NAVS, OLA, key
from tests.linearizability.wire import Answer, Wire

MASKINPORTEN, IDPORTEN, AUDIENCE = "http://maskinporten/", "http://idporten", "http://here"
NAV, SCOPE = "00000000-0000-4000-8000-0000000000aa", "consent:content.read"


def shared(number: str, index: int) -> Shared:
    """A consent of somebody's, as the service would have made it."""
    content = {"parts": [{"content": {"text": SECTIONS["interests"]}}], "person": {"national_id": number}}
    text = json.dumps(content, ensure_ascii=False)
    note, consent = (f"00000000-0000-4000-8000-00000000{index}{kind}00" for kind in range(10, 12))
    part = {"resource": "note", "resource_id": note, "version": 1, "part": "interests"}
    wanted = {"purpose": "guidance_follow_up", "recipient_id": NAV, "parts": [part], "valid_until": "2100-01-01"}
    return Shared(number, consent, wanted, content, text, hashlib.sha256(text.encode()).hexdigest())


def token(issuer: str, **claims: Any) -> str:
    """A token that an issuer signed and that has ten minutes to live."""
    said = {"iss": issuer, "exp": int(time.time()) + 600, **claims}
    return key("maskinporten" if issuer == MASKINPORTEN else "idporten").jwt(said)


@dataclass(frozen=True)
class Floors:
    """Where they listen, and whose tokens they take."""

    hello: int
    naive: int
    unit: str
    candidate: str


MARITS, OLAS = shared(MARIT, 10), shared(OLA, 20)


@pytest.fixture
async def floors(tmp_path: Path) -> AsyncIterator[Floors]:
    """Both floors, the naive one on SQLite with two people in it."""
    seeds = Seeds(
        database_url=f"sqlite:///{tmp_path / 'naive.sqlite'}",
        organisation_number=NAVS,
        unit_id=NAV,
        scope=SCOPE,
        audience=AUDIENCE,
        maskinporten=(MASKINPORTEN, key("maskinporten").public_jwk),
        idporten=(IDPORTEN, key("idporten").public_jwk),
        people=tuple(
            Person(one.number, one.wanted["parts"][0]["resource_id"], one.consent_id, one.content_text)
            for one in (MARITS, OLAS)
        ),
    )
    hello, naive = free_ports(2)
    async with AsyncExitStack() as stack:
        await asyncio.gather(
            stack.enter_async_context(floor("hello", hello, tmp_path, MARITS.content_text.encode())),
            stack.enter_async_context(floor("naive", naive, tmp_path, json.dumps(asdict(seeds)).encode())),
        )
        unit = token(MASKINPORTEN, scope=SCOPE, consumer={"ID": f"0192:{NAVS}"})
        yield Floors(hello, naive, unit, token(IDPORTEN, aud=AUDIENCE, pid=MARIT))


async def send(port: int, ask: Ask, **instead: str) -> Answer:
    """One of the load generator's requests, with a few texts replaced."""
    request = ask.request
    for before, after in {"@unique@": "once", **instead}.items():
        request = request.replace(before, after)
    head, _, body = request.partition("\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    wire = Wire(port)
    await wire.connect()
    more = f"Acting-Employee: {lines.get('Acting-Employee', 'nobody')}\r\n"
    bearer = lines["Authorization"].removeprefix("Bearer ")
    answer = await wire.call("POST", head.split(" ")[1], bearer, json.loads(body), more=more)
    await wire.close()
    return answer


async def test_the_floors_do_what_they_are_compared_for(floors: Floors) -> None:
    """The naive one releases under a consent in force alone, to whom it is for, and grants what was shown alone.

    And the load generator finds in its answers, and in the empty one's, what it demands of the service.
    """
    release, (grant, revoke) = ask_release(MARITS, floors.unit), ask_grant_and_revoke(MARITS, floors.candidate)

    async def naive(ask: Ask, **instead: str) -> Answer:
        return await send(floors.naive, ask, **instead)

    assert (await naive(release)).json()["content"] == MARITS.content
    another = token(MASKINPORTEN, scope=SCOPE, consumer={"ID": "0192:310163449"})
    for wrong, status in (("x", 401), (floors.candidate, 401), (another, 403)):
        assert (await naive(release, **{floors.unit: wrong})).status == status
    assert (await naive(grant, **{MARITS.sha256: OLAS.sha256})).status == 409
    assert (await naive(revoke, **{"@found@": OLAS.consent_id})).status == 404

    granted = (await naive(grant)).json()["id"]
    assert (await naive(release, **{MARITS.consent_id: granted})).status == 200
    assert (await naive(revoke, **{"@found@": granted})).json()["state"] == "revoked"
    assert (await naive(release, **{MARITS.consent_id: granted})).status == 404
    assert (await naive(revoke, **{"@found@": granted})).status == 409

    for operation in ((release,), (grant, revoke)):
        result = await measure(Orders(floors.naive, (operation,), connections=2, warm=0, seconds=0.2))
        assert result.rate > 0
    greeting = Ask("GET /hello HTTP/1.1\r\nHost: here\r\n\r\n", 200, (MARIT, SECTIONS["interests"]))
    assert (await load(Orders(floors.hello, ((greeting,),), connections=2, warm=0, seconds=0.2))).rate > 0
