import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.consents.states import State as ConsentState
from consent_service.plans.states import (
    PROGRESS,
    REPORTED,
    State,
    may_follow,
    seen_by_asker,
    seen_by_candidate,
    seen_by_recipient,
)

REPLY_BY = 1_000

progress = st.sampled_from(sorted(PROGRESS))
consents = st.sampled_from(sorted(ConsentState))
instants = st.integers(0, 2 * REPLY_BY)
never_given = st.sampled_from(["requested", "pending_confirmation", "refused", "lapsed", "cancelled"])


def asker(consent: str, at: int, work: State = State.RECEIVED) -> State:
    return seen_by_asker(consent=consent, progress=work, reply_by=REPLY_BY, at=at)


@given(one=never_given, other=never_given, at=instants)
def test_a_no_and_silence_look_alike_to_the_asker(one: str, other: str, at: int) -> None:
    """At no time can the asker tell refused, lapsed, cancelled and not yet opened apart."""
    assert asker(one, at) is asker(other, at)


@given(consent=never_given)
def test_silence_becomes_no_at_the_reply_by_time(consent: str) -> None:
    """Until the reply-by time the asker waits; from that instant on it is not granted."""
    assert asker(consent, REPLY_BY - 1) is State.WAITING
    assert asker(consent, REPLY_BY) is State.NOT_GRANTED


@given(consent=never_given, work=progress)
def test_the_recipient_sees_nothing_before_a_yes(consent: str, work: State) -> None:
    """Without the candidate's yes there is nothing for the recipient to see."""
    assert seen_by_recipient(consent=consent, progress=work) is None


@given(work=progress, at=instants)
def test_after_a_yes_both_units_see_how_the_work_goes(work: State, at: int) -> None:
    """Granted is the asker's word for received; from then on both units and the candidate see the same state."""
    assert seen_by_recipient(consent="granted", progress=work) is work
    assert seen_by_candidate(consent="granted", progress=work) is work
    assert asker("granted", at, work) is (State.GRANTED if work is State.RECEIVED else work)


@given(consent=consents, work=progress, at=instants)
def test_every_state_of_a_consent_is_seen_as_something(consent: str, work: State, at: int) -> None:
    """The functions are total over the states that the consents' room has."""
    assert isinstance(asker(consent, at, work), State)
    assert isinstance(seen_by_candidate(consent=consent, progress=work), State)
    assert seen_by_recipient(consent=consent, progress=work) in {None, work}


def test_the_candidate_sees_her_own_answer() -> None:
    """To herself a no is a no at once."""
    assert seen_by_candidate(consent="requested", progress=State.RECEIVED) is State.WAITING
    assert seen_by_candidate(consent="refused", progress=State.RECEIVED) is State.NOT_GRANTED


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("received", {"in_work", "more_information_needed", "answered", "declined"}),
        ("in_work", {"more_information_needed", "answered", "declined"}),
        ("more_information_needed", {"in_work", "more_information_needed", "answered", "declined"}),
        ("answered", {"answered"}),
        ("declined", set()),
        ("waiting", set()),
        ("granted", set()),
        ("not_granted", set()),
    ],
)
def test_the_work_goes_these_ways_and_no_other(now: str, then: set[str]) -> None:
    """Answered may be answered again (a newer version), declined is final, and nothing follows before a yes."""
    assert {state for state in State if may_follow(State(now), state)} == then


@given(work=st.lists(progress, max_size=8))
def test_every_way_ends_answered_or_declined_or_goes_on(work: list[State]) -> None:
    """Whatever is tried, the work is never put back to received."""
    now = State.RECEIVED
    for then in work:
        if may_follow(now, then):
            now = then
    assert now is State.RECEIVED or now in REPORTED | {State.ANSWERED}
