"""One attempt at one letter: what the mailbox and the gate say, and what follows from it. Nothing is stored here.

1. in doubt (an earlier attempt may have got through): ask the mailbox. It has the letter: done, or wait for it
2. a newer version of the plan has been accepted since: this one is not sent any more
3. ask the gate, anew each time. It says no: the letter is cancelled, unless it may be out; then only a denial that
   is final cancels it
4. the lease has run out in between (a paused process): send nothing
5. send, under the same ids as ever
6. she is not a user: ask the mailbox who she is. It says the same: undeliverable
7. an id was used before: ask the mailbox again. It denies having the letter: the ids are somebody else's, park

The rule: whatever may have left is in doubt until the mailbox says otherwise, and is never sent under other ids.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from consent_service.clock import SECOND, Clock
from consent_service.consents.gate import DispatchAsk, Dispatched, Refused
from consent_service.delivery._store import Letter
from consent_service.delivery.backoff import Timing
from consent_service.delivery.letters import SUPERSEDED, pdf_of
from consent_service.delivery.states import Status
from consent_service.errors import Unavailable
from consent_service.mailbox import port
from consent_service.mailbox.port import AuthenticationLevel, Mailbox, OutgoingLetter, SensitivityLevel

_ENDED = frozenset({"ended", "unknown"})
_PAUSED = "paused"


class Dispatching(Protocol):
    """The gate's half that the outbox sees."""

    async def dispatch(self, ask: DispatchAsk) -> Dispatched | Refused:
        """See ``consents.gate.Gate.dispatch``."""
        ...


@dataclass(frozen=True)
class Levels:
    """How every letter is sent, by the operator's settings."""

    authentication: AuthenticationLevel = AuthenticationLevel.IDPORTEN_4
    sensitivity: SensitivityLevel = SensitivityLevel.SENSITIVE


@dataclass(frozen=True)
class Finding:
    """What an attempt came to.

    ``status`` is None to stay where the letter is, and ``at`` the instant that belongs to it. ``went_out_at`` is when
    content was let go to the mailbox, if it was. ``wait`` is how long until the next attempt, None for the schedule.
    ``doubt_until`` is None when the mailbox certainly has nothing of the letter that we do not know of. ``counts`` is
    False for a wait that is nobody's fault. ``unanswered``: the mailbox did not say whether it has the letter.
    """

    status: Status | None
    note: str | None
    at: int | None = None
    went_out_at: int | None = None
    wait: int | None = None
    doubt_until: int | None = None
    counts: bool = True
    unanswered: bool = False

    def parked(self, note: str) -> "Finding":
        """The same, but waiting for an operator."""
        return replace(self, status=Status.PARKED, note=note)


@dataclass(frozen=True)
class Attempt:
    """A letter as it was claimed. ``letter.doubt_until`` is from before the claim; the claim's own is set after it."""

    letter: Letter
    leased_until: int


class Attempts:
    """Makes attempts; keeps nothing between them."""

    def __init__(self, gate: Dispatching, mailbox: Mailbox, clock: Clock, timing: Timing, levels: Levels) -> None:
        """Take what the steps need."""
        self._gate, self._mailbox, self._clock, self._timing, self._levels = gate, mailbox, clock, timing, levels

    async def make(self, attempt: Attempt) -> Finding:
        """Carry out the steps. Raises only what is a fault of ours; the letter is then in doubt."""
        letter = attempt.letter
        denied_at: int | None = None
        # 1. An earlier attempt may have got through.
        if letter.doubt_until is not None:
            asked_at = self._clock.now()
            held = await self._mailbox.status(letter.document_uuid, letter.sender_organisation)
            if not isinstance(held, port.NotHeld):
                return self._known(held, letter)
            denied_at = asked_at
        # 2. Nobody is to get what was corrected.
        if letter.superseded:
            return self._stopped(letter, SUPERSEDED, denied_at)
        # 3. The gate, anew.
        ask = DispatchAsk(
            letter.id,
            letter.consent_id,
            letter.candidate_id,
            pdf_of(letter.candidate_id, letter.plan_id, letter.plan_version),
        )
        try:
            answer = await self._gate.dispatch(ask)
        except Unavailable:
            return Finding(None, "unavailable", doubt_until=letter.doubt_until)
        if isinstance(answer, Refused):
            return self._refused(letter, answer, denied_at)
        return await self._send(attempt, answer)

    async def _send(self, attempt: Attempt, answer: Dispatched) -> Finding:
        letter = attempt.letter
        # 4. A lease that has run out is somebody else's.
        if self._clock.now() >= attempt.leased_until - self._timing.margin:
            return Finding(None, "lease-ran-out", doubt_until=letter.doubt_until)
        # 5. Send.
        outcome = await self._mailbox.send(self._outgoing(letter, answer))
        # 6. Not a user, for sure?
        if isinstance(outcome, port.NotAUser):
            return self._not_a_user(letter, await self._mailbox.identify(answer.national_id))
        # 7. Used before: by us, or by somebody else?
        if isinstance(outcome, port.Duplicate):
            return await self._confirm(letter, outcome, answer.at)
        return self._sent(letter, outcome, answer.at)

    def _outgoing(self, letter: Letter, answer: Dispatched) -> OutgoingLetter:
        return OutgoingLetter(
            message_id=letter.message_id,
            document_uuid=letter.document_uuid,
            national_id=answer.national_id,
            subject=letter.subject,
            pdf=answer.pdf,
            sender_organisation=letter.sender_organisation,
            authentication_level=self._levels.authentication,
            sensitivity_level=self._levels.sensitivity,
        )

    def _known(self, held: port.Held | port.Unanswered, letter: Letter) -> Finding:
        """What the mailbox said of a letter in doubt, other than a denial."""
        if isinstance(held, port.Unanswered):
            return Finding(None, held.reason, doubt_until=letter.doubt_until, unanswered=True)
        if held.delivered_at is None:
            return Finding(Status.DISPATCHED, "held", went_out_at=letter.updated_at, doubt_until=letter.doubt_until)
        return Finding(Status.DELIVERED, "confirmed", at=held.delivered_at, went_out_at=held.delivered_at)

    def _refused(self, letter: Letter, refused: Refused, denied_at: int | None) -> Finding:
        """The gate's no."""
        if refused.reason == _PAUSED:
            wait = self._timing.paused_wait
            return Finding(None, _PAUSED, wait=wait, doubt_until=letter.doubt_until, counts=False)
        if refused.reason not in _ENDED:
            return Finding(Status.PARKED, refused.reason, doubt_until=letter.doubt_until)
        return self._stopped(letter, refused.reason, denied_at)

    def _stopped(self, letter: Letter, reason: str, denied_at: int | None) -> Finding:
        """Not to be sent any more. A letter that may be out is cancelled by nothing but a denial that is final."""
        if letter.doubt_until is None:
            return Finding(Status.CANCELLED, reason)
        assert denied_at is not None
        if denied_at >= letter.doubt_until:
            return Finding(Status.CANCELLED, "denied" if reason in _ENDED else reason)
        wait = letter.doubt_until - self._clock.now()
        return Finding(None, "awaiting-denial", wait=max(wait, SECOND), doubt_until=letter.doubt_until)

    async def _confirm(self, letter: Letter, duplicate: port.Duplicate, at: int) -> Finding:
        held = await self._mailbox.status(letter.document_uuid, letter.sender_organisation)
        match held:
            case port.Held(delivered_at=None):
                return Finding(Status.DISPATCHED, "held", went_out_at=at, doubt_until=self._doubt())
            case port.Held(delivered_at=delivered_at):
                return Finding(Status.DELIVERED, "confirmed", at=delivered_at, went_out_at=at)
            case port.NotHeld():
                return Finding(Status.PARKED, duplicate.reason, went_out_at=at, doubt_until=self._doubt())
            case port.Unanswered(reason=reason):
                return Finding(Status.DISPATCHED, reason, went_out_at=at, doubt_until=self._doubt())

    def _sent(self, letter: Letter, outcome: port.Outcome, at: int) -> Finding:
        match outcome:
            case port.Accepted(delivered_at=None):
                return Finding(Status.DISPATCHED, None, went_out_at=at, doubt_until=self._doubt())
            case port.Accepted(delivered_at=delivered_at):
                return Finding(Status.DELIVERED, None, at=delivered_at, went_out_at=at)
            case port.Unknown(reason=reason, after=after):
                return Finding(
                    Status.DISPATCHED, reason, went_out_at=at, wait=_micros(after), doubt_until=self._doubt()
                )
        return self._not_taken(letter, outcome)

    def _not_a_user(self, letter: Letter, identified: port.Identification) -> Finding:
        """A no to a send and a no to who she is. Without the second it is tried again: nothing was taken."""
        match identified:
            case port.NotAUser():
                return Finding(Status.UNDELIVERABLE, "not-a-user")
            case port.User():
                return Finding(None, "a-user-after-all", doubt_until=letter.doubt_until)
            case port.Unanswered(reason=reason):
                return Finding(None, reason, doubt_until=letter.doubt_until)

    def _not_taken(self, letter: Letter, outcome: port.Outcome) -> Finding:
        """The mailbox certainly took nothing this time; what earlier attempts left in doubt stays so."""
        match outcome:
            case port.Failed(reason=reason):
                return Finding(Status.FAILED, reason)
            case port.Parked(reason=reason):
                return Finding(Status.PARKED, reason, doubt_until=letter.doubt_until)
            case port.Retry(reason=reason, after=after):
                return Finding(None, reason, wait=_micros(after), doubt_until=letter.doubt_until)
        raise AssertionError(outcome)

    def _doubt(self) -> int:
        """From when on a denial is final: what was signed until now is refused by then."""
        return self._clock.now() + self._timing.signature_lives


def _micros(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * SECOND)
