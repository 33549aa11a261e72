"""Several processes of the service on one database, with issuers beside them; each can be killed, paused, restarted.

The processes are the operator's own command (or a server of this folder with a fault planted in it), on loopback,
ended by their handles. Nothing is replaced in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from consent_clients import Candidate, IdPortenSession, Login, Maskinporten
from consent_clients.notes import Sections
from consent_service.app.opening import init_keys, open_service
from consent_service.cli.demo_processes import free_ports
from consent_service.clock import SystemClock
from consent_service.identity import registry
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind
from consent_service.persons.numbers import NationalId, parse
from consent_service.settings import Settings, read
from tests.journeys.neighbours import (
    CALLBACK,
    NAVS,
    PREFIX,
    MovableClock,
    idporten_for,
    key,
    maskinporten_for,
)
from tests.support.serving import calling, reserve, serving

SERVE = ("consent_service.cli.main", "serve", "--no-worker")
PATIENCE = 60.0
PERSONS = 12


def numbers(count: int) -> list[str]:
    """The first ``count`` valid test numbers (80 added to the month) of one day."""
    candidates = (f"018190{number:05}" for number in range(99_999, 0, -1))
    valid = (digits for digits in candidates if isinstance(parse(digits, new_style=False), NationalId))
    return list(itertools.islice(valid, count))


@dataclass
class Process:
    """One process of the service."""

    module: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    port: int
    platform: int
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *self.module, env=dict(self.environment), stdout=log, stderr=log
            )
        async with asyncio.timeout(PATIENCE), calling() as http:
            while True:
                assert self.running.returncode is None, self.log.read_text()
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"http://127.0.0.1:{self.platform}/isready")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    def signal(self, which: signal.Signals) -> None:
        """Stop it, let it go on, or kill it."""
        assert self.running is not None
        self.running.send_signal(which)

    async def kill(self) -> None:
        """Kill it (SIGKILL), paused or not."""
        if self.running is not None and self.running.returncode is None:
            self.running.kill()
        if self.running is not None:
            await self.running.wait()


@dataclass
class Town:
    """What is up: processes, NAV's unit and token, and people with a note each."""

    processes: list[Process]
    nav: str
    tokens: Maskinporten
    people: list[Candidate]
    sessions: list[IdPortenSession]
    notes: list[str]
    stack: contextlib.AsyncExitStack = field(repr=False)


@contextlib.asynccontextmanager
async def town(
    database_url: str,
    folder: Path,
    *,
    module: Sequence[str] = SERVE,
    count: int = 2,
    persons: int = PERSONS,
    sections: Sections | None = None,
    **more: str,
) -> AsyncIterator[Town]:
    """The service on this migrated database, in ``count`` processes of ``module``; ``more`` is in their environment.

    Each of ``persons`` has a note with ``sections``, or a short one.
    """
    ports = free_ports(2 * count)
    clock = MovableClock()
    async with contextlib.AsyncExitStack() as stack:
        idporten, maskinporten = reserve(), reserve()
        url, issuer = f"http://127.0.0.1:{ports[0]}", f"{maskinporten.base_url}/"
        await stack.enter_async_context(serving(idporten_for(idporten.base_url, url, clock), idporten))
        await stack.enter_async_context(serving(maskinporten_for(issuer, clock), maskinporten))
        settings = _settings(database_url, folder, url, idporten.base_url, issuer)
        await init_keys(read(settings), SystemClock())
        nav = await _nav(read(settings))
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("CONSENT_", "DIGIPOST_"))
        }
        processes = [
            Process(
                module,
                {**inherited, **settings, **more, "CONSENT_PORT": str(port), "CONSENT_PLATFORM_PORT": str(platform)},
                folder / f"log-{port}",
                port,
                platform,
            )
            for port, platform in zip(ports[::2], ports[1::2], strict=True)
        ]
        for process in processes:
            stack.push_async_callback(process.kill)
        await asyncio.gather(*(process.start() for process in processes))
        tokens = Maskinporten(
            issuer=issuer,
            client_id="nav",
            key=key("nav").private_jwk,
            scopes=names_at_maskinporten(PREFIX, UnitKind.NAV),
        )
        stack.push_async_callback(tokens.close)
        here = Town(processes, nav, tokens, [], [], [], stack)
        for number in numbers(persons):
            await _settle(here, number, url, idporten.base_url, sections or {"interests": "x" * 200})
        yield here


def session_of(number: str, url: str, idporten: str) -> IdPortenSession:
    """What the person with ``number`` logs in by."""
    login = Login(
        issuer=idporten,
        client_id="program",
        redirect_uri=CALLBACK,
        resource=url,
        key=key("program").private_jwk,
        national_id=number,
    )
    return IdPortenSession(login)


async def _settle(here: Town, number: str, url: str, idporten: str, sections: Sections) -> None:
    """Somebody with a name and a note."""
    session = session_of(number, url, idporten)
    person = await here.stack.enter_async_context(Candidate(url, session))
    await person.introduce("En Person")
    note = await person.write({"language": "nb", "sections": sections, "questions": []})
    here.people.append(person)
    here.sessions.append(session)
    here.notes.append(note["id"])


async def _nav(settings: Settings) -> str:
    here = await open_service(settings, SystemClock())
    at, keys = SystemClock().now(), here.keys.service
    async with here.db.transaction() as tx:
        unit = await registry.add(
            tx, keys, organisation_number=NAVS, unit_code="0501", name="Nav", region="T", kind=UnitKind.NAV, at=at
        )
        await registry.add_client(tx, keys, unit.id, client_id="nav", at=at)
    await here.db.close()
    return unit.id


def _settings(database_url: str, folder: Path, url: str, idporten: str, maskinporten: str) -> dict[str, str]:
    return {
        "CONSENT_ENVIRONMENT": "test",
        "CONSENT_DATABASE_URL": database_url,
        "CONSENT_KEYRING": str(folder / "keyring.json"),
        "CONSENT_PUBLIC_URL": url,
        "CONSENT_SCOPE_PREFIX": PREFIX,
        "CONSENT_LOG_LEVEL": "error",
        "IDPORTEN_ISSUER": idporten,
        "IDPORTEN_WELL_KNOWN_URL": f"{idporten}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key("service").private_jwk),
        "IDPORTEN_REDIRECT_URI": f"{url}/login/callback",
        "IDPORTEN_AUDIENCE": url,
        "MASKINPORTEN_ISSUER": maskinporten,
        "MASKINPORTEN_WELL_KNOWN_URL": f"{maskinporten}.well-known/oauth-authorization-server",
    }
