"""``make bench``: how quick the door is, beside two floors that run in turn with it.

``python -m tests.benchmarks WORD…`` measures what the words pick: figures (release, grant_revoke), databases (sqlite,
postgresql), systems (hello, service, naive); no word of a kind picks all of that kind. ``letters`` measures the outbox,
which no words at all do as well. ``BENCH_REPETITIONS`` (3) and
``BENCH_SECONDS`` (4) of each round make it shorter or longer; ``BENCH_SERVE`` is what ``python -m`` runs in the place
of ``consent_service.cli.main serve --no-worker``. Figures go to standard output; the status is 1 if something that
must be reached is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import Progress, TaskID

from tests.benchmarks import letters
from tests.benchmarks.figures import Line, Round, lines, verdicts
from tests.benchmarks.load import NAME, Orders, Result
from tests.benchmarks.processes import cpu_seconds, quiet
from tests.benchmarks.systems import FIGURES, SYSTEMS, Figure, Row, System, row
from tests.provision.postgresql import Server, postgresql

DATABASES = ("sqlite", "postgresql")
CONNECTIONS = 32
WARM = 1.0
LETTERS = "letters"

_T = TypeVar("_T", bound=str)


class LoadFailed(Exception):
    """The load generator gave up: an answer was wrong, or the server was gone."""


@dataclass(frozen=True)
class Plan:
    """What to measure, and for how long."""

    figures: tuple[Figure, ...]
    databases: tuple[str, ...]
    systems: tuple[System, ...]
    repetitions: int
    seconds: float

    @property
    def rounds(self) -> int:
        return len(self.figures) * len(self.databases) * len(self.systems) * self.repetitions


def plan(words: Sequence[str]) -> Plan:
    """What ``words`` pick. Raises SystemExit for a word that means nothing here."""
    unknown = set(words) - {*FIGURES, *DATABASES, *SYSTEMS}
    if unknown:
        raise SystemExit(
            f"not known: {', '.join(sorted(unknown))}; there are {', '.join((*FIGURES, *DATABASES, *SYSTEMS))}"
        )

    def picked(known: tuple[_T, ...]) -> tuple[_T, ...]:
        return tuple(one for one in known if one in words) or known

    return Plan(
        figures=picked(FIGURES),
        databases=picked(DATABASES),
        systems=picked(SYSTEMS),
        repetitions=int(os.environ.get("BENCH_REPETITIONS", "3")),
        seconds=float(os.environ.get("BENCH_SECONDS", "4")),
    )


async def load(orders: Orders) -> Result:
    """What the load generator, in a process of its own, finds. Raises LoadFailed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complaint = await process.communicate(TypeAdapter(Orders).dump_json(orders))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.returncode != 0:
        raise LoadFailed(complaint.decode().strip().splitlines()[-1])
    return TypeAdapter(Result).validate_json(said)


async def one_round(here: Row, system: System, figure: Figure, seconds: float) -> Round:
    """Measure once. Nothing else works meanwhile: what earlier rounds left to do has been done before."""
    everything = [*here.pids.values(), *filter(None, [here.database])]
    await quiet(everything)
    watched = (here.pids[system], *filter(None, [here.database]))
    result = await load(
        Orders(
            port=here.ports[system],
            operations=await here.operations(system, figure),
            connections=CONNECTIONS,
            warm=WARM,
            seconds=seconds,
            roam=figure == "release",
            watched=watched,
        )
    )
    answered = cpu_seconds(here.pids[system])
    after = await quiet(watched)
    took = [1e6 * (now - before) / result.done for now, before in zip(after, result.cpu_before, strict=True)]
    return Round(
        rate=result.rate,
        p50=result.p50,
        p99=result.p99,
        cpu=took[0],
        database_cpu=took[1] if len(took) > 1 and system != "hello" else None,
        settled=after[0] - answered,
        busy=result.busy,
    )


async def measure(chosen: Plan, folder: Path, progress: Progress, task: TaskID) -> tuple[list[Line], float]:
    """The figures, and the largest share of a core that the load generator took."""
    said: list[Line] = []
    busy = 0.0
    for database in chosen.databases:
        place = folder / database
        place.mkdir()
        with _server(database) as server:
            async with row(place, server) as here:
                for figure in chosen.figures:
                    rounds: dict[str, list[Round]] = {system: [] for system in chosen.systems}
                    for _ in range(chosen.repetitions):
                        for system in chosen.systems:
                            progress.update(task, description=f"{figure} {database} {system}")
                            rounds[system].append(await one_round(here, system, figure, chosen.seconds))
                            progress.advance(task)
                    said += lines(figure, database, rounds)
                    busy = max(busy, *(one.busy for its in rounds.values() for one in its))
    return said, busy


async def measure_letters(databases: Sequence[str], folder: Path) -> list[Line]:
    """What the outbox does."""
    said: list[Line] = []
    for database in databases:
        with _server(database) as server:
            said += await letters.measure(database, folder, server, int(os.environ.get("BENCH_REPETITIONS", "3")))
    return said


@contextlib.contextmanager
def _server(database: str) -> Iterator[Server | None]:
    with ExitStack() as stack:
        yield stack.enter_context(postgresql(durable=True)) if database == "postgresql" else None


def main(words: Sequence[str]) -> int:
    """Measure, print, judge."""
    chosen = plan([word for word in words if word != LETTERS])
    if LETTERS in words or not words:
        with tempfile.TemporaryDirectory(prefix="consent-letters-") as folder:
            print(*asyncio.run(measure_letters(chosen.databases, Path(folder))), sep="\n")
    if LETTERS in words:
        return 0
    # Twice a second: what draws the bar shares the processors with what is measured.
    with (
        tempfile.TemporaryDirectory(prefix="consent-benchmarks-") as folder,
        Progress(console=Console(file=sys.stderr), transient=True, refresh_per_second=2) as progress,
    ):
        task = progress.add_task("starting", total=chosen.rounds)
        said, busy = asyncio.run(measure(chosen, Path(folder), progress, task))
    print(f"load_generator {NAME.format(connections=CONNECTIONS)}")
    print(f"repetitions {chosen.repetitions} of {chosen.seconds:g} s, in turn: {', '.join(chosen.systems)}; medians")
    print(
        "release = POST /v1/consents/{id}/releases; grant_revoke = POST /v1/me/consents, then its /revoke: one a pair"
    )
    for line in sorted(said, key=lambda one: one.name):
        print(line)
    print(Line("load_generator.busy", busy, "ratio"))
    texts, reached = verdicts(said)
    print(*texts, sep="\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
