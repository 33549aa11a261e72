"""Erasure (GDPR art. 17): in one transaction the person's key, parts, shares, letters, hashes, sessions and details go.

What stays is the proof that it was all as it should be: the chain of entries, which hold ids and salted commitments
whose salts are gone, and consents and receipts under random ids. Copies in backups die when the master version
that wrapped the key is retired (design section 3). It needs no key provider, and it can't be undone.
"""

from dataclasses import dataclass
from typing import Any

from consent_service.audit.closing import close
from consent_service.audit.log import Entry, append, lock, lock_to_end, open_again
from consent_service.clock import rfc3339
from consent_service.consents import endings
from consent_service.consents.desk import Desk
from consent_service.crypto.canonical import canonical
from consent_service.delivery import letters
from consent_service.errors import NotAvailable
from consent_service.identity import sessions
from consent_service.notes import forgetting as notes
from consent_service.persons import forgetting as persons
from consent_service.persons.lookup import lookups_of
from consent_service.plans import forgetting as plans
from consent_service.rights.journal import Journal
from consent_service.storage.engine import Transaction
from consent_service.vault import seal


@dataclass(frozen=True)
class Erased:
    """What was destroyed, and the service's signature on it (compact JWS, ES256)."""

    statement: dict[str, Any]
    jws: str


async def erase(tx: Transaction, desk: Desk, candidate_id: str, *, now: int, journal: Journal) -> Erased:
    """Erase the candidate. The door drops her key from memory afterwards (``Keys.forget``).

    It is in the journal for good before this returns, hence before it commits: a backup from before can then be
    restored without bringing her back (``replay``).

    Consents in force end as revoked; to an asker a waiting request looks as if it was never opened. Raises
    NotAvailable if she is not there (any more).
    """
    try:
        await lock(tx, [candidate_id])
    except NotAvailable:
        if not await lookups_of(tx, candidate_id):
            raise
        await open_again(tx, candidate_id, at=now)  # nobody is erased who has a number here: somebody took her chain
    left = await letters.that_left(tx, candidate_id)
    ended = await endings.end_all(tx, desk, candidate_id, now=now)
    destroyed = {
        "consents_ended": len(ended),
        "letters": await letters.forget(tx, candidate_id),
        "sessions": await sessions.end_of_candidate(tx, candidate_id),
        **await seal.erase(tx, candidate_id),
    }
    await plans.forget(tx, candidate_id)
    await notes.forget(tx, candidate_id)
    await persons.forget(tx, candidate_id)
    head = await lock_to_end(tx, desk.keys.log, candidate_id)  # it moved while consents ended
    appended = await append(tx, desk.keys.log, head, Entry("person.erased", "candidate"), at=now)
    destroyed["log_details"] = await close(tx, desk.keys.log, head)
    await journal.record(candidate_id, appended.at)
    statement = {
        "format": 1,
        "type": "erasure",
        "controller": desk.controller.organisation_number,
        "erased_at": rfc3339(appended.at),
        "destroyed": destroyed,
        "log": {"chain": candidate_id, "position": appended.position, "entry_hash": appended.digest.hex()},
        "what_stays": _what_stays(left),
    }
    return Erased(statement, desk.keys.receipts.sign(canonical(statement)))


def _what_stays(left: int) -> str:
    """With how many letters can't be called back: they are hers, in her own mailbox."""
    stays = "entries without content, number or name; consents and receipts under random ids"
    return f"{stays}; in the mailbox, letters that had left before or may have: {left}" if left else stays
