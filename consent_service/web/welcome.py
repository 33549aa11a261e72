"""The welcome: before anything is stored, who is responsible, why and for how long; and the yes that begins it."""

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from consent_service.identity import sessions
from consent_service.persons.arrival import arrive
from consent_service.persons.lookup import find, find_person
from consent_service.persons.number import set_name
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.names import NAME
from consent_service.web.pages import Pages
from consent_service.web.paths import ours
from consent_service.web.visits import LoggedInVisit


def routes(pages: Pages) -> APIRouter:
    """The welcome page and its yes."""
    door = Door(pages)

    @door.logged_in("/welcome")
    async def welcome(visit: LoggedInVisit) -> Response:
        wanted = ours(visit.request.query_params.get("to", ""), otherwise="/overview")
        async with pages.db.snapshot() as view:
            candidate_id = await find(view, pages.keys.service.lookup, visit.national_id())
            person = await find_person(view, pages.keys.service.log, candidate_id) if candidate_id else None
        if person is not None and person.named:
            return visit.go(wanted)
        return visit.render("welcome.html", to=wanted, name="", problem=None)

    @door.form_of_logged_in("/welcome")
    async def start(visit: LoggedInVisit, form: Form) -> Response:
        wanted = ours(form.one("to"), otherwise="/overview")
        try:
            name = NAME.validate_python(form.one("name"))
        except ValidationError:
            return visit.render(
                "welcome.html", status=422, to=wanted, name=form.one("name"), problem="welcome.name.wrong"
            )
        candidate_id = await arrive(
            pages.db,
            pages.keys,
            pages.clock,
            visit.national_id(),
            held_for=pages.held_for,
            receivers=pages.receivers,
        )
        key = await pages.keys.candidate(candidate_id)
        async with pages.db.transaction() as tx:
            await set_name(tx, key, pages.keys.service.log, name, held_for=pages.held_for, at=pages.clock.now())
            await sessions.name(tx, visit.session, candidate_id)
        return visit.go(wanted)

    return door.router
