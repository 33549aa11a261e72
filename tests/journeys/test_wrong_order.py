"""The journey's steps out of order, twice, or by the wrong kind of party: refused, and nothing changes."""

from __future__ import annotations

from typing import Any

from consent_clients import CareerCentre, Nav, VocationalTraining
from consent_clients.notes import NoteContent
from consent_clients.problems import Conflict, Forbidden, Invalid, NotAvailable
from consent_clients.training_plan import TrainingPlan
from tests.journeys.house import COUNSELLOR, EMPLOYEE, House, handed_over, parts_of, refused, shared
from tests.journeys.neighbours import MARIT

NOTE: NoteContent = {"language": "en", "sections": {"interests": "Bicycles.", "values": "Honesty."}, "questions": []}


async def test_a_request_is_answered_once_and_in_its_time(house: House) -> None:
    """No end before the yes, no second answer, no answer to what was taken back, and no cancelling after the yes."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    note = await handed_over(house, marit, NOTE)

    async def ask() -> str:
        asked = await nav.ask(
            MARIT,
            purpose="guidance_follow_up",
            part_kinds=["note.interests"],
            message="May we read it?",
            reply_by=house.in_days(14).isoformat(),
        )
        await marit.consents()
        return asked["id"]

    async def yes(consent_id: str, *names: str) -> Any:
        preview = await marit.preview(
            purpose="guidance_follow_up",
            recipient_id=house.unit_ids["nav"],
            parts=parts_of(note, *names),
            valid_until=house.in_days(20),
            consent_id=consent_id,
        )
        return await marit.grant(preview)

    first = await ask()
    assert isinstance(await refused(marit.revoke(first)), Conflict)
    assert isinstance(await refused(nav.release(first, EMPLOYEE)), NotAvailable)
    wider = await refused(yes(first, "interests", "values"))
    assert isinstance(wider, Invalid)
    assert (await yes(first, "interests"))["state"] == "granted"
    assert isinstance(await refused(yes(first, "interests")), Conflict)
    assert isinstance(await refused(marit.refuse(first)), Conflict)
    await refused(nav.cancel(first))
    assert (await marit.consent(first))["state"] == "granted"
    await nav.release(first, EMPLOYEE)

    taken_back = await ask()
    await nav.cancel(taken_back)
    assert isinstance(await refused(yes(taken_back, "interests")), Conflict)
    no = await ask()
    await marit.refuse(no)
    assert isinstance(await refused(marit.refuse(no)), Conflict)
    assert isinstance(await refused(yes(no, "interests")), Conflict)


async def test_a_draft_is_accepted_once_and_only_after_it_is_claimed(house: House) -> None:
    """An unclaimed draft can't be accepted by its id, and an accepted one not again."""
    marit, centre = await house.candidate(MARIT), await house.career_centre()
    code = await centre.hand_over(NOTE, COUNSELLOR)
    assert isinstance(await refused(marit.accept(code.draft_id)), NotAvailable)
    draft = await marit.claim(code.code)
    note = await marit.accept(draft["id"])
    assert isinstance(await refused(marit.accept(draft["id"])), NotAvailable)
    assert [each["id"] async for each in marit.notes()] == [note["id"]]


async def test_no_mapping_before_the_yes(house: House) -> None:
    """Fagopplæring can neither report on nor answer a request that she has not said yes to."""
    nav, training = await house.nav(), await house.training()
    await house.candidate(MARIT)
    request = await nav.ask_mapping(
        MARIT,
        house.unit_ids["vocational-training"],
        wished_trades=[{"text": "Carpenter"}],
        questions=[],
        contact={"name": "A counsellor"},
        reply_by=house.in_days(14).isoformat(),
    )
    no_plan: TrainingPlan = {
        "outcome": "no_plan",
        "language": "en",
        "other_routes": [{"kind": "modular", "text": "Try modules."}],
        "contact": {"email": "fag@example.org"},
        "valid_until": house.in_days(30).isoformat(),
    }
    for call in (
        training.mapping_request(request["id"]),
        training.report_state(request["id"], "in_work", "We have begun."),
        training.push_plan(request["consent_id"], no_plan),
        training.receipt(request["consent_id"]),
    ):
        assert isinstance(await refused(call), NotAvailable)
    assert (await nav.mapping_request(request["id"]))["state"] == "waiting"


async def test_each_kind_of_party_has_its_own_verbs(house: House) -> None:
    """The career centre reads nothing, NAV pushes no plan, fagopplæring hands over nothing: no token reaches."""
    marit = await house.candidate(MARIT)
    consent = await shared(house, marit, await handed_over(house, marit, NOTE), "interests")
    async with Nav(house.url, house.tokens("career-centre")) as centre_as_nav:
        for call in (
            centre_as_nav.search(MARIT),
            centre_as_nav.consent(consent["id"]),
            centre_as_nav.release(consent["id"], EMPLOYEE),
            centre_as_nav.events(),
        ):
            assert isinstance(await refused(call), Forbidden)
    async with VocationalTraining(house.url, house.tokens("nav")) as nav_as_training:
        assert isinstance(await refused(nav_as_training.report_state(consent["id"], "in_work", "No.")), Forbidden)
    async with CareerCentre(house.url, house.tokens("vocational-training")) as training_as_centre:
        assert isinstance(await refused(training_as_centre.hand_over(NOTE, COUNSELLOR)), Forbidden)


async def test_a_purpose_admits_its_own_parties_and_parts_alone(house: House) -> None:
    """Neither NAV as a mapper, nor the career centre as a reader, nor a kind of part that a purpose does not name."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    note = await handed_over(house, marit, NOTE)
    for unit in ("career-centre", "vocational-training"):
        shown = marit.preview(
            purpose="guidance_follow_up",
            recipient_id=house.unit_ids[unit],
            parts=parts_of(note, "interests"),
            valid_until=house.in_days(20),
        )
        assert isinstance(await refused(shown), Invalid)
    terms: dict[str, Any] = {"message": "Please.", "reply_by": house.in_days(7).isoformat()}
    asked = nav.ask(MARIT, purpose="plan_follow_up", part_kinds=["note.interests"], **terms)
    assert isinstance(await refused(asked), Invalid)
    mapper = nav.ask_mapping(
        MARIT,
        house.unit_ids["other-nav"],
        wished_trades=[{"text": "Carpenter"}],
        questions=[],
        contact={"name": "A counsellor"},
        reply_by=house.in_days(7).isoformat(),
    )
    assert isinstance(await refused(mapper), Invalid)
    assert await marit.consents() == []
