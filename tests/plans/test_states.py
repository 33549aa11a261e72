import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.consents.states import UNANSWERED_TO_THE_ASKER, shown_to_asker
from consent_service.consents.states import State as ConsentState
from consent_service.plans.states import (
    PROGRESS,
    REPORTED,
    State,
    may_follow,
    seen_by_asker,
    seen_by_candidate,
)

progress = st.sampled_from(sorted(PROGRESS))
consents = st.sampled_from(sorted(ConsentState))
unanswered = st.sampled_from(sorted(UNANSWERED_TO_THE_ASKER))


@given(consent=unanswered, work=progress, until=st.integers(1, 2), now=st.integers(0, 3))
def test_a_no_and_silence_look_alike_to_the_asker(consent: ConsentState, work: State, until: int, now: int) -> None:
    """Refused, lapsed and unopened: waiting before the reply-by time, not granted from then on."""
    shown = shown_to_asker(consent, until, now, withdrawn=False)
    assert shown is not None
    assert seen_by_asker(consent=shown, progress=work) is (State.WAITING if now < until else State.NOT_GRANTED)


@given(work=progress)
def test_after_a_yes_all_see_how_the_work_goes(work: State) -> None:
    """Granted is the asker's word for received; from then on asker and candidate see the same state."""
    assert seen_by_candidate(consent="granted", progress=work) is work
    assert seen_by_asker(consent="granted", progress=work) is (State.GRANTED if work is State.RECEIVED else work)


@given(consent=consents, work=progress)
def test_every_state_of_a_consent_is_seen_as_something(consent: ConsentState, work: State) -> None:
    """The functions are total over the states that the consents' room has, and no yes is seen before it was said."""
    seen = {seen_by_candidate(consent=consent, progress=work), seen_by_asker(consent=consent, progress=work)}
    before_a_yes = {"requested", "pending_confirmation", "refused", "cancelled", "lapsed"}
    assert (seen <= {State.WAITING, State.NOT_GRANTED}) is (consent in before_a_yes)


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
