"""The first page, which stores nothing: who is responsible, why, for how long, rights and help. And the language."""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.consents.purposes import LANGUAGES
from consent_service.errors import NotAvailable
from consent_service.web import words
from consent_service.web.door import Door
from consent_service.web.pages import Pages
from consent_service.web.paths import ours
from consent_service.web.visits import Visit

_A_YEAR = 365 * 24 * 60 * 60


def routes(pages: Pages) -> APIRouter:
    """The first page, and the change of language."""
    door = Door(pages)

    @door.anyone("/")
    async def front(visit: Visit) -> Response:
        return visit.render(
            "front.html",
            purposes=pages.desk.purposes.current(),
            draft_days=pages.draft_days,
            waiting_days=pages.waiting_days,
            nav_audited=pages.nav_audited,
        )

    @door.anyone("/language/{language}")
    async def language(visit: Visit) -> Response:
        chosen = visit.request.path_params["language"]
        if chosen not in LANGUAGES:
            raise NotAvailable
        answer = visit.go(quote(ours(visit.request.query_params.get("to", "/"), otherwise="/")))
        answer.set_cookie(
            words.COOKIE, chosen, max_age=_A_YEAR, secure=pages.secure, httponly=True, samesite="lax", path="/"
        )
        return answer

    return door.router
