"""Who plays in the demo, and what they do in more than one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from consent_clients import Candidate, CareerCentre, Nav, Preview, Release, VocationalTraining
from consent_clients.models import Consent, Event, PartRef
from consent_clients.notes import Note
from consent_clients.problems import NotAvailable
from consent_clients.recipient import Recipient
from consent_service.cli.demo_telling import Telling, until
from consent_service.identity.units import UnitKind


@dataclass(frozen=True)
class Cast:
    """A client each, the ids under which the units are registered, and where the plan's PDF is kept."""

    career_centre: CareerCentre
    nav: Nav
    training: VocationalTraining
    marit: Candidate
    ola: Candidate
    unit_ids: Mapping[UnitKind, str]
    folder: Path
    today: date


async def hears(unit: Recipient, consent_id: str, state: str) -> Event:
    """The line of the unit's feed that says this; waits until it is numbered."""

    async def heard() -> Event | None:
        matching = (
            event
            for event in await unit.events(after=0)
            if (event["consent_id"], event["state"]) == (consent_id, state)
        )
        return next(matching, None)

    return await until(f"the feed says {state}", heard)


async def refused(say: Telling, what: str, call: Callable[[], Awaitable[object]]) -> None:
    """Ticks ``what`` off if the call is refused as everything is that is not available. Raises DoesNotHold if not."""
    try:
        await call()
    except NotAvailable as refusal:
        say.holds(f"{what} ({refusal.status} {refusal.type})", True)
    else:
        say.holds(what, False)


def note_parts(note: Note, names: Sequence[str]) -> list[PartRef]:
    """Parts of exactly this version of the note."""
    return [{"resource": "note", "resource_id": note["id"], "version": note["version"], "part": name} for name in names]


def kinds(consent: Consent) -> set[str]:
    """The kinds of parts that a consent covers."""
    return {f"{part['resource']}.{part['part'].partition(':')[0]}" for part in consent["parts"]}


def shown(preview: Preview) -> str:
    """A preview, a line a part."""
    who = preview.content["person"]
    lines = [f"{part['part']}: {gist(part['content'])}" for part in preview.content["parts"]]
    return "\n".join([f"{preview.content['recipient']['name']} would get, of {who['name']}:", *lines])


def read(release: Release) -> str:
    """A release, a line a part."""
    who = release.content["person"]
    lines = [f"{part['part']}: {gist(part['content'])}" for part in release.content["parts"]]
    return "\n".join([f"Reads, of {who['name']} ({who['national_id']}):", *lines])


def gist(content: Mapping[str, Any]) -> str:
    """The first words of a part, whatever it is made of."""
    said = content.get("text") or "; ".join(_words(content.get("items") or content.get("trade") or content))
    return said if len(said) <= 100 else f"{said[:99]}…"


def _words(value: Any) -> Iterator[str]:
    """The texts and codes in a part, without what frames them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"text", "grep_code", "title", "final_qualification"} or not isinstance(inner, str):
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, str):
        yield value


def logged(log: Sequence[Mapping[str, object]], event: str, consent_id: str) -> bool:
    """Whether her log has this event about this consent."""
    return any((entry["event"], entry["consent_id"]) == (event, consent_id) for entry in log)
