"""Who acts for a unit: demanded before anything is looked up, and told to the candidate of whatever was done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from consent_service.api.contract import ACTING_EMPLOYEE
from consent_service.app.contract import machine_routes
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE, OLA
from tests.api.stories import PLAN, grant_mapping
from tests.api.test_suppliers import log_page, on_behalf_of
from tests.support.house import House, fresh_key
from tests.support.issuers import SUPPLIER
from tests.support.watching import Watched

NAV, TRAINING, CENTRE = UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING, UnitKind.CAREER_CENTRE
MACHINES = "99"
DEMANDING = [
    route
    for route in machine_routes()
    if isinstance(route, APIRoute) and ACTING_EMPLOYEE in (route.openapi_extra or {}).get("parameters", [])
]
MALFORMED = (
    None,
    "",
    "A123456",
    'id="A123456"',
    'office="0501"',
    'id="A123456", office=""',
    'id="A123456", office="0501", more="x"',
    'id="Kari Nordmann", office="0501"',
    f'id="A{KARI}", office="0501"',
    f'id="A123456", office="{KARI}"',
    f'id="A123456", office="{"0" * 513}"',
)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_it_is_demanded_before_anything_is_looked_up(house: House) -> None:
    """Absent or malformed is 400 wherever the contract demands it, after no other look-up than that of the caller, and
    before the rest of the call is read.
    """
    watched = house.service.db.behind
    assert isinstance(watched, Watched)
    assert len(DEMANDING) == 12
    for route in DEMANDING:
        headers = await _caller(house, route)
        del headers["Acting-Employee"]
        for said in MALFORMED:
            watched.units.clear()
            answer = await _call(house, route, headers if said is None else {**headers, "Acting-Employee": said})
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/acting-employee-required"), said
            looked_up = [text for unit in watched.units for text in unit.texts]
            assert all(" FROM unit_client " in text for text in looked_up), (route.path, looked_up)
            house.clock.advance(seconds=10)  # the limits on calls let so many through, and no more


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_an_employee_or_a_machine_may_act(house: House) -> None:
    """With either the call goes on, to whatever is wrong with it otherwise."""
    for route in DEMANDING:
        for said in ('id="A123456", office="0501"', 'office="Levanger", id="system"'):
            answer = await _call(house, route, {**await _caller(house, route), "Acting-Employee": said})
            assert "acting-employee" not in answer.text


async def test_she_reads_who_acted_in_all_that_units_did(house: House) -> None:
    """The office and on whose behalf, of each act as it was said then, also of what waited until she came; the
    employee's id is in her export, where it proves the log's commitment, and shown nowhere.
    """
    said: list[tuple[str, str]] = []  # what came of each call, and the office that it named
    await _waits_for_her(house, said)
    await _is_done_about_her(house, said)
    me = await house.as_person(OLA)
    log = (await house.http.get("/v1/me/access-log", params={"limit": 100}, headers=me)).json()["items"]
    of_units = [line for line in log if line["actor"] == "unit" or line["event"] == "draft.claimed"]
    assert sorted((line["event"], line["office"]) for line in of_units) == sorted(said)
    assert {line["supplier"] for line in of_units} == {SUPPLIER}
    assert {(line["office"], line["supplier"]) for line in log if line not in of_units} == {(None, None)}
    page = unescape((await log_page(house, OLA)).text)
    for _, office in said:
        who = "Et datasystem" if office == MACHINES else "En ansatt"
        assert f"{who} ved kontor {office}" in page
    assert page.count(f"Organisasjonen med nummer {SUPPLIER} handlet på vegne av") == len(of_units)
    assert "A123456" not in page
    export = (await house.http.get("/v1/me/export", headers=me)).json()
    proved = [line["detail"] for line in export["access_log"] if "office" in line["detail"]]
    assert sorted(one["office"] for one in proved) == sorted(office for _, office in said)
    assert {(one["employee"], one["supplier"], one["office"] == MACHINES) for one in proved} == {
        ("A123456", SUPPLIER, False),
        ("system", SUPPLIER, True),
    }


async def _does(
    house: House,
    said: list[tuple[str, str]],
    office: str,
    kind: UnitKind,
    method: str,
    path: str,
    *events: str,
    **more: Any,
) -> dict[str, Any]:
    """A unit calls by way of its supplier, with a new office each time; which entries come of it. The answer."""
    employee = "system" if office == MACHINES else "A123456"
    headers = {
        **on_behalf_of(house, kind),
        **fresh_key(),
        "Acting-Employee": f'id="{employee}", office="{office}"',
    }
    answer = await house.http.request(method, path, headers=headers, **more)
    assert answer.status_code < 300 or events[0].endswith(".refused"), answer.text
    said += [(event, office) for event in events]
    house.clock.advance(seconds=1)
    return dict(answer.json()) if answer.content else {}


async def _waits_for_her(house: House, said: list[tuple[str, str]]) -> None:
    """A draft and a request, before anybody knows her; she comes, and takes the draft."""
    draft = await _does(house, said, "11", CENTRE, "POST", "/v1/note-drafts", "draft.claimed", json=NOTE)
    wanted = {
        "national_id": OLA,
        "purpose": "guidance_follow_up",
        "part_kinds": ["note.interests"],
        "message": "Kan vi lese?",
        "reply_by": house.day(20),
    }
    asked = await _does(house, said, "12", NAV, "POST", "/v1/consent-requests", "consent.requested", json=wanted)
    me = await house.as_person(OLA)
    claimed = await house.http.post("/v1/me/note-drafts/claim", json={"code": draft["code"]}, headers=me)
    assert claimed.status_code == 201, claimed.text
    cancelled = f"/v1/consent-requests/{asked['id']}"
    await _does(house, said, "13", NAV, "DELETE", cancelled, "consent.cancelled")


async def _is_done_about_her(house: House, said: list[tuple[str, str]]) -> None:
    """A search, a mapping from the asking to the plan, and what is refused after she revoked."""
    await house.own_note(OLA, NOTE)
    search = {"national_id": OLA}
    await _does(house, said, MACHINES, NAV, "POST", "/v1/consents/search", "consents.searched", json=search)
    wanted = {
        "national_id": OLA,
        "recipient_id": house.unit(TRAINING).id,
        "background": "Fordi",
        "reply_by": house.day(20),
        "note_sections": ["strengths"],
    }
    events = ("consent.requested", "mapping_request.received")
    asked = await _does(house, said, "21", NAV, "POST", "/v1/mapping-requests", *events, json=wanted)
    me = await house.as_person(OLA)
    await house.http.get("/v1/me/consents", headers=me)  # she looks, and it is hers
    await grant_mapping(house, OLA, asked["id"], asked["consent_id"])
    state, word = f"/v1/mapping-requests/{asked['id']}/state", {"state": "in_work", "message": "Vi har begynt."}
    plan = {**PLAN, "consent_id": asked["consent_id"], "valid_until": house.day(30)}
    await _does(house, said, "22", TRAINING, "POST", state, "mapping_request.in_work", json=word)
    await _does(house, said, "23", TRAINING, "POST", "/v1/plans", "plan.pushed", "letter.accepted", json=plan)
    ended = await house.http.post(f"/v1/me/consents/{asked['consent_id']}/revoke", json={}, headers=me)
    assert ended.status_code == 200, ended.text
    await _does(house, said, "24", TRAINING, "POST", state, "mapping_request.refused", json=word)
    await _does(house, said, "25", TRAINING, "POST", "/v1/plans", "plan.refused", json=plan)


async def _caller(house: House, route: APIRoute) -> dict[str, str]:
    """A unit that may call the route."""
    scope = str((route.openapi_extra or {})["x-scope"])
    kind = {"notes.draft": CENTRE, "plans.write": TRAINING}.get(scope, NAV)
    return {**await house.as_unit(kind), **fresh_key()}


async def _call(house: House, route: APIRoute, headers: Mapping[str, str]) -> httpx.Response:
    """Call the route about nobody, with a body that says nothing."""
    method = min(route.methods or ())
    body: dict[str, Any] = {"json": {"unknown": 1}} if method == "POST" else {}
    path = re.sub(r"\{\w+\}", str(uuid4()), route.path)
    return await house.http.request(method, path, headers=dict(headers), **body)
