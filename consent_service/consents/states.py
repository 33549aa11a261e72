"""A consent's life, as a pure state machine (design section 2).

::

    (new) → requested, pending_confirmation or granted
    requested → granted, refused, cancelled or lapsed
    pending_confirmation → granted, refused or lapsed
    granted ⇄ paused
    granted, paused → revoked, expired, used_up or invalidated

Ends are final. What was consented to never changes; renewal is a new consent.
"""

from enum import StrEnum

from consent_service.errors import ConsentEnded, WrongState


class State(StrEnum):
    """Where a consent stands."""

    REQUESTED = "requested"
    PENDING_CONFIRMATION = "pending_confirmation"
    GRANTED = "granted"
    PAUSED = "paused"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    EXPIRED = "expired"
    USED_UP = "used_up"
    INVALIDATED = "invalidated"


_ENDS_OF_A_GRANT = frozenset({State.REVOKED, State.EXPIRED, State.USED_UP, State.INVALIDATED})

NEXT: dict[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.GRANTED, State.REFUSED, State.CANCELLED, State.LAPSED}),
    State.PENDING_CONFIRMATION: frozenset({State.GRANTED, State.REFUSED, State.LAPSED}),
    State.GRANTED: _ENDS_OF_A_GRANT | {State.PAUSED},
    State.PAUSED: _ENDS_OF_A_GRANT | {State.GRANTED},
}

WAITING = frozenset({State.REQUESTED, State.PENDING_CONFIRMATION})
LIVING = frozenset({State.GRANTED, State.PAUSED})
ENDS = frozenset(State) - WAITING - LIVING

# An accepted letter is the candidate's own: these ends leave it to go (design section 3, "On the way out").
LETTERS_GO_ON = frozenset({State.EXPIRED, State.USED_UP})

# To the asker these look alike until the reply-by date, and are then all "not granted".
UNANSWERED_TO_THE_ASKER = frozenset({State.REQUESTED, State.PENDING_CONFIRMATION, State.REFUSED, State.LAPSED})


# What the log says of an end, or of a request's, that came because a unit was closed.
UNIT_CLOSED = "unit_closed"


def step(present: State, wanted: State) -> State:
    """``wanted``, if it may follow ``present``. Raises ConsentEnded after an end, WrongState otherwise."""
    if present in ENDS:
        raise ConsentEnded
    if wanted not in NEXT[present]:
        raise WrongState
    return wanted


def end(present: State, wanted: State, valid_until: int | None, now: int) -> State:
    """How what is ``present`` ends: the first writer to meet an end that has come writes that end, and not ``wanted``.

    Raises ConsentEnded after an end, WrongState for what never lived.
    """
    if present in ENDS:
        raise ConsentEnded
    if present not in LIVING:
        raise WrongState
    return State.EXPIRED if valid_until is not None and now >= valid_until else wanted


def shown(state: State, valid_until: int | None, now: int, *, exhausted: bool = False) -> State:
    """The state as every view shows it: an end is true from when it comes, before anybody wrote it down."""
    if state in LIVING and valid_until is not None and now >= valid_until:
        return State.EXPIRED
    return State.USED_UP if state in LIVING and exhausted else state


def shown_to_asker(state: State, reply_by: int | None, now: int, *, withdrawn: bool) -> str | None:
    """The state of an unanswered request as the asker sees it, or None once it was granted.

    A no, silence and a request never opened can't be told apart, also not by taking the request back.
    """
    if withdrawn:
        return State.CANCELLED.value
    if reply_by is None or state not in UNANSWERED_TO_THE_ASKER:
        return None
    return State.REQUESTED.value if now < reply_by else "not_granted"
