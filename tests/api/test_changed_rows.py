"""A consent whose row was changed by hand, any column of it: nothing of the candidate's is kept from ending."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from consent_service.identity.units import UnitKind
from consent_service.storage.engine import Statement
from tests.api.conftest import KARI, NOTE
from tests.support.house import House

ELSEWHERE = "00000000-0000-4000-8000-000000000000"
CHANGES: dict[str, object] = {
    "id": ELSEWHERE,
    "candidate_id": ELSEWHERE,
    "recipient_id": "x",
    "requester_id": "x",
    "purpose": "nonsense",
    "purpose_version": 9,
    "requested_kinds": "x",
    "mapping_request_id": "x",
    "state": "nonsense",
    "state_position": 10**9,
    "row_mac": b"x",
    "terms": b"{}",
    "terms_mac": b"x",
    "uses": 9,
    "valid_until": 10**18,
    "reply_by": 10**18,
    "requested_at": -(10**18),
    "granted_at": -(10**18),
    "ended_at": 10**18,
    "withdrawn_at": 10**18,
    "exhausted_at": 10**18,
}
_SHARES = Statement("SELECT COUNT(*) AS n FROM share WHERE consent_id = :id")
_ENDS = Statement("SELECT COUNT(*) AS n FROM entry WHERE consent_id = :id AND event = 'consent.revoked'")


async def _changed(house: House, column: str) -> tuple[dict[str, Any], str, str]:
    """Kari's note, her consent with ``column`` of its row changed, and another consent that nobody touched."""
    note = await house.own_note(KARI, NOTE)
    consent = str((await house.share(KARI, note, "interests"))["id"])
    other = str((await house.share(KARI, note, "strengths"))["id"])
    async with house.service.db.transaction() as tx:
        change = Statement(f"UPDATE consent SET {column} = :value WHERE id = :id")
        assert await tx.run(change, value=CHANGES[column], id=consent) == 1
    return note, consent, other


async def _count(house: House, what: Statement, consent_id: str) -> int:
    async with house.service.db.snapshot() as view:
        return int((await view.rows(what, id=consent_id))[0]["n"])


async def test_changed_consent_is_revoked_and_hides_no_other(house: House) -> None:
    """Whatever column: lists and export answer with the one that is whole; revoke answers, and leaves no share."""
    for column in CHANGES:
        _, consent, other = await _changed(house, column)
        kari, nav = await house.as_person(KARI), await house.as_unit(UnitKind.NAV)
        found = await house.http.get("/v1/me/consents?limit=100", headers=kari)
        assert {one["id"]: one["state"] for one in found.json()["items"]}[other] == "granted", column
        assert (await house.http.get("/v1/me/export", headers=kari)).status_code == 200, column
        listed = await house.http.get("/v1/consents?limit=100", headers=nav)
        assert other in {one["id"] for one in listed.json()["items"]}, column
        assert await _count(house, _SHARES, consent) > 0
        revoked = await house.http.post(f"/v1/me/consents/{consent}/revoke", json={}, headers=kari)
        assert revoked.status_code == 200, (column, revoked.text)
        assert revoked.json()["consent"]["id"] == consent
        assert await _count(house, _SHARES, consent) == 0, column
        assert (await house.release(consent)).status_code == 404, column
        assert (await house.release(other)).status_code == 200, column
        house.clock.advance(seconds=300)


@pytest.mark.parametrize("what", ["note", "person"])
async def test_note_and_person_go_with_a_changed_consent(house: House, what: str) -> None:
    """Whatever column: deleting the note, and erasing the candidate, end what is shared under the row too."""
    for column in CHANGES:
        note, consent, _ = await _changed(house, column)
        path = f"/v1/me/notes/{note['id']}" if what == "note" else "/v1/me"
        answer = await house.http.delete(path, headers=await house.as_person(KARI))
        assert answer.is_success, (column, answer.text)
        assert await _count(house, _SHARES, consent) == 0, column
        assert (await house.release(consent)).status_code == 404, column
        assert await _count(house, _ENDS, consent) == 1, column
        house.clock.advance(seconds=300)


async def test_candidate_sees_that_it_is_unavailable(house: House) -> None:
    """What is not what the service wrote is shown by its id alone, and to no unit; a search passes it over."""
    for column in CHANGES.keys() - {"id", "candidate_id"}:
        _, consent, other = await _changed(house, column)
        shown = await house.http.get(f"/v1/me/consents/{consent}", headers=await house.as_person(KARI))
        assert shown.status_code == 200, column
        assert (shown.json()["state"], shown.json()["recipient"], shown.json()["parts"]) == ("unavailable", None, [])
        nav = await house.as_unit(UnitKind.NAV)
        assert (await house.http.get(f"/v1/consents/{consent}", headers=nav)).status_code == 404, column
        searched = await house.http.post("/v1/consents/search", json={"national_id": KARI}, headers=nav)
        found = {one["id"] for one in searched.json()["items"]}
        assert (consent in found, other in found) == (False, True), column
        resumed = await house.http.post(
            f"/v1/me/consents/{consent}/resume", json={}, headers=await house.as_person(KARI)
        )
        assert (resumed.status_code, resumed.json()["type"]) == (503, "/problems/tampered"), column
        house.clock.advance(seconds=300)


async def test_a_row_put_back_as_it_once_was_is_unavailable(house: House) -> None:
    """Each MAC of it is sound: it is the log that has gone on. In a list it stands beside what is whole."""
    note = await house.own_note(KARI, NOTE)
    consent, other = [str((await house.share(KARI, note, part))["id"]) for part in ("interests", "strengths")]
    columns = "state", "state_position", "row_mac", "ended_at"
    async with house.service.db.snapshot() as view:
        row = await view.row(Statement(f"SELECT {', '.join(columns)} FROM consent WHERE id = :id"), id=consent)
    assert row is not None
    kari, nav = await house.as_person(KARI), await house.as_unit(UnitKind.NAV)
    await house.http.post(f"/v1/me/consents/{consent}/revoke", json={}, headers=kari)
    async with house.service.db.transaction() as tx:
        put_back = Statement(f"UPDATE consent SET {', '.join(f'{one} = :{one}' for one in columns)} WHERE id = :id")
        assert await tx.run(put_back, **dict(row), id=consent) == 1
    hers = (await house.http.get("/v1/me/consents", headers=kari)).json()["items"]
    assert {one["id"]: one["state"] for one in hers} == {consent: "unavailable", other: "granted"}
    seen = (await house.http.get("/v1/consents", headers=nav)).json()["items"]
    assert [one["id"] for one in seen] == [other]
    assert (await house.http.get(f"/v1/consents/{consent}", headers=nav)).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE receipt SET jws = 'x'",
        "UPDATE receipt SET jws = ''",
        "UPDATE receipt SET jws = 'a.b.c'",
        "UPDATE receipt SET jws = (SELECT jws FROM receipt WHERE consent_id = :other)",
        "UPDATE receipt SET type = 'termination'",
        "UPDATE receipt SET type = 'refused'",
        "DELETE FROM receipt",
    ],
)
async def test_a_changed_receipt_is_shown_to_nobody(house: House, change: str) -> None:
    """Neither her nor the recipient is handed what we did not sign for this consent: a problem, and the alarm."""
    note = await house.own_note(KARI, NOTE)
    consent, other = [str((await house.share(KARI, note, part))["id"]) for part in ("interests", "strengths")]
    given = {"id": consent, **({"other": other} if ":other" in change else {})}
    async with house.service.db.transaction() as tx:
        assert await tx.run(Statement(f"{change} WHERE consent_id = :id"), **given) == 1
    before = REGISTRY.get_sample_value("consent_receipts_tampered_total") or 0
    kari, nav = await house.as_person(KARI), await house.as_unit(UnitKind.NAV)
    for path, headers in (("/v1/me/consents", kari), ("/v1/consents", nav)):
        answer = await house.http.get(f"{path}/{consent}/receipt", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/tampered")
        assert (await house.http.get(f"{path}/{other}/receipt", headers=headers)).status_code == 200
    assert REGISTRY.get_sample_value("consent_receipts_tampered_total") == before + 2
