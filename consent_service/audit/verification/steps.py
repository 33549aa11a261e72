"""Consents' rows against the log: each stands where the last entry that changed its state put it.

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

_AT_ONCE = 500


async def nobody_asks(_view: Snapshot, _steps: Mapping[str, Step]) -> list[str]:
    """For a log by itself, without consents beside it."""
    return []


class Steps:
    """The last step of each consent, as the entries' bodies say it, held against the rows a few hundred at a time."""

    def __init__(self, view: Snapshot, changed: Changed, found: Findings) -> None:
        self._view, self._changed, self._found = view, changed, found
        self._last: dict[str, Step] = {}

    def take(self, said: dict[str, Any], position: int) -> None:
        """Note what an entry says."""
        consent = said.get("consent")
        if said.get("state") is True and isinstance(consent, str):
            self._last[consent] = Step(said.get("chain"), position, said.get("event") in vocabulary.ENDS)

    async def chain_ended(self, *, last: bool = False) -> None:
        """No more is said about these consents: they are one person's, and stand in one chain."""
        if last or len(self._last) >= _AT_ONCE:
            ids = sorted(self._last)
            for first in range(0, len(ids), _AT_ONCE):
                part = {consent: self._last[consent] for consent in ids[first : first + _AT_ONCE]}
                for consent in await self._changed(self._view, part):
                    what = "its row is not as the log's last step left it, or gone"
                    self._found.add(("A1",), what, at=f"consent {consent}")
            self._last.clear()
