"""Having a plan sent anyway, after a revoke stopped its letter: a consent of its own, one letter, and nobody told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from consent_service.consents import endings, receipts
from consent_service.consents.gate import DispatchAsk, Refused, ReleaseAsk
from consent_service.consents.grants import Keyring
from consent_service.consents.preview import preview
from consent_service.consents.reading import find_for_candidate
from consent_service.delivery import operators
from consent_service.delivery.letters import pdf_of
from consent_service.delivery.to_herself import use_up_all
from consent_service.delivery.worker import Worker
from consent_service.errors import NotAvailable, PreviewChanged, WrongState
from consent_service.persons.number import set_name
from consent_service.plans import listing
from consent_service.plans.reading import my_plans
from consent_service.plans.sending import Sending, offer, send
from consent_service.rights.erasure import erase
from consent_service.rights.journal import NO_JOURNAL
from consent_service.storage.engine import Statement
from consent_service.vault.keys import MAILBOX, CandidateKey
from tests.persons.conftest import OLA
from tests.plans.conftest import CONTROLLER, Office
from tests.support.digipost import LocalDigipost, local_digipost

_LETTERS = Statement("SELECT id FROM letter ORDER BY created_at, id")
_SHARES = Statement("SELECT count(*) FROM share WHERE consent_id = :consent_id")


@dataclass
class Kari:
    """Kari, whose plan is on its way to her, and what she does about it."""

    office: Office
    digipost: LocalDigipost
    key: CandidateKey
    consent_id: str
    plan_id: str

    async def revoke(self, consent_id: str | None = None) -> None:
        """She takes a yes back, some time later."""
        self.office.clock.advance(seconds=5)
        await self.office.revoke(self.key, consent_id or self.consent_id)

    async def offered(self) -> bool:
        """Whether her page offers to send it anyway."""
        return await self.shown() is not None

    async def shown(self) -> str | None:
        """The hash of what she is shown, if there is an offer."""
        now = self.office.clock.now()
        async with self.office.db.snapshot() as view:
            choice = await offer(view, self.office.desk, self.key.candidate_id, self.plan_id, now=now)
            log_key = self.office.desk.keys.log
            return None if choice is None else (await preview(view, self.key, log_key, choice)).sha256

    async def says_yes(self, shown: str | None = None) -> str:
        """She says yes to what she was shown; the consent."""
        mailbox = await self.office.keys.recipient(MAILBOX)
        sending = Sending(self.plan_id, shown or await self.shown() or "0" * 64, "nn")
        async with self.office.db.transaction() as tx:
            keyring = Keyring(self.key, mailbox, mailbox)
            return await send(tx, self.office.desk, keyring, sending, now=self.office.clock.now())

    async def work(self) -> None:
        """A worker does what is due."""
        office = self.office
        controller = CONTROLLER.organisation_number
        mailbox, keys = self.digipost.mailbox(), office.keys.service
        await Worker(office.db, office.gate, mailbox, keys, office.clock, controller=controller).run_until_idle()

    async def letters(self) -> list[operators.LetterView]:
        """Every letter, oldest first."""
        async with self.office.db.snapshot() as view:
            return [await operators.show(view, row["id"]) for row in await view.rows(_LETTERS)]

    async def state(self, consent_id: str) -> str:
        """Where a consent of hers stands."""
        office = self.office
        async with office.db.snapshot() as view:
            found = await find_for_candidate(
                view, office.desk.keys, self.key.candidate_id, consent_id, now=office.clock.now()
            )
        return found.state


@pytest.fixture
async def kari(office: Office) -> AsyncIterator[Kari]:
    """Kari, a moment after fagopplæring pushed her plan."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id)
    office.clock.advance(seconds=1)  # her chain is a little ahead of the clock
    async with local_digipost(clock=office.clock, patience=2.0) as digipost:
        yield Kari(office, digipost, key, asked.consent_id, pushed.plan_id)


async def test_a_stopped_plan_is_sent_anyway_under_a_yes_of_its_own(kari: Kari) -> None:
    """One letter arrives, under ids that no other had; the yes has its receipt, and the log says that it was hers."""
    await kari.revoke()
    await kari.work()
    consent_id = await kari.says_yes()
    await kari.work()
    first, second = await kari.letters()
    assert [(one.status, one.consent_id) for one in (first, second)] == [
        ("cancelled", kari.consent_id),
        ("delivered", consent_id),
    ]
    assert {first.message_id, first.document_uuid}.isdisjoint({second.message_id, second.document_uuid})
    (taken,) = await kari.digipost.letters()
    assert taken["document_uuid"] == second.document_uuid
    events = await kari.office.events_in(kari.key.candidate_id)
    assert events[-4:] == ["letter.accepted", "letter.released", "letter.dispatched", "letter.delivered"]
    async with kari.office.db.snapshot() as view:
        (given,) = await receipts.of_consent(view, consent_id)
        (plan,) = await my_plans(view, kari.key.candidate_id)
    said = receipts.content(kari.office.desk.keys.receipts, given["jws"])
    assert said is not None
    assert (said["recipient_third_parties"], said["max_uses"]) == ([MAILBOX], 1)
    assert [part["part"] for part in said["pii_information"]] == ["identity", "pdf"]
    assert plan.delivery is not None
    assert plan.delivery.status == "delivered"


async def test_it_is_offered_as_soon_as_she_has_revoked(kari: Kari) -> None:
    """She waits for no worker: what has certainly not left is cancelled with her yes, and is never sent."""
    assert not await kari.offered()
    await kari.revoke()
    assert await kari.offered()
    await kari.says_yes()
    await kari.work()
    assert [(one.status, one.history[-1].note) for one in await kari.letters()] == [
        ("cancelled", "revoked"),
        ("delivered", None),
    ]
    assert len(await kari.digipost.letters()) == 1


async def test_the_unit_never_learns_of_it(kari: Kari) -> None:
    """Fagopplæring hears nothing from the revoke on, can't see the plan's way, and can fetch nothing under the yes."""
    office = kari.office
    await kari.revoke()
    heard = len(await office.hears(office.training))
    consent_id = await kari.says_yes()
    await kari.work()
    office.clock.advance(seconds=60)
    await use_up_all(office.db, office.desk, office.clock)
    assert len(await office.hears(office.training)) == heard
    async with office.db.snapshot() as view:
        assert (await view.value(Statement("SELECT count(*) FROM event WHERE unit_id = 'mailbox'"))) == 0
        for unit in (office.training, office.nav):
            with pytest.raises(NotAvailable):
                await listing.get_plan(view, office.desk.keys, unit.id, kari.plan_id, now=office.clock.now())
    for unit in (office.training, office.nav):
        asked = ReleaseAsk(consent_id, unit.id, employee="F1", office="1", idempotency_key="k")
        assert await office.gate.release(asked) == Refused("not_recipient")


async def test_a_yes_that_comes_twice_is_one_letter(kari: Kari) -> None:
    """Pressed twice, at once or after the letter went, it names the same consent."""
    await kari.revoke()
    shown = await kari.shown()
    first, again = await asyncio.gather(kari.says_yes(shown), kari.says_yes(shown))
    await kari.work()
    assert {first, again, await kari.says_yes(shown)} == {first}
    await kari.work()
    assert len(await kari.letters()) == 2
    assert len(await kari.digipost.letters()) == 1


async def test_the_yes_is_for_one_letter(kari: Kari) -> None:
    """When the letter has come to its end the consent is used up, and the mailbox can open nothing any more."""
    office = kari.office
    await kari.revoke()
    consent_id = await kari.says_yes()
    assert await use_up_all(office.db, office.desk, office.clock) == 0
    assert await kari.state(consent_id) == "granted"
    await kari.work()
    assert await use_up_all(office.db, office.desk, office.clock) == 1
    assert await use_up_all(office.db, office.desk, office.clock) == 0
    assert await kari.state(consent_id) == "used_up"
    pdf = pdf_of(kari.key.candidate_id, kari.plan_id, 1)
    async with office.db.snapshot() as view:
        assert await view.value(_SHARES, consent_id=consent_id) == 0
    asked = DispatchAsk("letter", consent_id, kari.key.candidate_id, pdf)
    assert await office.gate.dispatch(asked) == Refused("ended")


async def test_that_yes_can_be_taken_back_too(kari: Kari) -> None:
    """The letter is stopped as any other; and may be asked for once more. It can't be paused."""
    await kari.revoke()
    consent_id = await kari.says_yes()
    async with kari.office.db.transaction() as tx:
        with pytest.raises(WrongState):
            await endings.pause(tx, kari.office.desk, kari.key.candidate_id, consent_id, now=kari.office.clock.now())
    await kari.revoke(consent_id)
    await kari.work()
    assert [one.status for one in await kari.letters()] == ["cancelled", "cancelled"]
    assert await kari.digipost.letters() == []
    assert await kari.says_yes() != consent_id
    await kari.work()
    assert [one.status for one in await kari.letters()] == ["cancelled", "cancelled", "delivered"]


async def test_what_is_out_or_may_be_is_not_sent_anew(kari: Kari) -> None:
    """Neither while nobody knows whether the mailbox has it, nor when it turns out to have it."""
    await kari.digipost.order("drop_after")
    await kari.work()
    await kari.revoke()
    assert not await kari.offered()
    with pytest.raises(WrongState):
        await kari.says_yes()
    kari.office.clock.advance(seconds=5)
    await kari.work()
    assert [one.status for one in await kari.letters()] == ["delivered"]
    assert not await kari.offered()
    with pytest.raises(WrongState):
        await kari.says_yes()


async def test_what_the_mailbox_denies_for_good_may_be_sent(kari: Kari) -> None:
    """It was let go, and never arrived: it is offered once the denial is final, and not before."""
    await kari.digipost.order("drop_before")
    await kari.work()
    await kari.revoke()
    await kari.work()
    assert not await kari.offered()
    kari.office.clock.advance(seconds=11 * 60)
    await kari.work()
    assert [one.status for one in await kari.letters()] == ["cancelled"]
    await kari.says_yes()
    await kari.work()
    assert len(await kari.digipost.letters()) == 1


async def test_only_her_own_revoke_is_met_with_an_offer(kari: Kari) -> None:
    """A restored database can't say what is out, and who is erased has no plan; nor has anybody else hers."""
    office = kari.office
    async with office.db.transaction() as tx:
        now = office.clock.now()
        await endings.invalidate(
            tx, office.desk, kari.key.candidate_id, kari.consent_id, granted_before=now + 1, now=now
        )
    await kari.work()
    assert not await kari.offered()
    ola = Kari(office, kari.digipost, await office.comes(OLA), kari.consent_id, kari.plan_id)
    for attempt in (ola.offered(), ola.says_yes("0" * 64)):
        with pytest.raises(NotAvailable):
            await attempt
    async with office.db.transaction() as tx:
        await erase(tx, office.desk, kari.key.candidate_id, now=office.clock.now(), journal=NO_JOURNAL)
    for attempt in (kari.offered(), kari.says_yes("0" * 64)):
        with pytest.raises(NotAvailable):
            await attempt


async def test_a_yes_to_something_else_sends_nothing(kari: Kari) -> None:
    """If what would go is no longer what she saw, no consent is written, and the old letter stands where it was."""
    office = kari.office
    await kari.revoke()
    shown = await kari.shown()
    async with office.db.transaction() as tx:
        await set_name(tx, kari.key, office.keys.service.log, "Kari Anna", held_for="county", at=office.clock.now())
    with pytest.raises(PreviewChanged):
        await kari.says_yes(shown)
    assert [one.status for one in await kari.letters()] == ["accepted"]


async def test_only_what_was_stopped_is_sent(kari: Kari) -> None:
    """Under the yes the gate lets the version go that she saw, and no other part of hers."""
    office = kari.office
    await kari.revoke()
    consent_id = await kari.says_yes()
    other = pdf_of(kari.key.candidate_id, kari.plan_id, 2)
    answer = await office.gate.dispatch(DispatchAsk("letter", consent_id, kari.key.candidate_id, other))
    assert isinstance(answer, Refused)
