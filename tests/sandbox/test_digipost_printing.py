"""The local Digipost prints what the real one prints: letters for people without an account, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from consent_service.clock import SettableClock
from tests.sandbox.test_digipost import MESSAGE, NOON, NUMBER, UUID, body_of, call, error, valid, without
from tests.support.digipost import BROKER, DEACTIVATED, NON_USER, USER, LocalDigipost, a4, local_digipost

EVENTS = "/documents/events?from=2026-05-28T22%3A00%3A00.000%2B02%3A00&to=2026-05-28T22%3A30%3A00.000%2B02%3A00"
DETAILS = (
    "<print-details><recipient><name>Kari Prøve</name><norwegian-address><addressline1>c/o Hansen</addressline1>"
    "<addressline2>Storgata 1</addressline2><zip-code>7713</zip-code><city>Steinkjer</city></norwegian-address>"
    "</recipient><return-address><name>Fagopplæringen</name><norwegian-address>"
    "<addressline1>Postboks 2560</addressline1><zip-code>7735</zip-code><city>Steinkjer</city></norwegian-address>"
    "</return-address></print-details>"
)


def on_paper(digits: str = NON_USER, details: str = DETAILS) -> str:
    """A message that may be printed."""
    return without(MESSAGE, NUMBER, NUMBER.replace(USER, digits) + details)


@pytest.fixture
async def digipost() -> AsyncIterator[LocalDigipost]:
    """A local Digipost at a stopped hour."""
    async with local_digipost(clock=SettableClock(NOON)) as served:
        yield served


@pytest.mark.parametrize("digits", [NON_USER, DEACTIVATED])
async def test_a_letter_for_who_has_no_account_is_printed(digipost: LocalDigipost, digits: str) -> None:
    """It says so in the answer and in the status, and shows the cover sheet; no inbox has it."""
    taken = valid(await call(digipost, "POST", "/messages", body_of(on_paper(digits), content=a4())))
    assert (taken.findtext("{*}delivery-method"), taken.findtext("{*}status")) == ("PRINT", "DELIVERED_TO_PRINT")
    assert taken.findtext("{*}primary-document/{*}subject") == "N/A"
    status = valid(await call(digipost, "GET", f"/documents/{BROKER}/{UUID}/status"))
    assert (status.get("status"), status.get("channel")) == ("DELIVERED", "PRINT")
    (letter,) = await digipost.letters()
    assert letter["inbox"] is None
    assert letter["printed"]["recipient"] == ["Kari Prøve", "c/o Hansen", "Storgata 1", "7713 Steinkjer"]
    page = await digipost.http.get(f"{digipost.base_url}/printed")
    assert "Kari Prøve, c/o Hansen, Storgata 1, 7713 Steinkjer" in page.text
    assert digits not in page.text
    assert (await digipost.http.get(f"{digipost.base_url}/printed/{UUID}.pdf")).content == a4()


async def test_a_letter_for_a_user_is_not_printed(digipost: LocalDigipost) -> None:
    """Whoever has an account gets it there, whatever address came with it."""
    taken = valid(await call(digipost, "POST", "/messages", body_of(on_paper(USER), content=a4())))
    assert (taken.findtext("{*}delivery-method"), taken.findtext("{*}status")) == ("DIGIPOST", "DELIVERED")
    assert (await digipost.letters())[0]["printed"] is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (on_paper(details=without(DETAILS, "<name>Kari Prøve</name>")), "SCHEMA_VALIDATION_ERROR"),
        (on_paper(details=without(DETAILS, "<zip-code>7713</zip-code>")), "SCHEMA_VALIDATION_ERROR"),
        (on_paper(details=without(DETAILS, "c/o Hansen", "x" * 101)), "SCHEMA_VALIDATION_ERROR"),
        (on_paper(details=without(DETAILS, "</return-address>", "</return-address><color>RED</color>")),
         "SCHEMA_VALIDATION_ERROR"),
        (on_paper(details=without(DETAILS, "Kari Prøve", " ")), "INVALID_RECIPIENT_PRINT_ADDRESS"),
        (on_paper(details=without(DETAILS, "7713", "Oslo")), "INVALID_RECIPIENT_PRINT_ADDRESS"),
        (on_paper(details=without(DETAILS, "<addressline1>Postboks 2560</addressline1>")), "INVALID_RETURN_ADDRESS"),
        (without(MESSAGE, NUMBER, DETAILS), "NOT_APPROVED_FOR_DIRECT_PRINT"),
    ],
)  # fmt: skip
async def test_an_address_that_the_printers_refuse_is_refused(digipost: LocalDigipost, message: str, code: str) -> None:
    """By the schema, and where it lets through what can't be put in a window of an envelope."""
    assert error(await call(digipost, "POST", "/messages", body_of(message, content=a4())))[1] == code
    assert await digipost.letters() == []


@pytest.mark.parametrize("content", [b"%PDF-1.7", a4(15), a4(size=(595.28, 700.0))])
async def test_a_pdf_that_can_t_be_printed_is_refused(digipost: LocalDigipost, content: bytes) -> None:
    """One that is none, has too many pages, or is of another size. Its ids are not used up."""
    sent = await call(digipost, "POST", "/messages", body_of(on_paper(), content=content))
    assert error(sent) == (400, "INVALID_PDF_CONTENT", "CLIENT_DATA")
    assert (await call(digipost, "POST", "/messages", body_of(on_paper(), content=a4(14)))).status_code == 201


async def test_an_account_without_an_agreement_prints_nothing() -> None:
    """It is told so, whoever the letter is for."""
    async with local_digipost(clock=SettableClock(NOON), prints=False) as digipost:
        sent = await call(digipost, "POST", "/messages", body_of(on_paper(), content=a4()))
        assert error(sent) == (403, "NOT_APPROVED_FOR_PRINT", "CONFIGURATION")


async def test_what_becomes_of_a_letter_on_paper_is_told_as_events(digipost: LocalDigipost) -> None:
    """With what is told beside them, valid by the schema."""
    await call(digipost, "POST", "/messages", body_of(on_paper(), content=a4()))
    for event in ("POSTMARKED", "PRINT_FAILED", "SHREDDED"):
        await digipost.posted(event)
    events = list(valid(await call(digipost, "GET", EVENTS)).iterfind("{*}event"))
    assert [event.get("type") for event in events] == ["POSTMARKED", "PRINT_FAILED", "SHREDDED"]
    assert [len(event) for event in events] == [1, 1, 0]
