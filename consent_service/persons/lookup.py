"""Finding a candidate by identity number, without the number being stored anywhere in the clear.

Reads metadata only and opens nothing, so a unit's call may come here: what it may be told about a person is the
caller's to decide, and "known" is not among it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from consent_service.audit.heads import left_beside, steps_of
from consent_service.audit.vocabulary import PERSON
from consent_service.crypto.service_keys import MacKey, SealKey
from consent_service.errors import Tampered
from consent_service.persons import _store
from consent_service.persons.numbers import NationalId
from consent_service.storage.engine import Row, Snapshot
from consent_service.vault.parts import PartRef

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a candidate without opening anything."""

    candidate_id: str
    version: int | None
    """Of the part that says who she is, now. None if nobody can tell, since somebody else wrote the log's head."""
    named: bool
    """Whether she has said her name. A consent always carries it, so none is given before."""

    @property
    def ref(self) -> PartRef:
        """The part that says who she is, as it is now; it goes with every consent. Raises Tampered."""
        if self.version is None:
            raise Tampered
        return person_ref(self.candidate_id, self.version)


def person_ref(candidate_id: str, version: int) -> PartRef:
    """The part with identity number and name, in one of its versions."""
    return PartRef(candidate_id, "person", candidate_id, version, "identity")


def number_ref(candidate_id: str, version: int) -> PartRef:
    """The part with the number that was linked when the person's part became this version."""
    return PartRef(candidate_id, "person", candidate_id, version, "number")


def lookup_of(lookup_key: MacKey, national_id: NationalId) -> str:
    """The keyed hash, in hex, under which a number is stored and found."""
    return lookup_of_digits(lookup_key, national_id.digits)


def lookup_of_digits(lookup_key: MacKey, digits: str) -> str:
    """The same for a number that was valid when it was stored."""
    return lookup_key.mac(b"national-id" + digits.encode()).hex()


async def find(view: Snapshot, lookup_key: MacKey, national_id: NationalId) -> str | None:
    """The candidate with this number. None says that nothing has been stored about the person.

    Raises Tampered, after an alarm, if somebody else wrote whose number it is: else whoever can write to the database
    would make herself another person by logging in as herself.
    """
    lookup = lookup_of(lookup_key, national_id)
    return whose(lookup_key, lookup, (await under(view, [lookup])).get(lookup))


async def under(view: Snapshot, lookups: Sequence[str]) -> dict[str, Row]:
    """What is written of numbers, by lookup; nothing for one that is nobody's. Not to be believed: see ``whose``."""
    return await _store.under(view, lookups)


def whose(lookup_key: MacKey, lookup: str, row: Row | None) -> str | None:
    """The candidate whose number it is, of what ``under`` found. Raises as ``find``."""
    if row is None:
        return None
    candidate_id = str(row["candidate_id"])
    if not isinstance(row["mac"], bytes) or not lookup_key.verify(_belongs(lookup, candidate_id), row["mac"]):
        _log.error("a number was given to somebody else", alarm="person number")
        raise Tampered
    return candidate_id


def belonging(lookup_key: MacKey, lookup: str, candidate_id: str) -> bytes:
    """The MAC that says whose number lies under ``lookup``."""
    return lookup_key.mac(_belongs(lookup, candidate_id))


def _belongs(lookup: str, candidate_id: str) -> bytes:
    return f"number of\x00{lookup}\x00{candidate_id}".encode()


async def find_person(view: Snapshot, log_key: SealKey, candidate_id: str) -> Person | None:
    """What is known of a candidate, or None if there is none with this id."""
    return (await find_persons(view, log_key, [candidate_id])).get(candidate_id)


async def find_persons(view: Snapshot, log_key: SealKey, candidate_ids: Sequence[str]) -> dict[str, Person]:
    """The same for several, without those that there are not.

    The version is as often as her chain says who she is. In a row of hers it could be set back, and what she shares
    from then on would carry her former name, and go to her former number.
    """
    rows = await _store.candidates(view, candidate_ids)
    return {row["id"]: Person(row["id"], _version(log_key, row), bool(row["named"])) for row in rows}


def _version(log_key: SealKey, row: Row) -> int | None:
    head = left_beside(log_key, row)
    words = None if head is None else steps_of(log_key, head)
    if words is None or PERSON not in words:
        _log.error("nobody can tell who a person is", alarm="person")
        return None
    return words[PERSON]


async def lookups_of(view: Snapshot, candidate_id: str) -> list[str]:
    """The keyed hashes of all her numbers; empty for an unknown candidate."""
    return await _store.lookups_of(view, candidate_id)
