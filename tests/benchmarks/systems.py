"""What is measured: the service beside its two floors, each a process of its own, all in the same state.

There are 32 people with a note, and a consent of each, so that the content of a release is a little over 4 KB. Tokens
come from the local issuers and are real; each is used for many requests, as real systems do until it ends. The naive
service takes the same tokens and the same requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import asyncpg

from consent_clients.notes import Sections
from consent_service.app.migrate import migrate
from consent_service.cli.demo_processes import free_ports
from consent_service.identity.callers import Scope
from tests.benchmarks.load import FOUND, UNIQUE, Ask
from tests.benchmarks.naive_seeds import Person, Seeds
from tests.benchmarks.processes import parent_of, running
from tests.journeys.neighbours import NAVS, PREFIX, key
from tests.linearizability.processes import SERVE, Process, Town, town
from tests.linearizability.wire import Answer, Wire
from tests.provision.postgresql import Server

Figure = Literal["release", "grant_revoke"]
FIGURES: tuple[Figure, ...] = ("release", "grant_revoke")
"""``release``: one POST that is answered with the content. ``grant_revoke``: a grant with the hash of a preview made
before, and the revoke of that same consent: two POSTs, each answered before the next is sent, counted as one."""

System = Literal["hello", "service", "naive"]
SYSTEMS: tuple[System, ...] = ("hello", "service", "naive")

PEOPLE = 32
_SENTENCE = "Jeg liker å arbeide med hendene, særlig når noe skal repareres, og har kjørt båt siden jeg var ti år. "
SECTIONS: Sections = {"interests": (_SENTENCE * 40)[:3520].strip()}
"""One section makes 4 KB of content together with the person, the purpose and the recipient."""

_LOCAL = "Host: 127.0.0.1\r\n"


class NotComparable(Exception):
    """What would be measured is not what the figures say."""


@dataclass(frozen=True)
class Shared:
    """A person's consent in force, and what it took to grant it."""

    number: str
    consent_id: str
    wanted: dict[str, Any]
    content: dict[str, Any]
    content_text: str
    sha256: str


@dataclass(frozen=True)
class Row:
    """The three systems, up. ``database`` is the process of PostgreSQL that all of its others come from, if known."""

    town: Town
    shared: Sequence[Shared]
    document: Any
    ports: dict[System, int]
    pids: dict[System, int]
    database: int | None

    async def operations(self, system: System, figure: Figure) -> tuple[tuple[Ask, ...], ...]:
        """What the load generator asks ``system`` for, so that it does the work of ``figure``."""
        if system == "hello":
            request = f"GET /hello HTTP/1.1\r\n{_LOCAL}\r\n"
            return (
                (Ask(request, 200, (self.document["content"]["person"]["national_id"],), self.document["content"]),),
            )
        if figure == "release":
            token = await self.town.tokens.bearer()
            return tuple((ask_release(one, token),) for one in self.shared)
        tokens = [await session.bearer() for session in self.town.sessions]
        return tuple(ask_grant_and_revoke(one, token) for one, token in zip(self.shared, tokens, strict=True))


@contextlib.asynccontextmanager
async def row(folder: Path, server: Server | None) -> AsyncIterator[Row]:
    """All three systems on databases of their own, of SQLite in ``folder`` or on ``server``, until the block ends."""
    database = None if server is None else await _durable(server)
    async with contextlib.AsyncExitStack() as stack:
        urls = [_empty(stack, folder / f"{name}.sqlite", server) for name in ("service", "naive")]
        await migrate(urls[0])
        here = await stack.enter_async_context(
            town(
                urls[0],
                folder,
                module=_serve(),
                count=1,
                persons=PEOPLE,
                sections=SECTIONS,
                CONSENT_LOG_LEVEL="info",  # what an operator gets who says nothing
            )
        )
        (process,) = here.processes
        stack.push_async_callback(_end, process)
        shared, document = await _share(here, Wire(process.port))
        hello, naive = free_ports(2)
        seeds = _seeds(here, shared, urls[1])
        greeting, obvious = await asyncio.gather(
            stack.enter_async_context(floor("hello", hello, folder, json.dumps(document).encode())),
            stack.enter_async_context(floor("naive", naive, folder, seeds)),
        )
        assert process.running is not None
        yield Row(
            here,
            shared,
            document,
            {"hello": hello, "service": process.port, "naive": naive},
            {"hello": greeting.pid, "service": process.running.pid, "naive": obvious.pid},
            database,
        )


def floor(
    name: System, port: int, folder: Path, given: bytes
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """One of the floors on ``port``, with what it is given to begin with, while the block lasts."""
    return running((f"tests.benchmarks.{name}", str(port)), port, folder / name, given=given)


def _empty(stack: contextlib.AsyncExitStack, path: Path, server: Server | None) -> str:
    """A database that nobody has used."""
    if server is None:
        return f"sqlite:///{path}"
    url = server.create()
    stack.callback(server.drop, url)
    return url


def _serve() -> tuple[str, ...]:
    """The operator's command, or what ``BENCH_SERVE`` puts after ``python -m``: a profiler, say."""
    return tuple(shlex.split(os.environ.get("BENCH_SERVE", ""))) or SERVE


async def _end(process: Process) -> None:
    """Let the service end by itself, so that a profiler around it can write down what it saw."""
    assert process.running is not None
    process.signal(signal.SIGTERM)
    await process.running.wait()


async def _share(here: Town, wire: Wire) -> tuple[list[Shared], Any]:
    """A consent of each person, and what a release looks like."""
    shared = []
    await wire.connect()
    for session, note in zip(here.sessions, here.notes, strict=True):
        token = await session.bearer()
        wanted = {
            "purpose": "guidance_follow_up",
            "recipient_id": here.nav,
            "parts": [{"resource": "note", "resource_id": note, "version": 1, "part": name} for name in SECTIONS],
            "valid_until": (datetime.now(UTC).date() + timedelta(days=20)).isoformat(),
        }
        preview = await wire.call("POST", "/v1/me/consents/preview", token, wanted)
        shown = _good(preview)
        granted = await wire.call("POST", "/v1/me/consents", token, {**wanted, "preview_sha256": shown["sha256"]})
        content: dict[str, Any] = shown["content"]
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        if not 4096 <= len(text.encode()) <= 4300:
            raise NotComparable(f"the content is {len(text.encode())} bytes")
        number = content["person"]["national_id"]
        shared.append(Shared(number, _good(granted)["id"], wanted, content, text, shown["sha256"]))
    ask = ask_release(shared[0], await here.tokens.bearer())
    head, _, body = ask.request.replace(UNIQUE, "first").partition("\r\n\r\n")
    more = "".join(f"{line}\r\n" for line in head.split("\r\n") if line.startswith(("Acting", "Idempotency")))
    path, token = head.split(" ")[1], await here.tokens.bearer()
    released = await wire.call("POST", path, token, json.loads(body), more=more)
    await wire.close()
    return shared, _good(released)


def _good(answer: Answer) -> Any:
    if answer.status not in {200, 201}:
        raise NotComparable(f"{answer.status}: {answer.body[:500]!r}")
    return answer.json()


def _seeds(here: Town, shared: Sequence[Shared], database_url: str) -> bytes:
    seeds = Seeds(
        database_url=database_url,
        organisation_number=NAVS,
        unit_id=here.nav,
        scope=PREFIX + Scope.CONTENT_READ,
        audience=here.processes[0].environment["IDPORTEN_AUDIENCE"],
        maskinporten=(here.processes[0].environment["MASKINPORTEN_ISSUER"], key("maskinporten").public_jwk),
        idporten=(here.processes[0].environment["IDPORTEN_ISSUER"], key("idporten").public_jwk),
        people=tuple(
            Person(one.number, one.wanted["parts"][0]["resource_id"], one.consent_id, one.content_text)
            for one in shared
        ),
    )
    return json.dumps(asdict(seeds)).encode()


def _post(path: str, token: str, body: Any, more: str = "") -> str:
    content = json.dumps(body)
    return (
        f"POST {path} HTTP/1.1\r\n{_LOCAL}Authorization: Bearer {token}\r\n{more}"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n{content}"
    )


def ask_release(one: Shared, token: str) -> Ask:
    """A release, which must hand out the content that the preview showed."""
    more = f'Acting-Employee: id="A123456", office="0501"\r\nIdempotency-Key: "{UNIQUE}"\r\n'
    request = _post(f"/v1/consents/{one.consent_id}/releases", token, {}, more)
    return Ask(request, 200, (one.number, SECTIONS["interests"]), one.content)


def ask_grant_and_revoke(one: Shared, token: str) -> tuple[Ask, Ask]:
    """The same grant again, and the end of it."""
    grant = _post("/v1/me/consents", token, {**one.wanted, "preview_sha256": one.sha256})
    revoke = _post(f"/v1/me/consents/{FOUND}/revoke", token, {})
    return Ask(grant, 201, ('"state":"granted"',)), Ask(revoke, 200, ('"state":"revoked"',))


async def _durable(server: Server) -> int | None:
    """The server's first process, if it is here. Raises NotComparable unless what it commits survives a power cut."""
    connection = await asyncpg.connect(server.url)
    try:
        weak = [
            name
            for name in ("fsync", "full_page_writes", "synchronous_commit")
            if await connection.fetchval("SELECT current_setting($1)", name) == "off"
        ]
        if weak:
            raise NotComparable(f"this PostgreSQL runs with {', '.join(weak)} off")
        return parent_of(connection.get_server_pid(), "postgres")
    finally:
        await connection.close()
