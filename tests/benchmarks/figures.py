"""What the benchmarks say: one line a figure, ``name value unit``, and what must be reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SERVICE: Final = "service"


@dataclass(frozen=True)
class Round:
    """One repetition of one system: operations a second, milliseconds, and CPU microseconds an operation.

    ``database_cpu`` is that of PostgreSQL's processes; None where nobody can say. ``settled`` is how many seconds of
    CPU were left to do after the last answer: work that was put off, and is counted in ``cpu``.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float | None
    settled: float
    busy: float


@dataclass(frozen=True)
class Line:
    """A figure."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        digits = 0 if abs(self.value) >= 100 else 1 if abs(self.value) >= 10 else 2
        return f"{self.name} {self.value:.{digits}f} {self.unit}"


@dataclass(frozen=True)
class Must:
    """A bound on a figure."""

    name: str
    at_least: bool
    bound: float

    def judge(self, lines: Mapping[str, float]) -> bool | None:
        """Whether it is reached; None if the figure was not measured."""
        value = lines.get(self.name)
        if value is None:
            return None
        return value >= self.bound if self.at_least else value <= self.bound


def _musts() -> Iterator[Must]:
    for database, hello in (("sqlite", 0.55), ("postgresql", 0.60)):
        yield Must(f"release.{database}.vs_hello", True, hello)
        yield Must(f"release.{database}.vs_naive", True, 6)
        yield Must(f"release.{database}.p99_over_p50", False, 4)
        yield Must(f"grant_revoke.{database}.vs_naive", True, 5)
        yield Must(f"grant_revoke.{database}.p99_over_p50", False, 4)


MUSTS: Final = tuple(_musts())


def lines(figure: str, database: str, rounds: Mapping[str, Sequence[Round]]) -> list[Line]:
    """The figures of ``rounds`` (each system's repetitions): medians, and medians of ratios within a repetition.

    A ratio is taken between rounds that ran one after the other, since the machine is not the same all the time.
    """
    said: list[Line] = []
    for system, its in rounds.items():
        name = f"{figure}.{database}" if system == SERVICE else f"{figure}.{database}.{system}"
        said += _of_one(name, its)
    ours = rounds.get(SERVICE, ())
    for system in rounds.keys() - {SERVICE}:
        ratios = [one.rate / floor.rate for one, floor in zip(ours, rounds[system], strict=False)]
        if ratios:
            said.append(Line(f"{figure}.{database}.vs_{system}", statistics.median(ratios), "ratio"))
    return said


def _of_one(name: str, rounds: Sequence[Round]) -> Iterator[Line]:
    yield Line(f"{name}.rps", statistics.median(one.rate for one in rounds), "1/s")
    yield Line(f"{name}.p50", statistics.median(one.p50 for one in rounds), "ms")
    yield Line(f"{name}.p99", statistics.median(one.p99 for one in rounds), "ms")
    yield Line(f"{name}.p99_over_p50", statistics.median(one.p99 / one.p50 for one in rounds), "ratio")
    yield Line(f"{name}.cpu", statistics.median(one.cpu for one in rounds), "us")
    theirs = [one.database_cpu for one in rounds if one.database_cpu is not None]
    if theirs:
        yield Line(f"{name}.database_cpu", statistics.median(theirs), "us")
    yield Line(f"{name}.settled", statistics.median(one.settled for one in rounds), "s")


def verdicts(said: Sequence[Line]) -> tuple[list[str], bool]:
    """A line for each must that was measured, and whether all of those are reached."""
    values = {line.name: line.value for line in said}
    judged = [(must, reached) for must in MUSTS if (reached := must.judge(values)) is not None]
    texts = [
        f"must {must.name} {'>=' if must.at_least else '<='} {must.bound:g}: "
        f"{Line(must.name, values[must.name], 'ratio').value:.2f} {'reached' if reached else 'not reached'}"
        for must, reached in judged
    ]
    return texts, all(reached for _, reached in judged)
