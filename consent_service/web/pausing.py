"""Pausing what was shared for a time, and letting it be in force again on the same terms."""

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents import grants
from consent_service.consents.endings import pause
from consent_service.consents.grants import Keyring
from consent_service.consents.reading import UNAVAILABLE
from consent_service.plans.newer import tell_resumed
from consent_service.vault.keys import MAILBOX
from consent_service.web.consents import one_of
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit


def routes(pages: Pages) -> APIRouter:
    """Two buttons on a consent's page."""
    door = Door(pages)

    @door.form_of_candidate("/consents/{id:uuid}/pause")
    async def rest(visit: CandidateVisit, form: Form) -> Response:
        consent_id = visit.path_id()
        async with pages.db.transaction() as tx:
            await pause(tx, pages.desk, visit.candidate_id, consent_id, now=pages.clock.now())
        return visit.go(f"/consents/{consent_id}?done=paused")

    @door.form_of_candidate("/consents/{id:uuid}/resume")
    async def go_on(visit: CandidateVisit, form: Form) -> Response:
        consent_id = visit.path_id()
        async with pages.db.snapshot() as view:
            consent = await one_of(view, visit)
        if consent.state == UNAVAILABLE:
            return visit.go(f"/consents/{consent_id}")
        keyring = Keyring(
            await visit.key(),
            await pages.keys.recipient(consent.recipient_id),
            await pages.keys.recipient(MAILBOX),
        )
        async with pages.db.transaction() as tx:
            await grants.resume(tx, pages.desk, keyring, consent_id, now=pages.clock.now())
            await tell_resumed(tx, consent, at=pages.clock.now())
        return visit.go(f"/consents/{consent_id}?done=resumed")

    return door.router
