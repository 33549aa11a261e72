"""The wall between two units of one organisation: the county's career centre and its vocational training.

They share an organisation number in every test of the doors. What parts them is which client calls, and what a unit of
its kind may hold: held here against the table of routes, so that a new route is held against it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from consent_service.api.contract import UNIT
from consent_service.app.contract import machine_routes
from consent_service.consents import closing
from consent_service.identity import registry
from consent_service.identity.callers import MAY_HOLD, Scope, names_at_maskinporten
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE
from tests.api.raw import connection, masked
from tests.api.stories import PLAN, ask_mapping, grant_mapping
from tests.support.house import PREFIX, House, fresh_key

NAV, CENTRE, TRAINING = UnitKind.NAV, UnitKind.CAREER_CENTRE, UnitKind.VOCATIONAL_TRAINING
EVERY_SCOPE = " ".join(sorted({name for kind in UnitKind for name in names_at_maskinporten(PREFIX, kind)}))


def units_routes() -> Iterator[tuple[str, APIRoute, Scope | None]]:
    """Every route of the units', with its method and the scope that it demands."""
    for route in machine_routes():
        assert isinstance(route, APIRoute)
        said = route.openapi_extra or {}
        if said.get("security") == UNIT:
            (method,) = route.methods or {""}
            yield method, route, said.get("x-scope")


async def lived(house: House) -> dict[str, list[str]]:
    """Both units have worked for one person: the ids of what is each unit's, by what it is called in the paths."""
    await house.own_note(KARI, NOTE)
    draft = await house.hand_over(NOTE)
    request, consent = await ask_mapping(house, KARI, house.unit(TRAINING).id)
    await house.http.get("/v1/me/consents", headers=await house.as_person(KARI))
    await grant_mapping(house, KARI, request, consent)
    assert (await house.release(consent, TRAINING)).status_code == 200
    headers = {**await house.as_unit(TRAINING), **fresh_key()}
    plan = {**PLAN, "consent_id": consent, "valid_until": house.day(30)}
    pushed = await house.http.post("/v1/plans", json=plan, headers=headers)
    assert pushed.status_code == 202, pushed.text
    jobs = house.service.jobs()
    await jobs.number_events()
    await jobs.sequence_log()
    return {
        "consent_id": [consent],
        "mapping_request_id": [request],
        "plan_id": [pushed.json()["id"]],
        "draft_id": [draft["id"]],
    }


def paths(route: APIRoute, known: dict[str, list[str]]) -> Iterator[str]:
    """The route's address for each thing that there is, and for one that there is not."""
    names = re.findall(r"{(\w+)}", route.path)
    if not names:
        yield route.path
        return
    (name,) = names
    for every in (*(one for ids in known.values() for one in ids), str(uuid4())):
        yield route.path.replace(f"{{{name}}}", every)


@pytest.mark.parametrize("caller", [CENTRE, TRAINING])
async def test_what_is_the_others_is_refused_alike_whatever_there_is(house: House, caller: UnitKind) -> None:
    """On each route that a unit of its kind has nothing to do on, a token with every scope gets one answer to all."""
    known, asked = await lived(house), 0
    headers = {**await house.as_unit(caller, scopes=EVERY_SCOPE)}
    async with connection(house.url) as wire:
        for method, route, scope in units_routes():
            if scope is None or scope in MAY_HOLD[caller]:
                continue
            answers = set()
            for path in paths(route, known):
                body: dict[str, Any] | None = {} if method == "POST" else None
                answers.add(masked(await wire.call(method, path, {**headers, **fresh_key()}, body)))
                asked += 1
            assert len(answers) == 1, (method, route.path)
            assert answers.pop().startswith(b"HTTP/1.1 403 "), (method, route.path)
    assert asked >= (10 if caller is CENTRE else 2)


@pytest.mark.parametrize("caller", [CENTRE, TRAINING])
async def test_neither_is_named_in_what_the_other_reads(house: House, caller: UnitKind) -> None:
    """Its own routes answer the one with nothing that names the other, or anything of its."""
    known = await lived(house)
    other = house.unit(TRAINING if caller is CENTRE else CENTRE)
    theirs = ["draft_id"] if caller is TRAINING else ["consent_id", "mapping_request_id", "plan_id"]
    strangers = [other.id, other.name, *(one for name in theirs for one in known[name])]
    headers = {**await house.as_unit(caller, scopes=EVERY_SCOPE)}
    read = 0
    for method, route, scope in units_routes():
        if method != "GET" or (scope is not None and scope not in MAY_HOLD[caller]):
            continue
        for path in paths(route, known):
            answer = await house.http.get(path, headers=headers, params=_PROOF.get(route.path))
            assert not [one for one in strangers if one in answer.text.replace(path, "")], path
            read += answer.is_success
    assert read >= 1
    if caller is TRAINING:
        released = await house.release(known["consent_id"][0], TRAINING)
        assert not [one for one in strangers if one in released.text]


_PROOF: dict[str, dict[str, Any]] = {"/v1/audit/consistency": {"from": 1, "to": 1}}


async def test_a_draft_is_taken_back_by_the_centre_alone(house: House) -> None:
    """The other's attempt, with every scope, changes nothing: the code still opens the draft."""
    draft = await house.hand_over(NOTE)
    headers = await house.as_unit(TRAINING, scopes=EVERY_SCOPE)
    assert (await house.http.delete(f"/v1/note-drafts/{draft['id']}", headers=headers)).status_code == 403
    kari = await house.as_person(KARI)
    claimed = await house.http.post("/v1/me/note-drafts/claim", json={"code": draft["code"]}, headers=kari)
    assert claimed.status_code == 201


async def test_the_centre_is_no_recipient_of_anything(house: House) -> None:
    """Neither by a yes of the candidate's nor by another unit's question."""
    note = await house.own_note(KARI, NOTE)
    kari, centre = await house.as_person(KARI), house.unit(CENTRE).id
    wanted = {"recipient_id": centre, "parts": [_part(note)], "valid_until": house.day(9)}
    for purpose in ("guidance_follow_up", "competence_mapping", "plan_follow_up"):
        shown = await house.http.post("/v1/me/consents/preview", json={**wanted, "purpose": purpose}, headers=kari)
        assert shown.status_code == 422, purpose
    asked = {"national_id": KARI, "recipient_id": centre, "background": "Fordi", "reply_by": house.day(9)}
    headers = {**await house.as_unit(NAV), **fresh_key()}
    answer = await house.http.post("/v1/mapping-requests", json=asked, headers=headers)
    assert answer.status_code == 422


def _part(note: dict[str, Any]) -> dict[str, Any]:
    return {"resource": "note", "resource_id": note["id"], "version": note["version"], "part": "interests"}


async def test_a_closed_units_client_gets_nothing(house: House) -> None:
    """Every route is 403 to it, while what it had ends; its candidate reads who took over."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    nav, keys = house.unit(NAV), house.service.keys.service
    async with house.service.db.transaction() as tx:
        given = {name: getattr(nav, name) for name in ("organisation_number", "unit_code", "region", "kind")}
        after = await registry.add(tx, keys, name="Nav etter", at=house.clock.now(), **given)
    async with house.service.db.transaction() as tx:
        await registry.close(tx, keys, nav.id, successor_id=after.id, at=house.clock.now())
    db, clock = house.service.db, house.clock
    for _ in range(2):
        headers = await house.as_unit(NAV)
        async with connection(house.url) as wire:
            for method, route, _ in units_routes():
                for path in paths(route, {"consent_id": [consent["id"]]}):
                    body: dict[str, Any] | None = {} if method == "POST" else None
                    answer = await wire.call(method, path, {**headers, **fresh_key()}, body)
                    assert answer.startswith(b"HTTP/1.1 403 "), (method, path)
        found = await closing.find_open(db, nav.id, now=clock.now())
        await closing.end_all(db, house.service.desk, clock, nav.id, found)
    seen = (await house.http.get(f"/v1/me/consents/{consent['id']}", headers=await house.as_person(KARI))).json()
    assert (seen["state"], seen["recipient"]["id"]) == ("invalidated", nav.id)
    assert (seen["successor"]["id"], seen["successor"]["name"]) == (after.id, "Nav etter")
