"""The candidate's rights over all of it: correct her name, take everything with her, delete everything."""

import orjson
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from consent_service.persons.number import name_of, set_name
from consent_service.rights.erasure import erase
from consent_service.rights.export import export
from consent_service.web import visits
from consent_service.web.cookies import session_cookie
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.names import NAME
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit


def routes(pages: Pages) -> APIRouter:
    """Rights, name, export, erasure."""
    door = Door(pages)
    _keeping(pages, door)
    _erasing(pages, door)
    return door.router


def _keeping(pages: Pages, door: Door) -> None:
    @door.candidate("/rights")
    async def look(visit: CandidateVisit) -> Response:
        key = await visit.key()
        async with pages.db.snapshot() as view:
            name = await name_of(view, key, pages.keys.service.log)
        return visit.render("rights.html", name=name or "", problem=None)

    @door.form_of_candidate("/rights/name")
    async def rename(visit: CandidateVisit, form: Form) -> Response:
        try:
            name = NAME.validate_python(form.one("name"))
        except ValidationError:
            return visit.render("rights.html", status=422, name=form.one("name"), problem="welcome.name.wrong")
        key = await visit.key()
        async with pages.db.transaction() as tx:
            await set_name(tx, key, pages.keys.service.log, name, held_for=pages.held_for, at=pages.clock.now())
        return visit.go("/rights?done=name")

    @door.candidate("/rights/export")
    async def take_along(visit: CandidateVisit) -> Response:
        key, signers = await visit.key(), await pages.keys.checkpoints.current()
        async with pages.db.transaction() as tx:
            everything = await export(tx, key, pages.keys.service, signers, now=pages.clock.now())
        content = orjson.dumps(everything, option=orjson.OPT_INDENT_2)
        return visit.download(content, "application/json", f"{visit.words('rights.export.file')}.json")


def _erasing(pages: Pages, door: Door) -> None:
    @door.candidate("/rights/erase")
    async def really(visit: CandidateVisit) -> Response:
        return visit.render("erase.html", problem=None)

    @door.form_of_candidate("/rights/erase")
    async def delete_everything(visit: CandidateVisit, form: Form) -> Response:
        words = visit.words
        wanted = words("rights.erase.word")
        if form.one("word").strip().upper() != wanted:
            problem = {"text": "rights.erase.wrong", "values": {"word": wanted}}
            return visit.render("erase.html", status=422, problem=problem)
        async with pages.db.transaction() as tx:
            erased = await erase(tx, pages.desk, visit.candidate_id, now=pages.clock.now(), journal=pages.journal)
        pages.keys.forget(visit.candidate_id)
        # Nothing is left to go to: this is the one page that answers a form itself.
        answer = visits.nobody(pages, visit.request).render("erased.html", statement=erased.statement, jws=erased.jws)
        answer.delete_cookie(session_cookie(pages), secure=pages.secure, httponly=True, samesite="lax")
        return answer
