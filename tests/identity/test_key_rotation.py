"""An issuer changes its keys, or goes away, while units and people call: over HTTP, and nobody is wrongly refused."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consent_service.clock import SECOND
from consent_service.identity.issuers import REFETCHES, RETRY_AFTER
from consent_service.identity.units import UnitKind
from consent_service.sandbox.keys import IssuerKeys
from tests.identity.attacks.ground import Ground
from tests.support.house import ORGANISATIONS, House, house
from tests.support.issuers import KARI, Flow, answered, ask_maskinporten, grant_claims, key
from tests.support.serving import Place, reserve, serving

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

ROTATIONS = REFETCHES + 2
"""More than forgers could have looked up."""


async def test_both_issuers_rotate_under_load_without_one_wrong_refusal(migrated_url: str, tmp_path: Path) -> None:
    """Six clients fetch a token for every call and use it at once, while the keys change a dozen times."""
    async with house(migrated_url, tmp_path) as running:
        done = asyncio.Event()
        calls = [_as_unit] * 4 + [_as_person] * 2
        async with asyncio.TaskGroup() as group:
            calling = [group.create_task(_call(running, done, call)) for call in calls]
            for _ in range(ROTATIONS):
                for issuer in (running.maskinporten, f"{running.idporten}/"):
                    rotated = await running.outside.post(f"{issuer}sandbox/keys/rotate")
                    assert rotated.status_code == 200
                await asyncio.sleep(0.05)
            done.set()
    statuses = sum((task.result() for task in calling), Counter[int]())
    assert set(statuses) == {200}
    assert statuses[200] > 2 * ROTATIONS


async def test_the_last_keys_stand_while_the_issuer_is_down(migrated_url: str, tmp_path: Path) -> None:
    """What they signed is taken, a day later too; what a newer key signed waits for the issuer, and is not refused."""
    keys, place = IssuerKeys(key("maskinporten")), reserve()
    jwks_uri = f"{place.base_url}/jwk"
    async with house(migrated_url, tmp_path, MASKINPORTEN_JWKS_URI=jwks_uri) as running:
        async with serving(_publishing(keys), place):
            assert await _status(running, keys) == 200
        assert await _status(running, keys) == 200
        running.clock.advance(seconds=25 * 3600)
        assert [await _status(running, keys) for _ in range(3)] == [200] * 3
        former = _token(running, keys)
        keys.rotate(key("rotated"))
        assert await _status(running, keys) == 503
        assert await _status_of(running, former) == 200
        running.clock.advance(seconds=RETRY_AFTER // SECOND)
        async with serving(_publishing(keys), _again(place)):
            many = await asyncio.gather(*(_status(running, keys) for _ in range(10)))
            assert many == [200] * 10
            assert await _status_of(running, former) == 200


async def _call(running: House, done: asyncio.Event, call: Callable[[House], Awaitable[int]]) -> Counter[int]:
    statuses: Counter[int] = Counter()
    while not done.is_set():
        statuses[await call(running)] += 1
    return statuses


async def _as_unit(running: House) -> int:
    claims = grant_claims(running.clock, aud=running.maskinporten, iss=UnitKind.NAV.value)
    assertion = key(UnitKind.NAV.value).jwt(claims)
    answer = await ask_maskinporten(running.outside, assertion, running.maskinporten)
    return await _status_of(running, answer.json()["access_token"])


async def _as_person(running: House) -> int:
    flow = Flow(running.clock, issuer=running.idporten)
    callback = f"{running.url}/login/callback"
    login = await flow.log_in(running.outside, KARI.pid, resource=running.url, redirect_uri=callback)
    answer = await flow.exchange(running.outside, answered(login)["code"], redirect_uri=callback)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return (await running.http.get("/v1/me/notes", headers=headers)).status_code


def _publishing(keys: IssuerKeys) -> Starlette:
    async def jwk(_: Request) -> Response:
        return JSONResponse(keys.jwks())

    return Starlette(routes=[Route("/jwk", jwk)])


def _again(place: Place) -> Place:
    """The same port once more."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", urlsplit(place.base_url).port or 0))
    return Place(socket=listener, base_url=place.base_url)


def _token(running: House, keys: IssuerKeys) -> str:
    ground = Ground(
        now=running.clock.now() // SECOND,
        maskinporten=running.maskinporten,
        idporten=running.idporten,
        token_x="",
        audience=running.url,
        our_client="",
        our_name="",
        organisation=ORGANISATIONS[UnitKind.NAV],
        client=UnitKind.NAV.value,
        scope="consent:consents.read",
    )
    return keys.signing.jwt(ground.unit_claims())


async def _status(running: House, keys: IssuerKeys) -> int:
    return await _status_of(running, _token(running, keys))


async def _status_of(running: House, token: str) -> int:
    answer = await running.http.get("/v1/consents", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code
