"""What was shared and asked: every consent with its receipts, what was delivered under it, and taking it back."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.audit.reading import about_consent
from consent_service.consents import receipts
from consent_service.consents.endings import revoke
from consent_service.consents.reading import UNAVAILABLE, ConsentView, find_for_candidate, of_candidate, unavailable
from consent_service.consents.states import LIVING, WAITING, State
from consent_service.consents.terms import kinds
from consent_service.delivery.reading import letters_out
from consent_service.errors import NotAvailable
from consent_service.identity.units import Unit, successor_of
from consent_service.plans.mapping import PURPOSE as MAPPING
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import MAILBOX
from consent_service.web import unit_names
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit

_PAGE: Final = 200


async def every(view: Snapshot, visit: CandidateVisit) -> list[ConsentView]:
    """All of the candidate's consents, what was asked or given last first."""
    found: list[ConsentView] = []
    after, now = "", visit.pages.clock.now()
    while page := await of_candidate(
        view, visit.pages.desk.keys, visit.candidate_id, after=after, limit=_PAGE, now=now
    ):
        found += [_believed(visit, one) for one in page]
        after = page[-1].id
    # One that is unavailable has no time, and comes first: something is to be done about it.
    return sorted(found, key=lambda one: (one.state == UNAVAILABLE, one.requested_at), reverse=True)


async def one_of(view: Snapshot, visit: CandidateVisit) -> ConsentView:
    """The candidate's consent that the address names. Raises NotAvailable."""
    now = visit.pages.clock.now()
    return _believed(
        visit, await find_for_candidate(view, visit.pages.desk.keys, visit.candidate_id, visit.path_id(), now=now)
    )


def _believed(visit: CandidateVisit, consent: ConsentView) -> ConsentView:
    """``consent``, or what is known of it if its row was changed to name a purpose that there is not."""
    known = consent.state == UNAVAILABLE or visit.pages.desk.purposes.has(consent.purpose, consent.purpose_version)
    return consent if known else unavailable(consent.id)


async def sharing_of(view: Snapshot, visit: CandidateVisit) -> list[ConsentView]:
    """Those that are in force now, or paused."""
    return [one for one in await every(view, visit) if one.state in LIVING]


def is_waiting(consent: ConsentView, now: int) -> bool:
    """Whether the candidate can still answer."""
    return consent.state in WAITING and (consent.reply_by is None or now < consent.reply_by)


def routes(pages: Pages) -> APIRouter:
    """The list, one consent, its receipts, and the way out."""
    door = Door(pages)

    @door.candidate("/consents")
    async def index(visit: CandidateVisit) -> Response:
        async with pages.db.snapshot() as view:
            found = await every(view, visit)
            known = await unit_names.every(view, visit.pages.desk.keys)
        return visit.render("consents.html", consents=[_line(visit, one, known) for one in found])

    @door.candidate("/consents/{id:uuid}")
    async def look(visit: CandidateVisit) -> Response:
        now = pages.clock.now()
        async with pages.db.snapshot() as view:
            consent = await one_of(view, visit)
            known = await unit_names.every(view, visit.pages.desk.keys)
            names = unit_names.names_of(known)
            signed = await receipts.of_consent(view, consent.id)
            delivered = await _delivered(view, visit, consent, names)
        if consent.state == UNAVAILABLE:
            return visit.render("consent_unavailable.html", id=consent.id, **delivered)
        shared = kinds(consent.terms.parts) if consent.terms else []
        purpose = pages.desk.purposes.get(consent.purpose, consent.purpose_version)
        return visit.render(
            "consent.html",
            **_about(visit, consent, names),
            consent=consent,
            **_standing(visit, consent, known),
            asker=_asker(visit, consent, names),
            living=consent.state in LIVING,
            can_rest=consent.recipient_id != MAILBOX,
            waiting=is_waiting(consent, now),
            reworded=consent.state in LIVING
            and pages.desk.purposes.must_ask_anew(consent.purpose, consent.purpose_version),
            kinds=[visit.words.kind(kind) for kind in purpose.part_kinds if kind in shared],
            receipts=signed,
            **delivered,
        )

    @door.candidate("/consents/{id:uuid}/receipt/{type}")
    async def receipt(visit: CandidateVisit) -> Response:
        async with pages.db.snapshot() as view:
            consent = await one_of(view, visit)
            signed = {row["type"]: row["jws"] for row in await receipts.of_consent(view, consent.id)}
        jws = signed.get(visit.request.path_params["type"])
        if jws is None:
            raise NotAvailable
        return visit.download(jws.encode(), "application/jose", f"{visit.words('consent.receipt.file')}.jws")

    @door.candidate("/consents/{id:uuid}/revoke")
    async def really(visit: CandidateVisit) -> Response:
        async with pages.db.snapshot() as view:
            consent = await one_of(view, visit)
            names = await unit_names.names(view, visit.pages.desk.keys)
            delivered = await _delivered(view, visit, consent, names)
        if consent.state not in LIVING:
            return visit.go(f"/consents/{consent.id}")
        return visit.render("revoke.html", id=consent.id, **_about(visit, consent, names), **delivered)

    @door.form_of_candidate("/consents/{id:uuid}/revoke")
    async def take_back(visit: CandidateVisit, form: Form) -> Response:
        consent_id = visit.path_id()
        async with pages.db.transaction() as tx:
            await revoke(tx, pages.desk, visit.candidate_id, consent_id, now=pages.clock.now())
        return visit.go(f"/consents/{consent_id}?done=revoked")

    return door.router


def _about(visit: CandidateVisit, consent: ConsentView, names: Mapping[str, str]) -> dict[str, Any]:
    purpose = visit.pages.desk.purposes.get(consent.purpose, consent.purpose_version)
    # The recipient's name stands in the terms as it was when the consent was given.
    frozen = consent.terms.recipient.name if consent.terms else None
    return {
        "recipient": frozen or unit_names.known(names, consent.recipient_id, visit.words),
        "purpose": purpose,
        "words": purpose.text(visit.words.language),
    }


def _asker(visit: CandidateVisit, consent: ConsentView, names: Mapping[str, str]) -> str | None:
    return unit_names.known(names, consent.requester_id, visit.words) if consent.requester_id else None


def _standing(visit: CandidateVisit, consent: ConsentView, known: Mapping[str, Unit]) -> dict[str, Any]:
    """Where the consent stands; and if it ended with a unit, which one, and to whom she can turn instead."""
    unit = next((one for one in _units(consent, known) if _ended_with(consent, one)), None)
    if unit is None:
        return {"state": consent.state, "closed": None}
    successor = successor_of(unit, known)
    if successor is None:
        told = visit.words("consent.closed", unit=unit.name)
    else:
        told = visit.words("consent.closed.successor", unit=unit.name, successor=successor.name)
    again = f"/share?purpose={consent.purpose}" if consent.purpose != MAPPING else "/mapping"
    return {"state": "closed", "closed": {"text": told, "again": again if successor is not None else None}}


def _units(consent: ConsentView, known: Mapping[str, Unit]) -> list[Unit]:
    named = (consent.recipient_id, consent.requester_id)
    return [known[unit_id] for unit_id in named if unit_id is not None and unit_id in known]


def _ended_with(consent: ConsentView, unit: Unit) -> bool:
    if unit.closed_at is None or consent.ended_at is None:
        return False
    return consent.state in {State.INVALIDATED, State.CANCELLED} and consent.ended_at >= unit.closed_at


def _line(visit: CandidateVisit, consent: ConsentView, known: Mapping[str, Unit]) -> dict[str, Any]:
    if consent.state == UNAVAILABLE:
        title = visit.words("consent.unavailable.more")
        unknown = {"recipient": visit.words("consent.unavailable"), "title": title, "at": None, "waiting": False}
        return {"id": consent.id, "state": consent.state, **unknown}
    about = _about(visit, consent, unit_names.names_of(known))
    return {
        "id": consent.id,
        "recipient": about["recipient"],
        "title": about["words"].title,
        "state": _standing(visit, consent, known)["state"],
        "at": consent.ended_at or consent.granted_at or consent.requested_at,
        "waiting": is_waiting(consent, visit.pages.clock.now()),
    }


async def _delivered(
    view: Snapshot, visit: CandidateVisit, consent: ConsentView, names: Mapping[str, str]
) -> dict[str, Any]:
    """What has left under the consent already, in sentences: who fetched when, and letters let go."""
    words, unit = visit.words, unit_names.known(names, consent.recipient_id, visit.words)
    log = await about_consent(view, visit.pages.keys.service.log, visit.candidate_id, consent.id)
    reads = [
        words(
            "consent.revoke.read_at" if "office" in line.detail else "consent.revoke.read",
            unit=unit,
            moment=words.moment(line.at),
            office=line.detail.get("office", ""),
        )
        for line in log
        if line.event in {"release.released", "release.repeated"}
    ]
    letters = [
        words("consent.revoke.letter", version=letter.version, moment=words.moment(letter.dispatched_at))
        for letter in await letters_out(view, consent.id)
    ]
    return {"reads": reads, "letters": letters}
