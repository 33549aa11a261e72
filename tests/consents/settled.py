"""Somebody with a note and a consent, for tests in which other processes act on them."""

from __future__ import annotations

from typing import Any

from consent_service.vault.keys import MAILBOX
from tests.consents.crash_victim import UNTIL_DAYS
from tests.consents.lifecycle_world import World, refs_of

KARI = "21879498012"


async def settle(url: str, master_key: bytes) -> dict[str, Any]:
    """Kari with a note, and a consent of two uses; what every order needs to know."""
    world = World(url, master_key=master_key)
    await world.begin()
    for recipient in (*world.units, MAILBOX):
        await world.keys.recipient(recipient)
    owner, unit = await world.come(KARI, "Kari Test"), next(iter(world.units))
    note = await world.write(owner, None, 0, {"interests": "Fjell", "strengths": "Rolig"})
    consent = await world.grant(owner, unit, refs_of(owner, note, 1, {"interests"}), world.until(UNTIL_DAYS), 2, None)
    await world.db.close()
    return {"owner": owner, "unit": unit, "note": note, "consent": consent, "master_key": master_key.hex()}
