"""Everything that can lie behind an id or a number that a unit names, and that it must not be able to tell apart.

``told(house)`` lives through it all, over HTTP: what was asked, granted, refused, ended in every way, and erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from consent_service.clock import DAY
from consent_service.identity import registry
from consent_service.identity.units import Unit, UnitKind
from consent_service.storage.engine import Statement
from tests.api.conftest import KARI, NOTE, OLA
from tests.linearizability.processes import numbers
from tests.support.house import House, fresh_key, part

NAV, TRAINING = UnitKind.NAV, UnitKind.VOCATIONAL_TRAINING
NOBODY, SOMEBODY, ERASED, REFUSES = numbers(4)
PLAN = {
    "outcome": "no_plan",
    "language": "nb",
    "summary": "Ikke nå.",
    "other_routes": [{"kind": "modular", "text": "Moduler"}],
    "contact": {"name": "En"},
}


@dataclass
class Told:
    """Ids by what lies behind them. A unit whose id it is not its own to use sees the same behind each."""

    consents: dict[str, str] = field(default_factory=dict)
    """Named by NAV at the gate: none of them releases anything."""
    unseen: dict[str, str] = field(default_factory=dict)
    """Consents that fagopplæring must not see: requests of NAV's, and another unit's."""
    ended: dict[str, str] = field(default_factory=dict)
    """Those that it has seen, and that it may not act under any more."""
    requests: dict[str, str] = field(default_factory=dict)
    """Mapping requests that fagopplæring must not see."""
    ended_requests: dict[str, str] = field(default_factory=dict)
    """Those that it has seen, and may not act on any more."""
    plans: dict[str, str] = field(default_factory=dict)
    """Training plans that fagopplæring must not follow."""
    silent: dict[str, str] = field(default_factory=dict)
    """NAV's requests that have no answer that it may know of."""


async def told(house: House) -> Told:
    """Live through it all. The clock stands still between two calls, but for a few days in the middle."""
    stories = Told()
    other_nav, other_training = await _neighbours(house)
    kari = await house.own_note(KARI, NOTE)
    for number in (OLA, ERASED, REFUSES):
        await house.own_note(number, NOTE)
    await _that_time_ends(house, stories, kari)
    house.clock.advance(seconds=4 * DAY / 1_000_000)
    await _consents(house, stories, kari, other_nav)
    await _mapping(house, stories, other_training)
    for every in (stories.consents, stories.unseen, stories.requests, stories.plans):
        every["unknown"] = str(uuid4())
    return stories


async def ask(house: House, number: str, *, days: int = 20) -> str:
    """NAV asks somebody for a consent; its id."""
    wanted = {
        "national_id": number,
        "purpose": "guidance_follow_up",
        "part_kinds": ["note.interests"],
        "message": "Kan vi lese?",
        "reply_by": house.day(days),
    }
    return str((await _posted(house, "/v1/consent-requests", wanted, await house.as_unit(NAV)))["id"])


async def ask_mapping(house: House, number: str, recipient: str, *, days: int = 20) -> tuple[str, str]:
    """NAV asks for a mapping; the request's id and its consent's."""
    wanted = {
        "national_id": number,
        "recipient_id": recipient,
        "background": "Fordi",
        "reply_by": house.day(days),
        "note_sections": ["strengths"],
    }
    asked = await _posted(house, "/v1/mapping-requests", wanted, await house.as_unit(NAV))
    return str(asked["id"]), str(asked["consent_id"])


async def _posted(house: House, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    answer = await house.http.post(path, json=dict(body), headers={**headers, **fresh_key()})
    assert answer.is_success, answer.text
    return dict(answer.json())


async def _she(house: House, number: str, consent_id: str, verb: str, body: Mapping[str, Any] | None = None) -> None:
    await _posted(house, f"/v1/me/consents/{consent_id}/{verb}", body or {}, await house.as_person(number))


async def _neighbours(house: House) -> tuple[Unit, Unit]:
    """A second unit of each kind."""
    return await _neighbour(house, NAV, "889640782"), await _neighbour(house, TRAINING, "991825827")


async def _neighbour(house: House, kind: UnitKind, number: str) -> Unit:
    async with house.service.db.transaction() as tx:
        return await registry.add(
            tx,
            house.service.keys.service,
            organisation_number=number,
            unit_code="another",
            name="En annen enhet",
            region="Trøndelag",
            kind=kind,
            at=house.clock.now(),
        )


async def _that_time_ends(house: House, stories: Told, note: dict[str, Any]) -> None:
    """What is over by itself when some days have passed; the sweep writes down the end of one of two."""
    training = house.unit(TRAINING).id
    stories.consents["swept"] = (await house.share(KARI, note, "interests", valid_until=house.day(0)))["id"]
    stories.consents["lapsed"] = stories.silent["swept"] = await ask(house, KARI, days=1)
    stories.requests["lapsed"], stories.unseen["lapsed"] = await ask_mapping(house, KARI, training, days=1)
    await house.as_person(KARI)
    await house.http.get("/v1/me/consents", headers=await house.as_person(KARI))  # she comes, and says nothing
    house.clock.advance(seconds=2 * DAY / 1_000_000)
    await house.service.jobs().lapse()
    stories.consents["expired"] = (await house.share(KARI, note, "interests", valid_until=house.day(1)))["id"]


async def _consents(house: House, stories: Told, note: dict[str, Any], other_nav: Unit) -> None:
    """NAV's consents, and one that is another's."""
    consents = stories.consents
    wanted: dict[str, dict[str, Any]] = {
        "foreign": {"recipient_id": other_nav.id},
        "revoked": {},
        "paused": {},
        "used up": {"max_uses": 1},
        "changed": {},
    }
    shared = {name: (await house.share(KARI, note, "interests", **more))["id"] for name, more in wanted.items()}
    consents.update(shared)
    await _she(house, KARI, shared["revoked"], "revoke")
    await _she(house, KARI, shared["paused"], "pause")
    assert (await house.release(shared["used up"])).status_code == 200
    async with house.service.db.transaction() as tx:
        await tx.run(Statement("UPDATE consent SET uses = 7 WHERE id = :id"), id=shared["changed"])
    consents["unopened"] = stories.silent["unopened"] = await ask(house, SOMEBODY)
    for name in ("waiting", "refused", "cancelled"):
        consents[name] = await ask(house, KARI)
    stories.silent["waiting"], stories.silent["refused"] = consents["waiting"], consents["refused"]
    await house.http.get("/v1/me/consents", headers=await house.as_person(KARI))
    await _she(house, KARI, consents["refused"], "refuse")
    cancelled = await house.http.delete(
        f"/v1/consent-requests/{consents['cancelled']}", headers=await house.as_unit(NAV)
    )
    assert cancelled.status_code == 204
    await _standing(house, stories)


async def _standing(house: House, stories: Told) -> None:
    """Those who refuse NAV once and for all, or are erased."""
    for name, number in (("standing refusal", REFUSES), ("erased", ERASED)):
        person = await house.as_person(number)
        (note,) = (await house.http.get("/v1/me/notes", headers=person)).json()["items"]
        stories.consents[name] = (await house.share(number, note, "interests"))["id"]
    refused = await house.http.put("/v1/me/standing-refusals/nav", headers=await house.as_person(REFUSES))
    assert refused.status_code == 204
    erased = await house.http.delete("/v1/me", headers=await house.as_person(ERASED))
    assert erased.status_code == 200


async def _mapping(house: House, stories: Told, other_training: Unit) -> None:
    """Requests for mapping, and plans."""
    training, requests, unseen = house.unit(TRAINING).id, stories.requests, stories.unseen
    requests["unopened"], unseen["unopened"] = await ask_mapping(house, SOMEBODY, training)
    for name in ("waiting", "refused", "cancelled", "revoked", "followed"):
        requests[name], unseen[name] = await ask_mapping(house, OLA, training)
    requests["foreign"], unseen["foreign"] = await ask_mapping(house, OLA, other_training.id)
    await house.http.get("/v1/me/consents", headers=await house.as_person(OLA))
    await _she(house, OLA, unseen["refused"], "refuse")
    cancelled = await house.http.delete(f"/v1/consent-requests/{unseen['cancelled']}", headers=await house.as_unit(NAV))
    assert cancelled.status_code == 204
    for name in ("revoked", "foreign", "followed"):
        await grant_mapping(house, OLA, requests[name], unseen[name])
    await _plans(house, stories, other_training)
    await _she(house, OLA, unseen["revoked"], "revoke")
    stories.ended_requests["revoked"], stories.ended["revoked"] = requests.pop("revoked"), unseen.pop("revoked")
    del requests["followed"], unseen["followed"]


async def _plans(house: House, stories: Told, other_training: Unit) -> None:
    """One under a consent that ends, and one that another unit has pushed."""
    for name, story in (("ended", "revoked"), ("foreign", "followed")):
        plan = {**PLAN, "consent_id": stories.unseen[story], "valid_until": house.day(30)}
        stories.plans[name] = (await _posted(house, "/v1/plans", plan, await house.as_unit(TRAINING)))["id"]
    theirs = Statement("UPDATE plan SET unit_id = :unit WHERE id = :id")
    async with house.service.db.transaction() as tx:
        assert await tx.run(theirs, unit=other_training.id, id=stories.plans["foreign"]) == 1


async def grant_mapping(house: House, number: str, request_id: str, consent_id: str) -> None:
    """She says yes to a mapping, with what was asked."""
    person = await house.as_person(number)
    asked = (await house.http.get(f"/v1/me/consents/{consent_id}", headers=person)).json()
    (note,) = (await house.http.get("/v1/me/notes", headers=person)).json()["items"]
    wanted = {
        "purpose": "competence_mapping",
        "recipient_id": asked["recipient"]["id"],
        "parts": [
            part(note, "strengths"),
            {"resource": "mapping_request", "resource_id": request_id, "version": 1, "part": "background"},
        ],
        "valid_until": house.day(30),
    }
    shown = await house.http.post("/v1/me/consents/preview", json={**wanted, "consent_id": consent_id}, headers=person)
    assert shown.status_code == 200, shown.text
    yes = {"parts": wanted["parts"], "valid_until": wanted["valid_until"], "preview_sha256": shown.json()["sha256"]}
    await _she(house, number, consent_id, "grant", yes)
