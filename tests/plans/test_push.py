import json
from hashlib import sha256

import pytest

from consent_service.audit.log import SERVICE_CHAIN, open_detail
from consent_service.audit.log import read as read_log
from consent_service.consents.gate import DispatchAsk, Dispatched, Refused
from consent_service.delivery.letters import pdf_of
from consent_service.errors import NotAvailable, WrongState
from consent_service.plans import listing, push
from consent_service.plans.reading import my_pdf, my_plan, my_plans, my_request
from consent_service.plans.states import State
from consent_service.storage.engine import Statement
from consent_service.vault.keys import CandidateKey
from tests.persons.conftest import OLA
from tests.plans.conftest import Office
from tests.plans.examples import no_plan, plan
from tests.support.acting import BY


async def counted(office: Office) -> dict[str, int]:
    """How many rows the tables have that a push writes to."""
    async with office.db.snapshot() as view:
        return {
            table: await view.value(Statement(f"SELECT count(*) FROM {table}"))
            for table in ("part", "plan", "letter", "share", "event")
        }


async def made_ready(office: Office, consent_id: str) -> push.ReadyPlan:
    """A plan that fagopplæring is about to hand in."""
    now = office.clock.now()
    incoming = push.Incoming(consent_id, plan())
    return await push.make_ready(office.db, office.keys, office.desk, incoming, unit=office.training, by=BY, now=now)


async def dispatched(office: Office, key: CandidateKey, consent_id: str, plan_id: str, version: int = 1) -> object:
    """What the gate answers the outbox."""
    pdf = pdf_of(key.candidate_id, plan_id, version)
    return await office.gate.dispatch(DispatchAsk("letter", consent_id, key.candidate_id, pdf))


async def test_a_plan_is_hers_at_once_and_on_its_way(office: Office) -> None:
    """She reads what was pushed, the PDF is what the gate hands the mailbox, and its hash stands in her log."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id)
    async with office.db.snapshot() as view:
        (mine,) = await my_plans(view, key.candidate_id)
        head, content = await my_plan(view, key, pushed.plan_id)
        pdf = await my_pdf(view, key, pushed.plan_id)
        request = await my_request(view, office.desk.keys, key, asked.id, now=office.clock.now())
        last = (await read_log(view, key.candidate_id, limit=1000))[-1]
        detail = open_detail(office.keys.service.log, key.candidate_id, last)
    assert head == mine
    assert content == plan()
    assert (mine.version, mine.unit_id, mine.consent_id) == (1, office.training.id, asked.consent_id)
    assert mine.delivery is not None
    assert mine.delivery.status == "accepted"
    assert (request.state, request.plan_id) == (State.ANSWERED, pushed.plan_id)
    assert pdf.startswith(b"%PDF-")
    assert last["event"] == "plan.pushed"
    assert detail is not None
    said = json.loads(detail[1])
    assert len(said.pop("archive_sha256")) == 64
    assert said == {"outcome": "plan", "version": 1, "content_sha256": sha256(pdf).hexdigest(), **BY.detail()}
    sent = await dispatched(office, key, asked.consent_id, pushed.plan_id)
    assert isinstance(sent, Dispatched)
    assert sent.pdf == pdf


async def test_that_there_is_no_plan_is_an_answer_too(office: Office) -> None:
    """No plan is delivered, read and logged as a plan is."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id, no_plan())
    async with office.db.snapshot() as view:
        assert (await my_plan(view, key, pushed.plan_id))[1].outcome == "no_plan"
        assert (
            await listing.get(view, office.desk.keys, office.nav.id, asked.id, now=office.clock.now())
        ).state is State.ANSWERED


async def test_a_newer_plan_is_the_next_version(office: Office) -> None:
    """A second push for the same request supersedes the first: same plan, next version, a letter of its own."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    second = await office.push(asked.consent_id, plan(summary="Noe er nytt."))
    assert (second.plan_id, second.version) == (first.plan_id, 2)
    assert second.letter_id != first.letter_id
    async with office.db.snapshot() as view:
        (mine,) = await my_plans(view, key.candidate_id)
        assert (await my_plan(view, key, first.plan_id))[1].summary == "Noe er nytt."
        state = await listing.get_plan(
            view, office.desk.keys, office.training.id, first.plan_id, now=office.clock.now()
        )
    assert mine.version == state.version == 2
    assert state.delivery.letter_id == second.letter_id


async def test_its_sender_sees_the_letter_while_the_consent_is_in_force(office: Office) -> None:
    """Status and history, no content; after the revoke nothing. Nobody else sees it at any time."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id)
    async with office.db.snapshot() as view:
        state = await listing.get_plan(
            view, office.desk.keys, office.training.id, pushed.plan_id, now=office.clock.now()
        )
        for other in (office.nav, office.other_training):
            with pytest.raises(NotAvailable):
                await listing.get_plan(view, office.desk.keys, other.id, pushed.plan_id, now=office.clock.now())
    assert [step.status for step in state.delivery.history] == ["accepted"]
    await office.revoke(key, asked.consent_id)
    async with office.db.snapshot() as view:
        with pytest.raises(NotAvailable):
            await listing.get_plan(view, office.desk.keys, office.training.id, pushed.plan_id, now=office.clock.now())


async def test_a_revoke_stops_the_letter_and_leaves_her_the_plan(office: Office) -> None:
    """The mailbox gets nothing after the revoke; what was accepted stays readable for her."""
    key, asked = await office.granted()
    pushed = await office.push(asked.consent_id)
    await office.revoke(key, asked.consent_id)
    assert isinstance(await dispatched(office, key, asked.consent_id, pushed.plan_id), Refused)
    async with office.db.snapshot() as view:
        assert (await my_plan(view, key, pushed.plan_id))[1] == plan()


@pytest.mark.parametrize("why", ["unopened", "waiting", "refused", "revoked", "expired", "foreign", "unknown"])
async def test_without_a_consent_in_force_nothing_is_written(office: Office, why: str) -> None:
    """For every reason the answer is the same, nothing is left behind, and the attempt stands in a log."""
    asked = await office.ask()
    by, consent_id, chain = office.training, asked.consent_id, SERVICE_CHAIN
    if why not in {"unopened", "unknown"}:
        key = await office.comes()
        chain = key.candidate_id
        if why == "refused":
            await office.no(key, asked)
        if why in {"revoked", "expired", "foreign"}:
            await office.yes(key, asked)
        if why == "revoked":
            await office.revoke(key, consent_id)
        office.clock.advance(days=61 if why == "expired" else 0)
    if why == "foreign":
        by = office.other_training
    if why == "unknown":
        consent_id = "00000000-0000-4000-8000-000000000000"
    before = await counted(office)
    with pytest.raises(NotAvailable):
        await office.push(consent_id, by=by)
    assert await counted(office) == before
    assert (await office.events_in(chain))[-1] == "plan.refused"


async def test_a_row_that_was_changed_lets_no_plan_in(office: Office) -> None:
    """What the columns say is believed only as far as their MAC does."""
    _, asked = await office.granted()
    changed = Statement("UPDATE consent SET valid_until = valid_until + 1 WHERE id = :id")
    async with office.db.transaction() as tx:
        await tx.run(changed, id=asked.consent_id)
    with pytest.raises(NotAvailable):
        await office.push(asked.consent_id)


async def test_a_revoke_between_setting_and_accepting_wins(office: Office) -> None:
    """The consent is judged in the transaction: what was made ready before the revoke is not let in after it."""
    key, asked = await office.granted()
    ready = await made_ready(office, asked.consent_id)
    await office.revoke(key, asked.consent_id)
    before = await counted(office)
    async with office.db.transaction() as tx:
        with pytest.raises(NotAvailable):
            await push.push(tx, office.desk, ready, at=office.clock.now())
    assert await counted(office) == before


async def test_a_row_that_was_changed_since_it_was_made_ready_lets_no_plan_in(office: Office) -> None:
    """The MACs are looked at in the transaction that accepts, not only before it."""
    _, asked = await office.granted()
    ready = await made_ready(office, asked.consent_id)
    async with office.db.transaction() as tx:
        await tx.run(Statement("UPDATE consent SET valid_until = valid_until + 1 WHERE id = :id"), id=asked.consent_id)
    before = await counted(office)
    async with office.db.transaction() as tx:
        with pytest.raises(NotAvailable):
            await push.push(tx, office.desk, ready, at=office.clock.now())
    assert await counted(office) == before


async def test_a_row_changed_by_hand_lets_nothing_in(office: Office) -> None:
    """A revoked consent whose row is put back to granted does not let a plan in."""
    key, asked = await office.granted()
    await office.revoke(key, asked.consent_id)
    async with office.db.transaction() as tx:
        await tx.run(
            Statement("UPDATE consent SET state = 'granted', ended_at = NULL WHERE id = :id"), id=asked.consent_id
        )
    before = await counted(office)
    with pytest.raises(NotAvailable):
        await office.push(asked.consent_id)
    assert await counted(office) == before


async def test_it_is_all_or_nothing(office: Office) -> None:
    """A transaction that fails at its end leaves no part, no plan, no letter and no event."""
    key, asked = await office.granted()
    ready = await made_ready(office, asked.consent_id)
    before = await counted(office)

    async def fail_at_the_end() -> None:
        async with office.db.transaction() as tx:
            await push.push(tx, office.desk, ready, at=office.clock.now())
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        await fail_at_the_end()
    assert await counted(office) == before
    assert "plan.pushed" not in await office.events_in(key.candidate_id)


async def test_a_consent_of_another_purpose_is_no_ground(office: Office) -> None:
    """A consent that is about no mapping request can't be answered with a plan."""
    key, _ = await office.granted()
    (note,) = await office.note(key)
    choice = office.choice(key, (await office.ask()), "wished_trades")
    consent_id = await office.gives(key, type(choice)(choice.purpose, choice.recipient, (note,), choice.valid_until))
    with pytest.raises(WrongState):
        await office.push(consent_id)


async def test_a_renewed_consent_carries_on(office: Office) -> None:
    """After the first consent has expired, a new one on the same request's parts takes the next version."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    office.clock.advance(days=61)
    renewed = await office.gives(key, office.choice(key, asked, "wished_trades"))
    second = await office.push(renewed)
    assert (second.plan_id, second.version) == (first.plan_id, 2)


async def test_nobody_else_reads_her_plan(office: Office) -> None:
    """Another candidate gets nothing by its id."""
    _, asked = await office.granted()
    pushed = await office.push(asked.consent_id)
    ola = await office.comes(OLA)
    async with office.db.snapshot() as view:
        assert await my_plans(view, ola.candidate_id) == []
        for reading in (my_plan, my_pdf):
            with pytest.raises(NotAvailable):
                await reading(view, ola, pushed.plan_id)


async def test_the_asker_hears_that_it_is_answered_and_nothing_of_the_plan(office: Office) -> None:
    """NAV's feed says answered, and names no plan: of that it learns under a consent of its own alone."""
    _, asked = await office.granted()
    await office.push(asked.consent_id)
    events = await office.hears(office.nav)
    assert [(one.type, one.state) for one in events] == [("consent", "granted"), ("mapping_request", "answered")]
    assert {one.plan_id for one in events} == {None}


async def test_no_word_of_a_plan_lies_open(office: Office) -> None:
    """No table holds a word of the plan, its PDF or its contact."""
    _, asked = await office.granted()
    await office.push(asked.consent_id)
    content = await office.stored(
        "plan", "letter", "part", "share", "event", "entry", "entry_detail", "mapping_request", "mapping_message"
    )
    assert asked.id.encode() in content
    for word in ("Helsefagarbeider", "HSHEA3", "Sykehjem", "Rådgiver", "no_plan", "%PDF"):
        assert word.encode() not in content
