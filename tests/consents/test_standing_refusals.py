"""Standing refusals: what the candidate refuses once and for all beats whatever was or will be said."""

from __future__ import annotations

import pytest
from prometheus_client import Counter

from consent_service.consents import standing, standing_refusals
from consent_service.consents.gate import Refused, Released
from consent_service.consents.reading import find_for_candidate, find_for_unit
from consent_service.errors import Invalid, StandingRefusalStands, Tampered
from consent_service.storage.engine import Statement
from tests.audit.tampering import tamper
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


async def asked_in_vain(town: Town) -> None:
    """NAV asks: it was refused to her, and to the asker it waits."""
    consent_id = await ask(town)
    async with town.db.snapshot() as view:
        now = town.clock.now()
        assert (
            await find_for_candidate(view, town.desk.keys, town.candidate_id, consent_id, now=now)
        ).state == "refused"
        assert (await find_for_unit(view, town.desk.keys, town.nav.id, consent_id, now=now)).state == "requested"


async def test_a_request_meanwhile_is_refused_for_her_and_looks_like_silence(town: Town) -> None:
    """She is not asked, her list says refused, and the asker sees a request that waits."""
    await place(town, "nav")
    await asked_in_vain(town)


async def test_it_names_a_unit_or_a_kind(town: Town) -> None:
    """Anything else is refused; placing twice changes nothing."""
    with pytest.raises(Invalid):
        await place(town, "somebody")
    await place(town, "nav")
    await place(town, "nav")
    async with town.db.snapshot() as view:
        found = await standing_refusals.of_candidate(view, town.desk.keys, town.candidate_id)
    assert [one.against for one in found] == ["nav"]


CHANGES = {
    "deleted": ("DELETE FROM standing_refusal",),
    "emptied": ("UPDATE standing_refusal SET against = '{}'",),
    "named otherwise": ("UPDATE standing_refusal SET against = REPLACE(against, 'nav', 'vocational_training')",),
    "moved back": ("UPDATE standing_refusal SET position = position - 1",),
    "without proof": ("UPDATE standing_refusal SET mac = (SELECT digest FROM chain WHERE chain_id = 'service')",),
    "deleted with its head's word": ("DELETE FROM standing_refusal", "UPDATE chain SET steps = '{}'"),
    "deleted with its entry": ("DELETE FROM standing_refusal", "DELETE FROM entry WHERE event LIKE 'standing%'"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_one_that_was_changed_or_taken_lets_nothing_out(town: Town, change: str) -> None:
    """Whom she refuses is not known then: the gate refuses with an alarm, and what is there is not written over."""
    consent = await town.grant()
    await place(town, "nav")
    await tamper(town.db, *CHANGES[change])
    before = alarms(standing.TAMPERED), alarms(standing_refusals.TAMPERED)
    for _ in range(2):  # the refusal's own entry in her chain mends nothing
        assert await town.release(consent.id) == Refused("tampered")
    assert alarms(standing.TAMPERED) == before[0] + 2
    assert alarms(standing_refusals.TAMPERED) > before[1] or "head" in change
    read = Statement("SELECT * FROM standing_refusal")
    async with town.db.snapshot() as view:
        rows = [dict(row) for row in await view.rows(read)]
    for act in (place, lift):
        with pytest.raises(Tampered):
            await act(town, "nav")
    async with town.db.snapshot() as view:
        assert [dict(row) for row in await view.rows(read)] == rows


async def test_one_put_back_as_it_once_was_lets_nothing_out(town: Town) -> None:
    """Its MAC is sound, and the log has gone on."""
    consent = await town.grant()
    await place(town, town.other_nav.id)
    async with town.db.snapshot() as view:
        row = await view.row(Statement("SELECT against, position, mac FROM standing_refusal"))
    assert row is not None
    await place(town, "nav")
    await tamper(
        town.db, "UPDATE standing_refusal SET against = :against, position = :position, mac = :mac", **dict(row)
    )
    assert await town.release(consent.id) == Refused("tampered")


async def test_when_one_was_taken_she_grants_nothing_and_requests_are_refused_for_her(town: Town) -> None:
    """She is told that something was changed, and the asker of the silence of every no."""
    await place(town, "nav")
    await tamper(town.db, "DELETE FROM standing_refusal")
    with pytest.raises(Tampered):
        await town.grant()
    await asked_in_vain(town)


async def test_lifted_all_is_not_the_same_as_never_placed(town: Town) -> None:
    """The row that says so stays; without it nothing goes out, and nobody can say that she never refused."""
    consent = await town.grant()
    await place(town, "nav")
    await lift(town, "nav")
    assert isinstance(await town.release(consent.id), Released)
    await tamper(town.db, "DELETE FROM standing_refusal")
    assert await town.release(consent.id) == Refused("tampered")


def alarms(counter: Counter) -> float:
    """How many there were."""
    return next(sample.value for metric in counter.collect() for sample in metric.samples)
