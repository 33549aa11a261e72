"""The address that comes with a plan, for a letter on paper: whose it is, who sees it, and what is not taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from consent_service.storage.engine import Statement
from tests.api.conftest import KARI
from tests.api.test_plan_pdfs import TRAINING, body, mapped, sent
from tests.plans.pdf_corpus import ordinary
from tests.support.house import House, fresh_key
from tests.support.house import house as running_house

ADDRESS: dict[str, Any] = {
    "name": "Kari Testdatter",
    "lines": ["c/o Hansen", "Storgata 1"],
    "postal_code": "7713",
    "city": "Steinkjer",
    "protected": False,
}
SHOWN = {name: told for name, told in ADDRESS.items() if name != "protected"}


async def pushed(house: House, consent: str, address: object) -> httpx.Response:
    """Fagopplæring pushes a plan with an address."""
    plan = {**body(house, consent), "postal_address": address}
    return await house.http.post("/v1/plans", json=plan, headers={**await house.as_unit(TRAINING), **fresh_key()})


async def held(house: House) -> int:
    """How many addresses are held, of anybody."""
    async with house.service.db.snapshot() as view:
        count: int = await view.value(Statement("SELECT COUNT(*) FROM part WHERE part = 'address'"))
    return count


async def test_she_sees_the_address_that_was_given_and_no_unit_gets_it_back(house: House) -> None:
    """In her plan and in her export; in no answer to who gave it, and not among what she can share."""
    consent = await mapped(house)
    answer = await pushed(house, consent, ADDRESS)
    assert answer.status_code == 202, answer.text
    kari, plan = await house.as_person(KARI), answer.json()["id"]
    state = await house.http.get(f"/v1/plans/{plan}", headers=await house.as_unit(TRAINING))
    assert "Storgata" not in answer.text + state.text
    assert (await house.http.get(f"/v1/me/plans/{plan}", headers=kari)).json()["postal_address"] == SHOWN
    exported = (await house.http.get("/v1/me/export", headers=kari)).json()
    assert [one["content"] for one in exported["parts"] if one["part"] == "address"] == [SHOWN]
    shared = {
        "purpose": "plan_follow_up",
        "recipient_id": house.unit(TRAINING).id,
        "parts": [{"resource": "plan", "resource_id": plan, "version": 1, "part": "address"}],
        "valid_until": house.day(30),
    }
    refused = await house.http.post("/v1/me/consents/preview", json=shared, headers=kari)
    assert refused.status_code == 422
    assert "Storgata" not in refused.text


async def test_it_comes_with_a_pdf_too_and_goes_with_the_person(house: House) -> None:
    """In the field of the plan; erasing her leaves none of it."""
    plan = {**body(house, await mapped(house)), "postal_address": ADDRESS}
    assert (await sent(house, plan, ordinary())).status_code == 202
    assert await held(house) == 1
    assert (await house.http.delete("/v1/me", headers=await house.as_person(KARI))).status_code == 200
    assert await held(house) == 0


async def test_a_version_without_an_address_has_none(house: House) -> None:
    """An address is given with each version, or it does not go on paper: she may have moved, or be protected now."""
    consent = await mapped(house)
    await pushed(house, consent, ADDRESS)
    again = await pushed(house, consent, None)
    mine = await house.http.get(f"/v1/me/plans/{again.json()['id']}", headers=await house.as_person(KARI))
    assert (mine.json()["version"], mine.json()["postal_address"]) == (2, None)


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"protected": True}, "/postal_address/protected"),
        ({"protected": None}, "/postal_address/protected"),
        ({"protected": "false"}, "/postal_address/protected"),
        ({"protected": ...}, "/postal_address/protected"),
        ({"name": ""}, "/postal_address/name"),
        ({"name": "Kari\nProve"}, "/postal_address/name"),
        ({"name": "x" * 131}, "/postal_address/name"),
        ({"lines": []}, "/postal_address/lines"),
        ({"lines": ["a", "b", "c", "d"]}, "/postal_address/lines"),
        ({"lines": ["Storgata\u202e 1"]}, "/postal_address/lines/0"),
        ({"lines": ["Storgata \uffff"]}, "/postal_address/lines/0"),
        ({"lines": ["x" * 101]}, "/postal_address/lines/0"),
        ({"postal_code": "77130"}, "/postal_address/postal_code"),
        ({"postal_code": "٧٧١٣"}, "/postal_address/postal_code"),
        ({"city": " "}, "/postal_address/city"),
        ({"country": "SE"}, "/postal_address/country"),
    ],
)
async def test_what_is_no_address_to_print_is_refused_with_its_place(
    house: House, changed: dict[str, Any], pointer: str
) -> None:
    """A protected one, or one of which nobody says that it is not; too long, too much, or not to be printed."""
    consent = await mapped(house)
    address = {name: told for name, told in {**ADDRESS, **changed}.items() if told is not ...}
    refused = await pushed(house, consent, address)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid")
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert "Storgata" not in refused.text
    assert await held(house) == 0


async def test_a_protected_address_is_told_what_to_do_about(house: House) -> None:
    """To leave it out: the plan itself is taken without it."""
    consent = await mapped(house)
    refused = await pushed(house, consent, {**ADDRESS, "protected": True})
    assert "leave the whole address out" in json.dumps(refused.json()["errors"])
    assert (await pushed(house, consent, None)).status_code == 202


async def test_where_nothing_is_printed_no_address_is_kept(migrated_url: str, tmp_path: Path) -> None:
    """Whoever gives one is told to leave it out; without a consent in force not even that."""
    async with running_house(migrated_url, tmp_path, DIGIPOST_PRINT_ORGANISATION="889640782") as house:
        consent = await mapped(house)
        refused = await pushed(house, consent, ADDRESS)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/postal_address")
        assert "Leave the address out" in refused.json()["errors"][0]["detail"]
        await house.http.post(f"/v1/me/consents/{consent}/revoke", json={}, headers=await house.as_person(KARI))
        assert (await pushed(house, consent, ADDRESS)).status_code == 404
        assert await held(house) == 0
