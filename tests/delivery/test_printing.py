"""Letters on paper: for who is confirmed to have no account, to the address that came with the plan, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from consent_service.api.delivery_views import senders_delivery_json
from consent_service.delivery import reading
from consent_service.delivery.history.listening import listen
from consent_service.delivery.printing import Printing
from consent_service.mailbox.port import (
    Identification,
    Mailbox,
    NotAUser,
    Outcome,
    OutgoingLetter,
    PostalAddress,
)
from consent_service.storage.engine import Statement
from tests.delivery.conftest import Office
from tests.support.digipost import COUNTY, DEACTIVATED, NON_USER, USER, a4
from tests.support.mailbox import InFront

AT_HANSENS = PostalAddress("Kari Prøve", ("c/o Hansen", "Storgata 1"), "7713", "Steinkjer")
BACK_TO = PostalAddress("Fagopplæringen i Trøndelag", ("Postboks 2560",), "7735", "Steinkjer")
ON_PAPER = {
    "recipient": ["Kari Prøve", "c/o Hansen", "Storgata 1", "7713 Steinkjer"],
    "return_address": ["Fagopplæringen i Trøndelag", "Postboks 2560", "7735 Steinkjer"],
}


@pytest.fixture
def printing(office: Office) -> Office:
    """The office, with the county's letters printed."""
    office.printing = Printing(COUNTY.organisation_number, BACK_TO)
    return office


async def printable(office: Office, digits: str = NON_USER, *, version: int | None = None) -> str:
    """A letter whose plan came with an address."""
    consent = await office.consent(await office.candidate(digits), version=version)
    return await office.letter(consent, address=AT_HANSENS, pdf=a4())


async def is_printed(office: Office, letter_id: str) -> bool:
    """Whether the letter was delivered on paper, by its history."""
    async with office.db.snapshot() as view:
        (delivery,) = await reading.of_plan(view, (await office.show(letter_id)).plan_id)
    return delivery.printed


class Watched(InFront):
    """A mailbox that does something else first: before it says who somebody is, or before it takes paper."""

    def __init__(
        self,
        inner: Mailbox,
        *,
        identifying: Callable[[], Awaitable[None]] | None = None,
        taking_paper: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(inner)
        self._identifying, self._taking_paper = identifying, taking_paper

    async def send(self, letter: OutgoingLetter) -> Outcome:
        if letter.paper is not None and self._taking_paper is not None:
            await self._taking_paper()
        return await super().send(letter)

    async def identify(self, national_id: str) -> Identification:
        if self._identifying is not None:
            await self._identifying()
        return await super().identify(national_id)


class Unsure(Watched):
    """One that can't tell who somebody is."""

    async def identify(self, national_id: str) -> Identification:
        return NotAUser(confirmed=False)


@pytest.mark.parametrize("digits", [NON_USER, DEACTIVATED])
async def test_who_has_no_account_gets_it_on_paper(printing: Office, digits: str) -> None:
    """To the address that came with the plan, from the county; it is delivered once that is taken, and logged so."""
    candidate = await printing.candidate(digits)
    letter = await printing.letter(await printing.consent(candidate), address=AT_HANSENS, pdf=a4())
    await printing.work()
    assert await printing.seen(letter) == ["accepted", "dispatched", "delivered"]
    assert await is_printed(printing, letter)
    (taken,) = await printing.digipost.letters()
    assert (taken["printed"], taken["inbox"]) == (ON_PAPER, None)
    assert taken["sender"]["id"] == COUNTY.user_id
    shown = await printing.show(letter)
    assert (taken["message_id"], taken["document_uuid"]) == (shown.message_id, shown.document_uuid)
    logged = ["accepted", "released", "released", "dispatched", "delivered"]
    assert await printing.logged(candidate) == [f"letter.{event}" for event in logged]


async def test_a_user_gets_it_in_the_mailbox_and_the_address_stays(printing: Office) -> None:
    """Nothing is printed for who has an account, and the gate is not asked for the address."""
    candidate = await printing.candidate(USER)
    letter = await printing.letter(await printing.consent(candidate), address=AT_HANSENS, pdf=a4())
    await printing.work()
    assert await printing.status(letter) == "delivered"
    assert not await is_printed(printing, letter)
    assert (await printing.digipost.letters())[0]["printed"] is None
    assert (await printing.logged(candidate)).count("letter.released") == 1


@pytest.mark.parametrize("lacking", ["address", "setting", "organisation", "wording", "share"])
async def test_without_all_that_it_takes_nothing_is_printed(office: Office, lacking: str) -> None:
    """No address with the plan; print off; another's letters; a yes to words without paper; a row that was changed."""
    office.printing = Printing(COUNTY.organisation_number, BACK_TO)
    if lacking == "setting":
        office.printing = None
    if lacking == "organisation":
        office.printing = Printing("999999999", BACK_TO)
    if lacking in {"address", "share"}:
        letter = await office.letter(await office.consent(await office.candidate(NON_USER)), pdf=a4())
    else:
        letter = await printable(office, version=1 if lacking == "wording" else None)
    if lacking == "share":
        async with office.db.transaction() as tx:
            await tx.run(Statement("UPDATE letter SET printable = 1"))
    await office.work()
    assert await office.seen(letter) == ["accepted", "undeliverable"]
    assert await office.digipost.letters() == []


@pytest.mark.parametrize("fault", ["unavailable", "drop_before", "drop_after", "wrong_signature"])
async def test_a_failed_look_up_prints_nothing(printing: Office, fault: str) -> None:
    """Only the mailbox's own word that she has no account lets the address out; the letter waits for it."""
    letter = await printable(printing)
    await printing.digipost.order(fault, calls="others", times=10)
    await printing.work()
    assert await printing.status(letter) == "accepted"
    assert await printing.digipost.letters() == []
    await printing.digipost.put_right()
    printing.clock.advance(seconds=2)
    await printing.work()
    assert await is_printed(printing, letter)


async def test_who_can_t_be_told_gets_no_paper(printing: Office) -> None:
    """A mailbox that knows no such person, or several, has confirmed nothing."""
    letter = await printable(printing)
    await printing.work(mailbox=Unsure(printing.digipost.mailbox()))
    assert await printing.status(letter) == "undeliverable"
    assert await printing.digipost.letters() == []


async def test_a_revoke_between_the_two_sendings_stops_the_paper(printing: Office) -> None:
    """The gate is asked anew for the paper: what was revoked in between is cancelled, and no address leaves."""
    candidate = await printing.candidate(NON_USER)
    consent = await printing.consent(candidate)
    letter = await printing.letter(consent, address=AT_HANSENS, pdf=a4())
    mailbox = Watched(printing.digipost.mailbox(), identifying=lambda: printing.revoke(consent))
    await printing.work(mailbox=mailbox)
    assert await printing.seen(letter) == ["accepted", "cancelled"]
    assert await printing.digipost.letters() == []
    assert (await printing.logged(candidate))[-2:] == ["letter.refused", "letter.cancelled"]


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "wrong_signature"])
async def test_an_unknown_outcome_on_paper_is_asked_about_and_never_printed_twice(printing: Office, fault: str) -> None:
    """As with any letter, under the same ids: the next attempt asks, and learns that it was printed."""
    letter = await printable(printing)
    mailbox = Watched(printing.digipost.mailbox(), taking_paper=lambda: printing.digipost.order(fault))
    await printing.work(mailbox=mailbox)
    assert await printing.seen(letter) == ["accepted", "dispatched"]
    assert (await printing.show(letter)).may_be_out
    printing.clock.advance(seconds=2)
    await printing.work()
    assert await is_printed(printing, letter)
    assert len(await printing.digipost.letters()) == 1


async def test_paper_that_may_be_out_is_not_called_back_by_a_revoke(printing: Office) -> None:
    """It is told as out, and shown as delivered once the mailbox says so."""
    consent = await printing.consent(await printing.candidate(NON_USER))
    letter = await printing.letter(consent, address=AT_HANSENS, pdf=a4())
    mailbox = Watched(printing.digipost.mailbox(), taking_paper=lambda: printing.digipost.order("drop_after"))
    await printing.work(mailbox=mailbox)
    await printing.revoke(consent)
    assert await printing.out(consent) == ["dispatched"]
    printing.clock.advance(seconds=2)
    await printing.work()
    assert await is_printed(printing, letter)


async def test_who_gets_an_account_in_between_gets_one_letter(printing: Office) -> None:
    """Paper that may be out, and an account by the next attempt: the ids are the same, so there is no second letter."""
    letter = await printable(printing)
    mailbox = Watched(printing.digipost.mailbox(), taking_paper=lambda: printing.digipost.order("drop_before"))
    await printing.work(mailbox=mailbox)
    await printing.digipost.people(NON_USER, "user")
    printing.clock.advance(seconds=2)
    await printing.work()
    assert await printing.status(letter) == "delivered"
    assert not await is_printed(printing, letter)
    assert len(await printing.digipost.letters()) == 1


async def test_what_can_t_be_printed_is_undeliverable_with_the_reason(printing: Office) -> None:
    """Sixty pages: the printers take fourteen. Fagopplæring is told as of any that could not be delivered."""
    consent = await printing.consent(await printing.candidate(NON_USER))
    letter = await printing.letter(consent, address=AT_HANSENS, pdf=a4(60))
    await printing.work()
    shown = await printing.show(letter)
    assert (shown.status, shown.history[-1].note) == ("undeliverable", "INVALID_PDF_CONTENT")


async def test_what_could_not_be_printed_after_all_was_not_delivered(printing: Office) -> None:
    """The mailbox took it, and said later that it could not print it: units and she see so, and no time begins."""
    letter = await printable(printing)
    await printing.work()
    await printing.digipost.posted("PRINT_FAILED")
    printing.clock.advance(seconds=60)
    await listen(printing.db, printing.digipost.mailbox(), printing.clock, holder="somebody")
    assert await printing.seen(letter) == ["accepted", "dispatched", "delivered", "not_printed"]
    async with printing.db.snapshot() as view:
        (delivery,) = await reading.of_plan(view, (await printing.show(letter)).plan_id)
    assert (delivery.status, delivery.delivered_at) == ("not_printed", None)
    told = senders_delivery_json(delivery)
    assert (told["channel"], told["delivered_at"]) == (None, None)
    assert told["advice"].startswith("Digipost fikk likevel ikke skrevet ut brevet.")


async def test_what_becomes_of_the_paper_is_heard(printing: Office) -> None:
    """The post's events are lines for operators; that it was delivered stays as it was."""
    letter = await printable(printing)
    await printing.work()
    await printing.digipost.posted("POSTMARKED")
    printing.clock.advance(seconds=60)
    await listen(printing.db, printing.digipost.mailbox(), printing.clock, holder="somebody")
    shown = await printing.show(letter)
    assert (shown.status, shown.history[-1].status, shown.history[-1].note) == ("delivered", "noticed", "postmarked")


class Laconic(Watched):
    """One that says of any letter that something was not found, and not what."""

    async def send(self, letter: OutgoingLetter) -> Outcome:
        return NotAUser(confirmed=False)


@pytest.mark.parametrize(("digits", "status"), [(NON_USER, "undeliverable"), (USER, "parked")])
async def test_a_plain_not_found_is_settled_by_asking_who_she_is(office: Office, digits: str, status: str) -> None:
    """She is no user: so it was she. She is one: it was something else, and a person looks."""
    letter = await office.letter(await office.consent(await office.candidate(digits)))
    await office.work(mailbox=Laconic(office.digipost.mailbox()))
    assert await office.status(letter) == status


async def test_a_plain_not_found_on_paper_is_looked_at_by_a_person(printing: Office) -> None:
    """She was asked about already, so it is something else that was not found."""
    letter = await printable(printing)
    await printing.work(mailbox=Laconic(printing.digipost.mailbox()))
    assert await printing.status(letter) == "parked"
