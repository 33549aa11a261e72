import pytest

from consent_service.errors import NotAvailable, WrongState
from consent_service.identity import registry
from consent_service.plans.reading import my_request
from consent_service.plans.states import REPORTED, State
from tests.plans.conftest import Office


async def test_words_for_her_reach_her_and_nobody_else(office: Office) -> None:
    """She reads each message with its state and time; NAV hears of the states, without a word."""
    key, asked = await office.granted()
    await office.report(asked, State.IN_WORK, "Vi har begynt.")
    await office.report(asked, State.MORE_INFORMATION_NEEDED, "Har du et vitnemål?")
    async with office.db.snapshot() as view:
        seen = await my_request(view, office.desk.keys, key, asked.id, now=office.clock.now())
    assert seen.state is State.MORE_INFORMATION_NEEDED
    assert [(one.state, one.text) for one in seen.messages] == [
        (State.IN_WORK, "Vi har begynt."),
        (State.MORE_INFORMATION_NEEDED, "Har du et vitnemål?"),
    ]
    assert not [ref for ref in seen.parts if ref.part.startswith("message")]
    assert (await office.events_in(key.candidate_id))[-2:] == [
        "mapping_request.in_work",
        "mapping_request.more_information_needed",
    ]


async def test_nav_hears_of_the_state(office: Office) -> None:
    """The feed of the unit that asked names the request and its state."""
    _, asked = await office.granted()
    await office.report(asked, State.IN_WORK)
    assert [(one.type, one.state) for one in await office.hears(office.nav) if one.mapping_request_id == asked.id] == [
        ("consent", "granted"),
        ("mapping_request", "in_work"),
    ]


async def test_declined_is_the_end(office: Office) -> None:
    """After a declined request there is nothing more to say, and no plan to push."""
    _, asked = await office.granted()
    await office.report(asked, State.DECLINED, "Vi kan dessverre ikke.")
    for state in REPORTED:
        with pytest.raises(WrongState):
            await office.report(asked, state)
    with pytest.raises(WrongState):
        await office.push(asked.consent_id)


async def test_states_that_are_not_said_here_are_a_fault(office: Office) -> None:
    """Answered is said by pushing a plan alone."""
    _, asked = await office.granted()
    with pytest.raises(ValueError, match="with words"):
        await office.report(asked, State.ANSWERED)


async def test_without_a_yes_there_is_nothing_to_report_on(office: Office) -> None:
    """Before the candidate has come, and before she has answered, the request is not there."""
    asked = await office.ask()
    with pytest.raises(NotAvailable):
        await office.report(asked, State.IN_WORK)
    await office.comes()
    with pytest.raises(NotAvailable):
        await office.report(asked, State.IN_WORK)


async def test_nobody_else_reports(office: Office) -> None:
    """Neither the asker nor another county's office can."""
    _, asked = await office.granted()
    for unit in (office.nav, office.other_training):
        with pytest.raises(NotAvailable):
            await office.report(asked, State.IN_WORK, by=unit)


async def test_after_the_end_of_the_consent_nothing_more_is_said(office: Office) -> None:
    """Revoked or expired: the request is no longer fagopplæring's to act on."""
    key, asked = await office.granted()
    await office.revoke(key, asked.consent_id)
    with pytest.raises(NotAvailable):
        await office.report(asked, State.IN_WORK)


async def test_a_disabled_unit_does_nothing(office: Office) -> None:
    """A unit that was disabled in between is judged so in the transaction that acts."""
    _, asked = await office.granted()
    async with office.db.transaction() as tx:
        await registry.disable(tx, office.keys.service, office.training.id, at=office.clock.now())
    with pytest.raises(NotAvailable):
        await office.report(asked, State.IN_WORK)
