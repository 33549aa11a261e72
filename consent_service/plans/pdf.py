"""A training plan as a letter on paper: a tagged, accessible PDF (PDF/UA-1, ISO 14289-1), and for archives PDF/A too.

The rules it keeps: the same plan, sender, recipient and day give the same bytes, on any machine with the same
versions; every page says that the plan is tentative and no decision; whatever the strings in the plan are, they come
out as text; and setting it costs bounded time and memory, outside this process (see ``press`` and ``typesetting``).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from consent_service.errors import Invalid
from consent_service.plans.content import TrainingPlan
from consent_service.plans.press import SECONDS, Refusal, press
from consent_service.plans.wording import Letterhead, worded

__all__ = ["ARCHIVE", "LETTER", "NotPrintable", "order", "render", "shortened", "timestamp"]

LETTER: Final = ("ua-1",)
# PDF/A-2a (ISO 19005-2, level A) is what archives take and what keeps the tags; it is accessible as well.
ARCHIVE: Final = ("a-2a", "ua-1")

_SENDER_ON_TOP: Final = 60


class NotPrintable(Invalid):
    """The plan can't be set on paper as it is."""

    detail = "The plan can't be set as a PDF as it is. Try shorter or simpler texts."


async def render(
    plan: TrainingPlan, head: Letterhead, *, standards: Sequence[str] = LETTER, seconds: float = SECONDS
) -> bytes:
    """``plan`` as a PDF in the plan's own language, sent by ``head``, that keeps ``standards``.

    Raises NotPrintable if typst refuses the content or stops at its limits, and PressBusy if it takes longer than
    ``seconds``.
    """
    told = json.dumps(order(plan, head, standards)).encode()
    set_ = await press("consent_service.plans.typesetting", told, seconds=seconds)
    if isinstance(set_, Refusal):
        raise NotPrintable
    return set_.pdf


def order(plan: TrainingPlan, head: Letterhead, standards: Sequence[str] = LETTER) -> dict[str, Any]:
    """What the press is given (see ``typesetting``); the same for the same plan, and dated by ``head`` alone."""
    words = worded(plan, head)
    words["sender"] = head.sender
    words["sender_short"] = shortened(head.sender)
    words["day"] = [head.date.year, head.date.month, head.date.day]
    words["document_title"] = ": ".join(told for told in (words["title"], words["subject"]) if told)
    return {"plan": words, "timestamp": timestamp(head), "standards": list(standards)}


def timestamp(head: Letterhead) -> int:
    """When the PDF says that it was made: at noon on the letter's day."""
    return int(datetime(head.date.year, head.date.month, head.date.day, 12, tzinfo=UTC).timestamp())


def shortened(sender: str) -> str:
    """The sender as it stands on top of each page."""
    return sender if len(sender) <= _SENDER_ON_TOP else sender[: _SENDER_ON_TOP - 1].rstrip() + "…"
