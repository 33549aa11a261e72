"""What a candidate reads when a unit that she shared with is closed."""

from __future__ import annotations

from consent_service.consents import closing
from consent_service.identity import registry
from consent_service.identity.units import Unit
from tests.persons.conftest import NOON
from tests.web.conftest import Browser, Town
from tests.web.test_limits import shared


async def another_office(town: Town) -> Unit:
    """One more NAV office."""
    async with town.db.transaction() as tx:
        return await registry.add(
            tx,
            town.keys.service,
            organisation_number="889640782",
            unit_code="0502",
            name="Nav Fosen",
            region="Trøndelag",
            kind=town.nav.kind,
            at=NOON,
        )


async def close(town: Town, unit: Unit, successor: Unit | None) -> None:
    """The operator's command."""
    async with town.db.transaction() as tx:
        successor_id = None if successor is None else successor.id
        await registry.close(tx, town.keys.service, unit.id, successor_id=successor_id, at=town.clock.now())
    found = await closing.find_open(town.db, unit.id, now=town.clock.now())
    await closing.end_all(town.db, town.desk, town.clock, unit.id, found)


async def test_she_reads_why_it_ended_and_to_whom_she_can_turn(town: Town, kari: Browser) -> None:
    """The list, the consent and the log say that the unit was closed; the way to grant the successor is one press."""
    consent = await shared(town, kari)
    await close(town, town.nav, await another_office(town))
    page = (await kari.open(f"/consents/{consent}")).text
    assert "Nav Fosen har tatt over, men har ikke fått det du delte." in page
    assert "Tok slutt fordi enheten er lagt ned" in page
    assert 'href="/share?purpose=guidance_follow_up"' in page
    assert "Tok slutt fordi enheten er lagt ned" in (await kari.open("/consents")).text
    said = "Delingen med Nav Innherred tok slutt fordi enheten er lagt ned."
    assert said in (await kari.open("/log")).text
    assert said in (await kari.open("/overview")).text
    chosen = (await kari.open("/share?purpose=guidance_follow_up")).text
    assert "Nav Fosen" in chosen
    assert "Nav Innherred" not in chosen


async def test_without_a_successor_nobody_is_named(town: Town, kari: Browser) -> None:
    """And what she had ended herself before stays what it was."""
    first, second = await shared(town, kari), await shared(town, kari)
    await kari.open(f"/consents/{first}/revoke")
    await kari.submit(f"/consents/{first}/revoke")
    await close(town, town.nav, None)
    assert "Du trakk det tilbake" in (await kari.open(f"/consents/{first}")).text
    page = (await kari.open(f"/consents/{second}")).text
    assert "Nav Innherred er lagt ned." in page
    assert "Del på nytt" not in page


async def test_a_question_to_a_unit_that_is_closed_falls_away(town: Town, kari: Browser) -> None:
    """It waits no more, and the log says why."""
    consent = await town.ask_mapping()
    assert f"/requests/{consent}" in (await kari.open("/overview")).text
    await close(town, town.training, None)
    assert f"/requests/{consent}" not in (await kari.open("/overview")).text
    page = (await kari.open(f"/consents/{consent}")).text
    assert "Fagopplæringen i Trøndelag er lagt ned." in page
    said = "Et spørsmål falt bort fordi Fagopplæringen i Trøndelag er lagt ned."
    assert said in (await kari.open("/log")).text
