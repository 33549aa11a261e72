"""How long an answer takes tells no more than the answer: what lies behind an id or a number makes no difference.

The bound is half a millisecond between medians, over loopback, or a quarter of what a call takes where that is more:
beside others on the same cores everything takes longer, differences too. A planted difference is beyond it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random

import pytest

from consent_service.app.doors import web_app
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from tests.api.raw import connection
from tests.api.stories import told
from tests.api.test_existence import Question, put, questions
from tests.api.timing import PATIENCE, Enough, Race, median_within, precise
from tests.support.house import House
from tests.support.serving import serving

TOLD_APART = 0.0005  # of a second
QUARTER = 4  # of what a call takes
PLANTED = 0.01
# Each against the first. The others of ``stories`` go the same ways, as ``test_existence`` shows.
TIMED = {
    "a release": (
        "revoked",
        "unknown",
        "foreign",
        "unopened",
        "waiting",
        "expired",
        "standing refusal",
        "erased",
    ),
    "a search": ("known", "nobody", "asked", "erased"),
    "a plan under a consent": ("revoked", "unknown", "foreign", "waiting"),
    "a word on a mapping": ("revoked", "unknown", "foreign", "waiting"),
    "a consent": ("waiting", "unknown", "foreign"),
    "a mapping": ("waiting", "unknown", "foreign"),
}


SOON = ("a release", "a consent")
"""What ``make test`` looks at; ``EXISTENCE=all``, as in ``make soak``, looks at everything."""


class TellingGate(Gate):
    """A gate that takes a moment longer for what it does not know."""

    async def release(self, ask: ReleaseAsk) -> Released | Refused:
        """The answer, late if nobody is known by that id."""
        answer = await super().release(ask)
        if answer == Refused("unknown"):
            await asyncio.sleep(PLANTED)
        return answer


async def raced(
    house: House,
    url: str,
    question: Question,
    *names: str,
    enough: Enough = precise,
    patience: float = PATIENCE,
) -> Race:
    """A race of the cases, run until there is enough of it."""
    async with connection(url) as wire:

        async def between() -> None:
            house.clock.advance(seconds=10)  # the limits on calls let so many through, and no more
            await house.as_unit(question.caller)

        async def call(name: str) -> None:
            await put(house, wire, question, question.cases[name])

        race = Race(names, call, between, random.Random(1))  # noqa: S311 - an order of calls
        await race.run(enough, patience=patience)
        return race


def bound(race: Race) -> float:
    """What two kinds of calls must differ by to be told apart, in seconds."""
    return max(TOLD_APART, race.usual() / QUARTER)


async def test_no_answer_takes_longer_for_what_lies_behind_it(house: House) -> None:
    """Unknown, foreign, not yet opened, unanswered, ended, refused once and for all, erased: all in the same time."""
    known = await told(house)
    for question in questions(house, known):
        if question.what in (TIMED if os.environ.get("EXISTENCE") == "all" else SOON):
            race = await raced(house, house.url, question, *TIMED[question.what])
            apart = {name: one for name, one in race.differences().items() if one.beyond(bound(race))}
            assert apart == {}, (question.what, race.usual())


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_planted_delay_would_be_seen(house: House) -> None:
    """Against a gate that takes so much longer for what it does not know, the same race tells the two apart."""
    known = await told(house)
    service = house.service
    gate = TellingGate(service.db, service.keys, service.desk, house.clock)
    question = questions(house, known)[0]

    def seen(race: Race) -> bool:
        return race.differences()["unknown"].beyond(bound(race))

    async with serving(web_app(dataclasses.replace(service, gate=gate))) as url:
        race = await raced(house, url, question, "revoked", "foreign", "unknown", enough=seen, patience=120)
    assert seen(race)
    assert not race.differences()["foreign"].beyond(bound(race))


def test_the_interval_holds_the_median() -> None:
    """Of skewed differences, it holds the median each time, and is the narrower the more there are."""
    chance = random.Random(7)  # noqa: S311 - a spread of numbers
    widths = []
    for count in (100, 400, 1600):
        one = median_within([chance.expovariate(1.0) for _ in range(count)])
        assert one.low < 0.693 < one.high
        widths.append(one.high - one.low)
    assert widths == sorted(widths, reverse=True)
    assert median_within([1.0] * 10).low == float("-inf")
