"""Who the candidate is, read and renamed by herself.

This module opens the ``person`` part, so no unit's route, and nothing that sends anything, may come to it.
"""

from dataclasses import dataclass, field

import orjson

from consent_service.audit.log import Entry, append, lock
from consent_service.crypto.service_keys import SealKey
from consent_service.errors import NotAvailable, Tampered
from consent_service.persons import _store
from consent_service.persons.lookup import find_person
from consent_service.persons.naming import seal_person
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault.candidate import open_parts
from consent_service.vault.keys import CandidateKey
from consent_service.vault.seal import holdings


@dataclass(frozen=True, slots=True)
class Who:
    """A candidate's identity number and name; the name is None until she has said it."""

    version: int
    national_id: str = field(repr=False)
    name: str | None = field(repr=False)


async def current(view: Snapshot, key: CandidateKey, log_key: SealKey) -> Who:
    """Who the owner of ``key`` is now. Raises NotAvailable if she has been erased, Tampered if nobody can tell."""
    person = await find_person(view, log_key, key.candidate_id)
    if person is None:
        raise NotAvailable
    ref = person.ref
    content = orjson.loads((await open_parts(view, key, [ref]))[ref])
    return Who(version=ref.version, national_id=content["national_id"], name=content["name"])


async def name_of(view: Snapshot, key: CandidateKey, log_key: SealKey) -> str | None:
    """What she is called, to greet her by. None where nobody can tell: that keeps her from nothing else on the page."""
    try:
        return (await current(view, key, log_key)).name
    except Tampered:
        return None


async def numbers_of(view: Snapshot, key: CandidateKey) -> set[str]:
    """Every identity number of the owner of ``key``, for ``relookup``: those she came with, and those linked since.

    Raises NotAvailable, SealBroken.
    """
    if not await _store.candidates(view, [key.candidate_id]):
        raise NotAvailable
    said = [held.ref for held in await holdings(view, key.candidate_id) if held.ref.resource == "person"]
    return {orjson.loads(content)["national_id"] for content in (await open_parts(view, key, said)).values()}


async def set_name(tx: Transaction, key: CandidateKey, log_key: SealKey, name: str, *, held_for: str, at: int) -> Who:
    """Give the candidate another name (see ``names.PersonName``), as the next version of her ``person`` part.

    Consents in force keep the version that they were given for. The same name again changes nothing.
    """
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    before = await current(tx, key, log_key)
    if before.name == name:
        return before
    at, version = head.now(at), before.version + 1
    await seal_person(tx, key, version, national_id=before.national_id, name=name, held_for=held_for, at=at)
    await _store.set_named(tx, key.candidate_id)
    entry = Entry("person.updated", "candidate", resource_id=key.candidate_id, detail={"version": version})
    await append(tx, log_key, head, entry, at=at)
    return Who(version=version, national_id=before.national_id, name=name)
