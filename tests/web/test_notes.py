"""Picking up a note, making it one's own, changing and deleting it."""

import re

from consent_service.consents.gate import Refused, Released
from consent_service.notes.content import NoteContent
from tests.web.conftest import NOTE, Browser, Town, forms_of, id_in, parts_of


async def test_a_code_becomes_a_draft_and_a_draft_a_note(town: Town) -> None:
    """What the career centre wrote stands in the form, can be changed, and is the candidate's from then on."""
    browser = town.browser()
    await browser.start(to="/claim")
    page = await browser.submit("/claim", code=(await town.hand_over()).lower().replace("-", " "))
    assert "Karriere Trøndelag" in page.text
    assert "Motorer og fjell" in page.text
    action = f"/drafts/{id_in(page.url)}"
    page = await browser.submit(action, becomes="new", interests="Motorer, fjell og fiske", needs="", values="Ro")
    assert "Notatet er ditt" in page.text
    assert "Motorer, fjell og fiske" in page.text
    assert "Rolig rom" not in page.text
    assert (await browser.open(action)).status_code == 404


async def test_a_second_note_becomes_the_next_version(town: Town, kari: Browser) -> None:
    """There may be two or three conversations; the candidate says what becomes of each draft, and none is chosen."""
    note = id_in(kari.page.url)
    await kari.open("/claim")
    page = await kari.submit("/claim", code=await town.hand_over(sections={"values": "Ærlighet"}))
    assert not re.search(r'name="becomes"[^>]*checked', page.text)
    page = await kari.submit(f"/drafts/{id_in(page.url)}", becomes=f"{note}:1")
    assert page.url.path == f"/notes/{note}"
    assert "Versjon 2" in page.text
    assert "Ærlighet" in page.text


async def test_a_code_that_opens_nothing_says_so_and_stays(town: Town) -> None:
    """A mistyped code can be mended where it stands; a wrong one looks the same."""
    browser = town.browser()
    await browser.start(to="/claim")
    for code in ("7K3M-92QD-X4TB-V8NA", "hei", ""):
        page = await browser.submit("/claim", code=code)
        assert page.status_code == 422
        assert "Koden åpner ikke noe notat" in page.text
        assert f'value="{code}"' in page.text


async def test_too_many_codes_are_stopped(town: Town) -> None:
    """After ten real tries within an hour the person waits, and is told so in words."""
    browser = town.browser()
    await browser.start(to="/claim")
    code = await town.hand_over()
    await browser.submit("/claim", code=code)
    await browser.open("/claim")
    pages = [await browser.submit("/claim", code=code) for _ in range(10)]
    assert pages[-1].status_code == 429
    assert int(pages[-1].headers["retry-after"]) > 0
    assert "for mange forsøk" in pages[-1].text


async def test_a_code_in_a_link_is_sent_to_nobody(town: Town) -> None:
    """The code stands after the #; the page for whoever is not logged in only has the script that keeps it."""
    page = await town.browser().open("/claim")
    assert re.search(r'<script src="/static/pickup\.[0-9a-f]+\.js" defer></script>', page.text)
    assert 'id="code"' not in page.text


async def test_a_note_that_is_changed_becomes_the_next_version(town: Town, kari: Browser) -> None:
    """Questions keep their ids through a change, so that answers find them; a new one gets a free id."""
    note = id_in(kari.page.url)
    page = await kari.open(f"/notes/{note}/edit")
    fields = forms_of(page.text)[f"/notes/{note}/edit"]
    texts = [value for name, value in fields if name == "question_text"]
    assert texts == ["Kan jeg beholde støtten?", "Teller praksisen min?", "", ""]
    page = await kari.submit(
        f"/notes/{note}/edit",
        question_text=["", "Teller praksisen min?", "Hva koster det?", ""],
        question_to=["nav", "vocational_training", "nav", "nav"],
    )
    assert "Notatet er lagret" in page.text
    fields = forms_of((await kari.open(f"/notes/{note}/edit")).text)[f"/notes/{note}/edit"]
    assert [value for name, value in fields if name == "question_id"] == ["q1", "q2", "", ""]
    assert next(value for name, value in fields if name == "question_text") == "Hva koster det?"


async def test_two_changes_at_once_do_not_lose_one(kari: Browser) -> None:
    """The second is shown what it wrote, and that there is a newer version."""
    note = id_in(kari.page.url)
    seen = await kari.open(f"/notes/{note}/edit")
    await kari.submit(f"/notes/{note}/edit", values="Den første")
    kari.page = seen
    page = await kari.submit(f"/notes/{note}/edit", values="Den andre")
    assert page.status_code == 412
    assert "Den andre" in page.text
    assert "endret et annet sted" in page.text
    assert "Den første" in (await kari.open(f"/notes/{note}")).text


async def test_what_cannot_be_a_note_is_kept_to_be_mended(kari: Browser) -> None:
    """Empty notes and characters that can't be seen are refused in words, and what was written stays."""
    await kari.open("/notes/new")
    page = await kari.submit("/notes/new")
    assert (page.status_code, "Skriv noe i minst ett felt." in page.text) == (422, True)
    page = await kari.submit("/notes/new", values="Skjult\u0007")
    assert (page.status_code, "Skjult" in page.text) == (422, True)
    page = await kari.submit("/notes/new", values="<script>alert(1)</script>")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_deleting_a_note_ends_what_was_shared_of_it(town: Town, kari: Browser) -> None:
    """The page says with whom it is shared; afterwards the next fetch is refused, and the note is gone."""
    note = id_in(kari.page.url)
    await kari.open("/share")
    await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    consent = id_in((await kari.submit("/share")).url)
    assert isinstance(await town.release(consent), Released)
    page = await kari.open(f"/notes/{note}/delete")
    assert "Nav Innherred" in page.text
    page = await kari.submit(f"/notes/{note}/delete")
    assert "Notatet er slettet" in page.text
    assert isinstance(await town.release(consent), Refused)
    assert (await kari.open(f"/notes/{note}")).status_code == 404


async def test_only_the_owner_reads_what_nobody_shared(kari: Browser) -> None:
    """A note says that nobody else sees it, and what it says is there in full."""
    content = NoteContent.model_validate(NOTE)
    for text in (*content.sections.model_dump(exclude_none=True).values(), *(one.text for one in content.questions)):
        assert text in kari.page.text
    assert "Bare du kan se notatet" in (await kari.open(str(kari.page.url.path))).text
