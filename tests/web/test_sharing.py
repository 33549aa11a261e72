"""Seeing exactly what would be shared, saying yes to that, and taking it back."""

import html
import json
import re
from dataclasses import replace

import pytest

from consent_service.consents.gate import Refused, Released
from consent_service.consents.purposes import Purposes
from consent_service.storage.engine import Statement
from tests.web.conftest import Browser, Town, forms_of, id_in, parts_of


async def shared(town: Town, kari: Browser, *, parts: slice = slice(None), **entered: str) -> str:
    """Kari chooses, looks and says yes; the consent."""
    await kari.open("/share")
    await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[parts], **entered)
    page = await kari.submit("/share")
    assert "Du har delt dette med Nav Innherred" in page.text
    return id_in(page.url)


async def test_nothing_is_ticked_in_advance(kari: Browser) -> None:
    """Neither a recipient nor a part is chosen for the candidate, least of all what may be about health."""
    page = await kari.open("/share")
    assert not re.search(r'(type="checkbox"|name="recipient")[^>]*checked', page.text)
    assert "Kan handle om helse" in page.text


async def test_only_what_the_purpose_admits_can_be_chosen(kari: Browser) -> None:
    """A question to fagopplæring is not offered to NAV."""
    chosen = parts_of((await kari.open("/share")).text)
    assert [part.split(":", 3)[3] for part in chosen] == [
        "education_and_work",
        "interests",
        "needs",
        "question_nav:q1",
    ]


async def test_what_was_shown_is_what_nav_gets(town: Town, kari: Browser) -> None:
    """The bytes on the page are the bytes of the release, and the page shows every word of them."""
    await kari.open("/share")
    await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:2])
    page = html.unescape(kari.page.text)
    raw = re.search(r'<pre class="mono" tabindex="0">(.*?)</pre>', page, re.DOTALL)
    assert raw is not None
    await kari.submit("/share")
    released = await town.release(id_in(kari.page.url))
    assert isinstance(released, Released)
    assert released.content == raw.group(1).encode()
    content = json.loads(released.content)
    for part in content["parts"]:
        assert part["content"]["text"] in page
    assert content["person"]["national_id"] in page
    assert "Rolig rom" not in page


async def test_a_yes_is_to_what_was_shown_and_nothing_else(town: Town, kari: Browser) -> None:
    """If the content has changed since, nothing is shared, and the new preview is shown."""
    note = id_in(kari.page.url)
    await kari.open("/share")
    seen = await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    await kari.open("/rights")
    await kari.submit("/rights/name", name="Kari Nyttnavn")
    kari.page = seen
    page = await kari.submit("/share")
    assert page.status_code == 409
    assert "Noe har endret seg" in page.text
    assert "Kari Nyttnavn" in page.text
    assert (await kari.submit("/share")).url.path.startswith("/consents/")
    assert "Nav Innherred" in (await kari.open(f"/notes/{note}")).text


async def test_a_change_of_mind_keeps_what_was_chosen(town: Town, kari: Browser) -> None:
    """Going back from the preview, the choices stand as they were made."""
    await kari.open("/share")
    first = parts_of(kari.page.text)[0]
    page = await kari.submit("/share/preview", recipient=town.nav.id, part=[first], uses="once")
    token = dict(forms_of(page.text)["/share"])
    assert token["uses"] == "once"
    fields = forms_of(page.text)["/share"]
    page = await kari.post("/share/change", fields)
    again = forms_of(page.text)["/share/preview"]
    assert ("part", first) in again
    assert ("recipient", town.nav.id) in again
    assert ("uses", "once") in again


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"part": []}, "Kryss av for minst én ting."),
        ({"recipient": ""}, "Velg hvem som skal få se det."),
        ({"recipient": "00000000-0000-4000-8000-000000000000"}, "Velg hvem som skal få se det."),
        ({"until": "2026-05-27"}, "Velg en dag"),
        ({"until": "2027-05-30"}, "Velg en dag"),
        ({"until": "i morgen"}, "Velg en dag"),
        ({"until": ""}, "Velg en dag"),
    ],
)
async def test_a_choice_that_is_not_whole_is_mended_where_it_stands(
    town: Town, kari: Browser, entered: dict[str, str | list[str]], said: str
) -> None:
    """What is missing is said in words, and nothing is shown as if it could be shared."""
    await kari.open("/share")
    chosen = {"recipient": town.nav.id, "part": parts_of(kari.page.text)[:1], **entered}
    page = await kari.submit("/share/preview", **chosen)
    assert page.status_code == 422
    assert said in page.text
    assert 'role="alert"' in page.text


@pytest.mark.parametrize("value", ["note:x", "person:1:1:identity", "note:{id}:1:diagnosis", "note:{id}:99:interests"])
async def test_parts_that_were_not_offered_are_not_taken(town: Town, kari: Browser, value: str) -> None:
    """A form that was tampered with gets an error page, and shares nothing."""
    note = id_in(kari.page.url)
    await kari.open("/share")
    page = await kari.submit("/share/preview", recipient=town.nav.id, part=[value.format(id=note)])
    assert page.status_code in {400, 404, 422}
    assert "Du har ikke delt noe" in (await kari.open("/consents")).text


async def test_the_sentence_that_a_no_costs_nothing_stands_before_the_yes(town: Town, kari: Browser) -> None:
    """Whoever is about to say yes has read that a no has no effect on money or rights."""
    await kari.open("/share")
    page = await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    assert page.text.index("Det har ingen virkning på pengene") < page.text.index("Ja, del dette")


async def test_only_once_is_once(town: Town, kari: Browser) -> None:
    """A consent for one fetch is used up by it, and the page says so."""
    consent = await shared(town, kari, uses="once")
    assert isinstance(await town.release(consent), Released)
    town.clock.advance(seconds=60)
    assert isinstance(await town.release(consent), Refused)
    assert "Brukt opp" in (await kari.open(f"/consents/{consent}")).text


async def test_taking_back_first_says_what_is_out_already(town: Town, kari: Browser) -> None:
    """Before the revoke the page names each delivery; after it the next fetch is refused, and the end has a receipt."""
    consent = await shared(town, kari)
    page = await kari.open(f"/consents/{consent}/revoke")
    assert "har ikke hentet noe" in page.text
    await town.release(consent)
    page = await kari.open(f"/consents/{consent}/revoke")
    assert "Dette er alt levert" in page.text
    assert "(kontor 0501)" in page.text
    assert "A123456" not in page.text
    page = await kari.submit(f"/consents/{consent}/revoke")
    assert "Delingen er trukket tilbake" in page.text
    town.clock.advance(seconds=60)
    assert isinstance(await town.release(consent), Refused)
    for kind in ("given", "termination"):
        receipt = await kari.open(f"/consents/{consent}/receipt/{kind}")
        assert receipt.status_code == 200
        assert receipt.text.count(".") == 2
        assert "attachment" in receipt.headers["content-disposition"]
    assert (await kari.open(f"/consents/{consent}/receipt/refused")).status_code == 404


async def test_an_end_is_final(town: Town, kari: Browser) -> None:
    """A revoke sent twice is told in words that it has ended; its page leads to what it was."""
    consent = await shared(town, kari)
    seen = await kari.open(f"/consents/{consent}/revoke")
    await kari.submit(f"/consents/{consent}/revoke")
    kari.page = seen
    page = await kari.submit(f"/consents/{consent}/revoke")
    assert page.status_code == 409
    assert "Det passer ikke lenger" in page.text
    assert (await kari.open(f"/consents/{consent}/revoke")).url.path == f"/consents/{consent}"


async def test_the_overview_says_who_sees_what_now(town: Town, kari: Browser) -> None:
    """Nobody sees anything before a yes; then the page names unit, parts and last day, and after the revoke no more."""
    assert "Ingen andre enn du kan se noe nå." in (await kari.open("/overview")).text
    consent = await shared(town, kari, parts=slice(1, 2))
    page = await kari.open("/overview")
    assert "Nav Innherred kan se:" in page.text
    assert "Interesser" in page.text
    assert "til og med 24. november 2026" in page.text
    await kari.open(f"/consents/{consent}/revoke")
    await kari.submit(f"/consents/{consent}/revoke")
    assert "Ingen andre enn du kan se noe nå." in (await kari.open("/overview")).text


async def test_an_expired_consent_is_over_on_every_page(town: Town, kari: Browser) -> None:
    """From midnight after its last day no page shows it as in force, whether or not that was written down."""
    consent = await shared(town, kari, until="2026-05-29")
    town.clock.advance(days=3)
    await kari.log_in()
    assert "Ingen andre enn du kan se noe nå." in kari.page.text
    page = await kari.open(f"/consents/{consent}")
    assert "Utløpt" in page.text
    assert f"/consents/{consent}/revoke" not in page.text


async def test_new_terms_are_told_and_change_nothing_given(town: Town, kari: Browser) -> None:
    """After a major change what was given holds as it was given, and its page says that the terms are others now."""
    consent = await shared(town, kari)
    assert "Vilkårene for dette formålet er endret" not in kari.page.text
    purposes = town.desk.purposes
    newer = purposes.get("guidance_follow_up").model_copy(update={"version": 2, "change": "major"})
    desk = replace(town.desk, purposes=Purposes([*purposes.all(), newer]))
    page = await town.with_desk(desk, kari).open(f"/consents/{consent}")
    assert "Vilkårene for dette formålet er endret" in page.text
    assert isinstance(await town.release(consent), Released)


@pytest.mark.parametrize(("column", "value"), [("state", "nonsense"), ("recipient_id", "x"), ("purpose", "nonsense")])
async def test_a_changed_consent_can_be_seen_and_taken_back(town: Town, kari: Browser, column: str, value: str) -> None:
    """One whose row was changed by hand hides no page, says that it can't be shown, and can be taken back."""
    consent = await shared(town, kari)
    async with town.db.transaction() as tx:
        await tx.run(Statement(f"UPDATE consent SET {column} = :value WHERE id = :id"), value=value, id=consent)
    for page in ("/overview", "/consents"):
        assert (await kari.open(page)).status_code == 200, page
    assert "En deling vi ikke kan vise" in (await kari.open(f"/consents/{consent}")).text
    taken = await kari.submit(f"/consents/{consent}/revoke")
    assert "Ingen kan hente noe mer" in taken.text
    assert isinstance(await town.release(consent), Refused)
