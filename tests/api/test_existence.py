"""Whether a person is known, and how her consents stand, is personal data: nothing that a unit is told tells it.

Whatever lies behind an id or a number that is not the caller's to know of, the answer is the same, byte by byte, and
so is the work: the same transactions, the same statements, the same number of entries in the log. The service's own
chain takes those that name nobody known. Time is tested in ``test_existence_in_time``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, OLA
from tests.api.raw import Connection, connection, masked
from tests.api.stories import ERASED, NAV, NOBODY, PLAN, REFUSES, SOMEBODY, TRAINING, Told, told
from tests.support.house import House, fresh_key
from tests.support.watching import Unit, Watched

STRANGERS = {"nobody": NOBODY, "asked": SOMEBODY, "known": OLA, "erased": ERASED}
PEOPLE = {**STRANGERS, "sharing": KARI, "refusing": REFUSES}

# A consent of somebody who was erased: her chain is closed, and the service's own is locked in one more statement.
ONE_MORE = ("a release", "erased")


@dataclass(frozen=True)
class Question:
    """One call, and everything that may lie behind what it names (in the path, or in ``body``)."""

    what: str
    method: str
    path: str
    cases: Mapping[str, str]
    caller: UnitKind = NAV
    body: Callable[[str], dict[str, Any]] | None = None
    status: int = 404
    entries: int = 0


def questions(house: House, known: Told) -> list[Question]:
    """All of them. What changes what is asked after comes last."""
    asked = {"purpose": "guidance_follow_up", "part_kinds": ["note.interests"], "message": "Kan vi lese?"}
    mapped = {"recipient_id": house.unit(TRAINING).id, "background": "Fordi"}
    soon, later = {"reply_by": house.day(10)}, {"valid_until": house.day(30)}
    not_theirs = {"foreign": known.consents["foreign"], "unknown": str(uuid4())}
    own = {name: consent_id for name, consent_id in known.silent.items() if name != "swept"}
    return [
        Question("a release", "POST", "/v1/consents/{}/releases", known.consents, body=lambda _: {}, entries=1),
        Question("a consent", "GET", "/v1/consents/{}", known.unseen, TRAINING),
        Question("a receipt", "GET", "/v1/consents/{}/receipt", known.unseen, TRAINING),
        Question("one's own request", "GET", "/v1/consents/{}", own, status=200),
        Question("its receipt", "GET", "/v1/consents/{}/receipt", own),
        Question("a mapping", "GET", "/v1/mapping-requests/{}", known.requests, TRAINING),
        Question(
            "a word on a mapping",
            "POST",
            "/v1/mapping-requests/{}/state",
            known.requests | known.ended_requests,
            TRAINING,
            lambda _: {"state": "in_work", "message": "Vi er i gang."},
            entries=1,
        ),
        Question(
            "a plan under a consent",
            "POST",
            "/v1/plans",
            known.unseen | known.ended,
            TRAINING,
            lambda consent_id: {**PLAN, **later, "consent_id": consent_id},
            entries=1,
        ),
        Question("a plan", "GET", "/v1/plans/{}", known.plans, TRAINING),
        Question(
            "a search",
            "POST",
            "/v1/consents/search",
            STRANGERS,
            body=lambda number: {"national_id": number},
            status=200,
            entries=1,
        ),
        Question(
            "asking",
            "POST",
            "/v1/consent-requests",
            PEOPLE,
            body=lambda number: {**asked, **soon, "national_id": number},
            status=201,
        ),
        Question(
            "asking for a mapping",
            "POST",
            "/v1/mapping-requests",
            PEOPLE,
            body=lambda number: {**mapped, **soon, "national_id": number},
            status=201,
        ),
        Question("taking back what is not theirs", "DELETE", "/v1/consent-requests/{}", not_theirs),
        Question("taking back one's own", "DELETE", "/v1/consent-requests/{}", own, status=204, entries=1),
    ]


async def put(house: House, wire: Connection, question: Question, named: str) -> bytes:
    """Ask it of one id or number."""
    headers = {**await house.as_unit(question.caller), **fresh_key()}
    body = None if question.body is None else question.body(named)
    return await wire.call(question.method, question.path.format(named), headers, body)


def work(units: list[Unit], *, more: int = 0) -> tuple[tuple[str, int], ...]:
    """What a call cost: each transaction and snapshot, and how many statements it had; the last one ``more``."""
    cost = [(unit.kind, len(unit.asked)) for unit in units]
    return (*cost[:-1], (cost[-1][0], cost[-1][1] - more))


def entries(units: list[Unit]) -> int:
    """How many entries were appended to the log."""
    return sum(one.rows for unit in units for one in unit.asked if one.text.startswith("INSERT INTO entry "))


async def test_no_answer_tells_what_lies_behind_it(house: House) -> None:
    """Status line, headers, their order, and body are the same to the byte, but for the date and random ids."""
    known = await told(house)
    async with connection(house.url) as wire:
        for question in questions(house, known):
            seen: dict[bytes, list[str]] = defaultdict(list)
            for name, named in question.cases.items():
                seen[masked(await put(house, wire, question, named))].append(name)
            assert len(seen) == 1, (question.what, dict(seen))
            assert next(iter(seen)).startswith(f"HTTP/1.1 {question.status} ".encode()), (question.what, seen)


async def test_no_call_costs_more_for_what_lies_behind_it(house: House) -> None:
    """The same transactions with as many statements each, and the same number of entries, one of them for each try."""
    known = await told(house)
    watched = house.service.db.behind
    assert isinstance(watched, Watched)
    async with connection(house.url) as wire:
        for question in questions(house, known):
            seen: dict[tuple[tuple[str, int], ...], list[str]] = defaultdict(list)
            for name, named in question.cases.items():
                watched.units.clear()
                await put(house, wire, question, named)
                assert entries(watched.units) == question.entries, (question.what, name)
                seen[work(watched.units, more=(question.what, name) == ONE_MORE)].append(name)
            assert len(seen) == 1, (question.what, dict(seen))
