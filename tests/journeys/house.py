"""The whole house in one event loop: issuers, Digipost, the service with its jobs and a worker, all over HTTP.

Nothing is short-circuited: clients, issuers, service and mailbox meet on loopback only. What a test holds beside its
clients is the clock, which runs as the machine's does and can be moved forward, and the switches that the local
Digipost has for developers.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx

from consent_clients import (
    Candidate,
    CareerCentre,
    Employee,
    IdPortenSession,
    Login,
    Maskinporten,
    Nav,
    VocationalTraining,
)
from consent_clients.models import Consent, Event, Note, NoteContent, PartRef
from consent_clients.problems import Problem
from consent_clients.recipient import Recipient
from consent_service.app.assembly import Service, assemble
from consent_service.app.doors import web_app
from consent_service.app.jobs import Jobs
from consent_service.app.opening import init_keys
from consent_service.clock import DAY, SECOND, SystemClock, local_date
from consent_service.identity import units
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind as Kind
from consent_service.sandbox.digipost import (
    DigipostAccount,
    DigipostConfig,
    DigipostPerson,
    Enterprise,
    digipost_app,
    new_enterprise,
)
from consent_service.sandbox.idporten import IdportenClient, IdportenConfig, idporten_app
from consent_service.sandbox.keys import IssuerKeys, SigningKey
from consent_service.sandbox.maskinporten import MaskinportenClient, MaskinportenConfig, maskinporten_app
from consent_service.settings import Environment, Settings, read
from tests.support.serving import reserve, serving

PREFIX = "consent:"
CALLBACK = "http://127.0.0.1/program"
COUNTY, NAVS, OTHER_NAVS = "313876144", "314270320", "310163449"
MARIT, OLA, STRANGER = "21879498012", "23886799519", "25922947409"
NAMES = {MARIT: "Marit Prøvestad", OLA: "Ola Testvik"}
PATIENCE = 60.0

UnitName = Literal["career-centre", "nav", "other-nav", "vocational-training"]
_UNITS: dict[UnitName, tuple[Kind, str, str]] = {
    "career-centre": (Kind.CAREER_CENTRE, COUNTY, "KAR1"),
    "nav": (Kind.NAV, NAVS, "0501"),
    "other-nav": (Kind.NAV, OTHER_NAVS, "0502"),
    "vocational-training": (Kind.VOCATIONAL_TRAINING, COUNTY, "FAG1"),
}
EMPLOYEE = Employee("A123456", "0501")
COUNSELLOR = Employee("kv-017", "KAR1")

T = TypeVar("T")


@functools.cache
def key(name: str) -> SigningKey:
    """The run's RSA key of this name; made once, since that takes a while."""
    return SigningKey.generate(name)


@functools.cache
def enterprise(name: str, number: str) -> Enterprise:
    """An enterprise certificate; made once, as above."""
    return new_enterprise(name, number)


class MovableClock:
    """The machine's clock, and how far a test has moved it."""

    def __init__(self) -> None:
        """Begin with the machine's time."""
        self._machines = SystemClock()
        self._moved = 0

    def now(self) -> int:
        """The time here."""
        return self._machines.now() + self._moved

    def seconds(self) -> float:
        """The same in seconds, for the clients."""
        return self.now() / SECOND

    def advance(self, *, days: int = 0, seconds: float = 0) -> None:
        """Move forward."""
        self._moved += days * DAY + int(seconds * SECOND)


@dataclass
class House:
    """What is up. ``client(...)`` gives a party; everything is closed with the house."""

    clock: MovableClock
    service: Service
    jobs: Jobs
    url: str
    idporten: str
    maskinporten: str
    digipost: str
    unit_ids: dict[UnitName, str]
    http: httpx.AsyncClient
    stack: contextlib.AsyncExitStack = field(repr=False)

    @property
    def today(self) -> date:
        """The calendar day in Norway."""
        return local_date(self.clock.now())

    def in_days(self, days: int) -> date:
        """The day that many days ahead."""
        return self.today + timedelta(days=days)

    async def career_centre(self) -> CareerCentre:
        """The career centre."""
        return await self.stack.enter_async_context(CareerCentre(self.url, self.tokens("career-centre")))

    async def nav(self, name: UnitName = "nav") -> Nav:
        """A NAV office."""
        return await self.stack.enter_async_context(Nav(self.url, self.tokens(name)))

    async def training(self) -> VocationalTraining:
        """The county's vocational training."""
        return await self.stack.enter_async_context(VocationalTraining(self.url, self.tokens("vocational-training")))

    async def candidate(self, national_id: str, *, named: bool = True) -> Candidate:
        """A person who has logged in, and has said her name."""
        candidate = await self.stack.enter_async_context(Candidate(self.url, self.login(national_id)))
        if named:
            await candidate.introduce(NAMES[national_id])
        return candidate

    def tokens(self, name: UnitName) -> Maskinporten:
        """A unit's source of tokens; closed with the client that takes it."""
        return Maskinporten(
            issuer=self.maskinporten,
            client_id=name,
            key=key(name).private_jwk,
            scopes=names_at_maskinporten(PREFIX, _UNITS[name][0]),
            now=self.clock.seconds,
        )

    def login(self, national_id: str) -> IdPortenSession:
        """A person's source of tokens."""
        login = Login(
            issuer=self.idporten,
            client_id="program",
            redirect_uri=CALLBACK,
            resource=self.url,
            key=key("program").private_jwk,
            national_id=national_id,
        )
        return IdPortenSession(login, now=self.clock.seconds)

    async def mailbox_refuses(self, kind: str, *, times: int = 1_000_000) -> None:
        """Have the local Digipost go wrong (see the sandbox's switches)."""
        body = {"kind": kind, "calls": "messages", "times": times}
        (await self.http.post(f"{self.digipost}/sandbox/faults", json=body)).raise_for_status()

    async def in_mailbox(self, national_id: str, standing: str) -> None:
        """Open, deactivate or remove a person's account at the local Digipost."""
        body = {"national_id": national_id, "name": "En Person", "standing": standing}
        (await self.http.put(f"{self.digipost}/sandbox/people", json=body)).raise_for_status()

    async def letters(self) -> list[dict[str, Any]]:
        """Every letter that the local Digipost took."""
        answer: list[dict[str, Any]] = (await self.http.get(f"{self.digipost}/sandbox/letters")).json()
        return answer


async def until(what: str, probe: Callable[[], Awaitable[T | None]]) -> T:
    """What ``probe`` finds, asked again and again; fails the test when it never comes."""
    deadline = time.monotonic() + PATIENCE
    while (found := await probe()) is None:
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)
    return found


async def hears(unit: Recipient, state: str, *, consent_id: str | None = None) -> Event:
    """The line of the unit's feed that says this, once it is numbered."""

    async def heard() -> Event | None:
        for event in await unit.events():
            if event["state"] == state and consent_id in {None, event["consent_id"]}:
                return event
        return None

    return await until(f"the feed says {state}", heard)


def parts_of(note: Note, *names: str) -> list[PartRef]:
    """Parts of exactly this version."""
    return [{"resource": "note", "resource_id": note["id"], "version": note["version"], "part": name} for name in names]


async def handed_over(house: House, candidate: Candidate, content: NoteContent) -> Note:
    """A note that the career centre has handed over, and the candidate has made her own."""
    centre = await house.career_centre()
    code = await centre.hand_over(content, COUNSELLOR)
    return await candidate.accept((await candidate.claim(code.code))["id"])


async def shared(house: House, candidate: Candidate, note: Note, *names: str, max_uses: int | None = None) -> Consent:
    """A consent for NAV to read these parts of the note."""
    preview = await candidate.preview(
        purpose="guidance_follow_up",
        recipient_id=house.unit_ids["nav"],
        parts=parts_of(note, *names),
        valid_until=house.in_days(30),
        max_uses=max_uses,
    )
    return await candidate.grant(preview)


async def refused(call: Awaitable[object]) -> Problem:
    """The problem document that a call is answered with; fails the test if it succeeds."""
    try:
        answer = await call
    except Problem as problem:
        return problem
    raise AssertionError(f"not refused: {type(answer).__name__}")


@contextlib.asynccontextmanager
async def open_house(database_url: str, folder: Path) -> AsyncIterator[House]:
    """The house on this migrated database, keyring and certificates in ``folder``."""
    async with contextlib.AsyncExitStack() as stack:
        clock = MovableClock()
        ours, idporten, maskinporten, digipost = reserve(), reserve(), reserve(), reserve()
        await stack.enter_async_context(serving(_idporten(idporten.base_url, ours.base_url, clock), idporten))
        await stack.enter_async_context(serving(_maskinporten(f"{maskinporten.base_url}/", clock), maskinporten))
        await stack.enter_async_context(serving(_digipost(clock), digipost, date_header=False))
        settings = _settings(
            database_url, folder, ours.base_url, idporten.base_url, f"{maskinporten.base_url}/", digipost.base_url
        )
        await init_keys(settings, clock)
        service = await assemble(settings, clock)
        stack.push_async_callback(service.close)
        jobs = service.jobs()
        await stack.enter_async_context(_beside(jobs.run(), service.worker().run()))
        await stack.enter_async_context(serving(web_app(service), ours))
        yield House(
            clock=clock,
            service=service,
            jobs=jobs,
            url=ours.base_url,
            idporten=idporten.base_url,
            maskinporten=f"{maskinporten.base_url}/",
            digipost=digipost.base_url,
            unit_ids=await _register(service),
            http=await stack.enter_async_context(httpx.AsyncClient()),
            stack=await stack.enter_async_context(contextlib.AsyncExitStack()),
        )


@contextlib.asynccontextmanager
async def _beside(*works: Any) -> AsyncIterator[None]:
    """Run these while the block lasts; a work that ends by itself has failed, and so has the test."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
    assert not ended


async def _register(service: Service) -> dict[UnitName, str]:
    ids: dict[UnitName, str] = {}
    for name, (kind, number, code) in _UNITS.items():
        async with service.db.transaction() as tx:
            unit = await units.add(
                tx,
                organisation_number=number,
                unit_code=code,
                name=f"Enheten {name}",
                region="Trøndelag",
                kind=kind,
                at=service.clock.now(),
            )
            await units.add_client(tx, unit.id, client_id=name, at=service.clock.now())
        ids[name] = unit.id
    return ids


def _idporten(issuer: str, ours: str, clock: MovableClock) -> Any:
    service = IdportenClient(
        client_id="service",
        redirect_uris=frozenset({f"{ours}/login/callback"}),
        post_logout_redirect_uris=frozenset({f"{ours}/"}),
        keys=(key("service").public_jwk,),
    )
    program = IdportenClient(
        client_id="program", redirect_uris=frozenset({CALLBACK}), keys=(key("program").public_jwk,)
    )
    return idporten_app(
        IdportenConfig(
            issuer=issuer,
            environment=Environment.TEST,
            clients=(service, program),
            persons=(),
            keys=IssuerKeys(key("idporten")),
            clock=clock,
        )
    )


def _maskinporten(issuer: str, clock: MovableClock) -> Any:
    clients = tuple(
        MaskinportenClient(
            client_id=name,
            organisation_number=number,
            scopes=frozenset(names_at_maskinporten(PREFIX, kind)),
            keys=(key(name).public_jwk,),
        )
        for name, (kind, number, _) in _UNITS.items()
    )
    return maskinporten_app(
        MaskinportenConfig(
            issuer=issuer,
            environment=Environment.TEST,
            clients=clients,
            keys=IssuerKeys(key("maskinporten")),
            clock=clock,
        )
    )


def _digipost(clock: MovableClock) -> Any:
    account = DigipostAccount(1000, "Fylket", COUNTY, enterprise("Fylket", COUNTY).certificate_pem)
    return digipost_app(
        DigipostConfig(
            environment=Environment.TEST,
            accounts=(account,),
            people=tuple(DigipostPerson(number, name) for number, name in NAMES.items()),
            enterprise=enterprise("Posten", "984661185"),
            clock=clock,
        )
    )


def _settings(database_url: str, folder: Path, ours: str, idporten: str, maskinporten: str, digipost: str) -> Settings:
    (folder / "digipost.p12").write_bytes(enterprise("Fylket", COUNTY).pkcs12("test"))
    (folder / "password").write_text("test")
    return read(
        {
            "CONSENT_ENVIRONMENT": "test",
            "CONSENT_DATABASE_URL": database_url,
            "CONSENT_KEYRING": str(folder / "keyring.json"),
            "CONSENT_PUBLIC_URL": ours,
            "CONSENT_SCOPE_PREFIX": PREFIX,
            "CONSENT_CONTROLLER_ORGANISATION_NUMBER": COUNTY,
            "IDPORTEN_ISSUER": idporten,
            "IDPORTEN_WELL_KNOWN_URL": f"{idporten}/.well-known/openid-configuration",
            "IDPORTEN_CLIENT_ID": "service",
            "IDPORTEN_CLIENT_JWK": json.dumps(key("service").private_jwk),
            "IDPORTEN_REDIRECT_URI": f"{ours}/login/callback",
            "IDPORTEN_AUDIENCE": ours,
            "MASKINPORTEN_ISSUER": maskinporten,
            "MASKINPORTEN_WELL_KNOWN_URL": f"{maskinporten}.well-known/oauth-authorization-server",
            "DIGIPOST_URL": digipost,
            "DIGIPOST_USER_ID": "1000",
            "DIGIPOST_SENDER_ORGANISATION": COUNTY,
            "DIGIPOST_P12": str(folder / "digipost.p12"),
            "DIGIPOST_P12_PASSWORD_FILE": str(folder / "password"),
        }
    )
