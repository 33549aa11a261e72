"""The life of a consent, as a pure state machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.audit import vocabulary
from consent_service.consents.states import ENDS, LIVING, NEXT, WAITING, State, shown, shown_to_asker, step
from consent_service.errors import ConsentEnded, WrongState

STATES = st.sampled_from(list(State))


def test_every_state_waits_lives_or_has_ended() -> None:
    """The three kinds of states are apart and complete, and only ends lead nowhere."""
    assert set(State) == WAITING | LIVING | ENDS
    assert not WAITING & LIVING
    assert set(NEXT) == WAITING | LIVING


@given(STATES, STATES)
def test_a_step_is_taken_or_refused(present: State, wanted: State) -> None:
    """A step that the table names is taken; an end is final; anything else is a wrong state."""
    if present in ENDS:
        with pytest.raises(ConsentEnded):
            step(present, wanted)
    elif wanted in NEXT[present]:
        assert step(present, wanted) is wanted
    else:
        with pytest.raises(WrongState):
            step(present, wanted)


@given(st.lists(STATES, max_size=12))
def test_nothing_is_in_force_after_an_end(path: list[State]) -> None:
    """However the steps are tried, no consent lives again once it has ended."""
    present, ended = State.REQUESTED, False
    for wanted in path:
        try:
            present = step(present, wanted)
        except (ConsentEnded, WrongState):
            continue
        assert not (ended and present in LIVING)
        ended = ended or present in ENDS


@given(STATES, st.integers(0, 10), st.integers(0, 10))
def test_an_end_that_has_come_shows_before_it_is_written(state: State, until: int, now: int) -> None:
    """From valid_until on, what lives shows as expired; nothing else changes."""
    assert shown(state, until, now) is (State.EXPIRED if state in LIVING and now >= until else state)


@given(st.integers(0, 10), st.integers(0, 10))
def test_a_no_looks_like_silence_to_the_asker(reply_by: int, now: int) -> None:
    """Refused, lapsed and never opened are one and the same at every moment."""
    seen = {
        shown_to_asker(state, reply_by, now, withdrawn=False)
        for state in (State.REQUESTED, State.REFUSED, State.LAPSED, State.PENDING_CONFIRMATION)
    }
    assert seen == {"requested" if now < reply_by else "not_granted"}


def test_the_log_knows_what_ends_a_consent() -> None:
    """Of a consent that goes on, the head of a chain keeps the last step: every end, and nothing else, takes it out."""
    assert {f"consent.{state.value}" for state in ENDS} == vocabulary.ENDS
    assert vocabulary.EVENTS.keys() >= vocabulary.ENDS
