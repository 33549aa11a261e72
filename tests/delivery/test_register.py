"""The contact register is asked before a letter goes, past the gate and told in her log; a reservation stops it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from consent_service.api.delivery_views import senders_delivery_json
from consent_service.audit.log import read as read_log
from consent_service.delivery import reading
from consent_service.delivery.reading import Delivery
from tests.delivery.conftest import Office
from tests.support.digipost import NON_USER, USER
from tests.support.krr import LocalKrr, local_krr

E_BOKS = "922020175"


@pytest.fixture
async def krr(office: Office) -> AsyncIterator[LocalKrr]:
    """The office, which asks a local KRR."""
    async with local_krr(office.clock) as served:
        office.register = served.register()
        yield served


async def delivery(office: Office, letter_id: str) -> Delivery:
    """The letter's way, as pages and units are told of it."""
    async with office.db.snapshot() as view:
        (found,) = await reading.of_plan(view, (await office.show(letter_id)).plan_id)
    return found


async def released(office: Office, candidate_id: str) -> list[str | None]:
    """What the gate wrote of each letter that it let go."""
    async with office.db.snapshot() as view:
        rows = await read_log(view, candidate_id)
    return [orjson.loads(row["body"])["outcome"] for row in rows if row["event"] == "letter.released"]


async def test_who_has_not_reserved_herself_gets_her_letter(office: Office, krr: LocalKrr) -> None:
    """She is asked about once, under her own number, after her log says that it was let go."""
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate))
    await office.work()
    assert await office.status(letter) == "delivered"
    assert await krr.looked_up() == [USER]
    assert await released(office, candidate) == ["to_register", None]


async def test_who_has_reserved_herself_gets_nothing_digitally(office: Office, krr: LocalKrr) -> None:
    """Nothing is sent; fagopplæring is told what to do and not why, and she why."""
    await krr.stands(USER, reserved=True)
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.work()
    assert await office.seen(letter) == ["accepted", "undeliverable"]
    assert await office.digipost.letters() == []
    found = await delivery(office, letter)
    told = senders_delivery_json(found)
    assert found.reason == "reserved"
    assert "kan ikke sendes digitalt" in told["advice"]
    assert "reserv" not in str(told)


async def test_a_reservation_ends_no_letter_that_may_be_out(office: Office, krr: LocalKrr) -> None:
    """She reserves herself while nobody knows whether the mailbox has it: only a final denial ends it."""
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.digipost.order("drop_before")
    await office.work()
    await krr.stands(USER, reserved=True)
    office.clock.advance(seconds=2)
    await office.work()
    assert await office.status(letter) == "dispatched"
    office.clock.advance(seconds=11 * 60)
    await office.work()
    assert await office.status(letter) == "undeliverable"
    assert await office.digipost.letters() == []


async def test_a_register_that_does_not_answer_stops_no_letter(office: Office, krr: LocalKrr) -> None:
    """It is advice: the letter goes on without it."""
    await krr.goes_down()
    letter = await office.letter(await office.consent(await office.candidate()))
    await office.work()
    assert await office.status(letter) == "delivered"


async def test_a_mailbox_elsewhere_stops_no_letter_and_says_why_one_did_not_arrive(
    office: Office, krr: LocalKrr
) -> None:
    """She said yes to Digipost, which says itself who is its user; who is none reads where her mailbox is."""
    for number, status, reason in ((USER, "delivered", None), (NON_USER, "undeliverable", "other-mailbox")):
        await krr.stands(number, supplier=E_BOKS)
        letter = await office.letter(await office.consent(await office.candidate(number)))
        await office.work()
        found = await delivery(office, letter)
        assert (found.status, found.reason) == (status, reason)
    assert "har ikke Digipost" in senders_delivery_json(found)["advice"]


async def test_nobody_is_looked_up_whom_nobody_told(office: Office, krr: LocalKrr) -> None:
    """Under a yes from before the words spoke of the register the letter goes as ever, and the number nowhere else."""
    await krr.stands(USER, reserved=True)
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate, version=1))
    await office.work()
    assert await office.status(letter) == "delivered"
    assert await released(office, candidate) == [None]
    assert await krr.looked_up() == []


async def test_nobody_is_looked_up_whose_letter_the_gate_holds_back(office: Office, krr: LocalKrr) -> None:
    """After a revoke nothing about her goes anywhere."""
    consent = await office.consent(await office.candidate())
    letter = await office.letter(consent)
    await office.revoke(consent)
    await office.work()
    assert await office.status(letter) == "cancelled"
    assert await krr.looked_up() == []


async def test_without_a_register_nobody_is_looked_up(office: Office) -> None:
    """Nor does the log say so."""
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate))
    await office.work()
    assert await office.status(letter) == "delivered"
    assert await released(office, candidate) == [None]
