"""Settings that name another sender while a letter is on its way: under no sender does the mailbox get it twice."""

from __future__ import annotations

import pytest

from consent_service.delivery import operators
from consent_service.mailbox.digipost import Digipost
from consent_service.mailbox.port import Mailbox
from consent_service.storage.engine import Statement
from tests.delivery.conftest import Office
from tests.support.digipost import BROKER, COUNTY, OWN_NUMBER, intruder, signer

_SENT_AS = Statement("SELECT sent_as FROM letter WHERE id = :id")


def as_the_county(office: Office) -> Mailbox:
    """The same account, whose settings call the county's letters its own."""
    return Digipost(office.digipost.calls(), user_id=BROKER, organisation_number=COUNTY.organisation_number)


def as_another_account(office: Office) -> Mailbox:
    """Another account of ours, which may send for nobody and sees nobody's documents."""
    calls = office.digipost.calls(user_id=BROKER + 1)
    return Digipost(calls, user_id=BROKER + 1, organisation_number=OWN_NUMBER)


async def senders(office: Office) -> list[int]:
    """Under which accounts the mailbox has letters."""
    return [letter["sender"]["id"] for letter in await office.digipost.letters()]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_letter_in_doubt_stays_with_the_sender_that_it_went_under(office: Office, fault: str) -> None:
    """The organisation in the settings is changed: the old sender is asked about, and sent under; one letter."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order(fault)
    await office.work()
    office.clock.advance(seconds=2)
    await office.work(mailbox=as_the_county(office))
    assert await office.status(letter) == "delivered"
    assert await senders(office) == [COUNTY.user_id]


async def test_a_letter_in_doubt_under_another_account_waits_for_a_person(office: Office) -> None:
    """The account in the settings is changed: its denials say nothing, so it is parked, and goes on with the old."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_after")
    await office.work()
    office.clock.advance(seconds=2)
    await office.work(mailbox=as_another_account(office))
    parked = await office.show(letter)
    assert (parked.status, parked.history[-1].note, parked.may_be_out) == ("parked", "sender-changed", True)
    await operators.retry(office.db, office.keys.service, office.clock, letter)
    await office.work()
    assert await office.status(letter) == "delivered"
    assert await senders(office) == [COUNTY.user_id]


async def test_a_letter_of_which_nothing_is_out_takes_the_sender_of_now(office: Office) -> None:
    """It was refused for certain, and goes under what the settings name by then; that is written before it goes."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.work(mailbox=office.digipost.mailbox(sign=signer(intruder())))
    async with office.db.snapshot() as view:
        assert await view.value(_SENT_AS, id=letter) == f"{BROKER}/{COUNTY.organisation_number}"
    await operators.retry(office.db, office.keys.service, office.clock, letter)
    await office.work(mailbox=as_the_county(office))
    assert await office.status(letter) == "delivered"
    assert await senders(office) == [BROKER]
    async with office.db.snapshot() as view:
        assert await view.value(_SENT_AS, id=letter) == str(BROKER)
