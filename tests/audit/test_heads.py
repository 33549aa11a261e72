"""The heads of the chains: what they know, and that nobody else can tell them."""

from __future__ import annotations

import pytest

from consent_service.audit.log import Entry, last_steps, last_words
from consent_service.storage.engine import Database
from tests.audit.tampering import tamper
from tests.audit.test_log import ANNA, ASKED, BERIT, KEY, chains, write

__all__ = ["chains"]


async def test_a_head_says_where_the_last_words_stand(chains: Database) -> None:
    """Of consents that go on, and of what is refused once and for all; of one that has ended nothing is kept."""

    def step(event: str, consent_id: str) -> Entry:
        return Entry(event, "candidate", consent_id=consent_id, changes_state=True)

    async with chains.snapshot() as view:
        assert await last_words(view, KEY, ANNA) == {}
        assert await last_words(view, KEY, "nobody") is None
    await write(chains, (ANNA, step("consent.granted", "c1")), (ANNA, step("consent.granted", "c2")), (ANNA, ASKED))
    await write(chains, (ANNA, Entry("standing_refusal.placed", "candidate", outcome="nav")))
    await write(chains, (ANNA, step("consent.revoked", "c1")), (ANNA, step("consent.paused", "c2")))
    async with chains.snapshot() as view:
        assert await last_words(view, KEY, ANNA) == {"c2": 5, "standing_refusal": 3}


@pytest.mark.parametrize(
    "change",
    [
        "length = length - 1",
        "digest = (SELECT digest FROM entry WHERE chain_id = 'anna' AND position = 0)",
        "last_at = last_at - 1",
        "steps = '{}'",
        "steps = ''",
        "mac = (SELECT mac FROM chain WHERE chain_id = 'berit')",
        "chain_id = 'carl'",
    ],
)
async def test_a_head_that_somebody_changed_is_proven_no_more(chains: Database, change: str) -> None:
    """Nothing in it is believed, neither now nor after the service has moved it on."""
    granted = Entry("consent.granted", "candidate", consent_id="c1", changes_state=True)
    await write(chains, (ANNA, ASKED), (ANNA, granted), (BERIT, ASKED))
    await tamper(chains, f"UPDATE chain SET {change} WHERE chain_id = 'anna'")
    chain_id = "carl" if "carl" in change else ANNA
    async with chains.snapshot() as view:
        assert await last_words(view, KEY, chain_id) is None
        assert await last_steps(view, KEY, ["c1"]) in ({"c1": (ANNA, -1, False)}, {})
    if "length" not in change:
        await write(chains, (chain_id, ASKED))
        async with chains.snapshot() as view:
            assert await last_words(view, KEY, chain_id) is None
