"""Endings: what was shared is gone with the consent, or while it is paused; and she alone ends what is hers."""

from __future__ import annotations

import pytest

from consent_service.consents import endings, grants
from consent_service.errors import NotAvailable
from consent_service.persons.arrival import arrive
from consent_service.storage.engine import Statement
from tests.consents.conftest import CONTROLLER, Town, nid

HELD = Statement("SELECT COUNT(*) FROM share WHERE consent_id = :id")


async def held(town: Town, consent_id: str) -> int:
    """How many shares there are under a consent."""
    async with town.db.snapshot() as view:
        return int(await view.value(HELD, id=consent_id))


async def test_the_shares_go_with_the_consent(town: Town) -> None:
    """In the transaction that ends it, and with those of no other."""
    ended, other = await town.grant(), await town.grant()
    before = await held(town, other.id)
    assert before > 2
    await town.revoke(ended.id)
    assert (await held(town, ended.id), await held(town, other.id)) == (0, before)


async def test_the_shares_are_gone_while_it_is_paused(town: Town) -> None:
    """And are made anew when she lets it go on."""
    consent = await town.grant()
    before, keyring = await held(town, consent.id), await town.keyring(town.nav.id)
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    assert await held(town, consent.id) == 0
    async with town.db.transaction() as tx:
        await grants.resume(tx, town.desk, keyring, consent.id, now=town.clock.now())
    assert await held(town, consent.id) == before


async def test_nobody_ends_what_is_anothers(town: Town) -> None:
    """To somebody else it is not there, and stays as it is."""
    consent = await town.grant()
    other = await arrive(
        town.db, town.keys, town.clock, nid("20914695016"), held_for=CONTROLLER.organisation_number, receivers={}
    )
    for verb in (endings.revoke, endings.pause, endings.refuse):
        with pytest.raises(NotAvailable):
            async with town.db.transaction() as tx:
                await verb(tx, town.desk, other, consent.id, now=town.clock.now())
    assert await held(town, consent.id) > 2
