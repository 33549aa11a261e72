"""The states of a mapping request, and who sees which.

::

    waiting ─┬─> granted = received ─┬─> in_work ──────────────────┬─> answered ─> answered (a newer version)
             │   (the asker's word,  ├─> more_information_needed ──┼─> declined
             └─> not_granted          └────────────────────────────┘

The left half is the candidate's answer, and lives in the consent alone: nothing is stored twice that could come
apart. The right half is fagopplæring's work, and is stored here. The rule this module keeps: to the asker a
candidate who said no, one who let the time pass and one who has not looked yet are the same until the reply-by
time, and to fagopplæring there is nothing at all before the candidate's yes.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """A mapping request's state, as a unit may see it."""

    WAITING = "waiting"
    GRANTED = "granted"
    NOT_GRANTED = "not_granted"
    RECEIVED = "received"
    IN_WORK = "in_work"
    MORE_INFORMATION_NEEDED = "more_information_needed"
    ANSWERED = "answered"
    DECLINED = "declined"


# What fagopplæring's work can have come to. RECEIVED is where it starts.
PROGRESS: Final = frozenset(
    {State.RECEIVED, State.IN_WORK, State.MORE_INFORMATION_NEEDED, State.ANSWERED, State.DECLINED}
)
# What fagopplæring says with words for the candidate; ANSWERED is said by pushing a plan.
REPORTED: Final = frozenset({State.IN_WORK, State.MORE_INFORMATION_NEEDED, State.DECLINED})

_NEXT: Final = {
    State.RECEIVED: frozenset({State.IN_WORK, State.MORE_INFORMATION_NEEDED, State.ANSWERED, State.DECLINED}),
    State.IN_WORK: frozenset({State.MORE_INFORMATION_NEEDED, State.ANSWERED, State.DECLINED}),
    State.MORE_INFORMATION_NEEDED: frozenset(
        {State.MORE_INFORMATION_NEEDED, State.IN_WORK, State.ANSWERED, State.DECLINED}
    ),
    State.ANSWERED: frozenset({State.ANSWERED}),
    State.DECLINED: frozenset[State](),
}

# Consents that the candidate has said yes to, whatever became of them.
_GIVEN: Final = frozenset({"granted", "paused", "revoked", "expired", "used_up", "invalidated"})
_OPEN: Final = frozenset({"requested", "pending_confirmation"})


def may_follow(now: State, then: State) -> bool:
    """Whether fagopplæring's work may go from ``now`` to ``then``."""
    return then in _NEXT.get(now, frozenset())


def seen_by_asker(*, consent: str, progress: State) -> State:
    """What the asker sees of a request, given ``consent``: the state of the consent as the asker may know it.

    There refused, lapsed and unopened are ``requested`` before the reply-by time and ``not_granted`` from then on.
    """
    if consent in _GIVEN:
        return State.GRANTED if progress is State.RECEIVED else progress
    return State.WAITING if consent in _OPEN else State.NOT_GRANTED


def seen_by_candidate(*, consent: str, progress: State) -> State:
    """What the candidate sees: her own answer as she gave it, and then how the work goes."""
    if consent in _GIVEN:
        return progress
    return State.WAITING if consent in _OPEN else State.NOT_GRANTED
