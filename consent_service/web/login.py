"""Logging in at ID-porten. A login makes a new session, ends the browser's earlier one, and stores nothing else.

Who is too young, or did not log in as herself, gets a page that says where to get help, and no session. Behind a login
sidecar, it sends people to ID-porten and back, and its word takes the place of ours.
"""

from typing import Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.responses import Response

from consent_service.clock import local_date
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.identity import sessions
from consent_service.identity.browser_values import hash_of, is_value
from consent_service.identity.candidate_tokens import CandidateToken
from consent_service.identity.claims import LevelTooLow, Refused, Represented
from consent_service.identity.login import LoggedIn, Login, LoginRefused
from consent_service.identity.sidecar import Sidecar
from consent_service.persons import proofs
from consent_service.persons.ages import is_of_age
from consent_service.persons.lookup import find
from consent_service.persons.numbers import NationalId
from consent_service.storage.engine import Transaction
from consent_service.web.cookies import login_cookie, session_cookie, set_cookie
from consent_service.web.door import Door
from consent_service.web.pages import Pages
from consent_service.web.paths import LINK, ours
from consent_service.web.visits import Visit

CALLBACK: Final = "/login/callback"

_LOGIN_SECONDS: Final = 10 * 60

Ways = tuple[tuple[str, str], ...]
_AGAIN: Final[Ways] = (("error.again", "/login"), ("error.home", "/"))
_AWAY: Final[Ways] = (("frame.logout", "/logged-out?done=here"), ("error.home", "/"))
"""She is logged in at ID-porten, and only there: that is what is left to end."""


def routes(pages: Pages) -> APIRouter:
    """Off to ID-porten, and back."""
    door = Door(pages)
    if isinstance(pages.login, Sidecar):
        _with_sidecar(door, pages.login)
    else:
        _by_ourselves(door, pages, pages.login)
    return door.router


def _with_sidecar(door: Door, sidecar: Sidecar) -> None:
    @door.anyone("/login")
    async def login(visit: Visit) -> Response:
        sent = visit.request.query_params
        wanted = ours(sent.get("to", ""), otherwise="/overview")
        if visit.session is not None:
            return visit.go(wanted)
        person = await sidecar.person(visit.request.headers.getlist("authorization"))
        if isinstance(person, CandidateToken):
            return await _admit(visit, LoggedIn(person.pid, person.acr, sid=None, sub=None, return_to=wanted))
        if "back" in sent:  # from the sidecar, which would only send her here again
            return _refused(visit, _why(person))
        back = f"/login?{urlencode({'to': wanted, 'back': 1})}"
        return visit.go(sidecar.login(return_to=back, locale=visit.words.language))


def _why(refused: Refused) -> LoginRefused:
    match refused:
        case Represented():
            return LoginRefused.REPRESENTATION
        case LevelTooLow():
            return LoginRefused.LEVEL_TOO_LOW
        case _:
            return LoginRefused.NOT_VERIFIED


def _by_ourselves(door: Door, pages: Pages, at_idporten: Login) -> None:
    @door.anyone("/login")
    async def login(visit: Visit) -> Response:
        wanted = ours(visit.request.query_params.get("to", ""), otherwise="/overview")
        if visit.session is not None:
            return visit.go(wanted)
        return await to_idporten(visit, at_idporten, wanted)

    @door.anyone(CALLBACK)
    async def callback(visit: Visit) -> Response:
        sent = visit.request.query_params.multi_items()
        if len({name for name, _ in sent}) != len(sent):
            return _refused(visit, LoginRefused.NOT_VERIFIED)
        person = await at_idporten.finish(
            pages.db, answer=dict(sent), browser=visit.request.cookies.get(login_cookie(pages))
        )
        return _refused(visit, person) if isinstance(person, LoginRefused) else await _admit(visit, person)


async def to_idporten(visit: Visit, at_idporten: Login, wanted: str, *, anew: bool = False) -> Response:
    """Send the browser to log in, and then on to ``wanted``; ``anew`` even where ID-porten knows who is there."""
    pages = visit.pages
    cookie = visit.request.cookies.get(login_cookie(pages))
    begun = await at_idporten.begin(pages.db, return_to=wanted, browser=cookie, locale=visit.words.language, anew=anew)
    answer = visit.go(begun.location)
    set_cookie(pages, answer, login_cookie(pages), begun.browser, max_age=_LOGIN_SECONDS)
    return answer


async def _admit(visit: Visit, person: LoggedIn) -> Response:
    """A session for somebody whose number we take and who is old enough."""
    pages, today = visit.pages, local_date(visit.pages.clock.now())
    number = pages.numbers.admit(person.pid, on=today)
    if not isinstance(number, NationalId):
        return _refused(visit, LoginRefused.NOT_VERIFIED)
    if not is_of_age(number, pages.minimum_age, rule=pages.numbers, on=today):
        return _page(visit, "young", status=403, ways=_AWAY, age=pages.minimum_age)
    return await _begin(visit, person, number)


async def _begin(visit: Visit, person: LoggedIn, number: NationalId) -> Response:
    """A new session for whoever has logged in; the browser's earlier one ends."""
    pages = visit.pages
    at, service = pages.clock.now(), pages.keys.service
    earlier = visit.request.cookies.get(session_cookie(pages), "")
    async with pages.db.transaction() as tx:
        await sessions.end(tx, earlier)
        value = await sessions.begin(
            tx,
            service.sessions,
            pid=person.pid,
            acr=person.acr,
            sid=person.sid,
            subject=None if person.sub is None else sessions.subject_of(service.lookup, person.sub),
            candidate_id=await find(tx, service.lookup, number),
            at=at,
        )
        if person.anew:
            await _show(tx, service, person, number, earlier, value, at=at)
    wanted = ours(person.return_to, otherwise="/overview")
    welcomed = f"/welcome?to={quote(wanted if wanted != '/' else '/overview')}"
    answer = visit.go(LINK if person.anew else welcomed)
    set_cookie(pages, answer, session_cookie(pages), value)
    set_cookie(pages, answer, login_cookie(pages), "", max_age=0)
    return answer


async def _show(
    tx: Transaction, keys: ServiceKeys, person: LoggedIn, number: NationalId, earlier: str, value: str, *, at: int
) -> None:
    """A login anew shows a number: the first of two, or the second where the earlier session has shown the first."""
    if person.return_to == LINK:
        held_by = hash_of(earlier) if is_value(earlier) else b""
        await proofs.second(tx, keys, held_by=held_by, session_hash=hash_of(value), at=at)
    else:
        await proofs.first(tx, keys, number, hash_of(value), at=at)


def _refused(visit: Visit, why: LoginRefused) -> Response:
    """The page that says why nobody is logged in, and what to do."""
    match why:
        case LoginRefused.REPRESENTATION:
            return _page(visit, "represented", status=403, ways=_AWAY)
        case LoginRefused.LEVEL_TOO_LOW:
            return _page(visit, "low", status=403, ways=_AGAIN)
        case LoginRefused.CANCELLED:
            return _page(visit, "cancelled", status=400, ways=_AGAIN)
        case LoginRefused.LAPSED | LoginRefused.NOT_VERIFIED:
            return _page(visit, "failed", status=400, ways=_AGAIN)


def _page(visit: Visit, name: str, *, status: int, ways: Ways, **values: object) -> Response:
    words, phone = visit.words, visit.pages.desk.controller.withdrawal_phone
    sentences = [words(f"login.{name}.text", **values)]
    if f"login.{name}.help" in words:
        sentences.append(words(f"login.{name}.help"))
        sentences += [words("login.phone", phone=phone)] if phone else []
    return visit.render(
        "words.html",
        status=status,
        heading=words(f"login.{name}.title", **values),
        sentences=sentences,
        ways=[(words(label), address) for label, address in ways],
        code="",
    )
