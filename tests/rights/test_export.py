"""Portability and access: everything that is held about a person is in her export, and the export is in her log."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import pytest

from consent_service.audit.log import FIRST, leaf_hash
from consent_service.crypto.envelope import SealBroken
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Statement
from consent_service.vault.seal import holdings
from tests.rights.conftest import DRAFT, SECOND, WORDS, Life
from tests.rights.conftest import FIRST as FIRST_VERSION


async def everything(life: Life) -> dict[str, Any]:
    """The export as the client reads it."""
    told: dict[str, Any] = json.loads(json.dumps(await life.export()))
    return told


async def test_every_part_is_in_it_in_every_version(life: Life) -> None:
    """Each part that is held is there once, with whom it is held for, and says what she, NAV and the county wrote."""
    told = await everything(life)
    async with life.db.snapshot() as view:
        held = await holdings(view, life.candidate_id)
    assert [(p["resource"], p["resource_id"], p["version"], p["part"], p["held_for"]) for p in told["parts"]] == [
        (h.ref.resource, h.ref.resource_id, h.ref.version, h.ref.part, h.held_for) for h in held
    ]
    assert {p["resource"] for p in told["parts"]} == {
        "person", "note", "note_draft", "mapping_request", "plan", "consent",
    }  # fmt: skip
    texts = [p["content"].get("text") for p in told["parts"] if "content" in p]
    for text in (FIRST_VERSION, SECOND, DRAFT, WORDS, "Vi har begynt.", "Hvem er min veileder?"):
        assert text in texts
    versions = [p["version"] for p in told["parts"] if p["resource_id"] == life.note.id and p["part"] == "interests"]
    assert versions == [1, 2]
    assert any(p.get("content", {}).get("national_id") == "21879498012" for p in told["parts"])


async def test_the_plan_is_in_it_with_its_letter(life: Life) -> None:
    """The plan's parts are there as data, and the PDF as the bytes whose hash stood in the log when it was pushed."""
    told = await everything(life)
    parts = {p["part"]: p for p in told["parts"] if p["resource"] == "plan"}
    assert parts["summary"]["content"]["status"] == "tentative_not_a_decision"
    pdf = base64.b64decode(parts["pdf"]["content_base64"])
    assert pdf.startswith(b"%PDF-")
    pushed = [line for line in told["access_log"] if json.loads(line["entry"])["event"] == "plan.pushed"]
    assert [line["detail"]["content_sha256"] for line in pushed] == [sha256(pdf).hexdigest()]


async def test_her_consents_are_in_it_with_their_receipts(life: Life) -> None:
    """Consents given, refused and not yet answered are there, and the signed receipt of each that has one."""
    told = await everything(life)
    consents = {one["id"]: one for one in told["consents"]}
    assert {consents[i]["state"] for i in (life.consent_id, life.asked.consent_id)} == {"granted"}
    assert (consents[life.refused]["state"], consents[life.waiting]["state"]) == ("refused", "requested")
    assert {i: len(one["receipts"]) for i, one in consents.items()} == {
        life.consent_id: 1,
        life.asked.consent_id: 1,
        life.refused: 1,
        life.waiting: 0,
    }


async def test_the_log_is_in_it_with_what_proves_it(life: Life) -> None:
    """Every line, linked by its hash to the one before; each salt and detail open the commitment in the entry."""
    told = await everything(life)
    previous = FIRST
    for number, line in enumerate(told["access_log"]):
        entry = json.loads(line["entry"])
        assert (line["position"], entry["position"]) == (number, number)
        assert entry["previous"] == previous.hex()
        detail = json.dumps(line["detail"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert entry["commitment"] == sha256(bytes.fromhex(line["salt"]) + detail).hexdigest()
        previous = leaf_hash(line["entry"].encode())
        assert line["hash"] == previous.hex()
    events = [json.loads(line["entry"])["event"] for line in told["access_log"]]
    assert {"release.released", "draft.claimed", "consent.refused", "letter.accepted"} <= set(events)


async def test_the_export_is_itself_in_the_log(life: Life) -> None:
    """The entry is made before the answer, so that the export holds its own line; a second one holds both."""
    for times in (1, 2):
        told = await everything(life)
        events = [json.loads(line["entry"])["event"] for line in told["access_log"]]
        assert events[-1] == "export.made"
        assert events.count("export.made") == times


async def test_a_part_that_was_changed_stops_the_export(life: Life) -> None:
    """Nothing false is handed out as hers: an export that can't open a part fails, and is not in the log."""
    async with life.db.transaction() as tx:
        await tx.run(Statement("UPDATE part SET wrapped_key = sealed WHERE part = 'summary'"))
    with pytest.raises(SealBroken):
        await life.export()
    assert "export.made" not in await life.office.events_in(life.candidate_id)


async def test_nobody_exports_after_the_erasure(life: Life) -> None:
    """With the key still in memory there is nothing left to export."""
    await life.erase()
    with pytest.raises(NotAvailable):
        await life.export()
