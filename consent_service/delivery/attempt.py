"""One attempt at one letter: what the mailbox and the gate say, and what follows from it. Nothing is stored here.

1. in doubt (an earlier attempt may have got through): ask the mailbox. It has the letter: done, or wait for it. It
   denies that, and nobody can tell whether about the sender that the letter went under: no denial, but it may be sent
2. a newer version of the plan has been accepted since: this one is not sent any more. It is looked for again after
   each yes of the gate's
3. fetch what sending needs, so that no call stands between the gate's word and the letter's own request
4. ask the contact register, if there is one and she was told so: whoever has reserved herself gets nothing digitally.
   It is advice: no answer stops no letter. The gate lets her number go for it, and nothing else
5. ask the gate, anew each time. It says no: the letter is cancelled, unless it may be out; then only a denial that
   is final cancels it
6. send at once, under the same ids as ever; nothing if the lease has run out in between (a paused process)
7. she is not a user, or something was not found: ask the mailbox who she is. It says that she is none, and no address
   came with the plan: undeliverable
8. else ask the gate once more, for the address too, and send, to be printed. What the mailbox won't print is
   undeliverable
9. an id was used before: ask the mailbox again. It denies having the letter: while an earlier attempt's request may
   still be on its way in there, ask again later; else the ids are somebody else's, park

The rule: whatever may have left is in doubt until the mailbox says otherwise, and is never sent under other ids, on
paper neither: so the mailbox itself refuses a second letter, whichever way the first one went. Ids are known under one
sender only, so it is asked about and sent again under the sender that it went under, whatever the settings name by now.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from consent_service.clock import SECOND, Clock
from consent_service.consents.checks import NOT_ON_PAPER
from consent_service.consents.gate import NOT_SHARED, DispatchAsk, Dispatched, Refused
from consent_service.delivery._store import Letter
from consent_service.delivery.advice import advice, is_elsewhere
from consent_service.delivery.backoff import Timing
from consent_service.delivery.finding import NOT_FOUND, Finding, known, micros, not_a_user, not_taken
from consent_service.delivery.letters import SUPERSEDED, pdf_of
from consent_service.delivery.printing import PRINTED, Printing, address_ref
from consent_service.delivery.states import OTHER_MAILBOX, RESERVED, Status
from consent_service.errors import Unavailable
from consent_service.mailbox import port
from consent_service.mailbox.port import AuthenticationLevel, Mailbox, OutgoingLetter, SensitivityLevel
from consent_service.mailbox.register import ContactRegister, Reserved, Standing

_ENDED = frozenset({"ended", "unknown"})
_PAUSED = "paused"
_NOT_A_USER = "not-a-user"


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
class Attempt:
    """A letter as it was claimed. ``letter.doubt_until`` is from before the claim; the claim's own is set after it."""

    letter: Letter
    leased_until: int


class Attempts:
    """Makes attempts; keeps nothing between them."""

    def __init__(
        self,
        gate: Dispatching,
        mailbox: Mailbox,
        clock: Clock,
        timing: Timing,
        levels: Levels,
        printing: Printing | None = None,
        register: ContactRegister | None = None,
        *,
        is_superseded: Callable[[str], Awaitable[bool]],
    ) -> None:
        """Take what the steps need. Without ``printing`` none goes on paper; without ``register`` none is looked up.

        ``is_superseded``: whether a newer version has taken a letter's place by now.
        """
        self._gate, self._mailbox, self._clock, self._timing, self._levels = gate, mailbox, clock, timing, levels
        self._printing, self._register, self._is_superseded = printing, register, is_superseded

    async def make(self, attempt: Attempt) -> Finding:
        """Carry out the steps. Raises only what is a fault of ours; the letter is then in doubt."""
        letter = attempt.letter
        denied_at: int | None = None
        # 1. An earlier attempt may have got through.
        if letter.doubt_until is not None:
            asked_at = self._clock.now()
            held = await self._status(letter)
            if not isinstance(held, port.NotHeld):
                return known(held, letter)
            denied_at = asked_at if held.certain else None
        # 2. Nobody is to get what was corrected.
        if letter.superseded:
            return self._stopped(letter, SUPERSEDED, denied_at)
        return await self._hand_over(attempt, denied_at)

    async def _hand_over(self, attempt: Attempt, denied_at: int | None) -> Finding:
        letter = attempt.letter
        # 3. What sending needs, before anybody lets it go.
        unready = await self._mailbox.ready()
        # 4. Has she reserved herself? Her number passes the gate before the letter does.
        answer, standing = await self._pass_gate(letter, look_up=unready is None), None
        if isinstance(answer, Dispatched) and answer.register:
            standing = await advice(self._register, answer)
            if isinstance(standing, Reserved):
                return self._stopped(letter, RESERVED, denied_at, Status.UNDELIVERABLE)
            # 5. The gate, anew.
            answer = await self._pass_gate(letter)
        if not isinstance(answer, Dispatched):
            return self._held_up(letter, answer, denied_at)
        if unready is not None:
            return not_taken(letter, unready)
        # 6. At once, unless the lease has run out.
        outcome = await self._send(attempt, answer)
        if not isinstance(outcome, port.NotAUser):
            return await self._followed(letter, outcome, answer)
        return await self._without_account(attempt, answer, outcome, standing, denied_at)

    async def _status(self, letter: Letter) -> port.DocumentStatus:
        """What the mailbox says of the letter, under the sender that it went under."""
        return await self._mailbox.status(letter.document_uuid, letter.sender_organisation, letter.sent_as)

    async def _pass_gate(
        self, letter: Letter, *, on_paper: bool = False, look_up: bool = False
    ) -> Dispatched | Refused | None:
        """The gate's word on the letter, with its address if it goes ``on_paper``; None if it can't say now.

        Refused too if a newer version was accepted by the moment of the gate's yes.

        ``look_up``: on her number alone, if there is a register to ask and she was told so.
        """
        about = letter.candidate_id, letter.plan_id, letter.plan_version
        address = address_ref(*about) if on_paper else None
        register = self._register is not None and look_up
        ask = DispatchAsk(letter.id, letter.consent_id, letter.candidate_id, pdf_of(*about), address, register)
        try:
            answer = await self._gate.dispatch(ask)
            if isinstance(answer, Dispatched) and await self._is_superseded(letter.id):
                return Refused(SUPERSEDED)
        except Unavailable:
            return None
        return answer

    async def _send(self, attempt: Attempt, answer: Dispatched) -> port.Outcome | None:
        """What came of sending; None if a lease that has run out, and is somebody else's, forbade it."""
        if self._clock.now() >= attempt.leased_until - self._timing.margin:
            return None
        return await self._mailbox.send(self._outgoing(attempt.letter, answer))

    async def _followed(self, letter: Letter, outcome: port.Outcome | None, answer: Dispatched) -> Finding:
        if outcome is None:
            return Finding(None, "lease-ran-out", doubt_until=letter.doubt_until)
        # 9. Used before: by us, or by somebody else?
        if isinstance(outcome, port.Duplicate):
            return await self._confirm(letter, outcome, answer.at)
        return self._sent(letter, outcome, answer.at)

    async def _without_account(
        self,
        attempt: Attempt,
        answer: Dispatched,
        said: port.NotAUser,
        standing: Standing | None,
        denied_at: int | None,
    ) -> Finding:
        letter = attempt.letter
        # 7. Not a user, for sure?
        identified = await self._mailbox.identify(answer.national_id)
        if not (isinstance(identified, port.NotAUser) and identified.confirmed and self._may_print(letter)):
            return not_a_user(letter, said, identified, OTHER_MAILBOX if is_elsewhere(standing) else _NOT_A_USER)
        # 8. On paper, then.
        return await self._print(attempt, denied_at)

    def _may_print(self, letter: Letter) -> bool:
        """Whether there is an address for paper, and the sender is the one whose letters are printed."""
        printing = self._printing
        return printing is not None and bool(letter.printable) and letter.sender_organisation == printing.organisation

    async def _print(self, attempt: Attempt, denied_at: int | None) -> Finding:
        """Send it on paper to who was confirmed to have no account, if the gate lets the address out."""
        letter = attempt.letter
        answer = await self._pass_gate(letter, on_paper=True)
        if isinstance(answer, Refused) and answer.reason in {NOT_ON_PAPER, NOT_SHARED}:
            return Finding(Status.UNDELIVERABLE, _NOT_A_USER)
        if not isinstance(answer, Dispatched):
            return self._held_up(letter, answer, denied_at)
        outcome = await self._send(attempt, answer)
        match outcome:
            case port.NotAUser(confirmed=False):
                return Finding(Status.PARKED, NOT_FOUND, doubt_until=letter.doubt_until)
            case port.NotAUser():
                return Finding(Status.UNDELIVERABLE, _NOT_A_USER)
            case port.Failed(reason=reason):
                return Finding(Status.UNDELIVERABLE, reason)
        return await self._followed(letter, outcome, answer)

    def _outgoing(self, letter: Letter, answer: Dispatched) -> OutgoingLetter:
        printing, address = self._printing, answer.address
        return OutgoingLetter(
            message_id=letter.message_id,
            document_uuid=letter.document_uuid,
            national_id=answer.national_id,
            subject=letter.subject,
            pdf=answer.pdf,
            sender_organisation=letter.sender_organisation,
            sent_as=letter.sent_as,
            authentication_level=self._levels.authentication,
            sensitivity_level=self._levels.sensitivity,
            paper=printing.paper(address) if printing is not None and address is not None else None,
        )

    def _held_up(self, letter: Letter, refused: Refused | None, denied_at: int | None) -> Finding:
        """The gate's no, or that it can't say (None)."""
        if refused is None:
            return Finding(None, "unavailable", doubt_until=letter.doubt_until)
        if refused.reason == _PAUSED:
            wait = self._timing.paused_wait
            return Finding(None, _PAUSED, wait=wait, doubt_until=letter.doubt_until, counts=False)
        if refused.reason == SUPERSEDED:
            return self._stopped(letter, SUPERSEDED, denied_at)
        if refused.reason not in _ENDED:
            return Finding(Status.PARKED, refused.reason, doubt_until=letter.doubt_until)
        return self._stopped(letter, refused.reason, denied_at)

    def _stopped(
        self, letter: Letter, reason: str, denied_at: int | None, status: Status = Status.CANCELLED
    ) -> Finding:
        """Not to be sent any more. A letter that may be out is ended by nothing but a denial that is final."""
        if letter.doubt_until is None:
            return Finding(status, reason)
        if denied_at is None:
            return Finding(None, "sender-unknown", doubt_until=letter.doubt_until, unanswered=True)
        if denied_at >= letter.doubt_until:
            return Finding(status, "denied" if reason in _ENDED else reason)
        wait = letter.doubt_until - self._clock.now()
        return Finding(None, "awaiting-denial", wait=max(wait, SECOND), doubt_until=letter.doubt_until)

    async def _confirm(self, letter: Letter, duplicate: port.Duplicate, at: int) -> Finding:
        held = await self._status(letter)
        match held:
            case port.Held(delivered_at=None):
                return Finding(Status.DISPATCHED, "held", went_out_at=at, doubt_until=self._doubt())
            case port.Held(delivered_at=delivered_at, printed=printed):
                note = PRINTED if printed else "confirmed"
                return Finding(Status.DELIVERED, note, at=delivered_at, went_out_at=at)
            case port.NotHeld() if letter.doubt_until is not None and at < letter.doubt_until:
                # Our own earlier attempt explains it. The refusal of this one adds nothing to the doubt.
                return Finding(Status.DISPATCHED, duplicate.reason, went_out_at=at, doubt_until=letter.doubt_until)
            case port.NotHeld():
                return Finding(Status.PARKED, duplicate.reason, went_out_at=at, doubt_until=self._doubt())
            case port.Unanswered(reason=reason):
                return Finding(Status.DISPATCHED, reason, went_out_at=at, doubt_until=self._doubt())

    def _sent(self, letter: Letter, outcome: port.Outcome, at: int) -> Finding:
        match outcome:
            case port.Accepted(delivered_at=None):
                return Finding(Status.DISPATCHED, None, went_out_at=at, doubt_until=self._doubt())
            case port.Accepted(delivered_at=delivered_at, printed=printed):
                return Finding(Status.DELIVERED, PRINTED if printed else None, at=delivered_at, went_out_at=at)
            case port.Unknown(reason=reason, after=after):
                return Finding(Status.DISPATCHED, reason, went_out_at=at, wait=micros(after), doubt_until=self._doubt())
        return not_taken(letter, outcome)

    def _doubt(self) -> int:
        """From when on a denial is final: what was signed until now is refused by then."""
        return self._clock.now() + self._timing.signature_lives
