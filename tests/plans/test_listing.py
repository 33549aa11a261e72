from collections.abc import Awaitable, Callable

import pytest

from consent_service.consents.requests import lapse
from consent_service.errors import NotAvailable
from consent_service.identity.units import Unit
from consent_service.plans import listing
from consent_service.plans.listing import MappingState
from consent_service.plans.mapping import Asked
from consent_service.plans.states import State
from tests.plans.conftest import Office


async def seen(office: Office, by: Unit) -> list[MappingState]:
    async with office.db.snapshot() as view:
        return (await listing.page(view, office.desk.keys, by.id, after="", limit=100, now=office.clock.now()))[0]


async def unopened(office: Office, asked: Asked) -> None:
    """She never comes."""


async def opened(office: Office, asked: Asked) -> None:
    """She comes, and does not answer."""
    await office.comes()


async def refused(office: Office, asked: Asked) -> None:
    """She says no."""
    await office.no(await office.comes(), asked)


async def lapsed(office: Office, asked: Asked) -> None:
    """She does not answer, and the sweep has written it down once the time is out."""
    key = await office.comes()
    async with office.db.transaction() as tx:
        await lapse(tx, office.desk, asked.consent_id, key.candidate_id, at=office.clock.now())


@pytest.mark.parametrize("what_she_does", [unopened, opened, refused, lapsed])
async def test_a_no_and_silence_look_alike(
    office: Office, what_she_does: Callable[[Office, Asked], Awaitable[None]]
) -> None:
    """Whatever she does but grant, NAV sees the same in every field until the reply-by time, and the same after it."""
    asked = await office.ask(days=21)
    created = office.clock.now()
    office.clock.advance(days=1)
    await what_she_does(office, asked)

    def expected(state: State, changed_at: int) -> MappingState:
        return MappingState(
            asked.id, asked.consent_id, state, office.nav.id, office.training.id, created, asked.reply_by, changed_at
        )

    assert await seen(office, office.nav) == [expected(State.WAITING, created)]
    assert await seen(office, office.training) == []
    office.clock.advance(days=22)
    await what_she_does(office, asked) if what_she_does is lapsed else None
    assert await seen(office, office.nav) == [expected(State.NOT_GRANTED, asked.reply_by)]
    assert await seen(office, office.training) == []


async def test_a_yes_is_seen_by_both(office: Office) -> None:
    """From the grant on NAV sees granted, and fagopplæring received; nobody else sees anything."""
    _, asked = await office.granted()
    ((nav,), (training,)) = await seen(office, office.nav), await seen(office, office.training)
    assert (nav.state, training.state) == (State.GRANTED, State.RECEIVED)
    assert nav.changed_at == training.changed_at > nav.created_at
    assert await seen(office, office.other_training) == []
    async with office.db.snapshot() as view:
        with pytest.raises(NotAvailable):
            await listing.get(view, office.desk.keys, office.other_training.id, asked.id, now=office.clock.now())
        with pytest.raises(NotAvailable):
            await listing.get(view, office.desk.keys, office.nav.id, "nothing", now=office.clock.now())


async def test_how_the_work_goes_is_seen_by_both(office: Office) -> None:
    """In work and answered are seen by NAV and fagopplæring alike."""
    _, asked = await office.granted()
    await office.report(asked, State.IN_WORK)
    assert {one.state for unit in (office.nav, office.training) for one in await seen(office, unit)} == {State.IN_WORK}
    await office.push(asked.consent_id)
    assert {one.state for unit in (office.nav, office.training) for one in await seen(office, unit)} == {State.ANSWERED}


async def test_pages_join_without_gap_or_double(office: Office) -> None:
    """Page after page gives each request once, also where a page holds some that the unit may not see."""
    asked = {(await office.ask()).id for _ in range(5)}
    found: set[str] = set()
    after = ""
    async with office.db.snapshot() as view:
        while True:
            some, following = await listing.page(
                view, office.desk.keys, office.nav.id, after=after, limit=2, now=office.clock.now()
            )
            assert not found & {one.id for one in some}
            found |= {one.id for one in some}
            if following is None:
                break
            after = following
        empty, following = await listing.page(
            view, office.desk.keys, office.training.id, after="", limit=2, now=office.clock.now()
        )
    assert found == asked
    assert empty == []
    assert following is not None
