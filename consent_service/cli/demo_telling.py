"""How the demo tells what happens: by step, by party, and a tick for every check that held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console
from rich.text import Text

PATIENCE = 90.0
"""Seconds that anything may take which another process does. A loaded machine is slow, and that is no fault."""

POLL = 0.1

_COLOURS = {
    "Candidate": "magenta",
    "Career centre": "yellow",
    "NAV": "red",
    "Vocational training": "green",
    "Mailbox": "cyan",
    "Anyone": "white",
}
_WIDTH = max(map(len, _COLOURS))

T = TypeVar("T")


class DoesNotHold(Exception):
    """A step of the journey did not turn out as promised."""


class Telling:
    """Prints the journey. Content shown here is made up; the service itself logs none."""

    def __init__(self, console: Console) -> None:
        """Tell on ``console``."""
        self._console = console
        self.checks = 0

    def step(self, number: int, title: str) -> None:
        """Begin a step."""
        self._console.print()
        self._console.print(Text(f"{number}. {title}", style="bold"), soft_wrap=True)

    def sees(self, party: str, text: str) -> None:
        """What ``party`` sees or does."""
        first, *rest = text.split("\n")
        self._console.print(Text.assemble((f"  {party:>{_WIDTH}}  ", _COLOURS[party]), first), soft_wrap=True)
        for line in rest:
            self._console.print(Text(f"  {'':>{_WIDTH}}  {line}"), soft_wrap=True)

    def holds(self, what: str, condition: object) -> None:
        """Tick ``what`` off. Raises DoesNotHold if the condition is false."""
        if not condition:
            raise DoesNotHold(what)
        self.checks += 1
        self._console.print(Text.assemble((f"  {'✓':>{_WIDTH}}  ", "bold green"), (what, "dim")), soft_wrap=True)


async def until(
    what: str, probe: Callable[[], Awaitable[T | None]], *, patience: float = PATIENCE, poll: float = POLL
) -> T:
    """What ``probe`` finds, asked again and again until it finds something.

    Raises DoesNotHold after ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        found = await probe()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise DoesNotHold(f"{what} (not within {patience:.0f} seconds)")
        await asyncio.sleep(poll)
