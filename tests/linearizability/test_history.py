"""The checker itself: it accepts what could have happened and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.linearizability.history import NEVER, Call, Kind, Outcome, State, after, linearizable


def calls(*told: tuple[Any, Any, int, int]) -> list[Call]:
    """A consent granted at 0, and what followed."""
    return [Call("grant", "done", 0, 1), *(Call(*one) for one in told)]


def test_what_overlaps_a_revoke_may_go_either_way() -> None:
    """A release that began before the revoke was answered may succeed or not; after it, it may not."""
    revoke = ("revoke", "done", 10, 20)
    for outcome in ("done", "refused"):
        assert linearizable(calls(revoke, ("release", outcome, 19, 40)))
    assert linearizable(calls(revoke, ("release", "refused", 21, 40)))
    assert not linearizable(calls(revoke, ("release", "done", 21, 40)))


def test_what_was_refused_once_stays_refused() -> None:
    """Two releases during a revoke: the later one can't see less of the revoke than the earlier one saw."""
    revoke = ("revoke", "done", 10, 100)
    assert linearizable(calls(revoke, ("release", "done", 20, 30), ("release", "refused", 40, 50)))
    assert not linearizable(calls(revoke, ("release", "refused", 20, 30), ("release", "done", 40, 50)))


def test_a_call_whose_outcome_is_unknown_may_have_happened_or_not() -> None:
    """A revoke that was never answered may take effect at any time from its start, or never; not before."""
    lost = ("revoke", "unknown", 10, NEVER)
    assert linearizable(calls(lost, ("release", "done", 20, 30)))
    assert linearizable(calls(lost, ("release", "done", 20, 30), ("release", "refused", 40, 50)))
    assert not linearizable(calls(lost, ("release", "refused", 20, 30), ("release", "done", 40, 50)))
    assert not linearizable(calls(lost, ("release", "refused", 2, 5)))


def test_only_one_revoke_ends_it() -> None:
    """Of two revokes at once one ends the consent and the other hears that it has ended."""
    assert linearizable(calls(("revoke", "done", 10, 30), ("revoke", "refused", 11, 31)))
    assert not linearizable(calls(("revoke", "done", 10, 30), ("revoke", "done", 11, 31)))


def test_a_pause_is_a_register_of_its_own() -> None:
    """While it is paused nothing is released; resumed it is; what is paused can be revoked."""
    pause, resume = ("pause", "done", 10, 20), ("resume", "done", 30, 40)
    assert linearizable(calls(pause, ("release", "refused", 21, 25), resume, ("release", "done", 41, 45)))
    assert not linearizable(calls(pause, ("release", "done", 21, 25), resume))
    assert not linearizable(calls(pause, resume, ("release", "refused", 41, 45)))
    assert linearizable(calls(pause, ("revoke", "done", 21, 25), ("resume", "refused", 30, 40)))


def by_trying_every_order(history: Sequence[Call]) -> bool:
    """The definition, word for word."""
    unknown = [call for call in history if call.outcome == "unknown"]
    for left_out in itertools.chain.from_iterable(itertools.combinations(unknown, n) for n in range(len(unknown) + 1)):
        kept = [call for call in history if call not in left_out]
        for order in itertools.permutations(kept):
            in_time = all(not b.answered < a.called for a, b in itertools.combinations(order, 2))
            state: State | None = "none"
            for call in order if in_time else ():
                state = after(state, call) if state is not None else None
            if in_time and state is not None:
                return True
    return False


@st.composite
def histories(draw: st.DrawFn) -> list[Call]:
    """Up to five calls, all mixed up in time."""
    found = [Call("grant", "done", 0, 1)]
    for number in range(draw(st.integers(0, 4))):
        kind: Kind = draw(st.sampled_from(["release", "release", "revoke", "pause", "resume"]))
        outcome: Outcome = draw(st.sampled_from(["done", "done", "refused", "unknown"]))
        called = 2 + draw(st.integers(0, 8)) * 10 + number
        answered = NEVER if outcome == "unknown" else called + draw(st.integers(1, 40)) * 5 + 5
        found.append(Call(kind, outcome, called, answered))
    return found


@settings(max_examples=400, deadline=None)
@given(histories())
def test_it_says_what_trying_every_order_says(history: list[Call]) -> None:
    """The search with its memory and shortcuts agrees with the definition."""
    assert linearizable(history) == by_trying_every_order(history)
