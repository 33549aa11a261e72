"""The outbox: letters are claimed for a time, and given back with what the attempt came to.

A claim is a lease with a fence number. Whoever dies or is paused loses it by the passing of time, whatever its name
was, and what it says afterwards counts no more, since the fence has moved on. From the claim on a letter is in doubt:
only the attempt's own word, or the mailbox's, ends that. Until then it goes under no other sender: ids are unique for
one sender only, so that under another the mailbox would take the same letter again.

Claiming locks no chain head: it changes nothing that is about a person. Giving back does, first of all (``outcomes``).
"""

from collections.abc import Callable

from consent_service.audit.log import lock
from consent_service.clock import Clock
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery import _store, letters
from consent_service.delivery.attempt import Attempt
from consent_service.delivery.backoff import Timing
from consent_service.delivery.finding import Finding
from consent_service.delivery.outcomes import Outcomes
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Database


class Outbox:
    """The outbox as one worker sees it. ``worker`` is new at every start of a process, so no two ever share one."""

    def __init__(
        self,
        db: Database,
        keys: ServiceKeys,
        clock: Clock,
        timing: Timing,
        worker: str,
        controller: str,
        sender_of: Callable[[str], str],
    ) -> None:
        """Take what is said above. ``controller``: for whom a plan is held once it is delivered. ``sender_of``: under
        which sender an organisation's letters go now (``Mailbox.sender_of``).
        """
        self._db, self._clock, self._timing, self._worker = db, clock, timing, worker
        self._sender_of = sender_of
        self._outcomes = Outcomes(db, keys, clock, timing, worker, controller)

    async def claim(self, limit: int) -> list[Attempt]:
        """Up to ``limit`` letters whose time has come, leased to this worker."""
        now = self._clock.now()
        until = now + self._timing.lease
        doubt_until = until + self._timing.signature_lives
        async with self._db.transaction() as tx:
            due = await _store.due(tx, now=now, limit=limit)
            if not due:
                return []
            leased = [letter.leased(self._sender_of(letter.sender_organisation)) for letter in due]
            await _store.claim(tx, leased, worker=self._worker, until=until, doubt_until=doubt_until)
        return [Attempt(letter, until) for letter in leased]

    async def next_due(self) -> int | None:
        """When the next letter is due, if any waits."""
        async with self._db.snapshot() as view:
            return await _store.next_due(view)

    async def is_superseded(self, letter_id: str) -> bool:
        """Whether a newer version has taken a letter's place; of one that is gone, too, nothing is to be sent."""
        async with self._db.snapshot() as view:
            letter = await _store.find(view, letter_id)
        return letter is None or bool(letter.superseded)

    def lost(self, attempt: Attempt, note: str) -> Finding:
        """What is known of an attempt that did not come to its end: nothing, so the letter is in doubt."""
        return Finding(None, note, doubt_until=attempt.leased_until + self._timing.signature_lives)

    async def finish(self, attempt: Attempt, finding: Finding) -> bool:
        """Give a letter back with what its attempt came to; see ``Outcomes.write``."""
        return await self._outcomes.write(attempt.letter, finding)


async def tidy(db: Database, keys: ServiceKeys, clock: Clock) -> int:
    """Destroy the mailbox's shares under consents that are over, where no letter is open; how many consents."""
    after, tidied = "", 0
    while True:
        async with db.snapshot() as view:
            page = await _store.settled(view, after=after, limit=100)
        for row in page:
            try:
                async with db.transaction() as tx:
                    head = (await lock(tx, [row["candidate_id"]]))[row["candidate_id"]]
                    tidied += await letters.release_shares(tx, keys, row["consent_id"], head, now=clock.now())
            except NotAvailable:
                continue
        if len(page) < 100:
            return tidied
        after = page[-1]["consent_id"]
