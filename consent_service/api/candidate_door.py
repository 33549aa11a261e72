"""What the candidates' routes may use, and who is calling them: a session of our pages, or a token made for us.

An unsafe call by cookie must come from our own pages: it carries our exact ``Origin`` and the session's CSRF token in
``X-CSRF-Token``. A call with a token needs neither, since programs send it; but behind a login sidecar a browser's
calls have one without its doing, so that a call is refused if its browser says that another site sent it. A call with
both is refused, so that it is never unclear who is calling.
"""

from dataclasses import dataclass, field

from fastapi import Request

from consent_service.api.consent_views import Units
from consent_service.clock import Clock, local_date
from consent_service.consents.counter import Counter
from consent_service.consents.desk import Desk
from consent_service.delivery.reading import LetterOut
from consent_service.errors import CrossSite, InsufficientAuthentication, NotAvailable, Unauthenticated, UnderAge
from consent_service.identity import sessions
from consent_service.identity.origin import from_elsewhere, origin_of, same_origin
from consent_service.identity.rates import Rate, person
from consent_service.identity.sessions import Session
from consent_service.identity.tokens import BearerTokens
from consent_service.persons.ages import is_of_age
from consent_service.persons.arrival import arrive, take_over
from consent_service.persons.lookup import lookup_of, whose
from consent_service.persons.numbers import NationalId, NumberRule
from consent_service.persons.waiting import Receivers
from consent_service.rights.journal import Journal
from consent_service.storage.engine import Database, Row
from consent_service.storage.joint import Joint
from consent_service.vault.keys import CandidateKey, Keys

CSRF_HEADER = "x-csrf-token"


@dataclass(frozen=True)
class CandidateDoor:
    """Given to every candidates' route.

    ``held_for`` is the controller of the candidate's own parts; ``levels`` the values of ``acr`` that suffice;
    nobody below ``minimum_age`` is let in.
    """

    db: Database
    clock: Clock
    keys: Keys = field(repr=False)
    tokens: BearerTokens
    desk: Desk = field(repr=False)
    numbers: NumberRule
    minimum_age: int
    receivers: Receivers
    held_for: str
    public_url: str
    levels: frozenset[str]
    journal: Journal
    rate: Rate | None
    """How often a person may call, here and in the pages together; None for no limit."""
    counter: Counter
    lookups: Joint[str, Row] = field(repr=False)
    units: Joint[str, Units]
    letters_out: Joint[str, list[LetterOut]]

    @property
    def origin(self) -> str:
        """The only origin whose calls by cookie are taken."""
        return origin_of(self.public_url)

    @property
    def secure(self) -> bool:
        """Whether the service is reached over TLS."""
        return self.origin.startswith("https://")

    async def caller(self, request: Request) -> "Caller":
        """Who is calling. FastAPI's dependency.

        Raises Unauthenticated, CrossSite or another Forbidden, TooManyRequests.
        """
        caller = await self._find_caller(request)
        if self.rate is not None:
            await self.rate.spend(person(self.keys.service.lookup, caller.national_id.digits))
        return caller

    async def _find_caller(self, request: Request) -> "Caller":
        cookie = request.cookies.get(sessions.cookie_name(secure=self.secure))
        authorization = request.headers.getlist("authorization")
        if authorization or cookie is None:
            if cookie is not None:
                raise Unauthenticated("Send a token or a session, not both.")
            token = await self.tokens.candidate(authorization)
            self._refuse_other_sites(request)
            return self._caller(token.pid, token.acr, None)
        session = await self._session(cookie)
        self._demand_our_own(request, session)
        return self._caller(session.pid, session.acr, session)

    async def _session(self, cookie: str) -> Session:
        at = self.clock.now()
        async with self.db.snapshot() as view:
            session = await sessions.find(view, self.keys.service.sessions, cookie, at=at)
        if session is None:
            raise Unauthenticated
        if sessions.is_to_be_noted(session, at=at):
            async with self.db.transaction() as tx:
                await sessions.seen(tx, session, at=at)
        return session

    def _demand_our_own(self, request: Request, session: Session) -> None:
        ours = same_origin(self.origin, method=request.method, **_sender(request))
        safe = request.method in {"GET", "HEAD"}
        if not ours or not (safe or sessions.csrf_holds(session, request.headers.get(CSRF_HEADER, ""))):
            raise CrossSite

    def _refuse_other_sites(self, request: Request) -> None:
        if from_elsewhere(self.origin, method=request.method, **_sender(request)):
            raise CrossSite

    def _caller(self, pid: str, acr: str, session: Session | None) -> "Caller":
        if acr not in self.levels:
            raise InsufficientAuthentication
        today = local_date(self.clock.now())
        number = self.numbers.admit(pid, on=today)
        if not isinstance(number, NationalId):
            raise Unauthenticated
        if not is_of_age(number, self.minimum_age, rule=self.numbers, on=today):
            raise UnderAge
        return Caller(self, number, session)


def _sender(request: Request) -> dict[str, str | None]:
    """What a browser says of who sent the call."""
    return {"origin": request.headers.get("origin"), "sec_fetch_site": request.headers.get("sec-fetch-site")}


@dataclass(frozen=True)
class Caller:
    """A person who has logged in; whether she is a candidate already is asked for when it matters."""

    door: CandidateDoor = field(repr=False)
    national_id: NationalId = field(repr=False)
    session: Session | None = field(repr=False)

    async def find(self) -> str | None:
        """Her candidate id, or None: a mere look stores nothing."""
        key = self.door.keys.service.lookup
        lookup = lookup_of(key, self.national_id)
        return whose(key, lookup, await self.door.lookups.of(lookup))

    async def welcomed(self) -> str | None:
        """As ``find``, and what units have left for her meanwhile is hers now. May raise KeyProviderDown."""
        door = self.door
        candidate_id = await self.find()
        if candidate_id is not None:
            await take_over(door.db, door.keys, door.clock, candidate_id, door.receivers)
        return candidate_id

    async def known(self) -> str:
        """Her candidate id. Raises NotAvailable: who has stored nothing has nothing to be found. Needs no key."""
        candidate_id = await self.find()
        if candidate_id is None:
            raise NotAvailable
        return candidate_id

    async def key(self) -> CandidateKey:
        """Her key, before a transaction. Raises NotAvailable, KeyProviderDown."""
        return await self.door.keys.candidate(await self.known())

    async def arrived(self) -> str:
        """Her candidate id; she becomes a candidate at this first act that stores something. Raises KeyProviderDown."""
        door = self.door
        candidate_id = await arrive(
            door.db, door.keys, door.clock, self.national_id, held_for=door.held_for, receivers=door.receivers
        )
        if self.session is not None and self.session.candidate_id is None:
            async with door.db.transaction() as tx:
                await sessions.name(tx, self.session, candidate_id)
        return candidate_id
