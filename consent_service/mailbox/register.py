"""What the contact register knows of a person that matters to a letter: whether she may be written to digitally at all.

The rule: it is advice. A reservation stops a letter; no answer stops none, since the register decides about nothing
that the candidate has said yes to.
"""

from dataclasses import dataclass
from typing import Protocol

from consent_service.mailbox.port import Unanswered


@dataclass(frozen=True)
class Reserved:
    """She has reserved herself against digital communication from public bodies (eForvaltningsforskriften § 15 a)."""


@dataclass(frozen=True)
class NotReserved:
    """She has not. ``supplier`` is the organisation number of her digital mailbox, None where none is known."""

    supplier: str | None


Standing = Reserved | NotReserved | Unanswered


class ContactRegister(Protocol):
    """Who is asked about one person, by identity number. It raises for nothing that the other side does."""

    async def look_up(self, national_id: str) -> Standing:
        """How she stands there now."""
        ...
