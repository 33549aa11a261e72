"""Receipts that somebody changed in the database: nothing in them is signed again, and nobody is kept from an end."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from consent_service.clock import rfc3339
from consent_service.consents import receipts
from consent_service.consents.gate import Refused
from consent_service.crypto.canonical import canonical
from consent_service.storage.engine import Statement
from tests.consents.conftest import Town

_CHANGE = Statement("UPDATE receipt SET jws = :jws WHERE consent_id = :id")
_HAND_OVER = Statement("UPDATE receipt SET consent_id = :id WHERE consent_id = :other")
_COPY = Statement(
    "INSERT INTO receipt (id, consent_id, candidate_id, type, jws, at, mac)"
    " SELECT :copy, consent_id, candidate_id, type, jws, at, mac FROM receipt WHERE consent_id = :id"
)
_TAKE = Statement("DELETE FROM receipt WHERE consent_id = :id")
_SHARES = Statement("SELECT COUNT(*) AS n FROM share WHERE consent_id = :id")


def _alarms() -> float:
    return REGISTRY.get_sample_value("consent_receipts_tampered_total") or 0


async def _jws(town: Town, consent_id: str, kind: str) -> str:
    async with town.db.snapshot() as view:
        found = {row["type"]: row["jws"] for row in await receipts.of_consent(view, consent_id)}
    return str(found[kind])


async def _revoked(town: Town, consent_id: str) -> dict[str, Any]:
    """Revoke, and see that nothing is shared any more; what the signed receipt of the end says."""
    await town.revoke(consent_id)
    answer = await town.release(consent_id)
    assert isinstance(answer, Refused)
    async with town.db.snapshot() as view:
        (counted,) = await view.rows(_SHARES, id=consent_id)
    assert counted["n"] == 0
    payload = town.desk.keys.receipts.verified(await _jws(town, consent_id, "termination"))
    assert payload is not None
    said: dict[str, Any] = json.loads(payload)
    return said


def _worded(jws: str, **words: object) -> str:
    """The receipt with other words under the same header and signature."""
    header, body, signature = jws.split(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    changed = base64.urlsafe_b64encode(canonical({**content, **words})).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


@pytest.mark.parametrize("change", ["x", "", "a.b.c", "reworded", "another's", "another's row", "taken", "twice"])
async def test_end_says_only_what_the_terms_say_when_the_receipt_is_not_ours(town: Town, change: str) -> None:
    """A changed, swapped or missing receipt of the grant alarms; the end is signed with what the terms say."""
    consent, other = await town.grant(), await town.grant()
    jws = {
        "reworded": _worded(await _jws(town, consent.id, "given"), voluntariness="We owe the bearer a house."),
        "another's": await _jws(town, other.id, "given"),
    }.get(change, change)
    async with town.db.transaction() as tx:
        if change in {"taken", "another's row"}:
            await tx.run(_TAKE, id=consent.id)
        if change == "another's row":
            await tx.run(_HAND_OVER, id=consent.id, other=other.id)
        elif change == "twice":
            await tx.run(_COPY, id=consent.id, copy=str(uuid4()))
        elif change != "taken":
            await tx.run(_CHANGE, id=consent.id, jws=jws)
    before = _alarms()
    said = await _revoked(town, consent.id)
    assert _alarms() == before + 1
    assert (said["record_id"], said["receipt_type"]) == (consent.id, "termination")
    assert said["events"][0]["state"] == "revoked"
    assert said["recipient_third_parties"] == [town.nav.id]
    assert said["validity_duration"]["valid_until"] == rfc3339(consent.valid_until or 0)
    assert "voluntariness" not in said


async def test_end_says_what_the_receipt_of_the_grant_said(town: Town) -> None:
    """With the receipt as it was signed there is no alarm, and the end repeats all that it said of the consent."""
    consent = await town.grant()
    given = town.desk.keys.receipts.verified(await _jws(town, consent.id, "given"))
    assert given is not None
    before = _alarms()
    said = await _revoked(town, consent.id)
    assert _alarms() == before
    apart = {"receipt_id", "receipt_type", "receipt_created", "evidence", "events", "ended_at"}
    assert {k: v for k, v in said.items() if k not in apart} == {
        k: v for k, v in json.loads(given).items() if k not in apart
    }
