"""What an attempt at a letter came to, and what follows at once from some of the mailbox's words.

The rule: no word of the mailbox's ends a doubt but that it has the letter, or that it never will.
"""

from dataclasses import dataclass, replace

from consent_service.clock import SECOND
from consent_service.delivery._store import Letter
from consent_service.delivery.printing import PRINTED
from consent_service.delivery.states import Status
from consent_service.mailbox import port

NOT_FOUND = "http-404"
"""Why a letter is parked: something was not found that is not its reader."""


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


def known(held: port.Held | port.Unanswered, letter: Letter) -> Finding:
    """What the mailbox said of a letter in doubt, other than a denial."""
    if isinstance(held, port.Unanswered):
        status = Status.PARKED if held.park else None
        return Finding(status, held.reason, doubt_until=letter.doubt_until, unanswered=True)
    if held.delivered_at is None:
        return Finding(Status.DISPATCHED, "held", went_out_at=letter.updated_at, doubt_until=letter.doubt_until)
    note = PRINTED if held.printed else "confirmed"
    return Finding(Status.DELIVERED, note, at=held.delivered_at, went_out_at=held.delivered_at)


def not_a_user(letter: Letter, said: port.NotAUser, identified: port.Identification, note: str) -> Finding:
    """A no to a send (``said``) and a no to who she is. Without the second it is tried again: nothing was taken. If it
    was something else that was not found, a person looks.
    """
    match identified:
        case port.User() if not said.confirmed:
            return Finding(Status.PARKED, NOT_FOUND, doubt_until=letter.doubt_until)
        case port.NotAUser():
            return Finding(Status.UNDELIVERABLE, note)
        case port.User():
            return Finding(None, "a-user-after-all", doubt_until=letter.doubt_until)
        case port.Unanswered(reason=reason):
            return Finding(None, reason, doubt_until=letter.doubt_until)


def not_taken(letter: Letter, outcome: port.Outcome) -> Finding:
    """The mailbox certainly took nothing this time; what earlier attempts left in doubt stays so."""
    match outcome:
        case port.Failed(reason=reason):
            return Finding(Status.FAILED, reason)
        case port.Parked(reason=reason):
            return Finding(Status.PARKED, reason, doubt_until=letter.doubt_until)
        case port.Retry(reason=reason, after=after):
            return Finding(None, reason, wait=micros(after), doubt_until=letter.doubt_until)
    raise AssertionError(outcome)


def micros(seconds: float | None) -> int | None:
    """A wait that the mailbox named, as the clock counts it."""
    return None if seconds is None else int(seconds * SECOND)
