"""Where an entry stands in what was signed: what a receipt gets beside its signature with the next checkpoint."""

import base64
from dataclasses import dataclass
from typing import Any

from consent_service.audit import _store, sequencer
from consent_service.audit.notes import read_note
from consent_service.storage.engine import Snapshot


@dataclass(frozen=True)
class Inclusion:
    """The proof (RFC 9162, 2.1.3) that leaf ``leaf_index`` is one of the ``size`` that ``checkpoint`` signs."""

    leaf_index: int
    size: int
    path: list[bytes]
    checkpoint: str

    def wire(self) -> dict[str, Any]:
        """As it stands in answers: hashes in base64, the checkpoint as text."""
        path = [base64.b64encode(node).decode("ascii") for node in self.path]
        return {"leaf_index": self.leaf_index, "size": self.size, "path": path, "checkpoint": self.checkpoint}


async def inclusion_of(view: Snapshot, leaf_index: int) -> Inclusion | None:
    """The proof in the newest checkpoint; None while that does not cover the leaf."""
    note = await sequencer.newest_note(view)
    head = None if note is None else read_note(note)
    if note is None or head is None:
        return None
    path = await sequencer.inclusion(view, leaf_index, head.size)
    return None if path is None else Inclusion(leaf_index, head.size, path, note)


async def inclusion_about(view: Snapshot, consent_id: str, position: int, digest: bytes) -> Inclusion | None:
    """The proof for the entry about a consent that a receipt names; None while it has none."""
    leaf_index = await _store.leaf_about(view, consent_id, position, digest)
    return None if leaf_index is None else await inclusion_of(view, leaf_index)
