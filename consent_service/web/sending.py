"""Having a plan sent to oneself anyway, after one's own revoke stopped its letter: the preview, and the yes to it.

The yes names the hash of what was shown. If it is no longer what would be sent, the new preview is shown and nothing
has happened.
"""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents.grants import Keyring
from consent_service.consents.preview import preview
from consent_service.errors import PreviewChanged
from consent_service.plans.sending import Sending, offer, send
from consent_service.vault.keys import MAILBOX
from consent_service.web.choosing import Entered, show_preview
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit


def routes(pages: Pages) -> APIRouter:
    """Preview and confirm."""
    door = Door(pages)

    @door.candidate("/plans/{id:uuid}/send")
    async def show(visit: CandidateVisit) -> Response:
        return await _preview(visit)

    @door.form_of_candidate("/plans/{id:uuid}/send")
    async def agree(visit: CandidateVisit, form: Form) -> Response:
        plan_id, mailbox = visit.path_id(), await pages.keys.recipient(MAILBOX)
        sending = Sending(plan_id, form.one("preview_sha256"), visit.words.language)
        keyring = Keyring(await visit.key(), mailbox, mailbox)
        try:
            async with pages.db.transaction() as tx:
                await send(tx, pages.desk, keyring, sending, now=pages.clock.now())
        except PreviewChanged:
            return await _preview(visit, status=409, problem="share.changed")
        return visit.go(f"/plans/{plan_id}?done=sending")

    return door.router


async def _preview(visit: CandidateVisit, *, status: int = 200, problem: str | None = None) -> Response:
    pages, key, plan_id = visit.pages, await visit.key(), visit.path_id()
    async with pages.db.snapshot() as view:
        chosen = await offer(view, pages.desk, visit.candidate_id, plan_id, now=pages.clock.now())
        if chosen is None:
            return visit.go(f"/plans/{plan_id}")
        seen = await preview(view, key, pages.desk.keys.log, chosen)
    addresses: dict[str, Any] = {"confirm_at": f"/plans/{plan_id}/send", "no_at": f"/plans/{plan_id}"}
    values = show_preview(visit, chosen, seen, Entered(), **addresses, confirm="plan.send.yes", dont="plan.send.no")
    return visit.render("preview.html", status=status, problem=problem, **{**values, "hidden": []})
