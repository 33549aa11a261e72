"""The whole house in one event loop: issuers, Digipost, the service with its jobs and a worker, all over HTTP.

Nothing is short-circuited: clients, issuers, service and mailbox meet on loopback only. What a test holds beside its
clients is the clock, which runs as the machine's does and can be moved forward, and the switches that the local
Digipost has for developers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

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
from consent_clients.models import Consent, Event, PartRef
from consent_clients.notes import Note, NoteContent
from consent_clients.problems import Problem
from consent_clients.recipient import Recipient
from consent_service.app.assembly import Service, assemble
from consent_service.app.doors import web_app
from consent_service.app.jobs import Jobs
from consent_service.app.opening import init_keys
from consent_service.clock import local_date
from consent_service.identity import registry
from consent_service.identity.callers import names_at_maskinporten
from tests.journeys.neighbours import (
    CALLBACK,
    NAMES,
    PREFIX,
    UNITS,
    MovableClock,
    UnitName,
    digipost_for,
    idporten_for,
    key,
    maskinporten_for,
    settings_of,
)
from tests.support.serving import calling, reserve, serving

PATIENCE = 60.0
EMPLOYEE = Employee("A123456", "0501")
COUNSELLOR = Employee("kv-017", "KAR1")

T = TypeVar("T")


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
        return await self.stack.enter_async_context(
            CareerCentre(self.url, self.tokens("career-centre"), employee=COUNSELLOR)
        )

    async def nav(self, name: UnitName = "nav") -> Nav:
        """A NAV office."""
        return await self.stack.enter_async_context(Nav(self.url, self.tokens(name), employee=EMPLOYEE))

    async def training(self) -> VocationalTraining:
        """The county's vocational training."""
        tokens = self.tokens("vocational-training")
        return await self.stack.enter_async_context(VocationalTraining(self.url, tokens, employee=EMPLOYEE))

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
            scopes=names_at_maskinporten(PREFIX, UNITS[name][0]),
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

    async def mailbox_mended(self) -> None:
        """Put the local Digipost right again."""
        (await self.http.delete(f"{self.digipost}/sandbox/faults")).raise_for_status()

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
        await stack.enter_async_context(serving(idporten_for(idporten.base_url, ours.base_url, clock), idporten))
        await stack.enter_async_context(serving(maskinporten_for(f"{maskinporten.base_url}/", clock), maskinporten))
        await stack.enter_async_context(serving(digipost_for(clock), digipost, date_header=False))
        settings = settings_of(
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
            http=await stack.enter_async_context(calling()),
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
    for name, (kind, number, code) in UNITS.items():
        async with service.db.transaction() as tx:
            unit = await registry.add(
                tx,
                service.keys.service,
                organisation_number=number,
                unit_code=code,
                name=f"Enheten {name}",
                region="Trøndelag",
                kind=kind,
                at=service.clock.now(),
            )
            await registry.add_client(tx, service.keys.service, unit.id, client_id=name, at=service.clock.now())
        ids[name] = unit.id
    return ids
