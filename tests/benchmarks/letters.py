"""How many letters a second leave the outbox, beside a plain loop that makes the same HTTP calls and remembers nothing.

Mailbox and worker are processes of their own: the local Digipost, which checks and signs as the real one, and
``consent-service work`` with a full outbox. The loop is the adapter's ``send`` with the same letters: one after the
other, and as many at once as a worker has under way. Time is the mailbox's own, from the first letter that it took to
the last. ``python -m tests.benchmarks.letters PORT`` is the mailbox.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import uvicorn

from consent_service.app.migrate import migrate
from consent_service.app.opening import init_keys, open_service
from consent_service.cli.demo_processes import free_ports
from consent_service.clock import SystemClock
from consent_service.delivery import operators
from consent_service.delivery.worker import AT_A_TIME
from consent_service.mailbox.port import Accepted, OutgoingLetter
from consent_service.sandbox.digipost import digipost_app
from consent_service.settings import read
from tests.benchmarks.figures import Line
from tests.benchmarks.processes import quiet, running
from tests.delivery.conftest import Office, opened_office
from tests.delivery.settings import settings_for
from tests.journeys.neighbours import MovableClock
from tests.linearizability.processes import numbers
from tests.provision.postgresql import Server
from tests.support.digipost import COUNTY, USER, LocalDigipost, digipost_config, enterprise
from tests.support.serving import calling

LETTERS = int(os.environ.get("BENCH_LETTERS", "400"))
PEOPLE = 40
TEXT = "x" * 40_000
"""About what a plan of two pages takes."""

BESIDE = f"loop{AT_A_TIME}"
PATIENCE = 300.0


async def measure(database: str, folder: Path, server: Server | None, repetitions: int) -> list[Line]:
    """The figures on one kind of database: medians, and medians of ratios within a repetition."""
    rates: dict[str, list[float]] = {"service": [], "loop": [], BESIDE: []}
    for number in range(repetitions):
        place = folder / f"{database}-{number}"
        place.mkdir()
        url = f"sqlite:///{place / 'letters.sqlite'}" if server is None else server.create()
        await migrate(url)
        async with AsyncExitStack() as stack:
            digipost = await _mailbox(stack, place)
            rates["service"].append(await _worked_off(url, place, digipost))
            rates["loop"].append(await _looped(digipost, 1))
            rates[BESIDE].append(await _looped(digipost, AT_A_TIME))
        if server is not None:
            server.drop(url)
    name = f"letters.{database}"
    said = [Line(f"{name}.rps", statistics.median(rates["service"]), "1/s")]
    for which in ("loop", BESIDE):
        said.append(Line(f"{name}.{which}.rps", statistics.median(rates[which]), "1/s"))
        ratios = [ours / theirs for ours, theirs in zip(rates["service"], rates[which], strict=True)]
        said.append(Line(f"{name}.vs_{which}", statistics.median(ratios), "ratio"))
    return said


async def _mailbox(stack: AsyncExitStack, folder: Path) -> LocalDigipost:
    (port,) = free_ports(1)
    given = enterprise().certificate_pem.encode()
    module = ("tests.benchmarks.letters", str(port))
    await stack.enter_async_context(running(module, port, folder / "mailbox", given=given))
    http = await stack.enter_async_context(calling(timeout=30))
    return LocalDigipost(f"http://127.0.0.1:{port}", http, SystemClock())


async def _worked_off(url: str, folder: Path, digipost: LocalDigipost) -> float:
    """Letters a second, by a worker that finds them all waiting."""
    environ = settings_for(url, folder, digipost.base_url) | {"CONSENT_LETTER_LEASE_SECONDS": "60"}
    await init_keys(read(environ), SystemClock())
    opened = await open_service(read(environ), SystemClock())
    office = await opened_office(opened.db, opened.keys, MovableClock(), digipost)
    consents = []
    for digits in numbers(PEOPLE):
        await digipost.people(digits, "user")
        consents.append(await office.consent(await office.candidate(digits)))
    for number in range(LETTERS):
        await office.letter(consents[number % PEOPLE], text=f"{number} {TEXT}")
    (platform,) = free_ports(1)
    environ |= {"CONSENT_PLATFORM_PORT": str(platform)}
    await quiet([os.getpid()])
    async with running(("consent_service.cli.main", "work"), platform, folder / "worker", more=environ):
        await _until_delivered(office)
    await opened.db.close()
    return await _rate(digipost)


async def _until_delivered(office: Office) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        async with office.db.snapshot() as view:
            counts = await operators.counts(view)
        if counts == {"delivered": LETTERS}:
            return
        assert time.monotonic() < deadline, counts
        await asyncio.sleep(0.5)


async def _looped(digipost: LocalDigipost, at_once: int) -> float:
    """Letters a second, by a loop with ``at_once`` of them under way."""
    before = len(await digipost.letters())
    mailbox, left = digipost.mailbox(), iter(range(LETTERS))

    async def loop() -> None:
        for number in left:
            pdf, sender = f"%PDF-1.7 {number} {TEXT}".encode(), COUNTY.organisation_number
            letter = OutgoingLetter(str(uuid4()), str(uuid4()), USER, "Brev", pdf, sender)
            assert isinstance(await mailbox.send(letter), Accepted)

    await asyncio.gather(*(loop() for _ in range(at_once)))
    return await _rate(digipost, after=before)


async def _rate(digipost: LocalDigipost, *, after: int = 0) -> float:
    taken = [datetime.fromisoformat(one["created"]) for one in (await digipost.letters())[after:]]
    assert len(taken) == LETTERS
    return (LETTERS - 1) / (max(taken) - min(taken)).total_seconds()


if __name__ == "__main__":
    uvicorn.run(
        digipost_app(digipost_config(sys.stdin.read(), SystemClock())),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        date_header=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
