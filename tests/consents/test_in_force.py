"""When a consent is in force, to the microsecond, and when it is not."""

from __future__ import annotations

from consent_service.consents import endings, grants
from consent_service.consents.gate import Refused, Released
from consent_service.consents.standing import terms_of
from tests.consents.conftest import Town


async def test_what_she_paused_is_refused_until_she_resumes(town: Town) -> None:
    """Pausing refuses each release, as paused; resuming lets the same consent be used again."""
    consent = await town.grant()
    assert isinstance(await town.release(consent.id), Released)
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    assert await town.release(consent.id) == Refused("paused")
    assert await town.release(consent.id) == Refused("paused")
    keyring = await town.keyring(town.nav.id)
    async with town.db.transaction() as tx:
        await grants.resume(tx, town.desk, keyring, consent.id, now=town.clock.now())
    assert isinstance(await town.release(consent.id), Released)


async def test_the_end_is_the_first_instant_that_is_refused(town: Town) -> None:
    """The last microsecond before ``valid_until`` is in force; ``valid_until`` itself, and all after it, are not."""
    consent = await town.grant()
    until = terms_of(consent).valid_until
    town.clock.advance(seconds=(until - 1 - town.clock.now()) / 1_000_000)
    assert town.clock.now() == until - 1
    assert isinstance(await town.release(consent.id), Released)
    town.clock.advance(seconds=1 / 1_000_000)
    assert town.clock.now() == until
    assert await town.release(consent.id) == Refused("expired")
