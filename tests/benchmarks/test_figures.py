"""What the benchmarks print can be read by a machine, and judges itself."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks.__main__ import plan
from tests.benchmarks.figures import MUSTS, Line, Round, lines, verdicts
from tests.benchmarks.systems import FIGURES, SYSTEMS


def of(rate: float, p50: float = 10, p99: float = 20) -> Round:
    return Round(rate=rate, p50=p50, p99=p99, cpu=400, database_cpu=None, settled=0, busy=0.3)


def values(said: list[Line]) -> dict[str, float]:
    return {line.name: line.value for line in said}


ROUNDS = {
    "hello": [of(1000), of(2000), of(1000)],
    "service": [of(500), of(1200), of(900)],
    "naive": [of(100), of(100), of(100)],
}


def test_ratios_are_taken_within_a_repetition() -> None:
    """A machine that is twice as quick for a while changes no ratio; the figures are medians."""
    said = values(lines("release", "sqlite", ROUNDS))
    assert said["release.sqlite.vs_hello"] == 0.6
    assert said["release.sqlite.vs_naive"] == 9
    assert said["release.sqlite.rps"] == 900
    assert said["release.sqlite.p99_over_p50"] == 2
    assert said["release.sqlite.hello.rps"] == 1000


def test_a_figure_is_a_name_a_value_and_a_unit() -> None:
    """One line a figure, and every name once."""
    said = lines("release", "sqlite", ROUNDS)
    for line in said:
        assert re.fullmatch(r"[a-z0-9_.]+ [0-9]+(\.[0-9]+)? (ratio|1/s|ms|us|s)", str(line)), line
    assert len(values(said)) == len(said)


def test_what_must_be_reached_is_judged_by_the_value_itself() -> None:
    """A bound that is just missed is missed, however it is rounded; what was not measured is not judged."""
    texts, reached = verdicts([Line("release.sqlite.vs_hello", 0.549, "ratio")])
    assert texts == ["must release.sqlite.vs_hello >= 0.55: 0.55 not reached"]
    assert not reached
    assert verdicts([Line("release.sqlite.p99_over_p50", 4.0, "ratio")])[1]


def test_every_must_is_of_a_figure_that_there_is() -> None:
    """Ten musts, and a whole run judges each of them."""
    said = [
        line for figure in FIGURES for database in ("sqlite", "postgresql") for line in lines(figure, database, ROUNDS)
    ]
    assert len(verdicts(said)[0]) == len(MUSTS) == 10


def test_words_pick_what_is_measured() -> None:
    """A word of a kind leaves the others of that kind out; a word that means nothing is refused."""
    assert plan([]).rounds == 2 * 2 * 3 * plan([]).repetitions
    chosen = plan(["release", "sqlite"])
    assert (chosen.figures, chosen.databases, chosen.systems) == (("release",), ("sqlite",), SYSTEMS)
    with pytest.raises(SystemExit):
        plan(["relaese"])
