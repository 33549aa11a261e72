"""The way in for people: each page says whom it is for, and each form is checked before its page sees it.

A page can't be added without saying who may look at it, and a form can't be added without the check of where it came
from, since there is no other way to add either.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consent_service.web import forms, visits
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit, LoggedInVisit, SentElsewhere, Visit

V = TypeVar("V", bound=Visit)
Resolve = Callable[[Pages, Request], Awaitable[V]]
Show = Callable[[V], Awaitable[Response]]
Take = Callable[[V, Form], Awaitable[Response]]
Hear = Callable[[Form], Awaitable[Response]]


class Door:
    """Adds pages to a router: ``door.show.…`` for what is looked at, ``door.take.…`` for forms."""

    def __init__(self, pages: Pages) -> None:
        """Add to a router of its own."""
        self.router = APIRouter(include_in_schema=False)
        self._pages = pages

    def anyone(self, path: str) -> Callable[[Show[Visit]], Show[Visit]]:
        """A page for everybody."""
        return self._show(path, visits.anyone)

    def logged_in(self, path: str) -> Callable[[Show[LoggedInVisit]], Show[LoggedInVisit]]:
        """A page for whoever has logged in."""
        return self._show(path, visits.logged_in)

    def candidate(self, path: str) -> Callable[[Show[CandidateVisit]], Show[CandidateVisit]]:
        """A page for a candidate."""
        return self._show(path, visits.candidate)

    def form_of_logged_in(self, path: str) -> Callable[[Take[LoggedInVisit]], Take[LoggedInVisit]]:
        """A form for whoever has logged in."""
        return self._take(path, visits.logged_in)

    def form_of_candidate(self, path: str) -> Callable[[Take[CandidateVisit]], Take[CandidateVisit]]:
        """A form for a candidate."""
        return self._take(path, visits.candidate)

    def machine(self, path: str) -> Callable[[Hear], Hear]:
        """A form that no person sends: it proves itself by what is in it, and no cookie is looked at."""

        def add(hear: Hear) -> Hear:
            async def answer(request: Request) -> Response:
                return await hear(await forms.read(request))

            self._add(path, answer, "POST")
            return hear

        return add

    def _show(self, path: str, resolve: Resolve[V]) -> Callable[[Show[V]], Show[V]]:
        def add(page: Show[V]) -> Show[V]:
            async def answer(request: Request) -> Response:
                return await page(await resolve(self._pages, request))

            self._add(path, answer, "GET")
            return page

        return add

    def _take(self, path: str, resolve: Resolve[V]) -> Callable[[Take[V]], Take[V]]:
        def add(page: Take[V]) -> Take[V]:
            async def answer(request: Request) -> Response:
                form = await forms.read(request)
                visit = await resolve(self._pages, request)
                forms.demand_our_own(form, request, origin=self._pages.origin, session=visit.session)
                return await page(visit, form)

            self._add(path, answer, "POST")
            return page

        return add

    def _add(self, path: str, answer: Callable[[Request], Awaitable[Response]], method: Literal["GET", "POST"]) -> None:
        async def answered(request: Request) -> Response:
            request.scope["route"] = route  # what FastAPI's own routes do: metrics and log lines name it
            try:
                return await answer(request)
            except SentElsewhere as sent:
                return Visit.go(sent.location)

        route = Route(path, answered, methods=[method], include_in_schema=False)
        self.router.routes.append(route)
