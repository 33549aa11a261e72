"""Putting a checkpoint where an operator says: a whole file or none, and never one that is no continuation."""

import os
from pathlib import Path

from consent_service.audit import sequencer
from consent_service.audit.notes import read_note
from consent_service.storage.engine import Snapshot


class NotContinued(Exception):
    """What is published already is larger than this log, or of another. The file was left as it is."""


async def check_continued(view: Snapshot, note: str, published: str) -> None:
    """Whether the checkpoint ``note`` may take the place of what is ``published``. Raises NotContinued if not."""
    new, old = read_note(note), read_note(published)
    assert new is not None
    if old is None:
        raise NotContinued("What is published there is not a checkpoint, and is left as it is.")
    if old.origin != new.origin or old.size > new.size or await sequencer.root_at(view, old.size) != old.root:
        raise NotContinued(
            f"What is published there has {old.size} leaves, and this log of {new.size} does not continue it. "
            "See: consent-service audit verify --checkpoint"
        )


def replace(path: Path, content: bytes) -> None:
    """Put ``content`` in ``path``'s place: whoever reads meanwhile, or after a power cut, finds the old or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
