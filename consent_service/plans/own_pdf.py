"""A plan's PDF that fagopplæring made itself: taken in rebuilt, with the band that says that it is tentative.

The rule it keeps: no byte of it goes on as it came. It is looked through and written anew in a press of its own
(``rebuilding``), and what can't be let through is refused with its reason; nothing is left out that a reader would
miss. Links inside the document stop leading there; their words stay.
"""

import json
from collections.abc import Mapping
from typing import Final

from consent_service.errors import Invalid, Violation
from consent_service.plans.content import Language, TrainingPlan
from consent_service.plans.pdf import shortened, timestamp
from consent_service.plans.press import SECONDS, Refusal, press
from consent_service.plans.texts import texts
from consent_service.plans.wording import Letterhead, worded

LARGEST: Final = 10_000_000
"""Bytes."""

_REBUILDING: Final = "consent_service.plans.rebuilding"
_TOO_COMPLEX: Final = "It takes more time or memory to open than is given. Print it to a new PDF."
REASONS: Final[Mapping[str, str]] = {
    "unreadable": "It can't be read as a PDF without repairing it. Export it again.",
    "too-many-bytes": f"It is larger than {LARGEST} bytes.",
    "encrypted": "It is encrypted or locked. Send it without a password and without restrictions.",
    "no-pages": "It has no pages.",
    "too-many-pages": "It has more than 60 pages.",
    "too-many-objects": "It is made of more pieces than a plan has. Print it to a new PDF.",
    "too-deep": "Its pieces lie inside each other too deeply. Print it to a new PDF.",
    "circle": "Its pieces lead back to themselves. Print it to a new PDF.",
    "too-large": "Unpacked it is far too large: pictures of at most 40 million points, and 64 MiB of all else.",
    "too-complex": _TOO_COMPLEX,
    "page-size": "Pages are from 200 to 1300 points wide and high, such as A4, and turned by right angles.",
    "script": "It has a script in it.",
    "action": "It has a link or an action that leads out of the document, or does something by itself.",
    "file": "It has a file in it, or names one outside.",
    "outside": "It draws something that is not in the document, or that is a program.",
    "form": "It has form fields or a signature. Print it to a new PDF.",
    "comment": "It has comments, stamps or other notes laid on its pages. Print it to a new PDF.",
    "media": "It has sound, film or 3D in it.",
    "layers": "It has layers that can be shown and hidden. Print it to a new PDF.",
    "filter": "It is packed in a way that is not for documents.",
    "content": "What is drawn on a page is not in order. Print it to a new PDF.",
    "": _TOO_COMPLEX,
}


class NotTaken(Invalid):
    """A PDF that is not let through."""

    detail = "This PDF is not taken; errors says why. Nothing was stored."

    def __init__(self, reason: str) -> None:
        """Take the word from the press."""
        super().__init__(violations=(Violation("/pdf", REASONS[reason]),))
        self.reason = reason


async def rebuilt(pdf: bytes, plan: TrainingPlan, head: Letterhead, *, seconds: float = SECONDS) -> bytes:
    """``pdf``, rebuilt as the letter of ``plan``; the same for the same PDF, plan and head.

    Raises NotTaken, and PressBusy if it takes longer than ``seconds``.
    """
    if len(pdf) > LARGEST:
        raise NotTaken("too-many-bytes")
    made = await press(_REBUILDING, order(plan, head) + b"\n" + pdf, seconds=seconds)
    if isinstance(made, Refusal):
        raise NotTaken(made.reason if made.reason in REASONS else "unreadable")
    return made.pdf


def order(plan: TrainingPlan, head: Letterhead) -> bytes:
    """What the press is told beside the PDF itself, on one line."""
    language: Language = plan.language
    say, words = texts(language), worded(plan, head)
    return json.dumps(
        {
            "language": language,
            "lang": f"{language}-{say.region}",
            "title": ": ".join(told for told in (words["title"], words["subject"]) if told),
            "sender": head.sender,
            "sender_short": shortened(head.sender),
            "tentative": say.tentative,
            "timestamp": timestamp(head),
        }
    ).encode()
