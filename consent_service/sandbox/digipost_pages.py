"""The inboxes of the local Digipost, as their owners would see them, and what was printed.

Opening a letter in an inbox counts as opening it.
"""

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from consent_service.sandbox.digipost_counter import Counter
from consent_service.sandbox.digipost_post_office import DigipostPerson

_PAGES = Environment(
    loader=PackageLoader("consent_service.sandbox", "templates"), autoescape=True, undefined=StrictUndefined
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_LEVELS = {
    "PASSWORD": "passord",
    "TWO_FACTOR": "engangskode",
    "IDPORTEN_3": "ID-porten, betydelig",
    "IDPORTEN_4": "ID-porten, høyt",
}


def add_pages(app: FastAPI, counter: Counter) -> None:
    """Add the pages to ``app``."""
    _add_inboxes(app, counter)
    _add_printed(app, counter)


def _add_inboxes(app: FastAPI, counter: Counter) -> None:
    @app.get("/inbox")
    async def everybody(request: Request) -> Response:
        people = [person for person in counter.office.people.values() if person.standing == "user"]
        return _page("digipost_people.html", request, people=people)

    @app.get("/inbox/{inbox}")
    async def one_inbox(request: Request, inbox: str) -> Response:
        person = _owner(counter, inbox)
        if person is None:
            return HTMLResponse("Fant ikke postkassen.", 404, _HEADERS)
        letters = counter.office.inbox(person, counter.now())
        return _page("digipost_inbox.html", request, person=person, letters=letters, levels=_LEVELS)

    @app.get("/inbox/{inbox}/{document_uuid}.pdf")
    async def one_letter(inbox: str, document_uuid: str) -> Response:
        person = _owner(counter, inbox)
        letters = counter.office.inbox(person, counter.now()) if person else []
        for letter in letters:
            if letter.document_uuid == document_uuid:
                counter.office.open(letter, counter.now())
                return Response(letter.content, 200, _HEADERS, media_type="application/pdf")
        return HTMLResponse("Fant ikke brevet.", 404, _HEADERS)


def _add_printed(app: FastAPI, counter: Counter) -> None:
    @app.get("/printed")
    async def printed(request: Request) -> Response:
        return _page("digipost_printed.html", request, letters=counter.office.printed())

    @app.get("/printed/{document_uuid}.pdf")
    async def one_printed(document_uuid: str) -> Response:
        for letter in counter.office.printed():
            if letter.document_uuid == document_uuid:
                return Response(letter.content, 200, _HEADERS, media_type="application/pdf")
        return HTMLResponse("Fant ikke brevet.", 404, _HEADERS)


def _owner(counter: Counter, inbox: str) -> DigipostPerson | None:
    return next((person for person in counter.office.people.values() if person.inbox == inbox), None)


def _page(name: str, request: Request, **given: object) -> Response:
    base = request.scope.get("root_path", "")
    return HTMLResponse(_PAGES.get_template(name).render(base=base, **given), 200, _HEADERS)
