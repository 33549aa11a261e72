"""The log's proofs over HTTP, as a unit and a candidate fetch and check them."""

from __future__ import annotations

import base64

import pytest

from consent_service.audit.merkle import verify_inclusion
from consent_service.audit.notes import read_note
from consent_service.identity.units import UnitKind
from tests.support.house import House

KARI = "21879498012"
NOTE = {"language": "nb", "sections": {"interests": "Motorer og fjell"}, "questions": []}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_receipt_is_proved_to_whoever_kept_a_head(house: House) -> None:
    """The receipt brings its proof for the newest head; for another head that was kept, the unit asks for one."""
    nav = await house.as_unit(UnitKind.NAV)
    consent = await house.share(KARI, await house.own_note(KARI, NOTE), "interests")
    jobs = house.service.jobs()
    await jobs.sequence_log()
    kept = read_note((await house.http.get("/v1/audit/checkpoint", headers=nav)).text)
    assert kept is not None
    await house.own_note(KARI, NOTE)
    house.clock.advance(seconds=11)
    await jobs.sequence_log()
    for headers, path in ((nav, "/v1/consents"), (await house.as_person(KARI), "/v1/me/consents")):
        answer = (await house.http.get(f"{path}/{consent['id']}/receipt", headers=headers)).json()
        digest = bytes.fromhex(answer["receipt"]["evidence"]["entry_hash"])
        shown = answer["inclusion"]
        newest = read_note(shown["checkpoint"])
        assert newest is not None
        assert newest.size > kept.size
        path_shown = [base64.b64decode(node) for node in shown["path"]]
        assert verify_inclusion(digest, shown["leaf_index"], newest.size, path_shown, newest.root)
        wanted = {"leaf": shown["leaf_index"], "size": kept.size}
        proof = (await house.http.get("/v1/audit/inclusion", params=wanted, headers=nav)).json()["proof"]
        asked = [base64.b64decode(node) for node in proof]
        assert verify_inclusion(digest, shown["leaf_index"], kept.size, asked, kept.root)
    for wanted in ({"leaf": kept.size, "size": kept.size}, {"leaf": 0, "size": 10_000}):
        assert (await house.http.get("/v1/audit/inclusion", params=wanted, headers=nav)).status_code == 404
