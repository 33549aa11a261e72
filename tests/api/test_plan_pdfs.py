"""A plan's PDFs at the machines' door: one that fagopplæring sends, and the copy that its archive fetches."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from consent_service.identity.units import UnitKind
from consent_service.plans.own_pdf import LARGEST, REASONS
from consent_service.storage.engine import Statement
from tests.api.conftest import KARI, NOTE, OLA
from tests.api.stories import PLAN, ask_mapping, grant_mapping
from tests.plans.pdf_corpus import hostile, ordinary
from tests.support.house import House, fresh_key

TRAINING = UnitKind.VOCATIONAL_TRAINING


async def mapped(house: House, number: str = KARI) -> str:
    """A mapping that she said yes to; its consent."""
    await house.own_note(number, NOTE)
    request, consent = await ask_mapping(house, number, house.unit(TRAINING).id)
    await house.http.get("/v1/me/consents", headers=await house.as_person(number))
    await grant_mapping(house, number, request, consent)
    return consent


def body(house: House, consent_id: str) -> dict[str, Any]:
    """A plan, as it is sent."""
    return {**PLAN, "consent_id": consent_id, "valid_until": house.day(30)}


async def sent(
    house: House, plan: dict[str, Any], pdf: bytes, *, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Fagopplæring sends a plan with a PDF of its own."""
    files = {
        "plan": (None, json.dumps(plan).encode(), "application/json"),
        "pdf": ("plan.pdf", pdf, "application/pdf"),
    }
    said = {**await house.as_unit(TRAINING), **(headers or fresh_key())}
    return await house.http.post("/v1/plans", files=files, headers=said)


async def archive(house: House, plan_id: str, kind: UnitKind = TRAINING) -> httpx.Response:
    """A unit fetches the copy."""
    return await house.http.get(f"/v1/plans/{plan_id}/archive", headers=await house.as_unit(kind))


async def test_the_letter_is_the_pdf_that_was_sent_rebuilt(house: House) -> None:
    """It is hers to read, says on its page that it is tentative, and is the copy that the archive gets."""
    consent = await mapped(house)
    pushed = await sent(house, body(house, consent), ordinary())
    assert pushed.status_code == 202, pushed.text
    assert pushed.json()["delivery"]["status"] == "accepted"
    kari = await house.as_person(KARI)
    mine = await house.http.get(f"/v1/me/plans/{pushed.json()['id']}/pdf", headers=kari)
    assert mine.content.startswith(b"%PDF-")
    assert mine.content != ordinary()
    copy = await archive(house, pushed.json()["id"])
    assert (copy.status_code, copy.headers["content-type"]) == (200, "application/pdf")
    assert copy.content == mine.content
    assert copy.headers["cache-control"] == "no-store"
    log = (await house.http.get("/v1/me/access-log", headers=kari)).json()["items"]
    assert log[0]["event"] == "archive.released"
    assert log[0]["office"] == "0501"


async def test_the_same_key_is_for_the_same_pdf(house: House) -> None:
    """A repeat has the first answer; the same plan with another PDF, or without, is another call."""
    consent = await mapped(house)
    key, plan = fresh_key(), body(house, consent)
    first = await sent(house, plan, ordinary(), headers=key)
    assert (await sent(house, plan, ordinary(), headers=key)).json() == first.json()
    assert (await sent(house, plan, ordinary(pages=2), headers=key)).status_code == 422
    without = await house.http.post("/v1/plans", json=plan, headers={**await house.as_unit(TRAINING), **key})
    assert without.json()["type"] == "/problems/idempotency-key-reused"


@pytest.mark.parametrize("name", ["a script in a corner", "a link to the web", "a file in it", "a bomb of 100 MiB"])
async def test_what_is_not_taken_is_told_why(house: House, name: str) -> None:
    """A problem document says what is wrong with the PDF; nothing was stored."""
    consent = await mapped(house)
    refused = await sent(house, body(house, consent), hostile(name))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid")
    ((error,),) = [refused.json()["errors"]]
    assert error["pointer"] == "/pdf"
    assert error["detail"] in REASONS.values()
    async with house.service.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM plan")) == 0


async def test_without_a_consent_it_is_not_even_opened(house: House) -> None:
    """A PDF under no consent in force is refused as any plan is, before anybody looks into it."""
    consent = await mapped(house)
    await house.http.post(f"/v1/me/consents/{consent}/revoke", json={}, headers=await house.as_person(KARI))
    refused = await sent(house, body(house, consent), hostile("a script in a corner"))
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/not-available")


async def test_the_plan_beside_it_is_read_as_strictly_as_ever(house: House) -> None:
    """Violations point into the plan, and what is no JSON can't be read."""
    plan = body(house, await mapped(house))
    misfit = await sent(house, {**plan, "outcome": "maybe", "grade": 6}, ordinary())
    assert {one["pointer"] for one in misfit.json()["errors"]} == {"/outcome", "/grade"}
    files = {"plan": (None, b'{"outcome": 1, "outcome": 2}'), "pdf": ("x.pdf", ordinary())}
    headers = {**await house.as_unit(TRAINING), **fresh_key()}
    assert (await house.http.post("/v1/plans", files=files, headers=headers)).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        [("plan", b"{}")],
        [("pdf", b"%PDF-")],
        [("plan", b"{}"), ("pdf", b"x"), ("pdf", b"y")],
        [("plan", b"{}"), ("pdf", b"x"), ("more", b"y")],
        [("plan", b"{}"), ("", b"x")],
    ],
)
async def test_other_fields_are_not_read(house: House, fields: list[tuple[str, bytes]]) -> None:
    """Exactly the two, each once."""
    files = [(name, (None, content)) for name, content in fields]
    headers = {**await house.as_unit(TRAINING), **fresh_key()}
    answer = await house.http.post("/v1/plans", files=files, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize("raw", [b"x", b"--x", b"--x\r\n\r\n\r\n--x", b"--x\r\nContent-Disposition: form-data\r\n"])
async def test_what_does_not_end_as_it_should_is_not_read(house: House, kind: str, raw: bytes) -> None:
    """A body of fields without a boundary, or that breaks off, is malformed."""
    headers = {**await house.as_unit(TRAINING), **fresh_key(), "Content-Type": kind}
    answer = await house.http.post("/v1/plans", content=raw, headers=headers)
    assert answer.status_code == 400


async def test_ten_million_bytes_are_looked_at(house: House) -> None:
    """So much may come; what is no PDF is told as such."""
    large = await sent(house, body(house, await mapped(house)), b"%PDF-" + bytes(LARGEST - 5))
    assert (large.status_code, large.json()["errors"][0]["detail"]) == (422, REASONS["unreadable"])


async def test_who_is_not_fagopplaering_gets_no_copy(house: House) -> None:
    """NAV lacks the scope; without saying who acts there is nothing; an unknown plan is not available."""
    pushed = await sent(house, body(house, await mapped(house)), ordinary())
    path = f"/v1/plans/{pushed.json()['id']}/archive"
    assert (await archive(house, pushed.json()["id"], UnitKind.NAV)).status_code == 403
    nobody = {**await house.as_unit(TRAINING), "Acting-Employee": ""}
    assert (await house.http.get(path, headers=nobody)).status_code == 400
    unknown = await archive(house, "00000000-0000-4000-8000-000000000000")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-available")


async def test_a_unit_that_was_changed_harms_its_own_items_alone(house: House) -> None:
    """Plans, requests and drafts of a unit whose row somebody changed are listed all the same, without its name."""
    pushed = await sent(house, body(house, await mapped(house, OLA)), ordinary())
    assert pushed.status_code == 202, pushed.text
    handed = await house.hand_over(NOTE)
    ola = await house.as_person(OLA)
    claimed = await house.http.post("/v1/me/note-drafts/claim", json={"code": handed["code"]}, headers=ola)
    assert claimed.status_code == 201
    async with house.service.db.transaction() as tx:
        for kind in (TRAINING, UnitKind.CAREER_CENTRE):
            await tx.run(Statement("UPDATE unit SET name = 'X' WHERE id = :id"), id=house.unit(kind).id)
    (plan,) = (await house.http.get("/v1/me/plans", headers=ola)).json()["items"]
    (request,) = (await house.http.get("/v1/me/mapping-requests", headers=ola)).json()["items"]
    (draft,) = (await house.http.get("/v1/me/note-drafts", headers=ola)).json()["items"]
    assert (plan["unit"], request["recipient"], draft["handed_over_by"]) == (None, None, None)
    assert request["requester"]["name"]
    assert draft["sections"] == NOTE["sections"]
    assert (await house.http.get(f"/v1/me/plans/{plan['id']}", headers=ola)).json()["content"]["summary"] == "Ikke nå."
