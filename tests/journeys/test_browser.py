"""The whole journey in a real browser on a phone: what a candidate sees, presses and downloads, from start to end.

The other parties act through their clients, and everything is over HTTP. After every step the page is looked at as a
person with a small screen or a screen reader would: one heading, nothing wider than the screen, no script refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from consent_clients.notes import NoteContent
from consent_clients.problems import NotAvailable
from tests.journeys.house import COUNSELLOR, EMPLOYEE, House, hears, refused, until
from tests.journeys.neighbours import MARIT
from tests.journeys.test_mapping import asked, came_to, mapped, plan

# One kind of database: a browser does not see which, and the other journeys run on both.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

NOTE: NoteContent = {
    "language": "nb",
    "sections": {
        "education_and_work": "To år på sykehjem.",
        "interests": "Liker å reparere sykler.",
        "needs": "Trenger ro rundt seg.",
    },
    "questions": [{"id": "q1", "to": "nav", "text": "Kan jeg få støtte?"}],
}


class Phone:
    """A candidate's phone."""

    def __init__(self, house: House, page: Page) -> None:
        """Hold ``page`` open on ``house``."""
        self.house = house
        self.page = page
        self.refused: list[str] = []
        page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.refused.append(message.text)

    async def open(self, path: str) -> None:
        """Go to an address of the service."""
        await self.page.goto(path if path.startswith("http") else f"{self.house.url}{path}")
        await self.look()

    async def press(self, name: str, *, exact: bool = False) -> None:
        """Press the button or follow the link of this name."""
        button = self.page.get_by_role("button", name=name, exact=exact)
        link = self.page.get_by_role("link", name=name, exact=exact)
        await button.or_(link).first.click()
        await self.page.wait_for_load_state()
        await self.look()

    async def look(self) -> None:
        """What must be true of every page that a candidate meets."""
        if not self.page.url.startswith(self.house.url):
            return
        await expect(self.page.locator("h1")).to_have_count(1)
        wide, screen = await self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= screen, self.page.url
        assert self.refused == [], self.page.url
        assert MARIT not in self.page.url

    async def sees(self, text: str) -> None:
        """``text`` stands on the page."""
        await expect(self.page.locator("main")).to_contain_text(text)

    async def log_in(self, national_id: str = MARIT) -> None:
        """Log in at the local ID-porten, whose page is open."""
        await self.page.get_by_label("fødselsnummer").fill(national_id)
        await self.page.get_by_role("button", name="Logg inn", exact=True).click()
        await self.page.wait_for_url(f"{self.house.url}/**")
        await self.look()

    async def start(self, name: str = "Marit Prøvestad") -> None:
        """Say one's name, and yes to start."""
        await self.page.get_by_label("Hva heter du?").fill(name)
        await self.press("Ja, begynn")


@pytest.fixture
async def phone(house: House, page: Page) -> Phone:
    """A phone that has never been here."""
    return Phone(house, page)


@pytest.fixture
async def phone_without_script(house: House, browser: Browser) -> AsyncIterator[Phone]:
    """A phone whose browser runs no script."""
    context = await browser.new_context(
        viewport={"width": 360, "height": 740}, locale="nb-NO", java_script_enabled=False
    )
    yield Phone(house, await context.new_page())
    await context.close()


async def test_the_journey_on_a_phone(house: House, phone: Phone, tmp_path: Path) -> None:
    """From the first page to erasing it all: each of the eight steps as a person walks them."""
    page = phone.page

    # Before anything is stored.
    await phone.open("/")
    await phone.sees("Ingenting er lagret om deg ennå.")

    # 1. The career centre shows a code; its link opens the page, and leaves no trace in the address.
    code = await (await house.career_centre()).hand_over(NOTE, COUNSELLOR)
    await phone.open(code.claim_url)
    await expect(page).to_have_url(f"{house.url}/claim")
    await phone.sees("Vi husker koden for deg.")
    await phone.press("Logg inn med ID-porten")
    await phone.log_in()
    await phone.start()
    await expect(page.get_by_label("Koden", exact=True)).to_have_value(code.code)
    await phone.press("Hent notatet")
    await page.get_by_label("Interesser").fill("Liker å reparere sykler og motorer.")
    await phone.press("Ta imot notatet")
    await phone.sees("Notatet er ditt.")

    # 2. She sees exactly what NAV would get, and says yes to that.
    await phone.press("Del fra notatet")
    assert await page.locator("input[type=checkbox]:checked, input[name=recipient]:checked").count() == 0
    await page.get_by_label("Enheten nav").check()
    await page.get_by_label("Interesser").check()
    await page.get_by_label("Spørsmål til Nav").check()
    await phone.press("Se hva de får")
    for seen in ("Marit Prøvestad", MARIT, "Liker å reparere sykler og motorer.", "Kan jeg få støtte?"):
        await phone.sees(seen)
    await expect(page.locator("main")).not_to_contain_text("Trenger ro rundt seg.")
    await phone.press("Ja, del dette med Enheten nav")
    await phone.sees("Gjelder nå")
    consent_id = page.url.split("/")[-1].partition("?")[0]
    async with page.expect_download() as receipt:
        await page.get_by_role("link", name="Kvittering for at du sa ja").click()
    kept = tmp_path / "receipt"
    await (await receipt.value).save_as(kept)
    assert kept.read_text().count(".") == 2

    # 3. NAV hears of it and reads; the read stands in her log.
    nav = await house.nav()
    await hears(nav, "granted", consent_id=consent_id)
    release = await nav.release(consent_id, EMPLOYEE)
    assert "Liker å reparere sykler og motorer." in json.dumps(release.content, ensure_ascii=False)
    await phone.press("Innsynslogg")
    await phone.sees("Enheten nav leste det du har delt.")
    await phone.sees(f"En ansatt ved kontor {EMPLOYEE.office}.")

    # 4. NAV asks fagopplæring; she narrows it and says yes.
    request = await asked(house)
    await phone.press("Oversikt")
    await phone.press("Se på det")
    for seen in ("Enheten nav", "Enheten vocational-training", "Vi leter etter en vei.", "ingen virkning på pengene"):
        await phone.sees(seen)
    assert await page.locator("input[name=answer]:checked").count() == 0
    await page.get_by_label("Ja", exact=True).check()
    await phone.press("Gå videre")
    await page.get_by_label("Fag du ønsker deg").check()
    await page.get_by_label("Skole og arbeid").check()
    await phone.press("Se hva de får")
    await expect(page.locator("main")).not_to_contain_text("Vi leter etter en vei.")
    await phone.press("Ja, del dette med Enheten vocational-training")

    # 5. and 6. Fagopplæring reads, works, and pushes a plan, which goes to Digipost.
    training = await house.training()
    await hears(training, "granted", consent_id=request["consent_id"])
    await training.release(request["consent_id"], EMPLOYEE)
    await training.report_state(request["id"], "more_information_needed", "Har du et vitnemål?")
    await phone.press("Planer")
    await phone.sees("Har du et vitnemål?")
    pushed = await training.push_plan(request["consent_id"], plan(house))
    await came_to(house, pushed["id"], "delivered")
    await phone.press("Oversikt")
    await phone.press("Tentativ opplæringsplan fra")
    await phone.sees("ikke et vedtak")
    await expect(page.get_by_role("listitem").filter(has_text="Ligger i Digipost")).to_have_class(
        re.compile(r"\bdone\b")
    )
    async with page.expect_download() as pdf:
        await page.get_by_role("link", name="Last ned som PDF").click()
    await (await pdf.value).save_as(tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes().startswith(b"%PDF")

    # 7. She shares the plan, and takes the first sharing back: the page first says what is out already.
    await phone.press("Del planen med Nav")
    await page.get_by_label("Enheten nav").check()
    await page.get_by_label("Veien mot fagbrev").check()
    await phone.press("Se hva de får")
    await phone.press("Ja, del dette med Enheten nav")
    await phone.open(f"/consents/{consent_id}")
    await phone.press("Trekk tilbake")
    await phone.sees("Dette er alt levert")
    await phone.sees(f"(kontor {EMPLOYEE.office})")
    await phone.press("Ja, trekk tilbake")
    await phone.sees("Delingen er trukket tilbake.")
    with pytest.raises(NotAvailable):
        await nav.release(consent_id, EMPLOYEE)
    await hears(nav, "revoked", consent_id=consent_id)

    # 8. Who asked and who saw what; all of it in a file; and all of it gone.
    await phone.press("Innsynslogg")
    await phone.sees("Enheten nav ba om å få lese, og fikk nei.")
    await phone.press("Dine data")
    async with page.expect_download() as everything:
        await page.get_by_role("link", name="Last ned alt").click()
    await (await everything.value).save_as(tmp_path / "all.json")
    assert "Trenger ro rundt seg." in (tmp_path / "all.json").read_text()
    await phone.press("Gå videre til sletting")
    await page.get_by_label("Skriv SLETT for å bekrefte").fill("slett")
    await phone.press("Slett alt for godt")
    await phone.sees("Alt er slettet")
    await phone.open("/overview")  # she is still logged in at ID-porten, and nobody here
    assert page.url.startswith(f"{house.url}/welcome")


async def test_a_second_press_does_nothing(house: House, phone: Phone) -> None:
    """Whoever presses twice, as people do on a slow line, gets one note, one consent and no error."""
    page = phone.page
    code = await (await house.career_centre()).hand_over(NOTE, COUNSELLOR)
    await phone.open(code.claim_url)
    await phone.press("Logg inn med ID-porten")
    await phone.log_in()
    await phone.start()
    for twice in ("Hent notatet", "Ta imot notatet"):
        await page.get_by_role("button", name=twice).dblclick()
        await page.wait_for_load_state()
    await phone.sees("Notatet er ditt.")
    await phone.press("Del fra notatet")
    await page.get_by_label("Enheten nav").check()
    await page.get_by_label("Interesser").check()
    await page.get_by_role("button", name="Se hva de får").dblclick()
    await page.get_by_role("button", name="Ja, del dette").dblclick()
    await phone.sees("Gjelder nå")
    assert len(await (await house.nav()).search(MARIT)) == 1


async def test_a_no_and_a_later_look_alike_from_outside(house: House, phone: Phone) -> None:
    """She says no with one press, and changes language on the way; NAV sees what it saw before."""
    page = phone.page
    request = await asked(house)
    await phone.open("/login")
    await phone.log_in()
    await phone.start()
    await phone.press("Nynorsk")
    await expect(page.locator("html")).to_have_attribute("lang", "nn")
    await phone.press("Sjå på det")
    await page.get_by_label("Nei", exact=True).check()
    await phone.press("Gå vidare")
    await phone.sees("Du svara nei. Ingenting er delt.")
    nav = await house.nav()
    assert (await nav.mapping_request(request["id"]))["state"] == "waiting"


async def test_a_plan_that_she_stopped_is_sent_to_her_anyway(house: House, phone: Phone) -> None:
    """The mailbox is down, she takes her yes back, and asks for the plan; she is told in three languages."""
    page, marit = phone.page, await house.candidate(MARIT)
    await house.mailbox_refuses("unavailable")
    consent = await mapped(house, marit)
    pushed = await (await house.training()).push_plan(consent["id"], plan(house))
    await marit.revoke(consent["id"])
    await phone.open("/login")
    await phone.log_in()

    async def offered() -> bool | None:
        house.clock.advance(seconds=10)  # if it was just being tried, the mailbox's denial must come late enough
        return (await marit.plan(pushed["id"]))["can_be_sent"] or None

    await until("it is offered", offered)
    for language, offer, told in (
        ("English", "Get the plan in Digipost anyway", "Nobody else gets it from us."),
        ("Nynorsk", "Få planen i Digipost likevel", "Ingen andre får han av oss."),
        ("Bokmål", "Få planen i Digipost likevel", "Ingen andre får den av oss."),
    ):
        await phone.open(f"/plans/{pushed['id']}")
        await phone.press(language)
        await phone.press(offer)
        await phone.sees(told)
    await house.mailbox_mended()
    await page.get_by_role("button", name="Ja, send planen til meg").dblclick()
    await page.wait_for_load_state()
    await phone.sees("Planen er på vei til Digipost.")

    async def arrived() -> bool | None:
        await phone.open(f"/plans/{pushed['id']}")
        steps = page.locator("li.done")  # the steps to come stand there too
        return await steps.filter(has_text="Ligger i Digipost").count() == 1 or None

    await until("it arrives", arrived)
    assert len(await house.letters()) == 1
    assert isinstance(await refused((await house.training()).plan(pushed["id"])), NotAvailable)


async def test_everything_works_without_script(house: House, phone_without_script: Phone) -> None:
    """The scripts save typing a code and pressing twice; whoever has none types it, and gets as far."""
    phone, page = phone_without_script, phone_without_script.page
    code = await (await house.career_centre()).hand_over(NOTE, COUNSELLOR)
    await page.goto(f"{house.url}/claim")
    await page.get_by_role("link", name="Logg inn med ID-porten").click()
    await page.get_by_label("fødselsnummer").fill(MARIT)
    await page.get_by_role("button", name="Logg inn", exact=True).click()
    await page.get_by_label("Hva heter du?").fill("Marit Prøvestad")
    await page.get_by_role("button", name="Ja, begynn").click()
    await page.get_by_label("Koden", exact=True).fill(code.code)
    await page.get_by_role("button", name="Hent notatet").click()
    await page.get_by_role("button", name="Ta imot notatet").click()
    await phone.sees("Notatet er ditt.")
    assert phone.refused == []


async def test_the_pages_can_be_walked_by_keyboard(house: House, phone: Phone) -> None:
    """The first stop of the tab key skips to the content, and what has the focus can be seen."""
    page = phone.page
    await phone.open("/")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Hopp til innholdet")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("#content$"))
    await page.keyboard.press("Tab")
    ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"


async def test_logging_out_ends_both_sessions(house: House, phone: Phone) -> None:
    """After logging out the browser has been at ID-porten, and the pages ask to log in again."""
    await phone.open("/login")
    await phone.log_in()
    await phone.start()
    await phone.page.get_by_role("button", name="Logg ut").click()
    await phone.page.wait_for_url(f"{house.url}/")
    await phone.sees("Ingenting er lagret om deg ennå.")
    await phone.page.goto(f"{house.url}/overview")
    assert phone.page.url.startswith(house.idporten)


async def test_logging_out_elsewhere_reaches_us_in_a_frame(house: House, phone: Phone) -> None:
    """A real browser opens our front channel in ID-porten's page, and the session is over.

    No other site may open it in a frame.
    """
    await phone.open("/login")
    await phone.log_in()
    await phone.start()
    await phone.open("/overview")
    async with phone.page.expect_response(re.compile("/logout/frontchannel")) as framed:
        await phone.page.goto(f"{house.idporten}/logout")
    assert (await framed.value).status == 200
    await phone.page.goto(f"{house.url}/overview")
    assert phone.page.url.startswith(f"{house.idporten}/authorize"), "she is asked who she is"
    for path in ("/", "/logout/frontchannel"):
        await phone.page.goto("about:blank")
        await phone.page.set_content(f'<iframe src="{house.url}{path}"></iframe>')
        await expect(phone.page.frame_locator("iframe").locator("body.neterror")).to_have_count(1)
