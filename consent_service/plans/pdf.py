"""A training plan as a letter on paper: a tagged, accessible PDF (PDF/UA-1, ISO 14289-1).

The rules it keeps: the same plan, sender, recipient and day give the same bytes, on any machine with the same
versions; every page says that the plan is tentative and no decision; whatever the strings in the plan are, they come
out as text; and setting it costs bounded time and memory, outside this process (see ``typesetting``).
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import consent_service
from consent_service.errors import Invalid, Unavailable
from consent_service.plans.content import TrainingPlan
from consent_service.plans.wording import Letterhead, worded

SECONDS: Final = 30.0  # wall clock, with waiting for the machine
AT_ONCE: Final = 2  # presses a process runs at the same time

_REFUSED: Final = 2  # typesetting.REFUSED; that module is not imported here, because it loads typst
_SENDER_ON_TOP: Final = 60

_presses: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class NotPrintable(Invalid):
    """The plan can't be set on paper as it is."""

    detail = "The plan can't be set as a PDF as it is. Try shorter or simpler texts."


class PressBusy(Unavailable):
    """The PDF was not done in time."""


async def render(plan: TrainingPlan, head: Letterhead, *, seconds: float = SECONDS) -> bytes:
    """``plan`` as a PDF in the plan's own language, sent by ``head``.

    Raises NotPrintable if typst refuses the content, and PressBusy if it takes longer than ``seconds`` or is
    stopped at its limits. Cancelling it stops the press.
    """
    press = _presses.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with press:
        status, pdf = await _press(json.dumps(order(plan, head)).encode(), seconds)
    if status == _REFUSED:
        raise NotPrintable
    if status != 0 or not pdf.startswith(b"%PDF-"):
        raise PressBusy
    return pdf


def order(plan: TrainingPlan, head: Letterhead) -> dict[str, Any]:
    """What the press is given (see ``typesetting``); the same for the same plan, and dated by ``head`` alone."""
    words = worded(plan, head)
    words["sender"] = head.sender
    words["sender_short"] = _shortened(head.sender)
    words["day"] = [head.date.year, head.date.month, head.date.day]
    words["document_title"] = ": ".join(told for told in (words["title"], words["subject"]) if told)
    noon = datetime(head.date.year, head.date.month, head.date.day, 12, tzinfo=UTC)
    return {"plan": words, "timestamp": int(noon.timestamp()), "standards": ["ua-1"]}


def _shortened(sender: str) -> str:
    return sender if len(sender) <= _SENDER_ON_TOP else sender[: _SENDER_ON_TOP - 1].rstrip() + "…"


async def _press(told: bytes, seconds: float) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-s",
        "-m",
        "consent_service.plans.typesetting",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
        close_fds=True,
    )
    try:
        async with asyncio.timeout(seconds):
            pdf, _ = await process.communicate(told)
    except TimeoutError:
        raise PressBusy from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, pdf


def environment(ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the press is given of ``ours``: the very code that runs here, one thread, where libraries lie; no secret."""
    root = Path(consent_service.__file__).parents[1]
    given = {"PYTHONPATH": str(root), "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"}
    return given | {name: ours[name] for name in ("LD_LIBRARY_PATH", "PYTHONHOME") if name in ours}
