"""Linking by operators, for who can't log in with the number she had: one proposes, another one confirms.

::

    propose   the first has seen what shows that both numbers are hers, and types both; written in her log
    confirm   the second has seen it too, and types both again, within three days; then they are linked
    cancel    anybody may, until then

Neither sees what the other typed: a proposal holds a keyed commitment to the numbers and not the numbers, so that a
mistake of one has to be made by the other too. Whoever holds either number sees all of hers from then on; so both acts
stand in her log, with who did them, where she reads it. The names are as operators say them, and verified by nobody
here: who may run commands at all is for the platform to say.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

import structlog

from consent_service.audit.log import Entry, append, lock
from consent_service.clock import DAY
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey, ServiceKeys
from consent_service.errors import Invalid, NotAvailable, Tampered, Violation
from consent_service.identity_numbers import looks_like_one
from consent_service.persons import _store
from consent_service.persons.linking import Act, Linkable, NotLinked, Pair, judge, link
from consent_service.storage.engine import Row, Snapshot, Transaction
from consent_service.vault.keys import CandidateKey

WITHIN = 3 * DAY
"""From a proposal to its confirmation."""

_OPERATOR = re.compile(r"[A-Za-z0-9._@-]{1,64}")

_log = structlog.get_logger()


class NotConfirmed(StrEnum):
    """Why a proposal does not become a link."""

    LAPSED = "lapsed"
    SAME_OPERATOR = "same_operator"
    OTHER_NUMBERS = "other_numbers"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A link that waits for a second operator. Which numbers is for those who know them to say."""

    id: str
    candidate_id: str
    proposed_by: str
    proposed_at: int
    lapses_at: int


async def propose(tx: Transaction, keys: ServiceKeys, pair: Pair, operator: str, *, at: int) -> Proposal | NotLinked:
    """Propose that both numbers are one person's, of whom one is known; or say why they can't be linked.

    Raises Invalid for an operator's name that is none, Tampered, NotAvailable.
    """
    by = named(operator)
    found = await judge(tx, keys.lookup, pair)
    if isinstance(found, NotLinked):
        return found
    head = (await lock(tx, [found.candidate_id]))[found.candidate_id]
    at, proposal_id = head.now(at), str(uuid4())
    columns = {
        "id": proposal_id,
        "candidate_id": head.chain_id,
        "commitment": _commitment(keys.rows, proposal_id, pair),
        "proposed_by": by,
        "proposed_at": at,
        "lapses_at": at + WITHIN,
    }
    await _store.add_proposal(tx, {**columns, "mac": _mac(keys.rows, columns)})
    entry = Entry("number.link_proposed", "operator", resource_id=proposal_id, detail={"operator": by})
    await append(tx, keys.log, head, entry, at=at)
    return _proposal(columns)


async def find(view: Snapshot, keys: ServiceKeys, proposal_id: str) -> Proposal:
    """One proposal. Raises NotAvailable, and Tampered for one that somebody else wrote."""
    return _proposal(await _row(view, keys, proposal_id))


async def every(view: Snapshot, keys: ServiceKeys, *, now: int, candidate_id: str | None = None) -> list[Proposal]:
    """What waits for a second operator, of everybody or of one candidate, oldest first; none that is not ours."""
    rows = [row for row in await _store.proposals(view, candidate_id) if _is_ours(keys.rows, row)]
    return [_proposal(row) for row in rows if now < row["lapses_at"]]


async def confirm(
    tx: Transaction,
    keys: ServiceKeys,
    key: CandidateKey,
    proposal_id: str,
    pair: Pair,
    operator: str,
    *,
    held_for: str,
    at: int,
) -> Linkable | NotLinked | NotConfirmed:
    """Link the numbers of a proposal, as a second operator who has typed them again; or say why not.

    ``key`` is the proposal's candidate's. A proposal that can't be confirmed stays, until it lapses or is cancelled.
    Raises as ``find`` and ``linking.link``.
    """
    by = named(operator)
    await lock(tx, [key.candidate_id])
    row = await _row(tx, keys, proposal_id)
    if row["candidate_id"] != key.candidate_id:
        raise NotAvailable
    if at >= row["lapses_at"]:
        return NotConfirmed.LAPSED
    if by.casefold() == row["proposed_by"].casefold():
        return NotConfirmed.SAME_OPERATOR
    if not keys.rows.verify(_commits(proposal_id, pair), bytes(row["commitment"])):
        return NotConfirmed.OTHER_NUMBERS
    act = Act("operator", {"proposed_by": row["proposed_by"], "confirmed_by": by})
    done = await link(tx, keys, key, pair, act, held_for=held_for, at=at)
    if isinstance(done, Linkable) and not await _store.delete_proposal(tx, proposal_id, bytes(row["mac"])):
        raise Tampered
    return done


async def cancel(tx: Transaction, keys: ServiceKeys, proposal_id: str, operator: str, *, at: int) -> Proposal:
    """Take a proposal back; it is written in her log who did. Raises as ``find``."""
    by = named(operator)
    candidate_id = (await find(tx, keys, proposal_id)).candidate_id
    head = (await lock(tx, [candidate_id]))[candidate_id]
    row = await _row(tx, keys, proposal_id)
    await _store.delete_proposal(tx, proposal_id, bytes(row["mac"]))
    entry = Entry("number.link_cancelled", "operator", resource_id=proposal_id, detail={"operator": by})
    await append(tx, keys.log, head, entry, at=at)
    return _proposal(row)


async def lapse(tx: Transaction, *, now: int) -> int:
    """Remove proposals that nobody confirmed in time, and proofs that were not used; how many."""
    return await _store.delete_lapsed(tx, now)


def named(operator: str) -> str:
    """An operator's name as the log takes it. Raises Invalid, without repeating it."""
    if not _OPERATOR.fullmatch(operator) or looks_like_one(operator):
        sentence = "Letters without accents, digits and ._@- , at most 64, and no identity number."
        raise Invalid(violations=(Violation("/operator", sentence),))
    return operator


async def _row(view: Snapshot, keys: ServiceKeys, proposal_id: str) -> Row:
    row = await _store.find_proposal(view, proposal_id)
    if row is None:
        raise NotAvailable
    if not _is_ours(keys.rows, row):
        raise Tampered
    return row


def _is_ours(rows: MacKey, row: Row) -> bool:
    ours = isinstance(row["mac"], bytes) and rows.verify(_message(row), row["mac"])
    if not ours:
        _log.error("a proposal was written by somebody else", item=row["id"], alarm="number proposal")
    return ours


def _mac(rows: MacKey, row: Row) -> bytes:
    return rows.mac(_message(row))


def _message(row: Row) -> bytes:
    said = [row[name] for name in ("id", "candidate_id", "proposed_by", "proposed_at", "lapses_at")]
    return canonical(["number proposal", 1, *said, bytes(row["commitment"]).hex()])


def _commitment(rows: MacKey, proposal_id: str, pair: Pair) -> bytes:
    return rows.mac(_commits(proposal_id, pair))


def _commits(proposal_id: str, pair: Pair) -> bytes:
    return canonical(["numbers of a proposal", 1, proposal_id, pair.before.digits, pair.now.digits])


def _proposal(row: Row) -> Proposal:
    return Proposal(row["id"], row["candidate_id"], row["proposed_by"], row["proposed_at"], row["lapses_at"])
