"""Units as people know them: by name, and which of them can be chosen as recipients."""

from collections.abc import Mapping

from consent_service.consents.purposes import Purpose
from consent_service.crypto.service_keys import MacKey
from consent_service.identity import units
from consent_service.identity.units import Unit
from consent_service.storage.engine import Snapshot
from consent_service.web.words import Words


async def names(view: Snapshot, key: MacKey) -> Mapping[str, str]:
    """The name of every unit by its id, also of those that have been closed: logs and old consents name them."""
    return {unit.id: unit.name for unit in await units.every(view, key)}


async def recipients(view: Snapshot, key: MacKey, purpose: Purpose) -> list[Unit]:
    """The units that can receive for ``purpose`` now, by region and name."""
    every = await units.every(view, key)
    found = [unit for unit in every if unit.enabled and purpose.admits_recipient(unit.kind)]
    return sorted(found, key=lambda unit: (unit.region, unit.name))


def known(names: Mapping[str, str], unit_id: str | None, words: Words) -> str:
    """The unit's name, or a word that says that it is not known."""
    return names.get(unit_id or "", words("frame.not_known"))
