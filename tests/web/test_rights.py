"""The log in human words, the name, everything in one file, and everything gone."""

import json
import re

from consent_service.consents.gate import Refused
from consent_service.persons.lookup import find
from consent_service.storage.statement import Statement
from tests.persons.conftest import KARI as KARI_NUMBER
from tests.support.issuers import IDPORTEN
from tests.web.conftest import Browser, Town, id_in, parts_of


async def lines(kari: Browser) -> list[str]:
    """The sentences of the log, newest first."""
    return re.findall(r"<strong>(.*?)</strong>", (await kari.open("/log")).text)


async def test_the_log_says_who_read_and_who_was_refused(town: Town, kari: Browser) -> None:
    """A read stands there with unit, employee and office, said to be unverified; so does a refused attempt."""
    await kari.open("/share")
    await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    consent = id_in((await kari.submit("/share")).url)
    await town.release(consent)
    await kari.open(f"/consents/{consent}/revoke")
    await kari.submit(f"/consents/{consent}/revoke")
    town.clock.advance(seconds=5)
    await town.release(consent)
    assert (await lines(kari))[:4] == [
        "Nav Innherred ba om å få lese, og fikk nei.",
        "Du trakk tilbake delingen med Nav Innherred.",
        "Nav Innherred leste det du har delt.",
        "Du sa ja til å dele med Nav Innherred.",
    ]
    assert "En ansatt ved kontor 0501. Oppgitt av Nav Innherred, ikke kontrollert av oss." in kari.page.text
    assert "A123456" not in kari.page.text


async def test_no_line_of_the_log_is_left_in_the_words_of_programs(town: Town, kari: Browser) -> None:
    """What a person does in a day reads as sentences."""
    assert not [line for line in await lines(kari) if "_" in line or line.startswith("Noe skjedde")]


async def test_who_can_not_be_told_by_name_keeps_her_pages(town: Town, kari: Browser) -> None:
    """The head of her log was changed: she is greeted without a name, takes back what she shared, and can erase it."""
    await kari.open("/share")
    await kari.submit("/share/preview", recipient=town.nav.id, part=parts_of(kari.page.text)[:1])
    consent = id_in((await kari.submit("/share")).url)
    async with town.db.transaction() as tx:
        await tx.run(Statement("UPDATE chain SET last_at = last_at + 1 WHERE chain_id NOT LIKE 'registry%'"))
    overview = await kari.open("/overview")
    assert (overview.status_code, "Kari" in overview.text) == (200, False)
    assert (await kari.open("/rights")).status_code == 200
    await kari.open(f"/consents/{consent}/revoke")
    assert (await kari.submit(f"/consents/{consent}/revoke")).status_code == 200
    assert await town.release(consent) == Refused("tampered")


async def test_a_long_log_goes_on(kari: Browser) -> None:
    """Older lines are one press away, and none is shown twice or left out."""
    for number in range(40):
        await kari.open("/rights")
        await kari.submit("/rights/name", name=f"Kari {number}")
    await kari.open("/log")
    seen = re.findall(r"Nummer (\d+)</p>", kari.page.text)
    while older := re.search(r'href="(/log\?before=\d+)"', kari.page.text):
        await kari.open(older.group(1))
        seen += re.findall(r"Nummer (\d+)</p>", kari.page.text)
    assert seen == [str(number) for number in range(int(seen[0]), -1, -1)]
    assert int(seen[0]) > 40
    assert (await kari.open("/log?before=drop")).status_code == 200


async def test_the_name_can_be_corrected(kari: Browser) -> None:
    """A right to correct what is wrong is a form; what can't be a name is asked for again."""
    await kari.open("/rights")
    page = await kari.submit("/rights/name", name="Kari Ny")
    assert "Navnet er lagret." in page.text
    assert "Hei, Kari Ny" in (await kari.open("/overview")).text
    await kari.open("/rights")
    assert (await kari.submit("/rights/name", name=" ")).status_code == 422


async def test_everything_comes_along_in_one_file(kari: Browser) -> None:
    """The file has every word of the note, and that it was made stands in the log."""
    page = await kari.open("/rights/export")
    everything = json.loads(page.content)
    assert "Rolig rom" in json.dumps(everything, ensure_ascii=False)
    assert page.headers["content-disposition"] == 'attachment; filename="mine-data.json"'
    assert (await lines(kari))[0] == "Du lastet ned alt som er lagret om deg."


async def test_erasing_everything_takes_a_typed_word(town: Town, kari: Browser) -> None:
    """Without the word nothing happens; with it everything is gone, and so is the session."""
    await kari.open("/rights/erase")
    page = await kari.submit("/rights/erase", word="ja")
    assert (page.status_code, "Skriv SLETT" in page.text) == (422, True)
    page = await kari.submit("/rights/erase", word=" slett ")
    assert "Alt er slettet" in page.text
    assert "Bevis for slettingen" in page.text
    assert "Max-Age=0" in page.headers["set-cookie"]
    async with town.db.snapshot() as view:
        assert await find(view, town.keys.service.lookup, KARI_NUMBER) is None
    assert (await kari.open("/overview")).status_code == 303
    await kari.log_in()
    assert kari.page.url.path == "/welcome"


async def test_erasing_ends_every_session_of_the_person(town: Town, kari: Browser) -> None:
    """A browser that was left logged in elsewhere, before her yes or after it, is logged out with all the rest."""
    elsewhere = town.browser()
    await elsewhere.log_in()
    await elsewhere.open("/overview")
    await kari.open("/rights/erase")
    await kari.submit("/rights/erase", word="SLETT")
    assert (await elsewhere.open("/overview")).headers["location"].startswith(IDPORTEN)
    async with town.db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM session")) == 0
