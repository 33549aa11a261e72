"""Opening for the owner. Only the modules that read for the candidate import this; no unit's route reaches it."""

from collections.abc import Iterable, Mapping

from consent_service.crypto.envelope import open_sealed
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Row, Snapshot
from consent_service.vault import _store
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import SealedPart


async def open_parts(view: Snapshot, key: CandidateKey, refs: Iterable[PartRef]) -> dict[PartRef, bytes]:
    """The contents of the candidate's own parts, in the order of ``refs``.

    Raises NotAvailable if any is another's or does not exist, SealBroken if a row was changed.
    """
    wanted = list(refs)
    return {part.ref: content for part, content in open_rows(key, wanted, await read_parts(view, wanted))}


async def read_parts(view: Snapshot, refs: Iterable[PartRef]) -> dict[PartRef, Row]:
    """What is stored of ``refs``, whosever they are: sealed."""
    return await _store.parts(view, refs)


def open_rows(
    key: CandidateKey, refs: Iterable[PartRef], rows: Mapping[PartRef, Row]
) -> list[tuple[SealedPart, bytes]]:
    """As ``open_parts``, of what ``read_parts`` found; each with its data key at hand, so that it can be shared."""
    opened = []
    for ref in refs:
        row = rows.get(ref) if ref.candidate_id == key.candidate_id else None
        if row is None:
            raise NotAvailable
        data_key = open_sealed(key.secret, row["wrapped_key"], ref.key_aad())
        opened.append((SealedPart(ref, data_key), open_sealed(data_key, row["sealed"], ref.content_aad())))
    return opened
