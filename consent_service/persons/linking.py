"""Linking: one person, several numbers. A D-number becomes a fødselsnummer, and both find the same candidate.

A link adds a number to a candidate; it joins no two. Where both numbers are a candidate's already it is refused with a
reason: each has parts that are sealed under her own id, consents whose terms name it, and a chain of its own, and none
of these can become another's without being something else than what was agreed to and logged. The way out is hers:
take everything along from one, delete it, and link then.

What is shared from then on carries the number that she has now. What was shared before does not change: a consent is to
exact parts, the old number among them, so a release under it hands out the old number until it ends, and a letter under
it goes to the old number. Where the mailbox does not know that any more, the letter ends as undeliverable, and the plan
is on her pages. A new consent carries the new number.

The rule: a number is one candidate's, or nobody's. The table's key says so, whoever comes at the same moment.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from consent_service.audit.log import Entry, append, lock
from consent_service.crypto.service_keys import MacKey, ServiceKeys
from consent_service.persons import _store
from consent_service.persons.lookup import belonging, find, lookup_of
from consent_service.persons.naming import seal_number, seal_person
from consent_service.persons.number import current
from consent_service.persons.numbers import NationalId
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault.keys import CandidateKey


class NotLinked(StrEnum):
    """Why two numbers are not linked."""

    SAME_NUMBER = "same_number"
    NOBODYS = "nobodys"
    LINKED_ALREADY = "linked_already"
    TWO_CANDIDATES = "two_candidates"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers of one person: the one she has had, and the one she has now."""

    before: NationalId
    now: NationalId

    @property
    def current(self) -> NationalId:
        """The one that goes with what is shared: a fødselsnummer before a D-number, else the one she has now."""
        return self.before if self.now.is_d_number and not self.before.is_d_number else self.now


@dataclass(frozen=True, slots=True)
class Linkable:
    """``number`` can become this candidate's too."""

    candidate_id: str
    number: NationalId


@dataclass(frozen=True, slots=True)
class Act:
    """Who links: the candidate herself, or two operators (``detail`` says who)."""

    actor: Literal["candidate", "operator"]
    detail: dict[str, Any]


async def judge(view: Snapshot, lookup_key: MacKey, pair: Pair) -> Linkable | NotLinked:
    """Whose number the other one can become, or why not. Raises Tampered as ``lookup.find``."""
    if pair.before.digits == pair.now.digits:
        return NotLinked.SAME_NUMBER
    before, now = [await find(view, lookup_key, number) for number in (pair.before, pair.now)]
    if before is not None and now is not None:
        return NotLinked.LINKED_ALREADY if before == now else NotLinked.TWO_CANDIDATES
    if before is not None:
        return Linkable(before, pair.now)
    return NotLinked.NOBODYS if now is None else Linkable(now, pair.before)


async def link(
    tx: Transaction, keys: ServiceKeys, key: CandidateKey, pair: Pair, act: Act, *, held_for: str, at: int
) -> Linkable | NotLinked:
    """Make both numbers of ``pair`` the owner's of ``key``, and write it into her log; or say why not.

    Needs her key: the number is sealed as a part of hers (``relookup`` has it from there), and who she is as the next
    version. Opens the latter and shows it to nobody. Raises NotAvailable if she was erased.
    """
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    found = await judge(tx, keys.lookup, pair)
    if isinstance(found, NotLinked):
        return found
    if found.candidate_id != key.candidate_id:
        return NotLinked.NOBODYS  # hers was erased since, and made anew
    who = await current(tx, key, keys.log)
    at, version, lookup = head.now(at), who.version + 1, lookup_of(keys.lookup, found.number)
    mac = belonging(keys.lookup, lookup, head.chain_id)
    if not await _store.add_number(tx, head.chain_id, lookup, mac, at):
        return NotLinked.TWO_CANDIDATES  # its owner came in this moment
    await seal_number(tx, key, version, found.number.digits, held_for=held_for, at=at)
    now = pair.current.digits
    await seal_person(tx, key, version, national_id=now, name=who.name, held_for=held_for, at=at)
    detail = {"version": version, **act.detail}
    await append(tx, keys.log, head, Entry("number.linked", act.actor, resource_id=head.chain_id, detail=detail), at=at)
    return found
