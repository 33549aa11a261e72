"""Sharing unasked: choosing, seeing exactly what the recipient would get, and saying yes to that.

The yes names the hash of what was shown. If it is no longer what would be shared, the new preview is shown and
nothing has happened.
"""

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents import grants
from consent_service.consents.grants import Keyring, Yes
from consent_service.consents.preview import preview
from consent_service.consents.purposes import Purpose
from consent_service.consents.standing_refusals import stands
from consent_service.errors import Malformed, PreviewChanged
from consent_service.identity.units import enabled_unit
from consent_service.plans.mapping import PURPOSE as MAPPING
from consent_service.plans.sending import PURPOSE as SENDING
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import MAILBOX, CandidateKey
from consent_service.web import choosing, unit_names
from consent_service.web.choosing import Entered, Group, Problem
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.plan_parts import from_plans
from consent_service.web.visits import CandidateVisit

_ADDRESSES: Final = {"confirm_at": "/share", "change_at": "/share/change", "no_at": "/overview"}


def routes(pages: Pages) -> APIRouter:
    """Choose, preview, change, confirm."""
    door = Door(pages)

    @door.candidate("/share")
    async def choose(visit: CandidateVisit) -> Response:
        purpose = _purpose(pages, visit.request.query_params.get("purpose", ""))
        _, usual, _ = choosing.days(purpose, pages.clock.now())
        return await _choose(visit, purpose, Entered(until=usual.isoformat()))

    @door.form_of_candidate("/share/change")
    async def change(visit: CandidateVisit, form: Form) -> Response:
        return await _choose(visit, _purpose(pages, form.one("purpose")), Entered.read(form))

    @door.form_of_candidate("/share/preview")
    async def show(visit: CandidateVisit, form: Form) -> Response:
        purpose, entered = _purpose(pages, form.one("purpose")), Entered.read(form)
        return await _preview(visit, purpose, entered)

    @door.form_of_candidate("/share")
    async def confirm(visit: CandidateVisit, form: Form) -> Response:
        purpose, entered = _purpose(pages, form.one("purpose")), Entered.read(form)
        keyring = Keyring(
            await visit.key(),
            await pages.keys.recipient(entered.recipient),
            await pages.keys.recipient(MAILBOX),
        )
        try:
            async with pages.db.transaction() as tx:
                recipient = await enabled_unit(tx, pages.desk.keys, entered.recipient)
                if recipient is None:
                    raise Malformed
                choice = choosing.choice(entered, purpose, recipient, visit.candidate_id)
                yes = Yes(keyring, choice, form.one("preview_sha256"), visit.words.language)
                consent = await grants.grant(tx, pages.desk, yes, now=pages.clock.now())
        except PreviewChanged:
            return await _preview(visit, purpose, entered, status=409, problem="share.changed")
        return visit.go(f"/consents/{consent.id}?done=shared")

    return door.router


def _startable(pages: Pages) -> list[Purpose]:
    """The purposes that a candidate shares for unasked; a mapping is asked for with its own words first, and what she
    may have sent to herself is offered beside its plan.
    """
    return [purpose for purpose in pages.desk.purposes.current() if purpose.code not in {MAPPING, SENDING}]


def _purpose(pages: Pages, code: str) -> Purpose:
    startable = {purpose.code: purpose for purpose in _startable(pages)}
    return startable.get(code) or next(iter(startable.values()))


async def _choose(
    visit: CandidateVisit, purpose: Purpose, entered: Entered, *, status: int = 200, problem: Problem | None = None
) -> Response:
    pages, key = visit.pages, await visit.key()
    async with pages.db.snapshot() as view:
        recipients = await unit_names.recipients(view, visit.pages.desk.keys, purpose)
        groups = await _groups(view, key, purpose, visit)
    earliest, _, latest = choosing.days(purpose, pages.clock.now())
    return visit.render(
        "share.html",
        status=status,
        purposes=_startable(pages),
        purpose=purpose,
        recipients=recipients,
        groups=groups,
        choice=entered,
        earliest=earliest,
        latest=latest,
        problem=problem,
    )


async def _groups(view: Snapshot, key: CandidateKey, purpose: Purpose, visit: CandidateVisit) -> list[Group]:
    notes = await choosing.from_notes(view, key, purpose.part_kinds, visit.words, first=1)
    return notes + await from_plans(view, key, purpose.part_kinds, visit.words, first=len(notes) + 1)


async def _preview(visit: CandidateVisit, purpose: Purpose, entered: Entered, **more: Any) -> Response:
    pages = visit.pages
    problem = choosing.check(entered, purpose, visit.words, pages.clock.now())
    key = await visit.key()
    async with pages.db.snapshot() as view:
        recipient = await enabled_unit(view, pages.desk.keys, entered.recipient)
        if recipient is None:
            problem = Problem("share.choose_recipient", {})
        elif await stands(view, pages.desk.keys, visit.candidate_id, recipient):
            problem = Problem("share.blocked", {"unit": recipient.name})
        if problem is None and recipient is not None:
            chosen = choosing.choice(entered, purpose, recipient, visit.candidate_id)
            seen = await preview(view, key, pages.desk.keys.log, chosen)
            values = choosing.show_preview(visit, chosen, seen, entered, **_ADDRESSES)
            hidden = [("purpose", purpose.code), *values.pop("hidden")]
            return visit.render("preview.html", **{"problem": None, **values, **more}, hidden=hidden)
    return await _choose(visit, purpose, entered, status=422, problem=problem)
