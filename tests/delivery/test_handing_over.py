"""Whose a plan is, before and after the mailbox has confirmed it."""

from __future__ import annotations

import pytest

from consent_service.storage.engine import Statement
from consent_service.vault.seal import holdings
from tests.delivery.conftest import CONTROLLER, Office
from tests.delivery.test_worker import OLA


async def held_for(office: Office, candidate_id: str) -> set[str]:
    """For whom the parts of her plan are held."""
    async with office.db.snapshot() as view:
        return {one.held_for for one in await holdings(view, candidate_id) if one.ref.resource == "plan"}


async def test_a_delivered_plan_is_held_for_the_controller(office: Office) -> None:
    """Until the mailbox confirms that it has it, it is its sender's; from then on the controller's."""
    candidate = await office.candidate()
    await office.letter(await office.consent(candidate))
    before = await held_for(office, candidate)
    assert CONTROLLER.organisation_number not in before
    await office.work()
    assert await held_for(office, candidate) == {CONTROLLER.organisation_number}


@pytest.mark.parametrize("why", ["undeliverable", "cancelled"])
async def test_one_that_never_came_stays_its_senders(office: Office, why: str) -> None:
    """Without a confirmed delivery nothing changes hands."""
    candidate = await office.candidate(OLA) if why == "undeliverable" else await office.candidate()
    consent = await office.consent(candidate)
    await office.letter(consent)
    before = await held_for(office, candidate)
    if why == "cancelled":
        await office.revoke(consent)
    await office.work()
    async with office.db.snapshot() as view:
        assert await view.value(Statement("SELECT status FROM letter")) == why
    assert await held_for(office, candidate) == before
