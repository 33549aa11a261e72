"""One fault: a change that a tired hand could make, and the tests that must find it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """In ``file`` each first of ``changes``, which stands there exactly once, becomes the second.

    ``tests`` are pytest's arguments; they run on SQLite unless they say ``postgresql``.
    """

    what: str
    file: str
    changes: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def in_room(
    room: str, what: str, before: str, after: str, *tests: str, also: tuple[tuple[str, str], ...] = ()
) -> Fault:
    """A fault in ``consent_service/<room>.py``, made of one change or several."""
    return Fault(what, f"consent_service/{room}.py", ((before, after), *also), tests)
