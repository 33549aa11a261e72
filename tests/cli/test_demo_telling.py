"""What the demo says, and that it says no when something does not hold."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from consent_service.cli.demo_telling import DoesNotHold, Telling, until


def test_a_check_that_holds_is_ticked_and_counted() -> None:
    """Each promise that was kept stands as a line with a tick."""
    out = io.StringIO()
    telling = Telling(Console(file=out, width=60))
    telling.step(1, "A step")
    telling.sees("NAV", "one\ntwo")
    telling.holds("it holds", [1])
    assert telling.checks == 1
    assert [line.strip() for line in out.getvalue().splitlines()] == ["", "1. A step", "NAV  one", "two", "✓  it holds"]


def test_a_check_that_does_not_hold_ends_the_story() -> None:
    """A promise that was not kept is raised with its words, and no tick is printed."""
    out = io.StringIO()
    with pytest.raises(DoesNotHold, match="it holds"):
        Telling(Console(file=out)).holds("it holds", [])
    assert out.getvalue() == ""


async def test_waiting_ends_when_it_is_there_and_when_it_never_comes() -> None:
    """What comes late is waited for, and what does not come is reported, by asking and never by a fixed sleep."""
    found = iter([None, None, "there"])

    async def soon() -> str | None:
        return next(found)

    async def never() -> str | None:
        return None

    assert await until("it comes", soon, poll=0.001) == "there"
    with pytest.raises(DoesNotHold, match="it comes"):
        await until("it comes", never, patience=0.01, poll=0.001)
