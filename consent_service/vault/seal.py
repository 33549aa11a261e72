"""Sealing: content becomes a part. This module can't open anything."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from consent_service.crypto.envelope import new_key
from consent_service.crypto.envelope import seal as seal_envelope
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault import _store
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef, Version


@dataclass(frozen=True)
class SealedPart:
    """A part just sealed, with its data key still at hand, so that it can be shared without being opened."""

    ref: PartRef
    data_key: bytes = field(repr=False)


async def seal(
    tx: Transaction, key: CandidateKey, ref: PartRef, content: bytes, *, held_for: str, at: int
) -> SealedPart:
    """Seal ``content`` as ``ref`` under a data key of its own, wrapped for the owner.

    ``held_for`` names the controller. Raises ValueError for another candidate's key, Duplicate if the part exists.
    """
    return (await seal_each(tx, [(key, ref, content)], held_for=held_for, at=at))[0]


async def seal_each(
    tx: Transaction, contents: Iterable[tuple[CandidateKey, PartRef, bytes]], *, held_for: str, at: int
) -> list[SealedPart]:
    """The same for several, each under a data key of its own."""
    made = [_sealed(*one, held_for=held_for, at=at) for one in contents]
    await _store.add_parts(tx, [row for _, row in made])
    return [part for part, _ in made]


def _sealed(
    key: CandidateKey, ref: PartRef, content: bytes, *, held_for: str, at: int
) -> tuple[SealedPart, dict[str, object]]:
    if ref.candidate_id != key.candidate_id:
        raise ValueError("a part is sealed under its own candidate's key")
    data_key = new_key()
    row = {
        **ref._asdict(),
        "held_for": held_for,
        "wrapped_key": seal_envelope(key.secret, data_key, ref.key_aad()),
        "sealed": seal_envelope(data_key, content, ref.content_aad()),
        "created_at": at,
    }
    return SealedPart(ref, data_key), row


async def refs(view: Snapshot, candidate_id: str, resource: str, resource_id: str, version: int) -> list[PartRef]:
    """What parts a version has."""
    return await _store.refs(view, candidate_id, resource, resource_id, version)


@dataclass(frozen=True)
class Holding:
    """A part that is held: what it is, for which controller, since when."""

    ref: PartRef
    held_for: str
    created_at: int


async def holdings(view: Snapshot, candidate_id: str) -> list[Holding]:
    """Every part of a candidate."""
    return [
        Holding(_store.ref_of(row), row["held_for"], row["created_at"])
        for row in await _store.of_candidate(view, candidate_id)
    ]


async def hold_for(tx: Transaction, versions: Iterable[Version], held_for: str, *, but: str) -> None:
    """From now on these versions' parts, but those of a kind, are held for another controller.

    What they say, and who can open it, stays as it is.
    """
    await _store.hold_for(tx, versions, held_for, but=but)


async def destroy(tx: Transaction, candidate_id: str, resource: str, resource_id: str) -> int:
    """Destroy every version of a resource, and every share of it under whatever consent; how many parts that were.

    A consent that names it, and was not ended, releases nothing from then on: it lacks a share.
    """
    tx.scrub_after_commit()
    return await _store.destroy_resource(tx, candidate_id, resource, resource_id)


async def erase(tx: Transaction, candidate_id: str) -> dict[str, int]:
    """Destroy the candidate's key, every part and every share; how many of each (GDPR art. 17)."""
    tx.scrub_after_commit()
    return await _store.erase(tx, candidate_id)
