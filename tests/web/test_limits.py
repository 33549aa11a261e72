"""Pausing what was shared, and saying no once and for all."""

from consent_service.consents.gate import Refused, Released
from tests.web.conftest import Browser, Town, id_in, parts_of


async def shared(town: Town, kari: Browser) -> str:
    """Kari shares a part with NAV; the consent."""
    await kari.open("/share")
    await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    return id_in((await kari.submit("/share")).url)


async def test_what_is_paused_gives_nothing_until_it_is_resumed(town: Town, kari: Browser) -> None:
    """Pause and resume are one press each, and the pages say which it is."""
    consent = await shared(town, kari)
    page = await kari.submit(f"/consents/{consent}/pause")
    assert "Nav Innherred kan ikke hente noe nå." in page.text
    assert isinstance(await town.release(consent), Refused)
    page = await kari.submit(f"/consents/{consent}/resume")
    assert "Delingen gjelder igjen." in page.text
    town.clock.advance(seconds=5)
    assert isinstance(await town.release(consent), Released)


async def test_a_block_holds_for_what_was_shared_before(town: Town, kari: Browser) -> None:
    """A blocked unit gets nothing, the overview says so, and what was shared counts again when the block is lifted."""
    consent = await shared(town, kari)
    await kari.open("/blocks")
    page = await kari.submit("/blocks", against=town.nav.id)
    assert "Sperringen gjelder fra nå." in page.text
    assert isinstance(await town.release(consent), Refused)
    page = await kari.open("/overview")
    assert "Du har sperret for: Nav Innherred." in page.text
    assert "Ingen andre enn du kan se noe nå." in page.text
    await kari.open("/blocks")
    page = await kari.submit("/blocks/lift")
    assert "Sperringen er opphevet." in page.text
    town.clock.advance(seconds=5)
    assert isinstance(await town.release(consent), Released)


async def test_a_block_on_a_kind_answers_requests_too(town: Town, kari: Browser) -> None:
    """What a blocked recipient is asked for gets a no for her, which the log says in words."""
    await kari.open("/blocks")
    await kari.submit("/blocks", against="vocational_training")
    consent = await town.ask_mapping()
    page = await kari.open("/overview")
    assert f"/requests/{consent}" not in page.text
    assert "Fagopplæringen: alle" in page.text
    log = (await kari.open("/log")).text
    assert "Du sperret for Fagopplæringen." in log
    assert "fordi du har sperret for mottakeren" in log


async def test_sharing_with_whom_one_blocked_is_stopped_before_the_preview(town: Town, kari: Browser) -> None:
    """The page says why, and what to do."""
    await kari.open("/blocks")
    await kari.submit("/blocks", against="nav")
    await kari.open("/share")
    page = await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    assert page.status_code == 422
    assert "Du har sperret for Nav Innherred." in page.text


async def test_a_block_is_against_somebody(kari: Browser) -> None:
    """Nothing chosen, or somebody who is not there, is asked for again."""
    await kari.open("/blocks")
    for nobody in ("", "employer", "00000000-0000-4000-8000-000000000000"):
        page = await kari.submit("/blocks", against=nobody)
        assert (page.status_code, "Velg hvem du vil sperre for." in page.text) == (422, True)
