"""The outbox: letters are claimed for a time, and given back with what the attempt came to.

A claim is a lease with a fence number. Whoever dies or is paused loses it by the passing of time, whatever its name
was, and what it says afterwards counts no more, since the fence has moved on. From the claim on a letter is in doubt:
only the attempt's own word, or the mailbox's, ends that.

Claiming locks no chain head: it changes nothing that is about a person. Giving back does, first of all.
"""

import structlog
from prometheus_client import Counter

from consent_service.audit.log import Head, append_all, lock
from consent_service.clock import Clock
from consent_service.consents.states import LETTERS_GO_ON, LIVING, State
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery import _store, letters
from consent_service.delivery._store import Letter
from consent_service.delivery.attempt import Attempt, Finding
from consent_service.delivery.backoff import Timing
from consent_service.delivery.history import _store as history
from consent_service.delivery.states import FINAL, Status
from consent_service.errors import NotAvailable
from consent_service.events.feed import News, announce
from consent_service.storage.engine import Database, Transaction

_STEPS = Counter("consent_letters", "Letters by where an attempt left them.", ("status",))

_log = structlog.get_logger()


class Outbox:
    """The outbox as one worker sees it. ``worker`` is new at every start of a process, so no two ever share one."""

    def __init__(
        self, db: Database, keys: ServiceKeys, clock: Clock, timing: Timing, worker: str, controller: str
    ) -> None:
        """Take what is said above. ``controller``: for whom a plan is held once it is delivered."""
        self._db, self._keys, self._clock, self._timing, self._worker = db, keys, clock, timing, worker
        self._controller = controller

    async def claim(self, limit: int) -> list[Attempt]:
        """Up to ``limit`` letters whose time has come, leased to this worker."""
        now = self._clock.now()
        until = now + self._timing.lease
        doubt_until = until + self._timing.signature_lives
        async with self._db.transaction() as tx:
            due = await _store.due(tx, now=now, limit=limit)
            if not due:
                return []
            ids = [letter.id for letter in due]
            await _store.claim(tx, ids, worker=self._worker, until=until, doubt_until=doubt_until)
            superseded = await _store.superseded(tx, ids)
        return [Attempt(letter.leased(), until, superseded=letter.id in superseded) for letter in due]

    async def next_due(self) -> int | None:
        """When the next letter is due, if any waits."""
        async with self._db.snapshot() as view:
            return await _store.next_due(view)

    def lost(self, attempt: Attempt, note: str) -> Finding:
        """What is known of an attempt that did not come to its end: nothing, so the letter is in doubt."""
        return Finding(None, note, doubt_until=attempt.leased_until + self._timing.signature_lives)

    async def finish(self, attempt: Attempt, finding: Finding) -> bool:
        """Write down what an attempt came to; False if the lease had passed to somebody else, or the person is gone."""
        letter = attempt.letter
        if finding.counts and finding.status not in FINAL and letter.attempts >= self._timing.most_attempts:
            finding = finding.parked("too-many-attempts")
        try:
            async with self._db.transaction() as tx:
                head = (await lock(tx, [letter.candidate_id]))[letter.candidate_id]
                kept = await self._write(tx, head, letter, finding)
        except NotAvailable:
            return False
        if kept:
            self._tell(letter, finding)
        return kept

    async def _write(self, tx: Transaction, head: Head, letter: Letter, finding: Finding) -> bool:
        now = head.now(self._clock.now())
        if finding.unanswered and await self._is_hopeless(tx, letter, now):
            finding = finding.parked("unanswered-after-end")
        status = finding.status or Status(letter.status)
        kept = await _store.finish(
            tx,
            letter,
            status=status.value,
            attempts=letter.attempts if finding.counts else letter.attempts - 1,
            next_attempt_at=self._again(letter, finding) if status not in _AT_REST else None,
            doubt_until=finding.doubt_until,
            at=now,
        )
        if not kept:
            return False
        steps = await self._steps(tx, letter, finding, now)
        for step, at, note in steps:
            await history.add(tx, letter, step.value, at=at, note=note)
        logged = [(head, letters.entry_of(letter, step, note)) for step, _, note in steps if step is not Status.PARKED]
        if logged:
            await append_all(tx, self._keys.log, logged, at=now)
        if status in FINAL:
            await self._settle(tx, letter, status, finding.note, now)
        return True

    async def _is_hopeless(self, tx: Transaction, letter: Letter, now: int) -> bool:
        """Whether a letter that the mailbox gives no answer about may neither be sent any more, nor still be on its
        way there by itself. Then a person asks the mailbox.
        """
        if letter.doubt_until is None or now < letter.doubt_until:
            return False
        state = await letters.consent_state(tx, self._keys, letter, now=now)
        return state not in {one.value for one in LIVING | LETTERS_GO_ON}

    async def _steps(
        self, tx: Transaction, letter: Letter, finding: Finding, now: int
    ) -> list[tuple[Status, int, str | None]]:
        """The lines that the history gains: each status once, except that a letter can be parked again."""
        known = {row["status"] for row in (await history.of(tx, [letter.id]))[letter.id]}
        steps: list[tuple[Status, int, str | None]] = []
        if finding.went_out_at is not None and Status.DISPATCHED.value not in known:
            steps.append((Status.DISPATCHED, finding.went_out_at, None))
        if finding.status is not None and finding.status is not Status.DISPATCHED:
            steps.append((finding.status, now if finding.at is None else finding.at, finding.note))
        return steps

    async def _settle(self, tx: Transaction, letter: Letter, status: Status, note: str | None, now: int) -> None:
        """At the end of a letter: tell the unit, while its consent is in force, and let the mailbox's shares go.

        Of a plan that a newer one has taken the place of it hears nothing any more.
        """
        if status is Status.DELIVERED:
            await letters.hand_over(tx, letter, self._controller)
        in_force = await letters.consent_state(tx, self._keys, letter, now=now) == State.GRANTED
        if in_force and note != letters.SUPERSEDED:
            await announce(tx, News(letter.unit_id, "plan", state=status.value, at=now, consent_id=letter.consent_id,
                plan_id=letter.plan_id))  # fmt: skip
        await letters.release_shares(tx, self._keys, letter.consent_id, letter.candidate_id, now=now)

    def _again(self, letter: Letter, finding: Finding) -> int:
        """When to try again: after the schedule's wait, or the one that was named if that is longer."""
        wait = self._timing.wait(letter.attempts)
        return self._clock.now() + (wait if finding.wait is None else max(wait, finding.wait))

    def _tell(self, letter: Letter, finding: Finding) -> None:
        status = finding.status or Status(letter.status)
        _STEPS.labels(status.value).inc()
        say = _log.error if status in {Status.PARKED, Status.FAILED} else _log.info
        say(
            "letter",
            delivery_id=letter.id,
            plan_id=letter.plan_id,
            status=status.value,
            reason=finding.note,
            attempt=letter.attempts,
            worker=self._worker,
            **({"alarm": "outbox"} if status is Status.PARKED else {}),
        )


_AT_REST = FINAL | {Status.PARKED}


async def tidy(db: Database, keys: ServiceKeys, clock: Clock) -> int:
    """Destroy the mailbox's shares under consents that are over, where no letter is open; how many consents."""
    after, tidied = "", 0
    while True:
        async with db.snapshot() as view:
            page = await _store.settled(view, after=after, limit=100)
        for row in page:
            try:
                async with db.transaction() as tx:
                    await lock(tx, [row["candidate_id"]])
                    consent_id, candidate_id = row["consent_id"], row["candidate_id"]
                    tidied += await letters.release_shares(tx, keys, consent_id, candidate_id, now=clock.now())
            except NotAvailable:
                continue
        if len(page) < 100:
            return tidied
        after = page[-1]["consent_id"]
