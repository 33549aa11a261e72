"""The demo: everything up on loopback, the journey walked and checked, and then left up to be explored.

It is the first thing a stranger runs, so it does all by itself: ports, a folder, the outside world, the service
with a worker, the units' registration. Nothing in it takes a short cut: units and candidates speak HTTP to the
service with the same clients that real ones would use.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from consent_clients import Candidate, CareerCentre, IdPortenSession, Login, Maskinporten, Nav, VocationalTraining
from consent_clients.problems import ConsentClientError
from consent_service.cli import demo_story
from consent_service.cli import demo_words as words
from consent_service.cli import sandbox_players as players
from consent_service.cli.demo_cast import Cast
from consent_service.cli.demo_house import House, house
from consent_service.cli.demo_telling import DoesNotHold, Telling
from consent_service.clock import SystemClock, local_date

NOT_EMPTY = 2


def run(data: Path | None, exit_after: bool) -> int:
    """Walk the journey; then stay up until Ctrl-C, unless ``exit_after``.

    ``data`` is an empty or new folder; a temporary one is made without it. Returns 0 if every step held, 1 if one
    did not, 2 if the folder is in use.
    """
    console = Console(highlight=False)
    folder = (data or Path(tempfile.mkdtemp(prefix="consent-demo-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        console.print(
            f"{folder} is not empty. The demo begins with an empty folder: name another, or remove it.", soft_wrap=True
        )
        return NOT_EMPTY
    starting = f"Starting ID-porten, Maskinporten, Digipost and the service. Data and logs: {folder}"
    console.print(starting, soft_wrap=True)
    # However the demo is ended, also as a shell's background job, it ends what it started.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        with house(folder) as built:
            return _walk_and_stay(built, folder, console, exit_after=exit_after)
    except DoesNotHold as broken:
        return _failed(console, folder, str(broken))
    except KeyboardInterrupt:
        console.print("\nEnded. What was started is stopped; the data stays where it is.")
        return 0


def _walk_and_stay(built: House, folder: Path, console: Console, *, exit_after: bool) -> int:
    started = time.monotonic()
    telling = Telling(console)
    try:
        asyncio.run(_walk(built, folder, telling))
    except ConsentClientError as problem:
        return _failed(console, folder, f"{type(problem).__name__}: {problem}")
    seconds = time.monotonic() - started
    console.print()
    console.print(f"The journey holds: {telling.checks} checks in {seconds:.0f} s.", style="bold green")
    if exit_after:
        return 0
    _invite(console, built, folder)
    return _stay(built, console, folder)


def _stay(built: House, console: Console, folder: Path) -> int:
    """Until Ctrl-C, or until a process that should be up is not."""
    while all(process.poll() is None for process in built.processes):
        time.sleep(0.5)
    return _failed(console, folder, "everything stays up: a process has ended by itself")


async def _walk(built: House, folder: Path, telling: Telling) -> None:
    def unit(name: str) -> Maskinporten:
        return Maskinporten(**built.registrations[name])

    def person(called: str) -> IdPortenSession:
        return IdPortenSession(Login(**built.registrations[called]))

    async with (
        CareerCentre(built.service, unit("career-centre"), employee=words.COUNSELLOR) as career_centre,
        Nav(built.service, unit("nav"), employee=words.NAV_EMPLOYEE) as nav,
        VocationalTraining(built.service, unit("vocational-training"), employee=words.TRAINING_EMPLOYEE) as training,
        Candidate(built.service, person(players.MARIT.called)) as marit,
        Candidate(built.service, person(players.OLA.called)) as ola,
    ):
        today = local_date(SystemClock().now())
        cast = Cast(career_centre, nav, training, marit, ola, built.unit_ids, folder, today)
        await demo_story.tell(cast, telling)


def _invite(console: Console, built: House, folder: Path) -> None:
    marit, kari = players.MARIT, players.KARI
    lines = [
        ("The candidate's pages", built.service),
        ("Digipost's inboxes", f"{built.digipost}/inbox"),
        ("The contract", f"{built.service}/docs"),
        ("Log in as", f"{marit.name} {marit.national_id}: a note, a consent, a request that waits, a plan"),
        ("or as", f"{kari.name} {kari.national_id}: has never been here"),
        ("By curl", f"see README.md, with DATA={folder}"),
    ]
    console.print()
    for label, text in lines:
        console.print(Text.assemble((f"{label:>22}  ", "bold"), text), soft_wrap=True)
    console.print("\nEverything stays up until Ctrl-C.")


def _failed(console: Console, folder: Path, what: str) -> int:
    console.print(Text.assemble(("\nDoes not hold: ", "bold red"), what), soft_wrap=True)
    console.print(f"The logs are in {folder / 'logs'}.", soft_wrap=True)
    return 1
