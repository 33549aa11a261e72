"""Answering what a unit asks: yes to all or less of it, no, or later. And asking oneself."""

import re

from consent_service.consents.reading import find_for_unit
from tests.web.conftest import Browser, Town, id_in, parts_of


async def seen_by_nav(town: Town, consent: str) -> str:
    """The state that the asker sees."""
    async with town.db.snapshot() as view:
        return (await find_for_unit(view, town.keys.service, town.nav.id, consent, now=town.clock.now())).state


async def test_a_request_says_who_why_what_and_until_when(town: Town, kari: Browser) -> None:
    """The page has the asker, the recipient, the words of the request, what is wanted, and that a no costs nothing."""
    consent = await town.ask_mapping()
    assert "Nav Innherred spør deg om noe" in (await kari.open("/overview")).text
    page = await kari.open(f"/requests/{consent}")
    for said in (
        "Nav Innherred",
        "Fagopplæringen i Trøndelag",
        "Helsefagarbeider",
        "Vi leter etter en vei til fagbrev.",
        "Rådgiver Rø",
        "til og med 18. juni 2026",
        "Det har ingen virkning på pengene",
    ):
        assert said in page.text, said


async def test_the_asker_s_own_words_are_shown(town: Town, kari: Browser) -> None:
    """What NAV wrote with a request to read stands on its page, as text."""
    consent = await town.ask_to_read("Hei! Kan jeg lese <b>notatet</b> før torsdag?")
    await kari.open("/overview")
    page = await kari.open(f"/requests/{consent}")
    assert "Kan jeg lese &lt;b&gt;notatet&lt;/b&gt; før torsdag?" in page.text


async def test_no_answer_is_chosen_in_advance(town: Town, kari: Browser) -> None:
    """Yes, no and later stand alike; sending none of them changes nothing."""
    consent = await town.ask_mapping()
    await kari.open("/overview")
    page = await kari.open(f"/requests/{consent}")
    assert re.findall(r'name="answer"[^>]*value="([a-z]+)"', page.text) == ["yes", "no", "later"]
    assert not re.search(r'name="answer"[^>]*checked', page.text)
    page = await kari.submit(f"/requests/{consent}")
    assert (page.status_code, "Velg ett av svarene." in page.text) == (422, True)


async def test_later_leaves_the_question_where_it_is(town: Town, kari: Browser) -> None:
    """Whoever wants to think about it finds it again."""
    consent = await town.ask_mapping()
    await kari.open("/overview")
    await kari.open(f"/requests/{consent}")
    page = await kari.submit(f"/requests/{consent}", answer="later")
    assert f"/requests/{consent}" in page.text
    assert await seen_by_nav(town, consent) == "requested"


async def test_a_no_is_one_press_and_looks_like_silence_to_the_asker(town: Town, kari: Browser) -> None:
    """The candidate sees her no and has a receipt; NAV sees what it saw before."""
    consent = await town.ask_mapping()
    await kari.open("/overview")
    await kari.open(f"/requests/{consent}")
    page = await kari.submit(f"/requests/{consent}", answer="no")
    assert "Du svarte nei. Ingenting er delt." in page.text
    assert await seen_by_nav(town, consent) == "requested"
    page = await kari.open(f"/consents/{consent}")
    assert "Du sa nei" in page.text
    assert (await kari.open(f"/consents/{consent}/receipt/refused")).status_code == 200
    assert (await kari.open(f"/requests/{consent}")).url.path == f"/consents/{consent}"


async def test_a_yes_can_be_narrowed_and_not_widened(town: Town, kari: Browser) -> None:
    """Only what was asked for is offered, none of it ticked; what is left out is not shared."""
    consent = await town.ask_mapping()
    await kari.open("/overview")
    await kari.open(f"/requests/{consent}")
    page = await kari.submit(f"/requests/{consent}", answer="yes")
    assert page.url.path == f"/requests/{consent}/choose"
    assert not re.search(r'type="checkbox"[^>]*checked', page.text)
    offered = parts_of(page.text)
    assert "interests" not in {part.split(":", 3)[3] for part in offered}
    chosen = [part for part in offered if part.endswith((":wished_trades", ":education_and_work"))]
    page = await kari.submit(f"/requests/{consent}/preview", part=chosen)
    assert "Vg1 helse" in page.text
    assert "Rolig rom" not in page.text
    assert "Vi leter etter en vei" not in page.text
    page = await kari.submit(f"/requests/{consent}/grant")
    assert "Du har delt dette med Fagopplæringen i Trøndelag" in page.text
    assert await seen_by_nav(town, consent) == "granted"


async def test_more_than_was_asked_for_is_refused(town: Town, kari: Browser) -> None:
    """A form that was tampered with can't widen a request."""
    note = id_in(kari.page.url)
    consent = await town.ask_mapping()
    await kari.open("/overview")
    await kari.open(f"/requests/{consent}/choose")
    wider = [*parts_of(kari.page.text), f"note:{note}:1:interests"]
    await kari.submit(f"/requests/{consent}/preview", part=wider)
    page = await kari.submit(f"/requests/{consent}/grant")
    assert page.status_code == 422
    assert await seen_by_nav(town, consent) == "requested"


async def test_a_question_past_its_date_is_no_longer_asked(town: Town, kari: Browser) -> None:
    """From midnight after the last day it is not on the overview, and its page shows how it ended."""
    consent = await town.ask_mapping()
    await kari.open("/overview")
    town.clock.advance(days=30)
    page = await kari.log_in()
    assert f"/requests/{consent}" not in page.text
    assert (await kari.open(f"/requests/{consent}")).url.path == f"/consents/{consent}"


async def test_a_mapping_of_one_s_own_goes_the_same_way(town: Town, kari: Browser) -> None:
    """It is written in one's own words, shown, and sent only after the yes."""
    await kari.open("/mapping")
    page = await kari.submit("/mapping", recipient=town.training.id)
    assert (page.status_code, "Skriv noe i minst ett felt" in page.text) == (422, True)
    page = await kari.submit(
        "/mapping",
        recipient=town.training.id,
        trades="Rørlegger\n\nTømrer",
        questions="Hva teller?",
        schooling="Vg1 bygg",
    )
    assert "Den er ikke sendt ennå" in page.text
    consent = id_in(page.url)
    for said in ("Rørlegger", "Tømrer", "Hva teller?", "Vg1 bygg"):
        assert said in page.text
    await kari.submit(f"/requests/{consent}", answer="yes")
    await kari.submit(f"/requests/{consent}/preview", part=parts_of(kari.page.text))
    page = await kari.submit(f"/requests/{consent}/grant")
    assert "Du har delt dette med Fagopplæringen i Trøndelag" in page.text
    assert "Tatt imot hos fagopplæringen" in (await kari.open("/plans")).text
    assert "Du skrev en forespørsel." in (await kari.open("/log")).text


async def test_a_request_that_can_t_be_sent_is_kept_to_be_mended(town: Town, kari: Browser) -> None:
    """Too long a trade is refused in words, and what was written stays."""
    await kari.open("/mapping")
    page = await kari.submit("/mapping", recipient=town.training.id, trades="x" * 300)
    assert page.status_code == 422
    assert "x" * 300 in page.text
