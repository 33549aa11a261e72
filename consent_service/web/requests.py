"""Answering what a unit asked, or confirming one's own mapping request: yes to all or less of it, no, or later.

Nothing is preselected. A no is one press and takes effect at once; a yes goes by way of choosing and seeing.
"""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents import grants
from consent_service.consents.endings import refuse
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import preview, words_of_asker
from consent_service.consents.purposes import IDENTITY, Purpose
from consent_service.consents.reading import ConsentView
from consent_service.errors import KeyProviderDown, Malformed, PreviewChanged
from consent_service.identity.units import Unit, enabled_unit, get
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import MAILBOX, CandidateKey
from consent_service.web import choosing, unit_names
from consent_service.web.choosing import Entered, Group, Problem
from consent_service.web.consents import is_waiting, one_of
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.plan_parts import from_plans, from_request, request_words
from consent_service.web.visits import CandidateVisit, SentElsewhere


def routes(pages: Pages) -> APIRouter:
    """The question, the choice, the preview, the answer."""
    door = Door(pages)
    _asking(pages, door)
    _answering(pages, door)
    return door.router


def _asking(pages: Pages, door: Door) -> None:
    @door.candidate("/requests/{id:uuid}")
    async def look(visit: CandidateVisit) -> Response:
        return await _question(visit)

    @door.form_of_candidate("/requests/{id:uuid}")
    async def answer(visit: CandidateVisit, form: Form) -> Response:
        consent_id = visit.path_id()
        match form.one("answer"):
            case "yes":
                return visit.go(f"/requests/{consent_id}/choose")
            case "later":
                return visit.go("/overview")
            case "no":
                async with pages.db.transaction() as tx:
                    await refuse(tx, pages.desk, visit.candidate_id, consent_id, now=pages.clock.now())
                return visit.go("/overview?done=refused")
        return await _question(visit, status=422, problem="request.choose")


def _answering(pages: Pages, door: Door) -> None:
    @door.candidate("/requests/{id:uuid}/choose")
    async def choose(visit: CandidateVisit) -> Response:
        async with pages.db.snapshot() as view:
            _, purpose, _ = await _open(view, visit)
        _, usual, _ = choosing.days(purpose, pages.clock.now())
        return await _choose(visit, Entered(until=usual.isoformat()))

    @door.form_of_candidate("/requests/{id:uuid}/choose")
    async def change(visit: CandidateVisit, form: Form) -> Response:
        return await _choose(visit, Entered.read(form))

    @door.form_of_candidate("/requests/{id:uuid}/preview")
    async def show(visit: CandidateVisit, form: Form) -> Response:
        return await _preview(visit, Entered.read(form))

    @door.form_of_candidate("/requests/{id:uuid}/grant")
    async def confirm(visit: CandidateVisit, form: Form) -> Response:
        entered = Entered.read(form)
        async with pages.db.snapshot() as view:
            consent, purpose, _ = await _open(view, visit)
        keyring = Keyring(
            await visit.key(),
            await pages.keys.recipient(consent.recipient_id),
            await pages.keys.recipient(MAILBOX),
        )
        try:
            async with pages.db.transaction() as tx:
                recipient = await enabled_unit(tx, pages.desk.keys, consent.recipient_id)
                if recipient is None:
                    raise Malformed
                choice = choosing.choice(entered, purpose, recipient, visit.candidate_id)
                yes = Yes(keyring, choice, form.one("preview_sha256"), visit.words.language)
                await grants.answer(tx, pages.desk, consent.id, yes, now=pages.clock.now())
        except PreviewChanged:
            return await _preview(visit, entered, status=409, problem="share.changed")
        return visit.go(f"/consents/{consent.id}?done=shared")


async def _open(view: Snapshot, visit: CandidateVisit) -> tuple[ConsentView, Purpose, Unit]:
    """The request that is waiting, its purpose and recipient. One that is no longer waiting is shown as it ended."""
    now = visit.pages.clock.now()
    consent = await one_of(view, visit)
    if not is_waiting(consent, now):
        raise SentElsewhere(f"/consents/{consent.id}")
    purpose = visit.pages.desk.purposes.get(consent.purpose, consent.purpose_version)
    return consent, purpose, await get(view, visit.pages.desk.keys, consent.recipient_id)


async def _question(visit: CandidateVisit, *, status: int = 200, problem: str | None = None) -> Response:
    pages, key = visit.pages, await _key_if_any(visit)
    async with pages.db.snapshot() as view:
        consent, purpose, recipient = await _open(view, visit)
        names = await unit_names.names(view, visit.pages.desk.keys)
        message, parts = None, []
        if key is not None:
            message = await words_of_asker(view, key, consent.id)
            parts = await request_words(
                view, pages.desk.keys, key, consent.mapping_request_id, visit.words, now=pages.clock.now()
            )
    asker = unit_names.known(names, consent.requester_id, visit.words) if consent.requester_id else None
    return visit.render(
        "request.html",
        status=status,
        id=consent.id,
        asker=asker,
        recipient=recipient.name,
        purpose=purpose,
        words=purpose.text(visit.words.language),
        kinds=[kind for kind in purpose.part_kinds if kind in consent.requested_kinds],
        message=message,
        parts=parts,
        reply_by=consent.reply_by,
        problem=problem or (None if key is not None else "request.closed"),
    )


async def _key_if_any(visit: CandidateVisit) -> CandidateKey | None:
    """Her key, or None while keys can't be had: a no needs none."""
    try:
        return await visit.key()
    except KeyProviderDown:
        return None


async def _choose(
    visit: CandidateVisit, entered: Entered, *, status: int = 200, problem: Problem | None = None
) -> Response:
    pages, key = visit.pages, await visit.key()
    async with pages.db.snapshot() as view:
        consent, purpose, recipient = await _open(view, visit)
        groups = await _groups(view, key, consent, visit)
    earliest, _, latest = choosing.days(purpose, pages.clock.now())
    return visit.render(
        "narrow.html",
        status=status,
        id=consent.id,
        recipient=recipient.name,
        purpose=purpose,
        groups=groups,
        choice=entered,
        earliest=earliest,
        latest=latest,
        problem=problem,
    )


async def _groups(view: Snapshot, key: CandidateKey, consent: ConsentView, visit: CandidateVisit) -> list[Group]:
    """What the candidate has of the kinds that were asked for, and no other."""
    kinds, words = set(consent.requested_kinds) - {IDENTITY}, visit.words
    now = visit.pages.clock.now()
    groups = await from_request(view, visit.pages.desk.keys, key, consent.mapping_request_id, kinds, words, now=now)
    groups += await choosing.from_notes(view, key, kinds, words, first=len(groups) + 1)
    return groups + await from_plans(view, key, kinds, words, first=len(groups) + 1)


async def _preview(visit: CandidateVisit, entered: Entered, **more: Any) -> Response:
    pages, key = visit.pages, await visit.key()
    async with pages.db.snapshot() as view:
        consent, purpose, recipient = await _open(view, visit)
        problem = choosing.check(entered, purpose, visit.words, pages.clock.now())
        if problem is None:
            chosen = choosing.choice(entered, purpose, recipient, visit.candidate_id)
            seen = await preview(view, key, visit.pages.desk.keys.log, chosen)
            addresses = {
                "confirm_at": f"/requests/{consent.id}/grant",
                "change_at": f"/requests/{consent.id}/choose",
                "no_at": f"/requests/{consent.id}",
            }
            values = choosing.show_preview(visit, chosen, seen, entered, **addresses)
            return visit.render("preview.html", **{"problem": None, **values, **more})
    return await _choose(visit, entered, status=422, problem=problem)
