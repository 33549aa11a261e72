"""Standing refusals: what the candidate refuses once and for all beats whatever was or will be said."""

from __future__ import annotations

import pytest

from consent_service.consents import standing_refusals
from consent_service.consents.gate import Refused, Released
from consent_service.consents.reading import find_for_candidate, find_for_unit
from consent_service.errors import Invalid, StandingRefusalStands
from tests.consents.conftest import Town
from tests.consents.requesting import ask


async def place(town: Town, against: str) -> None:
    """The candidate refuses."""
    async with town.db.transaction() as tx:
        await standing_refusals.place(tx, town.desk, town.candidate_id, against, now=town.clock.now())


async def lift(town: Town, against: str) -> None:
    """She lifts it."""
    async with town.db.transaction() as tx:
        await standing_refusals.lift(tx, town.desk, town.candidate_id, against, now=town.clock.now())


@pytest.mark.parametrize("by_kind", [True, False])
async def test_it_beats_a_consent_in_force_until_it_is_lifted(town: Town, by_kind: bool) -> None:
    """The gate refuses the unit, or every unit of the kind; lifted, the consent counts again."""
    consent = await town.grant()
    against = "nav" if by_kind else town.nav.id
    await place(town, against)
    assert await town.release(consent.id) == Refused("standing_refusal")
    await lift(town, against)
    assert isinstance(await town.release(consent.id), Released)


async def test_nothing_is_granted_against_it(town: Town) -> None:
    """She is told to lift it first; another unit of another kind is not concerned."""
    await place(town, "nav")
    with pytest.raises(StandingRefusalStands):
        await town.grant()
    await lift(town, "nav")
    await place(town, town.other_nav.id)
    await town.grant()


async def test_a_request_meanwhile_is_refused_for_her_and_looks_like_silence(town: Town) -> None:
    """She is not asked, her list says refused, and the asker sees a request that waits."""
    await place(town, "nav")
    consent_id = await ask(town)
    async with town.db.snapshot() as view:
        now = town.clock.now()
        assert (await find_for_candidate(view, town.candidate_id, consent_id, now=now)).state == "refused"
        assert (await find_for_unit(view, town.nav.id, consent_id, now=now)).state == "requested"


async def test_it_names_a_unit_or_a_kind(town: Town) -> None:
    """Anything else is refused; placing twice changes nothing."""
    with pytest.raises(Invalid):
        await place(town, "somebody")
    await place(town, "nav")
    await place(town, "nav")
    async with town.db.snapshot() as view:
        assert [one.against for one in await standing_refusals.of_candidate(view, town.candidate_id)] == ["nav"]
