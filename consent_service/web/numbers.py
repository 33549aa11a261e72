"""The numbers that find her: which there are, and another one by logging in with both.

Three presses, two logins: with the number that she has had, with the one that she has now, and her yes on the page that
says what will happen. What can't be linked is said with its reason, and then nothing has happened. Behind a login
sidecar we can make nobody log in anew: there operators link, and the page says whom to ask.
"""

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.clock import local_date
from consent_service.identity.login import Login
from consent_service.persons import proofs, proposals
from consent_service.persons.linking import Act, Linkable, NotLinked, Pair, judge, link
from consent_service.persons.lookup import find, find_person
from consent_service.persons.number import current, numbers_of
from consent_service.persons.numbers import NationalId, begins
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.login import to_idporten
from consent_service.web.pages import Pages
from consent_service.web.paths import LINK, NUMBERS
from consent_service.web.visits import LoggedInVisit

_HERSELF: Final = Act("candidate", {})


def routes(pages: Pages) -> APIRouter:
    """The numbers, and the way to another one."""
    door = Door(pages)

    @door.logged_in(NUMBERS)
    async def numbers(visit: LoggedInVisit) -> Response:
        by_herself = isinstance(pages.login, Login)
        return visit.render("numbers.html", by_herself=by_herself, **await _hers(visit))

    if isinstance(pages.login, Login):
        _linking(door, pages, pages.login)
    return door.router


def _linking(door: Door, pages: Pages, at_idporten: Login) -> None:
    @door.logged_in("/numbers/first")
    async def first(visit: LoggedInVisit) -> Response:
        return await to_idporten(visit, at_idporten, NUMBERS, anew=True)

    @door.logged_in("/numbers/second")
    async def second(visit: LoggedInVisit) -> Response:
        return await to_idporten(visit, at_idporten, LINK, anew=True)

    @door.logged_in(LINK)
    async def shown(visit: LoggedInVisit) -> Response:
        async with pages.db.snapshot() as view:
            proof = await proofs.shown(view, pages.keys.service, visit.session.id_hash, now=pages.clock.now())
            if proof is None:
                return visit.go(f"{NUMBERS}?done=lapsed")
            if not proof.whole:
                return visit.render("numbers_second.html", first=_named(visit, proof.first))
            pair = _pair(visit, proof.first)
            found = await judge(view, pages.keys.service.lookup, pair)
        if isinstance(found, NotLinked):
            return _not_linked(visit, found, status=200)
        pairs = [_named(visit, one.digits) for one in (pair.before, pair.now)]
        return visit.render("numbers_link.html", numbers=pairs, current=_named(visit, pair.current.digits))

    @door.form_of_logged_in(LINK)
    async def yes(visit: LoggedInVisit, form: Form) -> Response:
        return await _link(visit)


async def _link(visit: LoggedInVisit) -> Response:
    """Her yes: the proof is used up, and both numbers are hers; or neither more nor less than before."""
    pages, service, session = visit.pages, visit.pages.keys.service, visit.session.id_hash
    async with pages.db.snapshot() as view:
        proof = await proofs.shown(view, service, session, now=pages.clock.now())
        if proof is None or not proof.whole:
            return visit.go(f"{NUMBERS}?done=lapsed")
        pair = _pair(visit, proof.first)
        found = await judge(view, service.lookup, pair)
    if isinstance(found, NotLinked):
        return _not_linked(visit, found)
    key = await pages.keys.candidate(found.candidate_id)
    async with pages.db.transaction() as tx:
        done: Linkable | NotLinked | None = None
        at = pages.clock.now()
        if await proofs.take(tx, service, session, now=at) is not None:
            done = await link(tx, service, key, pair, _HERSELF, held_for=pages.held_for, at=at)
    if isinstance(done, NotLinked):
        return _not_linked(visit, done)
    return visit.go(f"{NUMBERS}?done={'lapsed' if done is None else 'linked'}")


def _pair(visit: LoggedInVisit, first: str) -> Pair:
    pages = visit.pages
    before = pages.numbers.admit(first, on=local_date(pages.clock.now()))
    assert isinstance(before, NationalId)  # it was when she showed it, minutes ago
    return Pair(before, visit.national_id())


def _not_linked(visit: LoggedInVisit, why: NotLinked, *, status: int = 409) -> Response:
    words = visit.words
    return visit.render(
        "words.html",
        status=status,
        heading=words("numbers.not_linked.title"),
        sentences=[words(f"numbers.not_linked.{why}"), words("numbers.not_linked.nothing")],
        ways=[(words("numbers.not_linked.back"), NUMBERS), (words("error.home"), "/")],
        code="",
    )


async def _hers(visit: LoggedInVisit) -> dict[str, Any]:
    """Her numbers, the one that goes along first, and what operators have proposed; nothing of a stranger's."""
    pages = visit.pages
    async with pages.db.snapshot() as view:
        candidate_id = await find(view, pages.keys.service.lookup, visit.national_id())
        person = await find_person(view, pages.keys.service.log, candidate_id) if candidate_id else None
    if candidate_id is None or person is None or not person.named:
        return {"known": False, "numbers": [], "proposed": []}
    key, now = await pages.keys.candidate(candidate_id), pages.clock.now()
    async with pages.db.snapshot() as view:
        goes_along = (await current(view, key, pages.keys.service.log)).national_id
        others = sorted(await numbers_of(view, key) - {goes_along})
        proposed = await proposals.every(view, pages.keys.service, now=now, candidate_id=candidate_id)
    return {
        "known": True,
        "numbers": [_named(visit, one) for one in (goes_along, *others)],
        "proposed": [{"by": one.proposed_by, "lapses_at": one.lapses_at} for one in proposed],
    }


def _named(visit: LoggedInVisit, digits: str) -> str:
    """A number as she knows it again; whoever looks over her shoulder does not learn it."""
    kind, six = begins(digits)
    return visit.words(f"numbers.{kind}", six=six)
