"""Steps 4 to 6: competence is mapped under the candidate's yes, and the plan reaches her whatever happens."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, cast

from consent_clients import Candidate
from consent_clients.models import Consent, GivenAddress, PartRef, PlanState
from consent_clients.notes import NoteContent
from consent_clients.problems import Conflict, NotAvailable
from consent_clients.training_plan import TrainingPlan
from tests.journeys.house import EMPLOYEE, House, handed_over, hears, parts_of, refused, until
from tests.journeys.neighbours import MARIT, STRANGER

NOTE: NoteContent = {
    "language": "nb",
    "sections": {"education_and_work": "To år på sykehjem.", "strengths": "Tålmodig."},
    "questions": [{"id": "q1", "to": "vocational_training", "text": "Hva kan telle?"}],
}

ADDRESS: GivenAddress = {
    "name": "Marit Prøve",
    "lines": ["Storgata 1"],
    "postal_code": "7713",
    "city": "Steinkjer",
    "protected": False,
}


def plan(house: House, **more: Any) -> TrainingPlan:
    told: TrainingPlan = {
        "outcome": "plan",
        "language": "nb",
        "summary": "Fagbrev på jobb kan passe.",
        "route": {
            "kind": "trade_certificate_on_the_job",
            "trade": {"title": "Helsefagarbeider", "programme_area": "HSHEA3MV--", "final_qualification": "Fagbrev"},
            "entitlement": "adult",
        },
        "contact": {"email": "fag@example.org"},
        "valid_until": house.in_days(300).isoformat(),
    }
    return cast(TrainingPlan, told | more)


async def asked(house: House, national_id: str = MARIT, **changed: Any) -> Any:
    """NAV's request for a mapping, which wants all of it."""
    nav = await house.nav()
    terms: dict[str, Any] = {
        "wished_trades": [{"text": "Helsefagarbeider"}],
        "questions": [{"id": "m1", "text": "Kan hun begynne nå?"}],
        "contact": {"name": "En veileder"},
        "schooling_and_practice": "Vg1 i 2016.",
        "background": "Vi leter etter en vei.",
        "reply_by": house.in_days(14).isoformat(),
        "note_sections": ["education_and_work", "strengths", "question_vocational_training"],
        **changed,
    }
    return await nav.ask_mapping(national_id, house.unit_ids["vocational-training"], **terms)


async def granted(house: House, marit: Candidate, mapping_request_id: str, consent_id: str, *parts: PartRef) -> Consent:
    """Her yes to these parts of the request and of her notes."""
    preview = await marit.preview(
        purpose="competence_mapping",
        recipient_id=house.unit_ids["vocational-training"],
        parts=[
            {"resource": "mapping_request", "resource_id": mapping_request_id, "version": 1, "part": "wished_trades"},
            *parts,
        ],
        valid_until=house.in_days(60),
        consent_id=consent_id,
    )
    return await marit.grant(preview)


async def mapped(house: House, marit: Candidate) -> Consent:
    """A mapping that NAV asked for and she said yes to."""
    request = await asked(house)
    waiting = await marit.consents(status="requested")
    assert [each["id"] for each in waiting] == [request["consent_id"]]
    return await granted(house, marit, request["id"], request["consent_id"])


async def came_to(house: House, plan_id: str, status: str) -> PlanState:
    """The plan, once its letter stands there."""
    training = await house.training()

    async def stands() -> PlanState | None:
        seen = await training.plan(plan_id)
        return seen if seen["delivery"]["status"] == status else None

    return await until(f"the letter is {status}", stands)


async def test_nav_asks_she_narrows_and_the_plan_reaches_her(house: House) -> None:
    """NAV's words wait for her; she leaves some out; fagopplæring reads the rest, and answers; the letter arrives."""
    marit, training, nav = await house.candidate(MARIT), await house.training(), await house.nav()
    note = await handed_over(house, marit, NOTE)
    request = await asked(house)
    assert isinstance(await refused(training.release(request["consent_id"], EMPLOYEE)), NotAvailable)
    assert [each async for each in training.mapping_requests()] == []
    await marit.consents()
    words = (await marit.mapping_requests())[0]
    assert {part["part"] for part in words["parts"]} >= {"wished_trades", "background", "questions"}
    chosen = parts_of(note, "education_and_work", "question_vocational_training:q1")
    consent = await granted(house, marit, request["id"], request["consent_id"], *chosen)
    event = await hears(training, "granted", consent_id=consent["id"])
    release = await training.release(consent["id"], EMPLOYEE)
    assert set(release.parts()) == {
        ("mapping_request", "wished_trades"),
        ("note", "education_and_work"),
        ("note", "question_vocational_training:q1"),
    }
    await training.report_state(request["id"], "more_information_needed", "Vi trenger kompetansebeviset ditt.")
    assert (await nav.mapping_request(request["id"]))["state"] == "more_information_needed"
    assert (await marit.mapping_requests())[0]["messages"][0]["text"] == "Vi trenger kompetansebeviset ditt."
    await training.report_state(request["id"], "in_work", "Takk, nå ser vi på det.")
    answers = [{"question_id": "q1", "of": "note", "text": "Tolv måneder."}]
    pushed = await training.push_plan(consent["id"], plan(house, answers=answers))
    assert event["consent_id"] == consent["id"]
    seen = await came_to(house, pushed["id"], "delivered")
    assert [step["status"] for step in seen["delivery"]["history"]] == ["accepted", "dispatched", "delivered"]
    assert (await nav.mapping_request(request["id"]))["state"] == "answered"
    mine = await marit.plan(pushed["id"])
    assert mine["content"]["answers"][0]["text"] == "Tolv måneder."
    assert (await marit.plan_pdf(pushed["id"])).startswith(b"%PDF-")
    assert len(await house.letters()) == 1


async def test_she_asks_herself_without_nav(house: House) -> None:
    """The candidate's own request goes the same way; NAV hears of nothing."""
    marit, training, nav = await house.candidate(MARIT), await house.training(), await house.nav()
    request = await marit.ask_mapping(
        house.unit_ids["vocational-training"],
        wished_trades=[{"grep_code": "HSHEA3----"}],
        questions=[],
        reply_by=house.in_days(30),
    )
    consent = await granted(house, marit, request["id"], request["consent_id"])
    await hears(training, "granted", consent_id=consent["id"])
    no_plan: TrainingPlan = {
        "outcome": "no_plan",
        "language": "nb",
        "summary": "Vi har ingen plan nå.",
        "other_routes": [{"kind": "practice_candidate", "text": "Meld deg som praksiskandidat."}],
        "contact": {"email": "fag@example.org"},
        "valid_until": house.in_days(300).isoformat(),
    }
    pushed = await training.push_plan(consent["id"], no_plan)
    await came_to(house, pushed["id"], "delivered")
    assert (await marit.plan(pushed["id"]))["content"]["outcome"] == "no_plan"
    assert await nav.events() == []


async def test_a_no_looks_like_no_answer_until_the_reply_by_date(house: House) -> None:
    """Refused, never opened, and asked of a stranger: the asker sees the same until the date, and the same after it."""
    marit, nav = await house.candidate(MARIT), await house.nav()
    no, silence, stranger = await asked(house), await asked(house), await asked(house, STRANGER)
    await marit.consents()
    assert (await marit.refuse(no["consent_id"]))["state"] == "refused"

    async def looks() -> list[Any]:
        shown = []
        for one in (no, silence, stranger):
            consent = dict(await nav.consent(one["consent_id"]))
            request = dict(await nav.mapping_request(one["id"]))
            shown.append((_without_ids_and_times(consent), _without_ids_and_times(request)))
        return shown

    before = await looks()
    assert before[0] == before[1] == before[2]
    assert (before[0][0]["state"], before[0][1]["state"]) == ("requested", "waiting")
    assert isinstance(await refused(nav.receipt(no["consent_id"])), NotAvailable)
    assert await nav.events() == []
    house.clock.advance(days=15)
    await house.jobs.lapse()
    after = await looks()
    assert after[0] == after[1] == after[2]
    assert (after[0][0]["state"], after[0][1]["state"]) == ("not_granted", "not_granted")
    for one in (no, silence, stranger):
        await hears(nav, "not_granted", consent_id=one["consent_id"])
    assert (await refused(granted(house, marit, silence["id"], silence["consent_id"]))).status == 409


def _without_ids_and_times(told: dict[str, Any]) -> dict[str, Any]:
    own = {"id", "mapping_request_id", "requested_at", "consent_id", "created_at", "changed_at"}
    return {name: value for name, value in told.items() if name not in own}


async def test_who_has_no_digipost_gets_the_plan_on_paper(house: House) -> None:
    """To the address that fagopplæring gave, which she can see; her log tells that it left, and the plan is hers."""
    marit, training = await house.candidate(MARIT), await house.training()
    consent = await mapped(house, marit)
    await house.in_mailbox(MARIT, "not_a_user")
    pushed = await training.push_plan(consent["id"], plan(house), postal_address=ADDRESS)
    delivery = (await came_to(house, pushed["id"], "delivered"))["delivery"]
    assert (delivery["channel"], delivery["advice"]) == ("paper", None)
    (letter,) = await house.letters()
    assert letter["printed"]["recipient"] == ["Marit Prøve", "Storgata 1", "7713 Steinkjer"]
    assert letter["printed"]["return_address"] == ["Fagopplæringen", "Postboks 1", "7700 Steinkjer"]
    mine = await marit.plan(pushed["id"])
    assert mine["postal_address"] == {name: told for name, told in ADDRESS.items() if name != "protected"}
    log = await marit.log()
    assert ("letter.released", "on_paper") in [(line["event"], line["outcome"]) for line in log]
    assert (await marit.plan_pdf(pushed["id"])).startswith(b"%PDF-")


async def test_fagopplaering_declines_and_may_say_no_more(house: House) -> None:
    """A declined request is over: no plan and no other state follow, and she has the words."""
    marit, training = await house.candidate(MARIT), await house.training()
    consent = await mapped(house, marit)
    request = str(consent["mapping_request_id"])
    await training.report_state(request, "declined", "Vi kan ikke kartlegge dette.")
    assert (await marit.mapping_requests())[0]["state"] == "declined"
    assert (await refused(training.report_state(request, "in_work", "Likevel."))).status == 409
    assert (await refused(training.push_plan(consent["id"], plan(house)))).status == 409


async def test_a_plan_comes_under_its_consent_or_not_at_all(house: House) -> None:
    """Pushed twice under one key it is one plan; pushed anew it is the next version; after a revoke it is refused."""
    marit, training = await house.candidate(MARIT), await house.training()
    assert isinstance(
        await refused(training.push_plan("00000000-0000-4000-8000-000000000000", plan(house))), NotAvailable
    )
    consent = await mapped(house, marit)
    first = await training.push_plan(consent["id"], plan(house), idempotency_key="p1")
    assert await training.push_plan(consent["id"], plan(house), idempotency_key="p1") == first
    second = await training.push_plan(consent["id"], plan(house), idempotency_key="p2")
    assert (second["id"], second["version"]) == (first["id"], 2)
    await marit.revoke(consent["id"])
    assert isinstance(await refused(training.push_plan(consent["id"], plan(house))), NotAvailable)
    assert len(await marit.plans()) >= 1


async def test_nav_hears_of_a_newer_plan_when_she_lets_go_on(house: House) -> None:
    """While what she shares of the plan is paused NAV hears nothing of a newer one, and does when it is resumed."""
    marit, training, nav = await house.candidate(MARIT), await house.training(), await house.nav()
    mapping = await mapped(house, marit)
    pushed = await training.push_plan(mapping["id"], plan(house))
    route: PartRef = {"resource": "plan", "resource_id": pushed["id"], "version": 1, "part": "route"}
    preview = await marit.preview(
        purpose="plan_follow_up",
        recipient_id=house.unit_ids["nav"],
        parts=[route],
        valid_until=house.in_days(30),
    )
    shared = await marit.grant(preview)
    await marit.pause(shared["id"])
    await training.push_plan(mapping["id"], plan(house))
    await hears(nav, "paused", consent_id=shared["id"])
    assert "superseded" not in [event["state"] for event in await nav.events()]
    await marit.resume(shared["id"])
    assert (await hears(nav, "superseded", consent_id=shared["id"]))["plan_id"] == pushed["id"]


async def test_the_plan_is_in_her_pages_when_the_mailbox_does_not_know_her(house: House) -> None:
    """Without an account at Digipost fagopplæring is told what to do, and the plan is hers to read all the same."""
    await house.in_mailbox(MARIT, "not_a_user")
    marit, training = await house.candidate(MARIT), await house.training()
    pushed = await training.push_plan((await mapped(house, marit))["id"], plan(house))
    assert pushed["delivery"] is not None
    assert pushed["delivery"]["advice"] is None
    seen = await came_to(house, pushed["id"], "undeliverable")
    assert (seen["delivery"]["advice"] or "").startswith("Personen har ikke Digipost.")
    assert await house.letters() == []
    assert (await marit.plan(pushed["id"]))["content"]["summary"] == "Fagbrev på jobb kan passe."
    assert (await marit.plan_pdf(pushed["id"])).startswith(b"%PDF-")


async def test_a_revoke_stops_a_letter_that_has_not_left(house: House) -> None:
    """While the mailbox is down the plan waits; she revokes, and it never goes, not even if it was just being tried."""
    marit, training = await house.candidate(MARIT), await house.training()
    await house.mailbox_refuses("unavailable")
    consent = await mapped(house, marit)
    pushed = await training.push_plan(consent["id"], plan(house))
    answer = await marit.revoke(consent["id"])
    assert {letter["status"] for letter in answer["letters_already_out"]} <= {"dispatched"}

    async def stopped() -> bool | None:
        house.clock.advance(seconds=10)  # if it was just being tried, the mailbox's denial must come late enough
        delivery = (await marit.plan(pushed["id"]))["delivery"]
        return (delivery is not None and delivery["status"] == "cancelled") or None

    await until("the letter is cancelled", stopped)
    assert await house.letters() == []
    assert isinstance(await refused(training.plan(pushed["id"])), NotAvailable)
    assert (await marit.plan_pdf(pushed["id"])).startswith(b"%PDF-")


async def test_she_has_what_she_stopped_sent_to_her_anyway(house: House) -> None:
    """Her yes to that is a consent with a receipt; one letter arrives, and fagopplæring hears nothing."""
    marit, training = await house.candidate(MARIT), await house.training()
    await house.mailbox_refuses("unavailable")
    consent = await mapped(house, marit)
    pushed = await training.push_plan(consent["id"], plan(house))
    assert (await marit.plan(pushed["id"]))["can_be_sent"] is False
    assert isinstance(await refused(marit.preview_sending(pushed["id"])), Conflict)
    await marit.revoke(consent["id"])
    await hears(training, "revoked", consent_id=consent["id"])

    async def offered() -> bool | None:
        house.clock.advance(seconds=10)  # if it was just being tried, the mailbox's denial must come late enough
        told = await marit.plan(pushed["id"])
        assert told["delivery"] is not None
        return (told["can_be_sent"] and told["delivery"]["status"] == "cancelled") or None

    await until("it is offered", offered)
    heard = len(await training.events(after=0))
    preview = await marit.preview_sending(pushed["id"])
    (part,) = preview.content["parts"]
    pdf = await marit.plan_pdf(pushed["id"])
    assert part["content"]["sha256"] == sha256(pdf).hexdigest()
    assert preview.content["person"]["national_id"] == MARIT
    await house.mailbox_mended()
    sent = await marit.send(preview)
    assert (await marit.send(preview))["id"] == sent["id"]
    assert sent["recipient"] == {"kind": "mailbox", "name": "Digipost", "organisation_number": "984661185"}

    async def arrived() -> bool | None:
        delivery = (await marit.plan(pushed["id"]))["delivery"]
        return (delivery is not None and delivery["status"] == "delivered") or None

    await until("it arrives", arrived)
    (letter,) = await house.letters()
    assert letter["sha256"] == sha256(pdf).hexdigest()
    (await marit.receipt(sent["id"])).verify(await marit.jwks())
    assert len(await training.events(after=0)) == heard
    for hidden in (training.plan(pushed["id"]), training.release(sent["id"], EMPLOYEE), training.receipt(sent["id"])):
        assert isinstance(await refused(hidden), NotAvailable)


async def test_what_had_left_before_the_revoke_is_named(house: House) -> None:
    """A letter in her mailbox can't be called back: the revoke's answer says which, and when it left."""
    marit, training = await house.candidate(MARIT), await house.training()
    consent = await mapped(house, marit)
    pushed = await training.push_plan(consent["id"], plan(house))
    await came_to(house, pushed["id"], "delivered")
    out = (await marit.revoke(consent["id"]))["letters_already_out"]
    assert [(letter["plan_id"], letter["version"], letter["status"]) for letter in out] == [
        (pushed["id"], 1, "delivered")
    ]
    assert out[0]["dispatched_at"]
