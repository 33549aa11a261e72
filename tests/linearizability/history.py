"""Whether a history of concurrent calls on one consent could have happened one call at a time (Wing and Gong 1993).

A consent is a register: ``none → granted ⇄ paused → ended``. Each call takes effect at one instant between its start
and its answer. A history is linearisable if instants can be chosen so that every answer is the one that the register
gives. The search remembers which calls were placed in which state, and never goes there twice (Lowe 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["grant", "release", "revoke", "pause", "resume"]
Outcome = Literal["done", "refused", "unknown"]
State = Literal["none", "granted", "paused", "ended"]

NEVER: Final = 2**63  # when a call was answered that was not

_CHANGES: Final[dict[tuple[Kind, State], State]] = {
    ("grant", "none"): "granted",
    ("release", "granted"): "granted",
    ("revoke", "granted"): "ended",
    ("revoke", "paused"): "ended",
    ("pause", "granted"): "paused",
    ("resume", "paused"): "granted",
}


@dataclass(frozen=True)
class Call:
    """One call: what was asked, what came of it, and when (nanoseconds of one clock)."""

    kind: Kind
    outcome: Outcome
    called: int
    answered: int


def after(state: State, call: Call) -> State | None:
    """Where the register stands if ``call`` takes effect in ``state``; None if it could not answer so.

    A call whose outcome nobody knows is placed where it has an effect, or not at all.
    """
    then = _CHANGES.get((call.kind, state))
    if call.outcome == "refused":
        return state if then is None else None
    return then


def linearizable(calls: Sequence[Call]) -> bool:
    """Whether the calls on one consent have an order that explains every answer."""
    ordered = sorted(
        (call for call in calls if call.outcome != "unknown" or call.kind != "release"), key=lambda one: one.called
    )
    seen: set[tuple[int, int, State]] = set()
    stack: list[tuple[int, int, State]] = [(0, 0, "none")]
    while stack:
        first, placed, state = _trimmed(*stack.pop())
        if all(call.outcome == "unknown" or placed >> i & 1 for i, call in enumerate(ordered[first:])):
            return True
        if (first, placed, state) in seen:
            continue
        seen.add((first, placed, state))
        following = []
        for index in _next(ordered, first, placed):
            then = after(state, ordered[index])
            step = None if then is None else (first, placed | 1 << (index - first), then)
            if step is not None and then == state and ordered[index].outcome != "unknown":
                following = [step]  # what only looks, and fits, can always go first
                break
            following += [] if step is None else [step]
        stack += following
    return False


def _trimmed(first: int, placed: int, state: State) -> tuple[int, int, State]:
    """The same, counted from the first call that is not placed."""
    while placed & 1:
        first, placed = first + 1, placed >> 1
    return first, placed, state


def _next(ordered: Sequence[Call], first: int, placed: int) -> list[int]:
    """Which calls may come next: those that began before any other that is not placed was answered."""
    found, bound = [], NEVER
    for index in range(first, len(ordered)):
        if placed >> (index - first) & 1:
            continue
        if ordered[index].called > bound:
            break
        found.append(index)
        bound = min(bound, ordered[index].answered)
    return found
