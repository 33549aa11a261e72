"""A person whose chain's head was put back, or taken, has her pages, and ends what she shares; nothing else is written.

Also while something waits for her that must be told of in that chain.
"""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from consent_service.identity.units import UnitKind
from consent_service.storage.engine import Statement
from tests.api.conftest import KARI, NOTE
from tests.audit.tampering import tamper
from tests.support.house import House, fresh_key

HEAD = Statement("SELECT * FROM chain WHERE chain_id = (SELECT id FROM candidate)")
SHARES = Statement("SELECT COUNT(*) AS shares FROM share")


async def _left_waiting(house: House) -> tuple[dict[str, Any], dict[str, Any]]:
    """Kari's consent, and her chain's head as it was when that was granted; since then it moved on, and NAV asks."""
    note = await house.own_note(KARI, NOTE)
    consent = await house.share(KARI, note, "interests")
    async with house.service.db.snapshot() as view:
        head = await view.row(HEAD)
    assert head is not None
    assert (await house.release(consent["id"])).status_code == 200
    asked = {"national_id": KARI, "purpose": "guidance_follow_up", "part_kinds": ["note.strengths"], "message": "Hei"}
    nav = {**await house.as_unit(UnitKind.NAV), **fresh_key()}
    answer = await house.http.post("/v1/consent-requests", json={**asked, "reply_by": house.day(20)}, headers=nav)
    assert answer.status_code == 201
    return consent, dict(head)


async def _she_revokes(house: House, consent: dict[str, Any]) -> None:
    """She finds her consent on her own page, and takes it back."""
    kari = await house.as_person(KARI)
    with capture_logs() as told:
        found = await house.http.get("/v1/me/consents", headers=kari)
    assert (found.status_code, [one["id"] for one in found.json()["items"]]) == (200, [consent["id"]])
    assert "waiting" in {one.get("alarm") for one in told}
    assert (await house.http.post(f"/v1/me/consents/{consent['id']}/revoke", json={}, headers=kari)).status_code == 200
    async with house.service.db.snapshot() as view:
        assert await view.value(SHARES) == 0


async def test_a_head_put_back_keeps_nobody_from_her_pages(house: House) -> None:
    """What must be written down is not done, as a problem that says why; once she has ended, what waits is hers."""
    consent, head = await _left_waiting(house)
    names = ", ".join(f"{name} = :{name}" for name in head)
    await tamper(house.service.db.behind, f"UPDATE chain SET {names} WHERE chain_id = :chain_id", **head)
    kari = await house.as_person(KARI)
    for method, path, body in (
        ("POST", "/v1/me/notes", NOTE),
        ("PUT", "/v1/me", {"name": "Kari Ny"}),
        ("GET", "/v1/me/export", None),
        ("PUT", "/v1/me/standing-refusals/nav", None),
    ):
        answer = await house.http.request(method, path, headers=kari, json=body)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/tampered"), path
    await _she_revokes(house, consent)
    found = await house.http.get("/v1/me/consents", headers=kari)
    assert len(found.json()["items"]) == 2


@pytest.mark.parametrize("take", ["UPDATE chain SET closed = 1", "DELETE FROM chain"])
async def test_nor_does_a_chain_that_was_taken(house: House, take: str) -> None:
    """Nobody is erased who has a number here: what waits goes on waiting, and she ends what she shares."""
    consent, head = await _left_waiting(house)
    await tamper(house.service.db.behind, f"{take} WHERE chain_id = :id", id=head["chain_id"])
    await _she_revokes(house, consent)
