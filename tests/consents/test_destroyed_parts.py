"""A part that is destroyed takes its shares with it, whatever consent names it; that consent lets nothing out."""

from __future__ import annotations

from consent_service.consents.asks import Refused
from consent_service.storage.engine import Statement
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import destroy, seal
from tests.consents.conftest import Town

_HELD = Statement("SELECT resource FROM share WHERE consent_id = :id ORDER BY resource")


async def held(town: Town, consent_id: str) -> list[str]:
    """What resources there are shares of."""
    async with town.db.snapshot() as view:
        return [row["resource"] for row in await view.rows(_HELD, id=consent_id)]


async def test_a_consent_that_nobody_ended_refuses_without_its_part(town: Town) -> None:
    """Were a note ever destroyed past its consents, they would open nothing of it, nor the rest of what they name."""
    consent = await town.grant()
    before = await held(town, consent.id)
    assert before.count("note") == 2
    async with town.db.transaction() as tx:
        assert await destroy(tx, town.candidate_id, "note", town.note_id) == 3
    assert await held(town, consent.id) == [resource for resource in before if resource != "note"]
    answer = await town.release(consent.id)
    assert isinstance(answer, Refused)
    await town.revoke(consent.id)
    assert await held(town, consent.id) == []


async def test_another_part_in_its_place_is_not_let_out(town: Town) -> None:
    """Written anew under the same name, it has another data key, and nobody has a share of that."""
    consent = await town.grant()
    key = await town.keys.candidate(town.candidate_id)
    async with town.db.transaction() as tx:
        await destroy(tx, town.candidate_id, "note", town.note_id)
        for part in ("interests", "way_forward"):
            ref = PartRef(town.candidate_id, "note", town.note_id, 1, part)
            await seal(tx, key, ref, b'{"text":"Noe annet"}', held_for="county", at=town.clock.now())
    assert isinstance(await town.release(consent.id), Refused)
