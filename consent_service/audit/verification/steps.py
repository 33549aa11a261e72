"""Rows against the log: each consent's and each unit's stands where the last entry that wrote it put it.

What makes such a row and its MACs lies above the log, so whoever asks hands in who can read it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from consent_service.audit import vocabulary
from consent_service.audit.log import Step
from consent_service.audit.verification.attacks import Findings
from consent_service.storage.engine import Snapshot

Changed = Callable[[Snapshot, Mapping[str, Step]], Awaitable[list[str]]]
"""Given each consent's last step in the log: the consents whose rows are not as that left them."""

Registered = Callable[[Snapshot, Mapping[str, int]], Awaitable[list[str]]]
"""Given the position of the last entry about each unit: the units whose rows are not as that left them."""

_AT_ONCE = 500
_NOT_AS_LEFT = "its row is not as the log's last step left it, or gone"


async def nobody_asks(_view: Snapshot, _steps: Mapping[str, Step]) -> list[str]:
    """For a log by itself, without consents beside it."""
    return []


async def nobody_registers(_view: Snapshot, _last: Mapping[str, int]) -> list[str]:
    """For a log by itself, without units beside it."""
    return []


class Steps:
    """The last step of each consent, as the entries' bodies say it, held against the rows a few hundred at a time.

    The same of each unit, all at once.
    """

    def __init__(self, view: Snapshot, changed: Changed, registered: Registered, found: Findings) -> None:
        self._view, self._changed, self._registered, self._found = view, changed, registered, found
        self._last: dict[str, Step] = {}
        self._units: dict[str, int] = {}  # tens of them

    def take(self, said: dict[str, Any], position: int) -> None:
        """Note what an entry says."""
        event, consent, unit = said.get("event"), said.get("consent"), said.get("unit")
        if not isinstance(event, str):
            return  # as somebody else wrote it
        if isinstance(unit, str) and vocabulary.is_registering(event):
            self._units[unit] = position
        if said.get("state") is True and isinstance(consent, str):
            self._last[consent] = Step(said.get("chain"), position, event in vocabulary.ENDS)

    async def chain_ended(self, *, last: bool = False) -> None:
        """No more is said about these consents: they are one person's, and stand in one chain."""
        if last or len(self._last) >= _AT_ONCE:
            ids = sorted(self._last)
            for first in range(0, len(ids), _AT_ONCE):
                part = {consent: self._last[consent] for consent in ids[first : first + _AT_ONCE]}
                for consent in await self._changed(self._view, part):
                    self._found.add(("A1",), _NOT_AS_LEFT, at=f"consent {consent}", each=True)
            self._last.clear()
        if last:
            for unit in await self._registered(self._view, self._units):
                self._found.add(("A1",), _NOT_AS_LEFT, at=f"unit {unit}", each=True)
