"""Who is looking at a page: anybody, somebody logged in, or a candidate with a name.

A log-in alone stores nothing about a person. Whoever is logged in and not a candidate yet is sent to the welcome
page, which says who is responsible, why and for how long, and asks for a yes.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from consent_service.clock import local_date
from consent_service.errors import Unauthenticated
from consent_service.identity import sessions
from consent_service.identity.rates import person
from consent_service.identity.sessions import Session
from consent_service.identity.sidecar import Sidecar
from consent_service.persons.lookup import find, find_person
from consent_service.persons.numbers import NationalId
from consent_service.security_headers import DOWNLOAD, PAGE
from consent_service.vault.keys import CandidateKey
from consent_service.web import words
from consent_service.web.pages import Pages
from consent_service.web.words import Words

_HEADERS: Final = {**PAGE, "Vary": "Cookie, Accept-Language"}


class SentElsewhere(Exception):
    """The page is not for this visitor now; ``location``, an address of ours, is."""

    def __init__(self, location: str) -> None:
        """Send to ``location``."""
        super().__init__(location)
        self.location = location


@dataclass(frozen=True)
class Visit:
    """Anybody's look at a page."""

    pages: Pages
    request: Request
    words: Words
    session: Session | None = field(default=None, repr=False)

    @property
    def here(self) -> str:
        """The page's address: what a change of language comes back to."""
        return self.request.url.path

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The page ``template`` with ``values``."""
        controller = self.pages.desk.controller
        text = self.pages.templates.get_template(template).render(
            t=self.words,
            asset=self.pages.assets.address,
            controller=controller,
            here=self.here,
            csrf=sessions.csrf_token(self.session) if self.session else "",
            logged_in=self.session is not None,
            done=self.request.query_params.get("done", ""),
            **values,
        )
        return HTMLResponse(text, status_code=status, headers=_HEADERS)

    def path_id(self) -> str:
        """The id in the page's address, which its route has found to be a UUID."""
        return str(self.request.path_params["id"])

    @staticmethod
    def download(content: bytes, media_type: str, file_name: str) -> Response:
        """A file to be kept; browsers don't show it among our pages."""
        return Response(
            content,
            media_type=media_type,
            headers={
                **DOWNLOAD,
                "Content-Disposition": f'attachment; filename="{file_name}"',
            },
        )

    @staticmethod
    def go(location: str) -> Response:
        """Send the browser on to ``location``, an address of ours, after something was done (303)."""
        return RedirectResponse(location, status_code=303, headers={"Cache-Control": "no-store"})


@dataclass(frozen=True)
class LoggedInVisit(Visit):
    """A look at a page by somebody who has logged in, of whom nothing need be stored."""

    session: Session = field(repr=False)

    def national_id(self) -> NationalId:
        """The visitor's identity number. Raises Unauthenticated for one that this environment does not take."""
        number = self.pages.numbers.admit(self.session.pid, on=local_date(self.pages.clock.now()))
        if not isinstance(number, NationalId):
            raise Unauthenticated
        return number


@dataclass(frozen=True)
class CandidateVisit(LoggedInVisit):
    """A candidate's look at her own pages."""

    candidate_id: str = ""

    async def key(self) -> CandidateKey:
        """Her key, to be had before a transaction begins. Raises KeyProviderDown."""
        return await self.pages.keys.candidate(self.candidate_id)


def nobody(pages: Pages, request: Request) -> Visit:
    """A visit of whom nothing is asked."""
    language = words.choose(
        cookie=request.cookies.get(words.COOKIE), accept_language=request.headers.get("accept-language", "")
    )
    return Visit(pages, request, Words(pages.texts, language))


async def anyone(pages: Pages, request: Request) -> Visit:
    """A visit to a page that everybody may see; knows the session if there is one."""
    return replace(nobody(pages, request), session=await _session(pages, request))


async def logged_in(pages: Pages, request: Request) -> LoggedInVisit:
    """A visit by somebody logged in. Sends others to log in, or raises Unauthenticated where a form was sent.

    Raises TooManyRequests.
    """
    visit = await anyone(pages, request)
    if visit.session is None:
        if request.method == "GET":
            raise SentElsewhere(f"/login?to={quote(visit.here)}")
        raise Unauthenticated
    if pages.rate is not None:
        await pages.rate.spend(person(pages.keys.service.lookup, visit.session.pid))
    return LoggedInVisit(pages, request, visit.words, session=visit.session)


async def candidate(pages: Pages, request: Request) -> CandidateVisit:
    """A visit by a candidate who has said her name. Sends others to log in, or to the welcome page."""
    visit = await logged_in(pages, request)
    async with pages.db.snapshot() as view:
        candidate_id = await find(view, pages.keys.service.lookup, visit.national_id())
        person = await find_person(view, pages.keys.service.log, candidate_id) if candidate_id else None
    if candidate_id is None or person is None or not person.named:
        raise SentElsewhere(f"/welcome?to={quote(visit.here)}" if request.method == "GET" else "/welcome")
    if visit.session.candidate_id is None:  # so that erasing the person ends this session too
        async with pages.db.transaction() as tx:
            await sessions.name(tx, visit.session, candidate_id)
    return CandidateVisit(pages, request, visit.words, session=visit.session, candidate_id=candidate_id)


async def _session(pages: Pages, request: Request) -> Session | None:
    value = request.cookies.get(sessions.cookie_name(secure=pages.secure))
    if value is None:
        return None
    at = pages.clock.now()
    async with pages.db.snapshot() as view:
        session = await sessions.find(view, pages.keys.service.sessions, value, at=at)
    if session is not None and isinstance(pages.login, Sidecar):
        vouched = await pages.login.vouches(request.headers.getlist("authorization"), session.pid)
        session = session if vouched else None
    if session is not None and sessions.is_to_be_noted(session, at=at):
        async with pages.db.transaction() as tx:
            await sessions.seen(tx, session, at=at)
    return session
