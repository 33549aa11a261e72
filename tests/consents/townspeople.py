"""More people for the town."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from consent_service.crypto.canonical import canonical
from consent_service.persons.arrival import arrive
from consent_service.persons.number import set_name
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal
from tests.consents.conftest import CONTROLLER, NOON, WORDS, Town, nid


async def another(town: Town, number: str) -> Town:
    """The town as another candidate lives in it, with a note of her own."""
    candidate_id = await arrive(
        town.db, town.keys, town.clock, nid(number), held_for=CONTROLLER.organisation_number, receivers={}
    )
    key, note_id = await town.keys.candidate(candidate_id), str(uuid4())
    async with town.db.transaction() as tx:
        await set_name(tx, key, town.keys.service.log, "Ola Test", held_for="county", at=NOON)
        for part, text in WORDS.items():
            ref = PartRef(candidate_id, "note", note_id, 1, part)
            await seal(tx, key, ref, canonical({"text": text}), held_for="county", at=NOON)
    return replace(town, candidate_id=candidate_id, note_id=note_id)
