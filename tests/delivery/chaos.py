"""Plans are pushed and consents revoked over HTTP, while service and workers are killed and the mailbox goes wrong.

Whoever calls asks again until it is answered, as clients do. ``Chaos`` remembers what was answered; ``test_chaos``
compares it with what the mailbox took.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from consent_clients import Candidate, Maskinporten, VocationalTraining
from consent_clients.problems import Conflict, NotAvailable, Problem, Unavailable, Unreachable
from consent_clients.training_plan import TrainingPlan
from consent_service.app.opening import Opened, init_keys, open_service
from consent_service.cli.demo_processes import free_ports
from consent_service.clock import SystemClock
from consent_service.delivery.failpoints import Failpoint
from consent_service.identity import registry
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind
from consent_service.sandbox.digipost_faults import Fault
from consent_service.settings import read
from tests.delivery.nursery import Nursery
from tests.delivery.settings import settings_for
from tests.journeys.neighbours import COUNTY as CONSUMER
from tests.journeys.neighbours import PREFIX, MovableClock, idporten_for, key, maskinporten_for
from tests.linearizability.processes import numbers, session_of
from tests.support.digipost import COUNTY, LocalDigipost, local_digipost
from tests.support.serving import reserve, serving

PEOPLE = 6
STORYTELLERS = 6
WORKERS = 2
KILLS_A_SECOND = 1.5
"""And those by failpoints. The service takes seconds to come up: killed as often as a worker, it accepts no plan."""
PATIENCE = 120.0

T = TypeVar("T")

_FAULTS = [fault.value for fault in Fault]


@dataclass(frozen=True)
class Accepted:
    """A plan's version that the service has answered for."""

    consent_id: str
    plan_id: str
    version: int


@dataclass
class Chaos:
    """What is up, and what was answered."""

    nursery: Nursery
    environ: dict[str, str]
    digipost: LocalDigipost
    clock: MovableClock
    opened: Opened
    training_id: str
    training: VocationalTraining
    people: list[Candidate]
    chance: random.Random
    kills: int = 0
    accepted: list[Accepted] = field(default_factory=list)
    revoked: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """By consent: the letters (plan, version) that the revoke's answer named as out already."""
    _living: dict[str, int] = field(default_factory=dict)
    _number: Any = field(default_factory=itertools.count)

    async def run(self, kills: int) -> None:
        """Go on until so many processes were killed, and some plans were accepted all the same."""
        self.start("serve")
        for number in range(WORKERS):
            self.start(f"work-{number}")
        stories = [asyncio.create_task(self._tell()) for _ in range(STORYTELLERS)]
        mischief = asyncio.create_task(self._mischief())
        try:
            while self.kills < kills or len(self.accepted) < kills / 4:
                await asyncio.sleep(self.chance.expovariate(KILLS_A_SECOND))
                for story in stories:
                    assert not story.done(), story.result()
                self._kill_one()
        finally:
            mischief.cancel()
            for story in stories:
                story.cancel()
            await asyncio.gather(mischief, *stories, return_exceptions=True)
        await self.digipost.put_right()

    def start(self, name: str) -> None:
        """Start a process; a worker may be one that is going to die at a failpoint."""
        dies = name != "serve" and self.chance.random() < 0.5
        more = {"CONSENT_TEST_WORKER_DIES_AT": self.chance.choice(list(Failpoint)).value} if dies else {}
        self._living[name] = self.nursery.start("serve" if name == "serve" else "work", self.environ | more)

    def _kill_one(self) -> None:
        """Whoever has died is started again; then somebody is killed, and started again."""
        for name, pid in list(self._living.items()):
            if self.nursery.is_dead(pid):
                self.kills += 1
                self.start(name)
        names = list(self._living)
        (name,) = self.chance.choices(names, [1 if name == "serve" else 6 for name in names])
        self.nursery.kill(self._living[name])
        self.kills += 1
        self.start(name)

    def end(self) -> None:
        """Kill every process."""
        for pid in self._living.values():
            if not self.nursery.is_dead(pid):
                self.nursery.kill(pid)
        self._living.clear()

    async def _mischief(self) -> None:
        """The mailbox goes wrong in every way it knows, time and again."""
        while True:
            kind = self.chance.choice(_FAULTS)
            calls = self.chance.choice(["messages", "messages", "status", "all"])
            await self.digipost.order(kind, calls=calls, times=self.chance.randint(1, 3), seconds=0.3)
            await asyncio.sleep(self.chance.expovariate(4))

    async def _tell(self) -> None:
        """One story after another: a request, a yes, a plan or several, and perhaps a revoke at some moment."""
        while True:
            person = self.chance.choice(self.people)
            consent_id = await self._consent(person)
            ends = self.chance.random() < 0.4
            pushing = asyncio.create_task(self._push(consent_id, self.chance.choice([1, 1, 2, 3])))
            if ends:
                await asyncio.sleep(self.chance.expovariate(2))
                await self._revoke(person, consent_id)
            await pushing

    async def _consent(self, person: Candidate) -> str:
        """A mapping request of her own, granted."""
        request = await again(
            lambda: person.ask_mapping(
                self.training_id, wished_trades=[{"text": "Helsefagarbeider"}], questions=[], reply_by=_in_days(30)
            )
        )
        preview = await again(
            lambda: person.preview(
                purpose="competence_mapping",
                recipient_id=self.training_id,
                parts=[
                    {"resource": "mapping_request", "resource_id": request["id"], "version": 1, "part": "wished_trades"}
                ],
                valid_until=_in_days(60),
                consent_id=request["consent_id"],
            )
        )
        with contextlib.suppress(Conflict):  # granted, and the answer was lost
            await again(lambda: person.grant(preview))
        return request["consent_id"]

    async def _push(self, consent_id: str, versions: int) -> None:
        """Push versions of a plan; each under one key, until it is answered. A revoke may have come first."""
        for _ in range(versions):
            plan, name = _plan(next(self._number)), str(uuid4())
            try:
                pushed = await again(lambda: self.training.push_plan(consent_id, plan, idempotency_key=name))  # noqa: B023 - awaited within the round
            except NotAvailable:
                return
            self.accepted.append(Accepted(consent_id, pushed["id"], pushed["version"]))
            await asyncio.sleep(self.chance.expovariate(4))

    async def _revoke(self, person: Candidate, consent_id: str) -> None:
        """Take the consent back. An answer that was lost is not asked for what it named."""
        with contextlib.suppress(Conflict):
            answer = await again(lambda: person.revoke(consent_id))
            self.revoked[consent_id] = [(one["plan_id"], one["version"]) for one in answer["letters_already_out"]]


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """What is answered in the end, by whichever process."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await call()
        except Problem as problem:
            if not (isinstance(problem, Unavailable) or problem.status >= 500) or time.monotonic() > deadline:
                raise
        except Unreachable:
            assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def _in_days(days: int) -> date:
    return date.today() + timedelta(days=days)  # noqa: DTZ011 - a day or so does not matter


def _plan(number: int) -> TrainingPlan:
    """A plan like no other."""
    return {
        "outcome": "no_plan",
        "language": "nb",
        "summary": f"Svar nummer {number}.",
        "other_routes": [{"kind": "practice_candidate", "text": "Meld deg som praksiskandidat."}],
        "contact": {"email": "fag@example.org"},
        "valid_until": _in_days(300).isoformat(),
    }


@contextlib.asynccontextmanager
async def chaos(database_url: str, folder: Path, nursery: Nursery, seed: int) -> AsyncIterator[Chaos]:
    """A house in which everything but issuers and mailbox may die."""
    clock = MovableClock()
    async with contextlib.AsyncExitStack() as stack:
        idporten, maskinporten = reserve(), reserve()
        (port,) = free_ports(1)
        url, issuer = f"http://127.0.0.1:{port}", f"{maskinporten.base_url}/"
        await stack.enter_async_context(serving(idporten_for(idporten.base_url, url, clock), idporten))
        await stack.enter_async_context(serving(maskinporten_for(issuer, clock), maskinporten))
        digipost = await stack.enter_async_context(local_digipost(clock=clock))
        environ = settings_for(database_url, folder, digipost.base_url) | {
            "CONSENT_PUBLIC_URL": url,
            "CONSENT_PORT": str(port),
            "CONSENT_SCOPE_PREFIX": PREFIX,
            "IDPORTEN_ISSUER": idporten.base_url,
            "IDPORTEN_WELL_KNOWN_URL": f"{idporten.base_url}/.well-known/openid-configuration",
            "IDPORTEN_AUDIENCE": url,
            "MASKINPORTEN_ISSUER": issuer,
            "MASKINPORTEN_WELL_KNOWN_URL": f"{issuer}.well-known/oauth-authorization-server",
        }
        await init_keys(read(environ), SystemClock())
        opened = await open_service(read(environ), SystemClock())
        stack.push_async_callback(opened.db.close)
        training = await stack.enter_async_context(VocationalTraining(url, _tokens(issuer)))
        people = []
        for number in numbers(PEOPLE):
            await digipost.people(number, "user")
            people.append(await stack.enter_async_context(Candidate(url, session_of(number, url, idporten.base_url))))
        here = Chaos(
            nursery=nursery,
            environ=environ,
            digipost=digipost,
            clock=clock,
            opened=opened,
            training_id=await _register(opened),
            training=training,
            people=people,
            chance=random.Random(seed),  # noqa: S311 - what happens next is no secret
        )
        stack.callback(here.end)
        here.start("serve")
        for person in people:
            await again(lambda: person.introduce("En Person"))  # noqa: B023 - awaited within the round
        here.end()
        yield here


def _tokens(issuer: str) -> Maskinporten:
    return Maskinporten(
        issuer=issuer,
        client_id="vocational-training",
        key=key("vocational-training").private_jwk,
        scopes=names_at_maskinporten(PREFIX, UnitKind.VOCATIONAL_TRAINING),
    )


async def _register(opened: Opened) -> str:
    """Fagopplæring, as the county that the mailbox lets us send for."""
    at, keys = SystemClock().now(), opened.keys.service
    async with opened.db.transaction() as tx:
        unit = await registry.add(
            tx,
            keys,
            organisation_number=COUNTY.organisation_number,
            unit_code="FAG1",
            name="Fagopplæringen",
            region="T",
            kind=UnitKind.VOCATIONAL_TRAINING,
            at=at,
        )
        await registry.add_client(
            tx, keys, unit.id, client_id="vocational-training", at=at, organisation_number=CONSUMER
        )
    return unit.id
