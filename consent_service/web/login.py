"""Logging in at ID-porten. A login makes a new session, ends the browser's earlier one, and stores nothing else."""

from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.identity import sessions
from consent_service.identity.login import LoggedIn, LoginRefused
from consent_service.web.cookies import login_cookie, session_cookie, set_cookie
from consent_service.web.door import Door
from consent_service.web.pages import Pages
from consent_service.web.paths import ours
from consent_service.web.visits import Visit

CALLBACK: Final = "/login/callback"

_LOGIN_SECONDS: Final = 10 * 60


def routes(pages: Pages) -> APIRouter:
    """Off to ID-porten, and back."""
    door = Door(pages)

    @door.anyone("/login")
    async def login(visit: Visit) -> Response:
        wanted = ours(visit.request.query_params.get("to", ""), otherwise="/overview")
        if visit.session is not None:
            return visit.go(wanted)
        begun = await pages.login.begin(
            pages.db,
            return_to=wanted,
            browser=visit.request.cookies.get(login_cookie(pages)),
            locale=visit.words.language,
        )
        answer = visit.go(begun.location)
        set_cookie(pages, answer, login_cookie(pages), begun.browser, max_age=_LOGIN_SECONDS)
        return answer

    @door.anyone(CALLBACK)
    async def callback(visit: Visit) -> Response:
        sent = visit.request.query_params.multi_items()
        if len({name for name, _ in sent}) != len(sent):
            return _not_logged_in(visit)
        person = await pages.login.finish(
            pages.db, answer=dict(sent), browser=visit.request.cookies.get(login_cookie(pages))
        )
        return _not_logged_in(visit) if isinstance(person, LoginRefused) else await _begin(pages, visit, person)

    return door.router


async def _begin(pages: Pages, visit: Visit, person: LoggedIn) -> Response:
    """A new session for whoever has logged in; the browser's earlier one ends."""
    at = pages.clock.now()
    earlier = visit.request.cookies.get(session_cookie(pages), "")
    async with pages.db.transaction() as tx:
        await sessions.end(tx, earlier)
        key = pages.keys.service.sessions
        value = await sessions.begin(tx, key, pid=person.pid, acr=person.acr, sid=person.sid, at=at)
    wanted = ours(person.return_to, otherwise="/overview")
    answer = visit.go(f"/welcome?to={quote(wanted if wanted != '/' else '/overview')}")
    set_cookie(pages, answer, session_cookie(pages), value)
    set_cookie(pages, answer, login_cookie(pages), "", max_age=0)
    return answer


def _not_logged_in(visit: Visit) -> Response:
    words = visit.words
    return visit.render(
        "words.html",
        status=400,
        heading=words("login.failed.title"),
        sentences=[words("login.failed.text")],
        ways=[(words("error.again"), "/login"), (words("error.home"), "/")],
        code="",
    )
