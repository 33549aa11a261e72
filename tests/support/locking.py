"""One lock, one order, as rules about what a transaction asks: see ``broken``.

Tests that drive the service through its doors hold each of its transactions against these rules, so that a verb which
is new, or was changed, is held against them too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tests.support.watching import Asked, Unit

# What the gate and the verbs decide by. What is not here is nobody's to race for, or has locks of its own.
_DECIDED_BY = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO) (consent|share|release|standing_refusal|part|receipt|entry)\b")
# Whom a consent concerns never changes once it is written: it says which chain to lock.
_CONCERNED = "SELECT id, candidate_id FROM consent "


def broken(unit: Unit) -> list[str]:
    """Which rules a transaction broke.

    1. Nothing is appended to a chain without its lock.
    2. The lock is a statement of its own, which reads nothing but heads.
    3. What is read before the lock is read again after it, but for whom a consent concerns.
    4. Later locks are of the same chains, or of chains with greater ids.
    """
    first = next((number for number, one in enumerate(unit.asked) if one.locks), None)
    if first is None:
        return [f"1: {one.text}" for one in unit.asked if one.text.startswith("INSERT INTO entry ")]
    return [*_together(unit), *_before(unit, first), *_out_of_order(unit)]


def _together(unit: Unit) -> Iterator[str]:
    for one in unit.asked:
        if one.locks and ("JOIN" in one.text or one.text.count("FROM ") != 1):
            yield f"2: {one.text}"


def _before(unit: Unit, first: int) -> Iterator[str]:
    for number, one in enumerate(unit.asked[:first]):
        if not _DECIDED_BY.search(one.text) or one.text.startswith(_CONCERNED):
            continue
        if (one.writes and not _new(one)) or (not one.writes and one not in unit.asked[first:]):
            yield f"3: {number}: {one.text}"


def _new(one: Asked) -> bool:
    """Whether it writes what nobody else knows of yet."""
    return one.text.startswith(("INSERT INTO consent ", "INSERT INTO part "))


def _out_of_order(unit: Unit) -> Iterator[str]:
    held: list[str] = []
    for one in unit.asked:
        if one.locks:
            more = sorted(set(json.loads(one.given)["ids"]) - set(held))
            if held and more and more[0] < held[-1]:
                yield f"4: {more} after {held}"
            held += more
