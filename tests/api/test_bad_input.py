"""Every call that is wrong gets the right problem document: never a 500, never another's data, nothing half done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent_service.app.contract import machine_routes
from consent_service.identity import registry
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE, OLA
from tests.support.house import House, fresh_key, part
from tests.support.issuers import key

NAV, TRAINING, CENTRE = UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING, UnitKind.CAREER_CENTRE
UNKNOWN = "6a1d5dd0-3c0c-4d4b-8f0e-0d5c7f7a9e02"
ROUTES = [route for route in machine_routes() if isinstance(route, APIRoute)]
PROTECTED = [route for route in ROUTES if (route.openapi_extra or {}).get("security")]
OF_UNITS = [route for route in PROTECTED if "/me" not in route.path]
OF_CANDIDATES = [route for route in PROTECTED if "/me" in route.path]


def _path(route: APIRoute) -> str:
    return re.sub(r"\{\w+\}", UNKNOWN, route.path)


def _method(route: APIRoute) -> str:
    return min(route.methods or ())


async def _call(house: House, route: APIRoute, headers: dict[str, str], body: Any = None) -> httpx.Response:
    with_body: dict[str, Any] = {"json": {} if body is None else body} if _method(route) in {"POST", "PUT"} else {}
    return await house.http.request(_method(route), _path(route), headers=headers, **with_body)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_who_is_not_known_gets_nothing(house: House) -> None:
    """No token, a broken one, two at once, one in another scheme, one of another kind: 401 on every protected route."""
    nav, kari = await house.as_unit(NAV), await house.as_person(KARI)
    token = nav["Authorization"].removeprefix("Bearer ")
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {token}"},
        {"Authorization": f"Bearer {token}x"},
        {"Authorization": f"Bearer {token} {token}"},
        {"Authorization": "Bearer " + "a" * 9000},
        {"Cookie": "session=" + "a" * 43},
    ]
    for route in PROTECTED:
        other = kari if route in OF_UNITS else nav
        for headers in [*wrong, other]:
            answer = await _call(house, route, headers)
            assert answer.status_code == 401, (route.path, headers)
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_scope_or_kind_too_few_is_forbidden(house: House) -> None:
    """A token without the route's scope, or of a unit whose kind may not hold it, is 403."""
    nothing = await house.as_unit(NAV, scopes="consent:events.read")
    other = await house.as_unit(CENTRE)
    for route in OF_UNITS:
        scope = (route.openapi_extra or {}).get("x-scope")
        if scope is None:
            continue
        headers = other if scope == "events.read" else nothing
        answer = await _call(house, route, headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/insufficient-scope"), route.path


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_client_that_nobody_registered_is_forbidden(house: House) -> None:
    """A token of Maskinporten's is not enough: its client must be registered for a unit that is enabled."""
    nav = await house.as_unit(NAV)
    async with house.service.db.transaction() as tx:
        await registry.disable(tx, house.service.keys.service, house.unit(NAV).id, at=house.clock.now())
    assert (await house.http.get("/v1/consents", headers=nav)).status_code == 403
    async with house.service.db.transaction() as tx:
        await registry.enable(tx, house.service.keys.service, house.unit(NAV).id, at=house.clock.now())
        await registry.remove_client(
            tx, house.service.keys.service, organisation_number="889640782", client_id="nav", at=house.clock.now()
        )
    assert (await house.http.get("/v1/consents", headers=nav)).status_code == 403


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_low_level_is_not_enough(house: House) -> None:
    """A candidate's token of a lower level than demanded is refused on every route."""
    low = await house.as_person(KARI, acr_values="idporten-loa-substantial")
    for route in OF_CANDIDATES:
        assert (await _call(house, route, low)).status_code in {401, 403}, route.path


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_broken_body_is_malformed(house: House) -> None:
    """What is not one reading of one JSON object in UTF-8 is 400, on every route that takes a body."""
    broken = [
        b"{",
        b"nonsense",
        b"[]" * 2,
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ]
    for route in PROTECTED:
        if route.body_field is None:
            continue
        headers = await _caller(house, route)
        for raw in broken:
            answer = await house.http.request(
                _method(route), _path(route), content=raw, headers={**headers, "Content-Type": "application/json"}
            )
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed"), (route.path, raw[:20])


async def _caller(house: House, route: APIRoute) -> dict[str, str]:
    """Somebody who may call the route, with the headers that it demands."""
    if route in OF_CANDIDATES:
        return {**await house.as_person(KARI), "If-Match": '"1"'}
    scope = (route.openapi_extra or {}).get("x-scope")
    kind = {"notes.draft": CENTRE, "plans.write": TRAINING}.get(str(scope), NAV)
    return {**await house.as_unit(kind), **fresh_key()}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_body_is_closed(house: House) -> None:
    """A field that nobody knows is 422 and named; what stood in it does not come back."""
    for route in PROTECTED:
        if route.body_field is None:
            continue
        answer = await _call(house, route, await _caller(house, route), {"owner": KARI, "state": "granted"})
        assert answer.status_code == 422, route.path
        assert {"pointer": "/owner", "detail": "is not a field that is known here"} in answer.json()["errors"]
        assert KARI not in answer.text


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_body_of_another_kind_and_a_large_one_are_refused(house: House) -> None:
    """Machines send JSON, and not much of it: 415 and 413 before anybody looks at who is calling."""
    for route in ROUTES:
        if route.body_field is None:
            continue
        other = await house.http.request(
            _method(route), _path(route), content=b"a=b", headers={"Content-Type": "text/x"}
        )
        assert other.status_code == 415, route.path
        large = await house.http.request(
            _method(route), _path(route), content=b" " * 1_100_000, headers={"Content-Type": "application/json"}
        )
        assert large.status_code == 413, route.path


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_every_address_knows_its_methods(house: House) -> None:
    """A method that an address does not take is 405, with all that it takes."""
    for path in sorted({route.path for route in ROUTES}):
        takes = {_method(route) for route in ROUTES if route.path == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - takes:
            answer = await house.http.request(method, re.sub(r"\{\w+\}", UNKNOWN, path))
            if answer.status_code == 405:
                assert set(answer.headers["allow"].split(", ")) >= takes
                continue
            # Another route's pattern takes this address too (a claim, a preview); it asks who is calling first.
            assert answer.status_code == 401, (method, path)


@dataclass(frozen=True)
class Wrong:
    """One call, and what it is answered."""

    method: str
    path: str
    body: dict[str, Any] | None
    status: int
    type: str
    pointer: str | None = None


async def _tried(house: House, headers: dict[str, str], wrong: Wrong) -> None:
    sent: dict[str, Any] = {} if wrong.body is None else {"json": wrong.body}
    answer = await house.http.request(wrong.method, wrong.path, headers=headers, **sent)
    told = answer.json()
    assert (answer.status_code, told["type"]) == (wrong.status, f"/problems/{wrong.type}"), (wrong, told)
    if wrong.pointer is not None:
        assert wrong.pointer in [error["pointer"] for error in told["errors"]], (wrong, told)


async def test_what_a_candidate_gets_wrong(house: House) -> None:
    """Each mistake in sharing and writing has its own answer, and leaves nothing behind."""
    note = await house.own_note(KARI, NOTE)
    others = await house.own_note(OLA, NOTE)
    kari = await house.as_person(KARI)
    before = (await house.http.get("/v1/me/access-log", headers=kari)).json()["items"][0]["position"]
    wanted = {
        "purpose": "guidance_follow_up",
        "recipient_id": house.unit(NAV).id,
        "parts": [part(note, "interests")],
        "valid_until": house.day(30),
    }

    def preview(**changes: Any) -> dict[str, Any]:
        return {**wanted, **changes}

    path = "/v1/me/consents/preview"
    foreign, absent = part(others, "interests"), part(note, "values")
    calls = [
        Wrong("POST", path, preview(purpose="no_such_purpose"), 422, "invalid", "/purpose"),
        Wrong("POST", path, preview(purpose="../../etc"), 422, "invalid", "/purpose"),
        Wrong("POST", path, preview(recipient_id=UNKNOWN), 422, "invalid", "/recipient_id"),
        Wrong("POST", path, preview(recipient_id=house.unit(CENTRE).id), 422, "invalid", "/recipient_id"),
        Wrong("POST", path, preview(recipient_id="nav"), 422, "invalid", "/recipient_id"),
        Wrong("POST", path, preview(parts=[]), 422, "invalid", "/parts"),
        Wrong("POST", path, preview(parts=[foreign]), 404, "not-available"),
        Wrong("POST", path, preview(parts=[absent]), 404, "not-available"),
        Wrong(
            "POST", path, preview(parts=[{**absent, "part": "salt", "resource": "consent"}]), 422, "invalid", "/parts/0"
        ),
        Wrong("POST", path, preview(parts=[{**foreign, "version": 0}]), 422, "invalid", "/parts/0/version"),
        Wrong("POST", path, preview(valid_until="2027-02-30"), 422, "invalid", "/valid_until"),
        Wrong("POST", path, preview(valid_until="9999-12-31"), 422, "invalid", "/valid_until"),
        Wrong("POST", path, preview(valid_until=20270201), 422, "invalid", "/valid_until"),
        Wrong("POST", path, preview(max_uses=0), 422, "invalid", "/max_uses"),
        Wrong("POST", path, preview(max_uses=True), 422, "invalid", "/max_uses"),
        Wrong("POST", path, preview(consent_id=UNKNOWN), 404, "not-available"),
        Wrong("POST", "/v1/me/consents", preview(preview_sha256="a"), 422, "invalid", "/preview_sha256"),
        Wrong("POST", "/v1/me/consents", preview(preview_sha256="0" * 64), 409, "preview-changed"),
        Wrong("POST", f"/v1/me/consents/{UNKNOWN}/refuse", {}, 404, "not-available"),
        Wrong("POST", f"/v1/me/consents/{UNKNOWN}/revoke", {}, 404, "not-available"),
        Wrong("POST", "/v1/me/consents/%00/revoke", {}, 404, "not-available"),
        Wrong("GET", f"/v1/me/consents/{UNKNOWN}/receipt", None, 404, "not-available"),
        Wrong("GET", f"/v1/me/notes/{others['id']}", None, 404, "not-available"),
        Wrong("DELETE", f"/v1/me/notes/{others['id']}", None, 404, "not-available"),
        Wrong("GET", "/v1/me/notes?limit=0", None, 422, "invalid"),
        Wrong("GET", "/v1/me/notes?limit=1000", None, 422, "invalid"),
        Wrong("GET", "/v1/me/notes?after=';--", None, 422, "invalid"),
        Wrong("GET", "/v1/me/consents?status=%00", None, 422, "invalid"),
        Wrong("POST", "/v1/me/notes", {**NOTE, "sections": {"interests": ""}}, 422, "invalid", "/sections/interests"),
        Wrong(
            "POST", "/v1/me/notes", {**NOTE, "sections": {"interests": "\u0007"}}, 422, "invalid", "/sections/interests"
        ),
        Wrong("POST", "/v1/me/notes", {**NOTE, "sections": {"interests": "a" * 10_001}}, 422, "invalid"),
        Wrong("POST", "/v1/me/notes", {**NOTE, "language": "sv"}, 422, "invalid", "/language"),
        Wrong("PUT", "/v1/me", {"name": ""}, 422, "invalid", "/name"),
        Wrong("PUT", "/v1/me", {"name": "a" * 201}, 422, "invalid", "/name"),
        Wrong("GET", f"/v1/me/plans/{UNKNOWN}", None, 404, "not-available"),
        Wrong("GET", f"/v1/me/plans/{UNKNOWN}/pdf", None, 404, "not-available"),
    ]
    for wrong in calls:
        await _tried(house, kari, wrong)
    after = (await house.http.get("/v1/me/access-log", headers=kari)).json()["items"][0]["position"]
    assert after == before


async def test_ends_are_final(house: House) -> None:
    """A consent that ended can't be ended, refused or granted again, and keeps its receipt."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    kari = await house.as_person(KARI)
    path = f"/v1/me/consents/{consent['id']}"
    assert (await house.http.post(f"{path}/refuse", json={}, headers=kari)).json()["type"] == "/problems/not-answerable"
    assert (await house.http.post(f"{path}/revoke", json={}, headers=kari)).status_code == 200
    for verb in ("revoke", "refuse"):
        answer = await house.http.post(f"{path}/{verb}", json={}, headers=kari)
        assert answer.status_code == 409, verb
    receipt = (await house.http.get(f"{path}/receipt", headers=kari)).json()
    assert receipt["receipt"]["receipt_type"] == "termination"


async def test_what_a_unit_gets_wrong(house: House) -> None:
    """Each mistake of a unit has its own answer, and its calls about a person say nothing of her."""
    nav = await house.as_unit(NAV)
    ask = {
        "national_id": KARI,
        "purpose": "guidance_follow_up",
        "part_kinds": ["note.interests"],
        "message": "Kan vi lese?",
        "reply_by": house.day(10),
    }
    mapping = {
        "national_id": KARI,
        "recipient_id": house.unit(TRAINING).id,
        "background": "Fordi",
        "reply_by": house.day(10),
    }
    calls = [
        Wrong("POST", "/v1/consents/search", {"national_id": "12345678901"}, 422, "invalid", "/national_id"),
        Wrong("POST", "/v1/consents/search", {"national_id": "01010112345"}, 422, "invalid", "/national_id"),
        Wrong("POST", "/v1/consents/search", {"national_id": 21879498012}, 422, "invalid", "/national_id"),
        Wrong("POST", "/v1/consents/search", {"national_id": "２1879498012"}, 422, "invalid", "/national_id"),
        Wrong("POST", "/v1/consent-requests", {**ask, "purpose": "competence_mapping"}, 422, "invalid"),
        Wrong("POST", "/v1/consent-requests", {**ask, "part_kinds": ["plan.route"]}, 422, "invalid", "/part_kinds"),
        Wrong("POST", "/v1/consent-requests", {**ask, "part_kinds": []}, 422, "invalid", "/part_kinds"),
        Wrong("POST", "/v1/consent-requests", {**ask, "reply_by": "2020-01-01"}, 422, "invalid", "/reply_by"),
        Wrong("POST", "/v1/consent-requests", {**ask, "reply_by": "i morgen"}, 422, "invalid", "/reply_by"),
        Wrong("POST", "/v1/consent-requests", {**ask, "recipient_id": UNKNOWN}, 422, "invalid", "/recipient_id"),
        Wrong("POST", "/v1/consent-requests", {**ask, "message": " "}, 422, "invalid", "/message"),
        Wrong("POST", "/v1/mapping-requests", {**mapping, "recipient_id": UNKNOWN}, 422, "invalid", "/recipient_id"),
        Wrong("POST", "/v1/mapping-requests", {**mapping, "recipient_id": house.unit(CENTRE).id}, 422, "invalid"),
        Wrong("POST", "/v1/mapping-requests", {**mapping, "note_sections": ["secret"]}, 422, "invalid"),
        Wrong("POST", "/v1/mapping-requests", {**mapping, "reply_by": house.day(400)}, 422, "invalid", "/reply_by"),
        Wrong("GET", f"/v1/mapping-requests/{UNKNOWN}", None, 404, "not-available"),
        Wrong("GET", f"/v1/consents/{UNKNOWN}", None, 404, "not-available"),
        Wrong("GET", f"/v1/consents/{UNKNOWN}/receipt", None, 404, "not-available"),
        Wrong("DELETE", f"/v1/consent-requests/{UNKNOWN}", None, 404, "not-available"),
        Wrong("GET", "/v1/events?after=-1", None, 422, "invalid"),
        Wrong("GET", "/v1/events?after=x", None, 422, "invalid"),
        Wrong("GET", "/v1/audit/consistency", None, 422, "invalid"),
        Wrong("GET", "/v1/audit/consistency?from=-1&to=1", None, 422, "invalid"),
    ]
    for wrong in calls:
        await _tried(house, {**nav, **fresh_key()}, wrong)
    training = {**await house.as_unit(TRAINING), **fresh_key()}
    plan = {
        "outcome": "no_plan",
        "language": "nb",
        "summary": "Ikke nå.",
        "other_routes": [{"kind": "modular", "text": "Moduler"}],
        "contact": {"name": "En"},
        "valid_until": house.day(30),
        "consent_id": UNKNOWN,
    }
    await _tried(house, training, Wrong("POST", "/v1/plans", plan, 404, "not-available"))
    report = {"state": "in_work", "message": "Vi er i gang."}
    path = f"/v1/mapping-requests/{UNKNOWN}/state"
    await _tried(house, training, Wrong("POST", path, report, 404, "not-available"))
    await _tried(house, training, Wrong("POST", path, {**report, "state": "answered"}, 422, "invalid", "/state"))
    await _tried(house, training, Wrong("GET", f"/v1/plans/{UNKNOWN}", None, 404, "not-available"))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_token_of_another_key_is_nobodys(house: House) -> None:
    """A token that says all the right things, and that the issuer did not sign, is 401."""
    now = house.clock.now() // 1_000_000
    claims = {
        "iss": house.maskinporten,
        "client_amr": "private_key_jwt",
        "token_type": "Bearer",
        "client_id": "nav",
        "scope": "consent:consents.read",
        "consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:889640782"},
        "iat": now,
        "exp": now + 100,
        "jti": "1",
    }
    forged = key("maskinporten-forged").jwt(claims)
    answer = await house.http.get("/v1/consents", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = st.sampled_from(
    [
        "language",
        "sections",
        "questions",
        "name",
        "code",
        "purpose",
        "recipient_id",
        "parts",
        "valid_until",
        "national_id",
    ]
)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_no_body_breaks_the_service(house: House) -> None:
    """Whatever JSON comes, to whichever route: an answer of the client's error, never of ours."""
    callers = [(route, await _caller(house, route)) for route in PROTECTED if route.body_field is not None]
    bodies: list[Any] = []

    @settings(max_examples=40, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(_FIELDS, _JSON, max_size=6))
    def collect(body: dict[str, Any]) -> None:
        bodies.append(body)

    collect()
    for route, headers in callers:
        for body in bodies:
            try:
                answer = await _call(house, route, {**headers, **fresh_key()}, body)
            except UnicodeEncodeError:
                continue  # half a surrogate pair can't be sent as UTF-8 at all
            assert 200 <= answer.status_code < 500, (route.path, body, answer.text)
