"""Steps 4 to 6: competence is mapped, and a tentative plan reaches the candidate."""

from __future__ import annotations

from datetime import timedelta

from consent_clients.models import Consent, PartRef, PlanState, PushedPlan
from consent_clients.notes import Note
from consent_service.cli import demo_words as words
from consent_service.cli import sandbox_players as players
from consent_service.cli.demo_cast import Cast, hears, kinds, note_parts, read, refused, shown
from consent_service.cli.demo_telling import Telling, until
from consent_service.identity.units import UnitKind


async def ask_for_mapping(cast: Cast, say: Telling, note: Note) -> Consent:
    """NAV asks, the candidate narrows and says yes."""
    say.step(4, "NAV asks vocational training to map her competence; she decides what goes along")
    asked = await cast.nav.ask_mapping(
        players.MARIT.national_id,
        cast.unit_ids[UnitKind.VOCATIONAL_TRAINING],
        wished_trades=words.WISHED_TRADES,
        schooling_and_practice=words.SCHOOLING,
        background=words.BACKGROUND,
        questions=words.MAPPING_QUESTIONS,
        contact={"name": "En veileder", "phone": "+47 99 11 11 11"},
        reply_by=(cast.today + timedelta(days=21)).isoformat(),
        note_sections=["education_and_work", "strengths", "question_vocational_training"],
    )
    say.sees("NAV", f"Has asked; the state is “{asked['state']}”.")
    await refused(
        say,
        "before her yes vocational training gets nothing",
        lambda: cast.training.release(asked["consent_id"], words.TRAINING_EMPLOYEE),
    )
    waiting = await cast.marit.consents(status="requested")
    consent = next(each for each in waiting if each["id"] == asked["consent_id"])
    say.sees("Candidate", f"Reads what is asked for: {', '.join(consent['requested_kinds'])}.")
    request_parts: list[PartRef] = [
        {"resource": "mapping_request", "resource_id": asked["id"], "version": 1, "part": part}
        for part in ("wished_trades", "schooling_and_practice", "questions")
    ]
    note_sections = note_parts(note, ["education_and_work", "question_vocational_training:q1"])
    preview = await cast.marit.preview(
        purpose="competence_mapping",
        recipient_id=cast.unit_ids[UnitKind.VOCATIONAL_TRAINING],
        parts=[*request_parts, *note_sections],
        valid_until=cast.today + timedelta(days=90),
        consent_id=consent["id"],
    )
    say.sees("Candidate", shown(preview))
    granted = await cast.marit.grant(preview)
    say.holds(
        "she left out NAV's background and her strengths",
        not {"mapping_request.background", "note.strengths"} & kinds(granted),
    )
    return granted


async def map_competence(cast: Cast, say: Telling, consent: Consent) -> PushedPlan:
    """Vocational training reads, says how it goes, and pushes the plan."""
    say.step(5, "Vocational training reads, and answers with a tentative plan")
    event = await hears(cast.training, consent["id"], "granted")
    release = await cast.training.release(consent["id"], words.TRAINING_EMPLOYEE)
    say.sees("Vocational training", read(release))
    say.holds("NAV's background did not come along", ("mapping_request", "background") not in release.parts())
    receipt = await cast.training.receipt(consent["id"])
    say.holds("with a receipt that holds", receipt.verify(await cast.training.jwks()))
    mapping_request_id = event["mapping_request_id"] or str(consent["mapping_request_id"])
    await cast.training.report_state(mapping_request_id, "in_work", "Vi har begynt å se på papirene dine.")
    state = (await cast.nav.mapping_request(mapping_request_id))["state"]
    say.sees("NAV", f"Sees the state of its request, and no content: “{state}”.")
    plan = await cast.training.push_plan(consent["id"], words.training_plan(cast.today))
    say.sees("Vocational training", f"Has pushed plan {plan['id'][:8]}…, version {plan['version']}.")
    state = (await cast.nav.mapping_request(mapping_request_id))["state"]
    say.holds("the request is answered", state == "answered")
    copy = await cast.training.plan_archive(plan["id"], words.TRAINING_EMPLOYEE)
    say.holds(f"its archive gets a copy as PDF/A ({len(copy) // 1024} KiB)", b"<pdfaid:part>2</pdfaid:part>" in copy)
    return plan


async def deliver(cast: Cast, say: Telling, plan: PushedPlan) -> None:
    """The plan's way to the mailbox, and the plan in her own pages."""
    say.step(6, "The plan goes to Digipost, and is in her pages whatever happens")

    async def delivered() -> PlanState | None:
        seen = await cast.training.plan(plan["id"])
        return seen if seen["delivery"]["status"] == "delivered" else None

    seen = await until("the letter is delivered", delivered)
    history = [step["status"] for step in seen["delivery"]["history"]]
    say.sees("Mailbox", f"The letter's way: {' → '.join(history)}.")
    say.holds("accepted, dispatched, delivered, in that order", history == ["accepted", "dispatched", "delivered"])
    mine = await cast.marit.plan(plan["id"])
    steps = [f"{step['date']}  {step['text']}" for step in mine["content"]["steps"]]
    say.sees("Candidate", "\n".join([f"Reads in her pages: {mine['content']['summary']}", *steps]))
    say.holds("the plan is tentative and no decision, and says so", mine["tentative"])
    pdf = await cast.marit.plan_pdf(plan["id"])
    path = cast.folder / "tentative-training-plan.pdf"
    path.write_bytes(pdf)
    say.holds(f"the letter is a PDF ({len(pdf) // 1024} KiB): {path}", pdf.startswith(b"%PDF-"))
