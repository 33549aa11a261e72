from datetime import timedelta

import pytest

from consent_service.audit.log import SERVICE_CHAIN
from consent_service.clock import DAY, end_of_day
from consent_service.consents import requests
from consent_service.consents.gate import ReleaseAsk, Released
from consent_service.errors import Invalid, NotAvailable
from consent_service.persons.lookup import find
from consent_service.plans import forgetting, listing, mapping
from consent_service.plans.content import MappingRequestContent
from consent_service.plans.reading import my_request, my_requests
from consent_service.plans.states import State
from consent_service.storage.engine import Statement
from consent_service.vault.keys import CandidateKey
from tests.persons.conftest import KARI, OLA
from tests.plans.conftest import Office
from tests.plans.examples import request
from tests.support.acting import BY


async def mine(office: Office, key: CandidateKey) -> list[object]:
    async with office.db.snapshot() as view:
        return list(await my_requests(view, office.desk.keys, key, now=office.clock.now()))


async def test_what_nav_asks_waits_for_the_person(office: Office) -> None:
    """A request to somebody who has never been here makes no candidate, and is hers word for word when she comes."""
    asked = await office.ask()
    async with office.db.snapshot() as view:
        assert await find(view, office.keys.service.lookup, KARI) is None
    key = await office.comes()
    async with office.db.snapshot() as view:
        seen = await my_request(view, office.desk.keys, key, asked.id, now=office.clock.now())
    assert (seen.state, seen.requester_id, seen.recipient_id) == (State.WAITING, office.nav.id, office.training.id)
    told = {ref.part: content for ref, content in seen.parts.items()}
    assert told["wished_trades"] == {"items": [{"text": "Helsefagarbeider"}, {"grep_code": "HSHEA3----"}]}
    assert told["background"] == {"text": "Vi leter etter en vei til fagbrev."}
    assert set(told) == {"wished_trades", "schooling_and_practice", "background", "questions", "contact"}
    assert "mapping_request.received" in await office.events_in(key.candidate_id)


async def test_nothing_that_nav_writes_lies_open(office: Office) -> None:
    """Before and after she comes, no table holds a word of the request or her number."""
    asked = await office.ask()
    for _ in range(2):
        content = await office.stored(
            "mapping_request", "mapping_message", "waiting_item", "part", "consent", "entry", "entry_detail"
        )
        assert asked.id.encode() in content
        for word in ("Helsefagarbeider", "HSHEA3", "sykehjem", "Rådgiver", "21879498012", "Hva teller"):
            assert word.encode() not in content
        await office.comes()


async def test_a_known_candidate_is_asked_alike(office: Office) -> None:
    """For somebody who is here already it waits too, and is hers at her next coming."""
    key = await office.comes()
    asked = await office.ask()
    assert await mine(office, key) == []
    await office.comes()
    assert [one.id for one in await mine(office, key)] == [asked.id]  # type: ignore[attr-defined]  # MyRequest


async def test_nobody_else_gets_it(office: Office) -> None:
    """Another person who comes gets nothing of it, and can't read it by its id."""
    asked = await office.ask()
    ola = await office.comes(OLA)
    await office.comes()
    assert await mine(office, ola) == []
    async with office.db.snapshot() as view:
        with pytest.raises(NotAvailable):
            await my_request(view, office.desk.keys, ola, asked.id, now=office.clock.now())


async def test_she_asks_for_herself(office: Office) -> None:
    """Her own request is hers at once, says no asker, and lets any section of her note go along."""
    key = await office.comes()
    async with office.db.transaction() as tx:
        asked = await mapping.ask_for_herself(
            tx,
            office.desk,
            key,
            MappingRequestContent.model_validate({"wished_trades": [{"text": "Kokk"}]}),
            recipient=office.training,
            reply_by=end_of_day(office.day(10)),
            at=office.clock.now(),
        )
    async with office.db.snapshot() as view:
        seen = await my_request(view, office.desk.keys, key, asked.id, now=office.clock.now())
    assert (seen.state, seen.requester_id) == (State.WAITING, None)
    await office.yes(key, asked, "wished_trades")
    async with office.db.snapshot() as view:
        assert (await my_request(view, office.desk.keys, key, asked.id, now=office.clock.now())).state is State.RECEIVED


async def test_she_narrows_what_goes(office: Office) -> None:
    """Each part of the request can be left out, and fagopplæring then does not get it."""
    asked = await office.ask()
    key = await office.comes()
    await office.yes(key, asked, "wished_trades", "questions")
    released = await office.gate.release(ReleaseAsk(asked.consent_id, office.training.id, "A1", "FAG", "k1"))
    assert isinstance(released, Released)
    assert b"Helsefagarbeider" in released.content
    assert b"Vi leter" not in released.content


@pytest.mark.parametrize(
    ("sections", "days", "pointer"),
    [
        (("question_nav",), 21, "/note_sections/0"),
        (("strengths", "hemmelig"), 21, "/note_sections/1"),
        (("strengths",), -1, "/reply_by"),
        (("strengths",), 181, "/reply_by"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    office: Office, sections: tuple[str, ...], days: int, pointer: str
) -> None:
    """Sections that the purpose does not admit, and a reply-by day past or too far off, are named."""
    with pytest.raises(Invalid) as refused:
        await office.ask(sections=sections, days=days)
    assert [violation.pointer for violation in refused.value.violations] == [pointer]


async def test_only_fagopplæring_maps(office: Office) -> None:  # noqa: PLC2401  # what it is called
    """A request to a unit of another kind is refused."""
    async with office.db.transaction() as tx:
        with pytest.raises(Invalid):
            await mapping.ask(
                tx, office.desk, KARI, request(), requester=office.nav, by=BY, recipient=office.nav, note_sections=(),
                reply_by=end_of_day(office.day(5)), lapses_at=office.clock.now() + DAY, at=office.clock.now(),
            )  # fmt: skip


async def test_what_nav_takes_back_never_reaches_her(office: Office) -> None:
    """Cancelling the consent takes back the words that wait."""
    asked = await office.ask()
    async with office.db.transaction() as tx:
        await requests.cancel(tx, office.desk, asked.consent_id, office.nav, by=BY, at=office.clock.now())
    key = await office.comes()
    assert await mine(office, key) == []
    async with office.db.snapshot() as view:
        state = await listing.get(view, office.desk.keys, office.nav.id, asked.id, now=office.clock.now())
    assert state.state is State.NOT_GRANTED


async def test_what_waited_too_long_never_reaches_her(office: Office) -> None:
    """After the reply-by time the request has lapsed, unread."""
    await office.ask(days=3)
    office.clock.advance(days=4)
    key = await office.comes()
    assert await mine(office, key) == []


async def test_the_service_log_does_not_grow_by_asking(office: Office) -> None:
    """Asking leaves nothing in any log before the person has come: whether she is known shows nowhere."""
    before = await office.events_in(SERVICE_CHAIN)
    await office.ask()
    assert await office.events_in(SERVICE_CHAIN) == before


async def test_forgetting_leaves_ids_that_lead_to_nobody(office: Office) -> None:
    """After an erasure the asker's view is as if it was never opened."""
    asked = await office.ask()
    key = await office.comes()
    async with office.db.snapshot() as view:
        before = await listing.get(view, office.desk.keys, office.nav.id, asked.id, now=office.clock.now())
    async with office.db.transaction() as tx:
        await forgetting.forget(tx, key.candidate_id)
    async with office.db.snapshot() as view:
        assert await listing.get(view, office.desk.keys, office.nav.id, asked.id, now=office.clock.now()) == before
        rows = await view.rows(Statement("SELECT candidate_id FROM mapping_request"))
    assert [row["candidate_id"] for row in rows] == [None]


def test_the_longest_wait_is_half_a_year() -> None:
    """A request can't hang over a person for longer."""
    assert timedelta(microseconds=mapping.LONGEST_WAIT) == timedelta(days=180)
