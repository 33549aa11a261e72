"""A newer version, a correction after the end, answers held against their questions, rows that were changed."""

import io

import pypdf
import pytest

from consent_service.clock import DAY, local_date
from consent_service.consents import endings
from consent_service.consents.gate import Refused
from consent_service.consents.preview import Choice
from consent_service.consents.sweep import sweep
from consent_service.delivery import operators
from consent_service.delivery.states import Status
from consent_service.errors import Invalid, NotAvailable
from consent_service.plans import listing, push
from consent_service.plans.parts import plan_ref
from consent_service.plans.push import Incoming, Overtaken
from consent_service.plans.reading import my_pdf, my_plan, my_plans, my_requests
from consent_service.plans.states import State
from consent_service.storage.engine import Statement
from consent_service.vault.keys import CandidateKey
from tests.plans.conftest import Office
from tests.plans.examples import plan, request
from tests.plans.test_archive import fetched
from tests.support.acting import BY


async def delivered(office: Office, plan_id: str) -> None:
    """The mailbox has confirmed the plan's newest letter."""
    letter = "(SELECT id FROM letter WHERE plan_id = :id ORDER BY plan_version DESC LIMIT 1)"
    done = {"status": Status.DELIVERED.value, "id": plan_id}
    async with office.db.transaction() as tx:
        await tx.run(
            Statement(f"UPDATE letter SET status = :status, next_attempt_at = NULL WHERE id = {letter}"), **done
        )
        await tx.run(
            Statement(
                "INSERT INTO letter_status (letter_id, position, candidate_id, status, at, note)"
                " SELECT id, 1, candidate_id, :status, :at, NULL FROM letter WHERE plan_id = :id"
                f" AND id = {letter}"
            ),
            at=office.clock.now(),
            **done,
        )


async def words(office: Office, key: CandidateKey, plan_id: str) -> list[str]:
    """What stands on each page of her newest PDF."""
    async with office.db.snapshot() as view:
        pdf = await my_pdf(view, key, plan_id)
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


async def test_a_newer_version_says_which_it_replaces(office: Office) -> None:
    """On paper: its number and the day of the one before; it is tentative on every page, its letter is a new one."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    day = local_date(office.clock.now())
    assert "Versjon" not in (await words(office, key, first.plan_id))[0]
    office.clock.advance(days=3)
    second = await office.push(asked.consent_id, plan(summary="Noe er nytt."))
    told = await words(office, key, second.plan_id)
    assert f"Versjon 2. Den erstatter planen fra {day.day}. " in told[0]
    assert all("Tentativ – ikke et vedtak" in page for page in told)
    async with office.db.snapshot() as view:
        (mine,) = await my_plans(view, key.candidate_id)
        subjects = await view.rows(Statement("SELECT plan_version, subject FROM letter ORDER BY plan_version"))
    assert mine.replaced_at is not None
    assert local_date(mine.replaced_at) == day
    assert [row["subject"] for row in subjects] == ["Brev fra fagopplæringen", "Nytt brev fra fagopplæringen"]


async def test_who_reads_an_older_version_hears_of_the_newer(office: Office) -> None:
    """NAV hears that what she shared of the plan is superseded, under that consent alone, and not what is new."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    choice = Choice(
        office.desk.purposes.get("plan_follow_up"),
        office.nav,
        (plan_ref(key.candidate_id, first.plan_id, 1, "route"),),
        office.clock.now() + 30 * DAY,
    )
    shared = await office.gives(key, choice)
    await office.push(asked.consent_id, plan(summary="Noe er nytt."))
    (event,) = [one for one in await office.hears(office.nav) if one.type == "plan"]
    assert (event.state, event.consent_id, event.plan_id) == ("superseded", shared, first.plan_id)


@pytest.mark.parametrize("newer", [True, False])
async def test_who_was_paused_hears_of_the_newer_one_when_it_goes_on(office: Office, newer: bool) -> None:
    """While she lets nothing out NAV hears nothing; then that what it may read again is out of date, if it is."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    route = plan_ref(key.candidate_id, first.plan_id, 1, "route")
    follow_up = office.desk.purposes.get("plan_follow_up")
    shared = await office.gives(key, Choice(follow_up, office.nav, (route,), office.clock.now() + 30 * DAY))
    await office.pause(key, shared)
    if newer:
        await office.push(asked.consent_id, plan(summary="Noe er nytt."))
    assert [one for one in await office.hears(office.nav) if one.type == "plan"] == []
    await office.resume(key, shared)
    told = [(one.state, one.consent_id) for one in await office.hears(office.nav) if one.type == "plan"]
    assert told == [("superseded", shared)] * newer


async def test_two_at_once_are_two_versions_or_one_and_a_repeat(office: Office) -> None:
    """A plan whose PDF says what it replaces does not come in after another has: it is made anew."""
    _, asked = await office.granted()
    incoming = Incoming(asked.consent_id, plan())
    one, other = [
        await push.make_ready(
            office.db, office.keys, office.desk, incoming, unit=office.training, by=BY, now=office.clock.now()
        )
        for _ in range(2)
    ]
    async with office.db.transaction() as tx:
        await push.push(tx, office.desk, one, at=office.clock.now())
    async with office.db.transaction() as tx:
        with pytest.raises(Overtaken):
            await push.push(tx, office.desk, other, at=office.clock.now())
    assert (await office.push(asked.consent_id)).version == 2


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_correction_of_a_delivered_plan_goes_to_her_alone(office: Office, end: str) -> None:
    """After the end: it is in her pages and her log, and says what it corrects. No letter, no copy, no event."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    await delivered(office, first.plan_id)
    office.clock.advance(days=61 if end == "expired" else 1)
    if end == "revoked":
        await office.revoke(key, asked.consent_id)
    heard = {unit.id: await office.hears(unit) for unit in (office.nav, office.training)}
    with pytest.raises(NotAvailable):
        await office.push(asked.consent_id)
    corrected = await office.push(asked.consent_id, plan(summary="Her var det en feil."), correction=True)
    assert (corrected.plan_id, corrected.version, corrected.letter_id) == (first.plan_id, 2, None)
    async with office.db.snapshot() as view:
        mine, content = await my_plan(view, key, first.plan_id)
        letters = await view.value(Statement("SELECT COUNT(*) FROM letter"))
        shares = await view.value(Statement("SELECT COUNT(*) FROM share WHERE resource = 'plan' AND version = 2"))
    assert (mine.version, mine.correction, mine.delivery) == (2, True, None)
    assert content.summary == "Her var det en feil."
    assert (letters, shares) == (1, 0)
    assert "Den retter feil i planen fra" in (await words(office, key, first.plan_id))[0]
    assert (await office.events_in(key.candidate_id))[-1] == "plan.corrected"
    for unit in (office.nav, office.training):
        assert await office.hears(unit) == heard[unit.id]
    assert isinstance(await fetched(office, first.plan_id), Refused)


async def test_a_correction_stops_an_older_letter_that_has_not_left(office: Office) -> None:
    """It was on its way when the consent expired: she is not sent what was wrong, and the mailbox keeps no share."""
    key, asked = await office.granted()
    first = await office.push(asked.consent_id)
    await delivered(office, first.plan_id)
    second = await office.push(asked.consent_id, plan(summary="Her er det en feil."))
    office.clock.advance(days=61)
    await sweep(office.db, office.desk, office.clock)
    held = Statement("SELECT COUNT(*) FROM share WHERE recipient_id = 'mailbox'")
    async with office.db.snapshot() as view:
        assert await view.value(held) > 0
    await office.push(asked.consent_id, plan(summary="Her er den rettet."), correction=True)
    async with office.db.snapshot() as view:
        letters = {one.plan_version: one for one in await operators.listed(view, tuple(Status))}
        assert await view.value(held) == 0
    assert {version: one.status for version, one in letters.items()} == {1: "delivered", 2: "cancelled"}
    assert (letters[2].id, letters[2].history[-1].note) == (second.letter_id, "superseded")
    assert (await office.events_in(key.candidate_id))[-2:] == ["letter.cancelled", "plan.corrected"]


@pytest.mark.parametrize(
    "why", ["never delivered", "nothing pushed", "another unit", "paused", "refused", "erased row"]
)
async def test_nothing_else_comes_in_after_the_end(office: Office, why: str) -> None:
    """Without a delivered plan of the unit's own under that very consent, a correction is as unwelcome as any plan."""
    asked = await office.ask()
    key = await office.comes()
    if why == "refused":
        await office.no(key, asked)
    else:
        await office.yes(key, asked)
    if why in {"never delivered", "another unit", "paused", "erased row"}:
        first = await office.push(asked.consent_id)
        if why != "never delivered":
            await delivered(office, first.plan_id)
    if why == "paused":
        async with office.db.transaction() as tx:
            await endings.pause(tx, office.desk, key.candidate_id, asked.consent_id, now=office.clock.now())
    elif why != "refused":
        await office.revoke(key, asked.consent_id)
    if why == "erased row":
        async with office.db.transaction() as tx:
            await tx.run(Statement("UPDATE consent SET ended_at = ended_at + 1 WHERE id = :id"), id=asked.consent_id)
    by = office.other_training if why == "another unit" else None
    with pytest.raises(NotAvailable):
        await office.push(asked.consent_id, by=by, correction=True)


async def test_answers_are_held_against_the_questions(office: Office) -> None:
    """An answer to a question that the mapping request has not is refused, and said where; nothing was stored."""
    _, asked = await office.granted()
    answers = [
        {"question_id": "m1", "of": "mapping_request", "text": "Ja."},
        {"question_id": "m3", "of": "mapping_request", "text": "Nei."},
    ]
    with pytest.raises(Invalid) as refused:
        await office.push(asked.consent_id, plan(answers=answers))
    assert [one.pointer for one in refused.value.violations] == ["/answers/1/question_id"]
    assert b"m1" not in await office.stored("mapping_request")
    await office.push(asked.consent_id, plan(answers=answers[:1]))


async def test_answers_are_held_against_the_note_that_was_shared(office: Office) -> None:
    """Its question to fagopplæring is answered; one that she kept to herself, and one of the request's, are not."""
    asked = await office.ask(sections=("strengths", "question_vocational_training"))
    key = await office.comes()
    note = await office.note(key, "strengths", "question_vocational_training:q1", "question_vocational_training:q2")
    await office.yes(key, asked, also=note[:2])
    answers = [{"question_id": one, "of": "note", "text": "Ja."} for one in ("q1", "q2", "m1", "strengths")]
    with pytest.raises(Invalid) as refused:
        await office.push(asked.consent_id, plan(answers=answers))
    assert [one.pointer for one in refused.value.violations] == [f"/answers/{n}/question_id" for n in (1, 2, 3)]
    await office.push(asked.consent_id, plan(answers=answers[:1]))


async def test_a_request_without_questions_takes_no_answer(office: Office) -> None:
    """Nor do two requests share their questions' ids."""
    asked = await office.ask(content=request(questions=[{"id": "other", "text": "Hva teller?"}]))
    key = await office.comes()
    await office.yes(key, asked)
    with pytest.raises(Invalid):
        await office.push(asked.consent_id)


async def test_a_part_that_was_changed_hides_no_other_request(office: Office) -> None:
    """Of the changed one there is nothing to say; the other is told in full."""
    first, second = await office.ask(), await office.ask()
    key = await office.comes()
    async with office.db.transaction() as tx:
        spoilt = Statement("UPDATE part SET sealed = :sealed WHERE resource_id = :id AND part = 'questions'")
        assert await tx.run(spoilt, sealed=b"\x01" * 60, id=first.id) == 1
    async with office.db.snapshot() as view:
        told = {one.id: one for one in await my_requests(view, office.desk.keys, key, now=office.clock.now())}
    assert (told[first.id].state, told[first.id].parts) == (None, {})
    assert told[second.id].state is State.WAITING
    assert told[second.id].parts


async def test_a_state_that_was_changed_hides_no_other_request_from_a_unit(office: Office) -> None:
    """A row of another's making is left out of the unit's list; the others stand in it."""
    first, second = await office.ask(), await office.ask()
    async with office.db.transaction() as tx:
        await tx.run(Statement("UPDATE mapping_request SET progress = 'nonsense' WHERE id = :id"), id=first.id)
    async with office.db.snapshot() as view:
        found, _ = await listing.page(view, office.desk.keys, office.nav.id, after="", limit=10, now=office.clock.now())
    assert [one.id for one in found] == [second.id]
