"""What the mailbox tells of letters afterwards: each event once, and who opened what for nobody but herself."""

from __future__ import annotations

import asyncio

import pytest

from consent_service.audit.log import lock
from consent_service.clock import DAY, HOUR, MINUTE
from consent_service.delivery import letters, reading
from consent_service.delivery.history.listening import KEPT, OVERLAP, listen
from consent_service.events import feed
from consent_service.events.sequencer import number
from consent_service.mailbox.port import (
    DocumentEvent,
    DocumentStatus,
    Identification,
    Mailbox,
    NotHeld,
    Outcome,
    OutgoingLetter,
    Parked,
    Retry,
    Unanswered,
    User,
)
from tests.delivery.conftest import Office


class Telling(Mailbox):
    """A mailbox that tells what it is told to tell, within the window that is asked for, and remembers the windows."""

    def __init__(self, *events: DocumentEvent) -> None:
        self.events_to_tell = list(events)
        self.windows: list[tuple[int, int]] = []
        self.silent = False

    async def send(self, letter: OutgoingLetter) -> Outcome:
        return Retry("not-here")

    async def ready(self) -> Retry | Parked | None:
        return None

    def sender_of(self, organisation: str | None) -> str:
        return "1"

    async def status(
        self, document_uuid: str, sender_organisation: str | None = None, sent_as: str | None = None
    ) -> DocumentStatus:
        return NotHeld()

    async def identify(self, national_id: str) -> Identification:
        return User()

    async def events(self, since: int, until: int) -> tuple[DocumentEvent, ...] | Unanswered:
        self.windows.append((since, until))
        if self.silent:
            return Unanswered("silent")
        return tuple(event for event in self.events_to_tell if since <= event.at <= until)


async def delivered(office: Office) -> tuple[str, str, str]:
    """A letter that has arrived: its candidate, itself, its document."""
    candidate = await office.candidate()
    letter = await office.letter(await office.consent(candidate))
    await office.work()
    return candidate, letter, (await office.show(letter)).document_uuid


async def hear(office: Office, mailbox: Mailbox, holder: str = "one") -> int:
    return await listen(office.db, mailbox, office.clock, holder=holder)


async def hers(office: Office, candidate: str) -> reading.Delivery:
    async with office.db.snapshot() as view:
        (delivery,) = await reading.of_candidate(view, candidate)
    return delivery


async def test_that_a_letter_was_opened_is_for_its_reader_alone(office: Office) -> None:
    """She sees it with its time; units, operators, the feed and the log do not."""
    candidate, letter, _ = await delivered(office)
    logged = await office.logged(candidate)
    office.clock.advance(seconds=60)
    await office.digipost.open_letters()
    assert await hear(office, office.digipost.mailbox()) == 1
    mine = await hers(office, candidate)
    assert [step.status for step in mine.history] == ["accepted", "dispatched", "delivered", "opened"]
    assert (mine.status, mine.history[-1].at) == ("opened", office.clock.now() // 1000 * 1000)
    assert await office.seen(letter) == ["accepted", "dispatched", "delivered"]
    shown = await office.show(letter)
    assert (shown.status, [line.status for line in shown.history]) == (
        "delivered",
        ["accepted", "dispatched", "delivered"],
    )
    assert await office.logged(candidate) == logged
    async with office.db.transaction() as tx:
        await number(tx, holder="test", now=office.clock.now())
    async with office.db.snapshot() as view:
        events = await feed.read(view, office.training.id, after=0, limit=100)
    assert [event.state for event in events if event.type == "plan"] == ["delivered"]


async def test_an_event_that_is_told_again_is_written_once(office: Office) -> None:
    """Windows overlap, so that the same event comes several times; so does one that a page repeats."""
    candidate, _, document = await delivered(office)
    opened = DocumentEvent(document, "OPENED", office.clock.now())
    mailbox = Telling(opened, opened)
    assert [await hear(office, mailbox) for _ in range(3)] == [1, 0, 0]
    assert [step.status for step in (await hers(office, candidate)).history].count("opened") == 1


async def test_windows_overlap_and_an_event_that_comes_late_is_not_missed(office: Office) -> None:
    """It became visible after its own time was asked about: the next window reaches back."""
    candidate, _, document = await delivered(office)
    mailbox = Telling()
    await hear(office, mailbox)
    happened = office.clock.now() - MINUTE
    office.clock.advance(seconds=60)
    mailbox.events_to_tell.append(DocumentEvent(document, "OPENED", happened))
    assert await hear(office, mailbox) == 1
    (first, until), (second, _) = mailbox.windows
    assert (until - first, until - second) == (KEPT, OVERLAP)
    assert (await hers(office, candidate)).status == "opened"


async def test_a_silent_mailbox_is_asked_for_the_same_time_again(office: Office) -> None:
    """What was not answered for has not been heard, nor has it when nobody has asked for weeks."""
    mailbox = Telling()
    await hear(office, mailbox)
    (_, heard) = mailbox.windows[0]
    mailbox.silent = True
    for _ in range(2):
        office.clock.advance(seconds=10 * HOUR // 1_000_000)
        await hear(office, mailbox)
    assert {since for since, _ in mailbox.windows[1:]} == {heard - OVERLAP}
    office.clock.advance(days=60)
    await hear(office, mailbox)
    since, until = mailbox.windows[-1]
    assert until - since == KEPT == 30 * DAY


@pytest.mark.parametrize("kind", ["SMS_NOTIFICATION_FAILED", "SOMETHING_NEW"])
async def test_other_events_are_for_operators(office: Office, kind: str) -> None:
    """A notification that failed, a type that no schema has yet: told by its code; the letter stays delivered."""
    candidate, letter, document = await delivered(office)
    assert await hear(office, Telling(DocumentEvent(document, kind, office.clock.now()))) == 1
    shown = await office.show(letter)
    assert (shown.status, shown.history[-1].note) == ("delivered", kind.lower().replace("_", "-"))
    assert (await hers(office, candidate)).status == "delivered"


async def test_what_is_not_about_our_letters_is_passed_over(office: Office) -> None:
    """An account's other letters, and text that is no type, leave no trace."""
    _, letter, document = await delivered(office)
    now = office.clock.now()
    others = [
        DocumentEvent("11111111-2222-3333-4444-555555555555", "OPENED", now),
        DocumentEvent(document, "opened by 21879498012", now),
    ]
    assert await hear(office, Telling(*others)) == 0
    assert len((await office.show(letter)).history) == 3


async def test_one_worker_at_a_time_listens(office: Office) -> None:
    """Another one takes over when it has died; two that listen at once would write nothing twice either."""
    _, _, document = await delivered(office)
    mailbox = Telling(DocumentEvent(document, "OPENED", office.clock.now()))
    heard = await asyncio.gather(hear(office, mailbox, "one"), hear(office, mailbox, "two"))
    assert sorted(heard) == [0, 1]
    assert len(mailbox.windows) == 1
    office.clock.advance(seconds=11 * 60)
    await hear(office, mailbox, "two")
    assert len(mailbox.windows) == 2


async def test_an_erased_persons_letters_are_heard_of_no_more(office: Office) -> None:
    """The mailbox still tells; here nobody knows whom it is about."""
    candidate, _, document = await delivered(office)
    async with office.db.transaction() as tx:
        await lock(tx, [candidate])
        await letters.forget(tx, candidate)
    assert await hear(office, Telling(DocumentEvent(document, "OPENED", office.clock.now()))) == 0


async def test_a_running_worker_listens(office: Office) -> None:
    """Nobody asks for it."""
    candidate, _, document = await delivered(office)
    mailbox = Telling(DocumentEvent(document, "OPENED", office.clock.now()))
    running = asyncio.create_task(office.worker(mailbox=mailbox).run())
    while not mailbox.windows or (await hers(office, candidate)).status != "opened":  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
