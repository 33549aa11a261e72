"""The plan and its way to Digipost, and how the mapping goes."""

import re

from consent_service.delivery.worker import Worker
from consent_service.mailbox.port import PostalAddress
from consent_service.plans.reading import my_requests
from consent_service.plans.states import State
from consent_service.storage.engine import Statement
from tests.support.digipost import local_digipost
from tests.support.issuers import KARI
from tests.support.krr import local_krr
from tests.web.conftest import Browser, Town, forms_of, id_in, parts_of


async def granted(town: Town, kari: Browser) -> str:
    """Kari says yes to all of a mapping request; the consent."""
    consent = await town.ask_mapping()
    await kari.open("/overview")
    await kari.open(f"/requests/{consent}/choose")
    await kari.submit(f"/requests/{consent}/preview", part=parts_of(kari.page.text))
    await kari.submit(f"/requests/{consent}/grant")
    return consent


async def request_of(town: Town, kari: Browser) -> str:
    """The id of Kari's only mapping request."""
    candidate = (await town.keys.candidate(await town.candidate_id())).candidate_id
    async with town.db.snapshot() as view:
        key = await town.keys.candidate(candidate)
        (one,) = await my_requests(view, town.keys.service, key, now=town.clock.now())
    return one.id


async def test_a_plan_is_readable_here_whatever_happens_to_its_letter(town: Town, kari: Browser) -> None:
    """It says first that it is no decision; every part of it is there, and the PDF is the one that was set."""
    plan = await town.push(await granted(town, kari))
    assert "Tentativ opplæringsplan fra Fagopplæringen i Trøndelag" in (await kari.open("/overview")).text
    page = await kari.open(f"/plans/{plan}")
    assert page.text.index("ikke et vedtak") < page.text.index("Kompetansebevis")
    for said in ("Helsefagarbeider", "Kompetansebevis", "Start på kurs.", "Lengre tid på eksamen.", "fag@example.org"):
        assert said in page.text, said
    assert '<li class="done now">Planen er klar<br>' in page.text
    assert '<li class="to-come">Ligger i Digipost</li>' in page.text
    pdf = await kari.open(f"/plans/{plan}/pdf")
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["content-disposition"].startswith("attachment")


async def test_what_fagopplaering_says_meanwhile_is_shown(town: Town, kari: Browser) -> None:
    """How far the mapping has come is a line of steps, and words to the candidate stand beside it."""
    await granted(town, kari)
    assert "Tatt imot hos fagopplæringen" in (await kari.open("/plans")).text
    request = await request_of(town, kari)
    await town.report(request, State.MORE_INFORMATION_NEEDED, "Send oss vitnemålet, er du snill.")
    page = await kari.open("/plans")
    assert "Fagopplæringen trenger å vite mer" in page.text
    assert "Send oss vitnemålet, er du snill." in page.text


async def test_that_there_is_no_plan_is_said_kindly(town: Town, kari: Browser) -> None:
    """The answer says that it is no decision, and which other ways there are."""
    plan = await town.push(await granted(town, kari), outcome="no_plan", route=None)
    page = await kari.open(f"/plans/{plan}")
    assert "Svar på kartleggingen din" in page.text
    assert "Ta faget i moduler." in page.text


async def test_who_has_reserved_herself_reads_why_nothing_came(town: Town, kari: Browser) -> None:
    """The plan is hers to read all the same; page and log say that it was not sent, that she was looked up, and why."""
    plan = await town.push(await granted(town, kari))
    town.clock.advance(seconds=1)  # her chain is a little ahead of the clock
    async with local_krr(town.clock) as krr, local_digipost(clock=town.clock) as digipost:
        await krr.stands(KARI.pid, reserved=True)
        keys, register = town.keys.service, krr.register()
        worker = Worker(town.db, town.gate, digipost.mailbox(), keys, town.clock, controller="1", register=register)
        await worker.run_until_idle()
        assert await digipost.letters() == []
    page = await kari.open(f"/plans/{plan}")
    for said in ("Helsefagarbeider", "Du har reservert deg mot digital post i Kontakt- og reservasjonsregisteret."):
        assert said in page.text, said
    log = (await kari.open("/log")).text
    for said in ("Nummeret ditt ble sluppet ut til Kontakt- og res", "fordi du har reservert deg mot digital post"):
        assert said in log, said
    assert "Planen ble sluppet ut" not in log


async def test_a_stopped_plan_is_offered_and_sent_anyway(town: Town, kari: Browser) -> None:
    """She sees who gets what and that nobody is told, says yes to that, and finds its receipt; twice is once."""
    consent = await granted(town, kari)
    plan = await town.push(consent)
    assert "likevel" not in (await kari.open(f"/plans/{plan}")).text
    assert str((await kari.open(f"/plans/{plan}/send")).url).endswith(f"/plans/{plan}")
    await kari.open(f"/consents/{consent}/revoke")
    await kari.submit(f"/consents/{consent}/revoke")
    assert "Få planen i Digipost likevel" in (await kari.open(f"/plans/{plan}")).text
    page = await kari.open(f"/plans/{plan}/send")
    for said in ("Dette får Digipost se", "21879498012", "Hele planen, som PDF", "Fagopplæringen får ikke vite"):
        assert said in page.text, said
    yes = forms_of(page.text)[f"/plans/{plan}/send"]
    for _ in range(2):
        page = await kari.post(f"/plans/{plan}/send", yes)
        assert "Planen er på vei til Digipost." in page.text
        assert "likevel" not in page.text
    assert (await kari.open("/consents")).text.count("Planen til din egen Digipost") == 1
    page = await kari.open(re.findall(r"/consents/[0-9a-f-]{36}", page_of_hers(kari.page.text))[0])
    for said in ("Deling med Digipost", "Kvittering for at du sa ja", "Trekk tilbake"):
        assert said in page.text, said
    assert "Sett på pause" not in page.text
    log = (await kari.open("/log")).text
    assert "Du sa ja til å dele med Digipost." in log
    assert "Du ba om å få planen i Digipost likevel." in log


def page_of_hers(page: str) -> str:
    """What stands of her list of consents around the one that goes to her mailbox."""
    return next(card for card in page.split("<li") if "Planen til din egen Digipost" in card)


async def test_a_plan_is_shared_with_nav_part_by_part(town: Town, kari: Browser) -> None:
    """Nothing of it is ticked, accommodation says that it may be about health, and NAV gets what was ticked."""
    await town.push(await granted(town, kari))
    page = await kari.open("/share?purpose=plan_follow_up")
    offered = parts_of(page.text)
    assert {part.split(":", 3)[3] for part in offered} >= {"route", "subjects", "accommodation", "summary"}
    assert "Kan handle om helse" in page.text
    chosen = [part for part in offered if part.endswith(":route")]
    page = await kari.submit("/share/preview", recipient=town.nav.id, part=chosen)
    assert "Tentativt, ikke et vedtak" in page.text
    assert "Lengre tid på eksamen." not in page.text
    page = await kari.submit("/share")
    assert "Veien mot fagbrev" in page.text
    assert id_in(page.url)


async def test_the_address_for_paper_is_shown_and_that_it_went_there(town: Town, kari: Browser) -> None:
    """She sees what fagopplæring gave about her; once it is taken to be printed, it is on its way by post."""
    address = PostalAddress("Kari <b>", ("c/o Hansen", "Storgata 1"), "7713", "Steinkjer")
    plan = await town.push(await granted(town, kari), address=address)
    page = await kari.open(f"/plans/{plan}")
    assert "Kari &lt;b&gt;<br>c/o Hansen<br>Storgata 1<br>7713 Steinkjer" in page.text
    assert "Skrives ut" not in page.text
    async with town.db.transaction() as tx:
        await tx.run(Statement("UPDATE letter SET status = 'delivered', next_attempt_at = NULL"))
        await tx.run(
            Statement(
                "INSERT INTO letter_status (letter_id, position, candidate_id, status, at, note)"
                " SELECT id, 1, candidate_id, 'delivered', created_at, 'printed' FROM letter"
            )
        )
    for path in (f"/plans/{plan}", "/plans", "/overview"):
        assert "Skrives ut og sendes til deg i posten" in (await kari.open(path)).text, path
    offered = parts_of((await kari.open("/share?purpose=plan_follow_up")).text)
    assert not any(part.endswith(":address") for part in offered)
