"""What attempts came to, written down: those that end in the same moment in one transaction (``storage.turnstile``).

1. Lock the candidates' chain heads, in id order, in a statement of its own.
2. Read what is there: the letters' consents, where they matter, and their history.
3. Give the letters back, each only if its lease is still the one it was claimed with.
4. Add the lines of their history, and the entries of the log.
5. Settle those that have come to their end: whose the plan is now, what its unit hears, what the mailbox lets go.
6. Commit; only now is anybody told.

The rule: an outcome and the end of its lease are one commit. What could not be written down stays leased, and in doubt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from consent_service.audit.log import Entry, Head, append_all, lock_concerned
from consent_service.clock import Clock
from consent_service.consents.reading import ConsentView
from consent_service.consents.states import LETTERS_GO_ON, LIVING, State
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery import _store, letters
from consent_service.delivery._store import Letter
from consent_service.delivery.backoff import Timing
from consent_service.delivery.finding import Finding
from consent_service.delivery.history import _store as history
from consent_service.delivery.states import FINAL, Status
from consent_service.events.feed import News, announce
from consent_service.storage.engine import Database, Row, Transaction
from consent_service.storage.turnstile import ALONE, Answer, Turnstile
from consent_service.vault.keys import MAILBOX

_STEPS = Counter("consent_letters", "Letters by where an attempt left them.", ("status",))
_AT_REST = FINAL | {Status.PARKED}

_log = structlog.get_logger()


@dataclass(frozen=True)
class _Outcome:
    """A letter as it was claimed, and what its attempt came to."""

    letter: Letter
    finding: Finding

    @property
    def claim(self) -> tuple[str, int]:
        """The letter's id and the fence that it was claimed with: no two claims have the same."""
        return self.letter.id, self.letter.fence

    @property
    def status(self) -> Status:
        """Where it leaves the letter."""
        return self.finding.status or Status(self.letter.status)


@dataclass(frozen=True)
class _Line:
    """An outcome under its candidate's head, at an instant of her chain.

    ``steps`` are what the letter's history gains, after ``known`` lines.
    """

    head: Head
    outcome: _Outcome
    at: int
    known: int
    steps: Sequence[tuple[Status, int, str | None]]


class Outcomes:
    """The outcomes of one worker's attempts. ``controller``: for whom a plan is held once it is delivered."""

    def __init__(
        self, db: Database, keys: ServiceKeys, clock: Clock, timing: Timing, worker: str, controller: str
    ) -> None:
        """Take what is said above."""
        self._keys, self._clock, self._timing = keys, clock, timing
        self._worker, self._controller = worker, controller
        self._turnstile: Turnstile[_Outcome, _Outcome | None] = Turnstile(db, self._write, name="outcomes")

    async def write(self, letter: Letter, finding: Finding) -> bool:
        """Write down what an attempt came to; False if the lease had passed to somebody else, or the person is gone.

        Raises errors.Unavailable: then nobody can tell whether it is written down.
        """
        if finding.counts and finding.status not in FINAL and letter.attempts >= self._timing.most_attempts:
            finding = finding.parked("too-many-attempts")
        written = await self._turnstile.go(_Outcome(letter, finding))
        if written is not None:
            self._tell(written)
        return written is not None

    async def _write(
        self, tx: Transaction, outcomes: Sequence[_Outcome], alone: bool
    ) -> Sequence[Answer[_Outcome | None]]:
        # 1. Lock the chain heads, in id order, in a statement of its own. Who is erased has none.
        heads, held = await lock_concerned(tx, [one.letter.candidate_id for one in outcomes], wait=alone)
        now = self._clock.now()
        present = [one for one in outcomes if one.letter.candidate_id in heads]
        # 2. Read.
        consents = await self._consents(tx, heads, present, now)
        lines = await self._lines(tx, heads, present, consents, now)
        # 3. Give back.
        kept = await _store.finish(tx, [self._given_back(line) for line in lines])
        written = [line for line in lines if line.outcome.claim in kept]
        # 4. Record.
        await history.add_all(tx, [one for line in written for one in _history(line)])
        await append_all(tx, self._keys.log, [one for line in written for one in _entries(line)], at=now)
        # 5. Settle.
        await self._settle(tx, [line for line in written if line.outcome.status in FINAL], consents)
        answers = {line.outcome.claim: line.outcome for line in written}
        return [ALONE if one.letter.candidate_id in held else answers.get(one.claim) for one in outcomes]

    async def _consents(
        self, tx: Transaction, heads: Mapping[str, Head], outcomes: Sequence[_Outcome], now: int
    ) -> Mapping[str, ConsentView]:
        """The consents of letters at their end, and of those that the mailbox gives no answer about."""
        asked = [one.letter for one in outcomes if one.status in FINAL or one.finding.unanswered]
        return await letters.consents_of(tx, self._keys, [(heads[one.candidate_id], one) for one in asked], now=now)

    async def _lines(
        self,
        tx: Transaction,
        heads: Mapping[str, Head],
        outcomes: Sequence[_Outcome],
        consents: Mapping[str, ConsentView],
        now: int,
    ) -> list[_Line]:
        known = await history.of(tx, [one.letter.id for one in outcomes])
        lines = []
        for one in outcomes:
            letter, finding, head = one.letter, one.finding, heads[one.letter.candidate_id]
            at = head.now(now)
            if finding.unanswered and _is_hopeless(letter, consents.get(letter.consent_id), at):
                finding = finding.parked("unanswered-after-end")
            steps = _steps(finding, known[letter.id], at)
            lines.append(_Line(head, _Outcome(letter, finding), at, len(known[letter.id]), steps))
        return lines

    def _given_back(self, line: _Line) -> _store.GivenBack:
        letter, finding = line.outcome.letter, line.outcome.finding
        return _store.GivenBack(
            letter_id=letter.id,
            held=letter.fence,
            status=line.outcome.status.value,
            attempts=letter.attempts if finding.counts else letter.attempts - 1,
            next_attempt_at=None if line.outcome.status in _AT_REST else self._again(letter, finding),
            doubt_until=finding.doubt_until,
            updated_at=line.at,
        )

    def _again(self, letter: Letter, finding: Finding) -> int:
        """When to try again: after the schedule's wait, or the one that was named if that is longer."""
        wait = self._timing.wait(letter.attempts)
        return self._clock.now() + (wait if finding.wait is None else max(wait, finding.wait))

    async def _settle(self, tx: Transaction, ended: Sequence[_Line], consents: Mapping[str, ConsentView]) -> None:
        """At the end of letters: tell each unit, while its consent is in force, and let the mailbox's shares go.

        Of a plan that a newer one has taken the place of it hears nothing any more.
        """
        delivered = [line.outcome.letter for line in ended if line.outcome.status is Status.DELIVERED]
        if delivered:
            await letters.hand_over(tx, delivered, self._controller)
        seen = [(line, consents.get(line.outcome.letter.consent_id)) for line in ended]
        await announce(tx, *[_news(line) for line, consent in seen if _is_told(line.outcome, consent)])
        for consent in {one.id: one for _, one in seen if one is not None}.values():
            await letters.let_go(tx, consent)

    def _tell(self, outcome: _Outcome) -> None:
        letter, status = outcome.letter, outcome.status
        _STEPS.labels(status.value).inc()
        say = _log.error if status in {Status.PARKED, Status.FAILED} else _log.info
        say(
            "letter",
            delivery_id=letter.id,
            plan_id=letter.plan_id,
            status=status.value,
            reason=outcome.finding.note,
            attempt=letter.attempts,
            worker=self._worker,
            **({"alarm": "outbox"} if status is Status.PARKED else {}),
        )


def _is_hopeless(letter: Letter, consent: ConsentView | None, now: int) -> bool:
    """Whether a letter that the mailbox gives no answer about may neither be sent any more, nor still be on its way
    there by itself. Then a person asks the mailbox.
    """
    if letter.doubt_until is None or now < letter.doubt_until:
        return False
    return consent is None or consent.state not in {one.value for one in LIVING | LETTERS_GO_ON}


def _steps(finding: Finding, known: Sequence[Row], now: int) -> list[tuple[Status, int, str | None]]:
    """The lines that the history gains: each status once, except that a letter can be parked again."""
    steps: list[tuple[Status, int, str | None]] = []
    if finding.went_out_at is not None and Status.DISPATCHED.value not in {row["status"] for row in known}:
        steps.append((Status.DISPATCHED, finding.went_out_at, None))
    if finding.status is not None and finding.status is not Status.DISPATCHED:
        steps.append((finding.status, now if finding.at is None else finding.at, finding.note))
    return steps


def _history(line: _Line) -> list[history.Line]:
    letter = line.outcome.letter
    return [
        history.Line(letter.id, position, letter.candidate_id, status.value, at, note)
        for position, (status, at, note) in enumerate(line.steps, line.known)
    ]


def _entries(line: _Line) -> list[tuple[Head, Entry]]:
    """What the log says of it. Parking is the operators' business."""
    steps = [(step, note) for step, _, note in line.steps if step is not Status.PARKED]
    return [(line.head, letters.entry_of(line.outcome.letter, step, note)) for step, note in steps]


def _is_told(outcome: _Outcome, consent: ConsentView | None) -> bool:
    if outcome.letter.unit_id == MAILBOX:  # she had it sent to herself
        return False
    in_force = consent is not None and consent.state == State.GRANTED
    return in_force and outcome.finding.note != letters.SUPERSEDED


def _news(line: _Line) -> News:
    letter, state = line.outcome.letter, line.outcome.status.value
    return News(letter.unit_id, "plan", state=state, at=line.at, consent_id=letter.consent_id, plan_id=letter.plan_id)
