"""Sealing the part that says who a person is. Opens nothing."""

from consent_service.crypto.canonical import canonical
from consent_service.persons.lookup import number_ref, person_ref
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import CandidateKey
from consent_service.vault.seal import seal


async def seal_person(
    tx: Transaction,
    key: CandidateKey,
    version: int,
    *,
    national_id: str,
    name: str | None,
    held_for: str,
    at: int,
) -> None:
    """Seal version ``version`` of the candidate's ``person`` part: canonical JSON ``{"name", "national_id"}``."""
    content = canonical({"national_id": national_id, "name": name})
    await seal(tx, key, person_ref(key.candidate_id, version), content, held_for=held_for, at=at)


async def seal_number(tx: Transaction, key: CandidateKey, version: int, digits: str, *, held_for: str, at: int) -> None:
    """Seal a number that was linked as a part of its own: canonical JSON ``{"national_id"}``. No purpose admits it."""
    content = canonical({"national_id": digits})
    await seal(tx, key, number_ref(key.candidate_id, version), content, held_for=held_for, at=at)
