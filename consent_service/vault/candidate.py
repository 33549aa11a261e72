"""Opening for the owner. Only the modules that read for the candidate import this; no unit's route reaches it."""

from collections.abc import Iterable

from consent_service.crypto.envelope import open_sealed
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Snapshot
from consent_service.vault import _store
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef


async def open_parts(view: Snapshot, key: CandidateKey, refs: Iterable[PartRef]) -> dict[PartRef, bytes]:
    """The contents of the candidate's own parts, in the order of ``refs``.

    Raises NotAvailable if any is another's or does not exist, SealBroken if a row was changed.
    """
    wanted = list(refs)
    rows = await _store.parts(view, wanted)
    opened = {}
    for ref in wanted:
        row = rows.get(ref) if ref.candidate_id == key.candidate_id else None
        if row is None:
            raise NotAvailable
        data_key = open_sealed(key.secret, row["wrapped_key"], ref.key_aad())
        opened[ref] = open_sealed(data_key, row["sealed"], ref.content_aad())
    return opened
