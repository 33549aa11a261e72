"""Units as people know them: by name, and which of them can be chosen as recipients."""

from collections.abc import Mapping

from consent_service.consents.purposes import Purpose
from consent_service.consents.recipients import THE_MAILBOX
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.identity import units
from consent_service.identity.units import Unit
from consent_service.storage.engine import Snapshot
from consent_service.web.words import Words


async def every(view: Snapshot, keys: ServiceKeys) -> Mapping[str, Unit]:
    """Every unit by its id, also those that have been closed: logs and old consents name them."""
    return {unit.id: unit for unit in await units.every(view, keys)}


async def names(view: Snapshot, keys: ServiceKeys) -> Mapping[str, str]:
    """The name of each of them."""
    return names_of(await every(view, keys))


def names_of(every: Mapping[str, Unit]) -> Mapping[str, str]:
    """The same, of units that have been read; and the mailbox's, which is none."""
    return {THE_MAILBOX.id: THE_MAILBOX.name, **{unit.id: unit.name for unit in every.values()}}


async def recipients(view: Snapshot, keys: ServiceKeys, purpose: Purpose) -> list[Unit]:
    """The units that can receive for ``purpose`` now, by region and name."""
    found = [unit for unit in await units.every(view, keys) if unit.enabled and purpose.admits_recipient(unit.kind)]
    return sorted(found, key=lambda unit: (unit.region, unit.name))


def known(names: Mapping[str, str], unit_id: str | None, words: Words) -> str:
    """The unit's name, or a word that says that it is not known."""
    return names.get(unit_id or "", words("frame.not_known"))
