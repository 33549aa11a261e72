"""Choosing what to share: the parts there are, what was ticked, and the choice it makes.

Sharing unasked and answering a request choose in the same way; what differs is who asked, and which kinds of parts
there are to choose from. Nothing is ticked but what the person has ticked before in the same errand.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import orjson

from consent_service.clock import end_of_day, local_date
from consent_service.consents.preview import Choice, Preview
from consent_service.consents.purposes import Purpose
from consent_service.errors import Malformed
from consent_service.identity.units import Unit
from consent_service.notes.reading import list_notes, read_note
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.web.forms import Form
from consent_service.web.telling import in_short, tell
from consent_service.web.visits import CandidateVisit
from consent_service.web.words import Words

_VALUE: Final = re.compile(
    r"(note|plan|mapping_request):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{1,9}):([a-z_]+(?::[a-z0-9-]{1,32})?)"
)
_MOST_NOTES: Final = 50


@dataclass(frozen=True)
class Part:
    """A part that can be ticked. ``value`` is what the form carries; ``glimpse`` what the part says."""

    value: str
    kind: str
    glimpse: str
    lang: str


@dataclass(frozen=True)
class Group:
    """Parts of one note, plan or request."""

    number: int
    heading: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Problem:
    """Why a choice can't be taken: a text of the catalogue, and what stands in its braces."""

    text: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class Entered:
    """A choice as it stands in the form. ``parts`` are the values of what was ticked."""

    recipient: str = ""
    parts: tuple[str, ...] = ()
    until: str = ""
    uses: str = "any"

    @classmethod
    def read(cls, form: Form) -> "Entered":
        """The choice in ``form``."""
        return cls(
            recipient=form.one("recipient"),
            parts=form.many("part"),
            until=form.one("until"),
            uses="once" if form.one("uses") == "once" else "any",
        )

    def fields(self) -> list[tuple[str, str]]:
        """The choice as fields of the next form, so that what is confirmed is what was chosen."""
        rest = [("recipient", self.recipient), ("until", self.until), ("uses", self.uses)]
        return [*(("part", value) for value in self.parts), *rest]


def days(purpose: Purpose, now: int) -> tuple[date, date, date]:
    """The earliest, the usual and the latest last day of a consent that is given now."""
    today = local_date(now)
    return today, today + timedelta(days=purpose.default_days), today + timedelta(days=purpose.longest_days)


def check(entered: Entered, purpose: Purpose, words: Words, now: int) -> Problem | None:
    """What must be mended before ``entered`` can be shown as a preview."""
    earliest, _, latest = days(purpose, now)
    until = _day(entered.until)
    if not entered.parts:
        return Problem("share.choose_parts", {})
    if until is None or not earliest <= until <= latest:
        return Problem("share.choose_day", {"latest": words.day(latest)})
    return None


def choice(entered: Entered, purpose: Purpose, recipient: Unit, candidate_id: str) -> Choice:
    """``entered``, which ``check`` has passed, as the verbs take it. Raises Malformed for values of no form of ours."""
    until = _day(entered.until)
    if until is None:
        raise Malformed
    return Choice(
        purpose=purpose,
        recipient=recipient,
        parts=tuple(dict.fromkeys(_ref(value, candidate_id) for value in entered.parts)),
        valid_until=end_of_day(until),
        max_uses=1 if entered.uses == "once" else None,
    )


async def from_notes(
    view: Snapshot, key: CandidateKey, kinds: Collection[str], words: Words, *, first: int
) -> list[Group]:
    """What the newest versions of the candidate's notes have of ``kinds``; groups are numbered from ``first``."""
    groups: list[Group] = []
    for line in await list_notes(view, key.candidate_id, limit=_MOST_NOTES):
        note = await read_note(view, key, line.id, line.version)
        heading = words("share.from_note", day=words.day(note.created_at), version=note.version)
        parts = {name: orjson.loads(raw) for name, raw in note.content.to_parts().items()}
        groups.append(group(first + len(groups), heading, f"note:{note.id}:{note.version}", parts, kinds, words))
    return [one for one in groups if one.parts]


def group(
    number: int, heading: str, place: str, parts: Mapping[str, Any], kinds: Collection[str], words: Words
) -> Group:
    """``parts`` (their contents by name) of the version at ``place``, as far as they are of ``kinds``."""
    resource = place.partition(":")[0]
    return Group(
        number,
        heading,
        tuple(
            Part(f"{place}:{name}", kind, in_short(tell(content, words)), content.get("language", words.language))
            for name, content in parts.items()
            if (kind := f"{resource}.{name.partition(':')[0]}") in kinds
        ),
    )


def show_preview(
    visit: CandidateVisit, chosen: Choice, seen: Preview, entered: Entered, **addresses: Any
) -> dict[str, Any]:
    """The values of the preview's page: everything in the bytes that would go out, and the bytes themselves."""
    words = visit.words
    content = orjson.loads(seen.content)
    return {
        "recipient": chosen.recipient.name,
        "purpose": chosen.purpose,
        "words": chosen.purpose.text(words.language),
        "parts": list(_shown(content, chosen.purpose, words)),
        "valid_until": chosen.valid_until,
        "max_uses": chosen.max_uses,
        "sha256": seen.sha256,
        "raw": seen.content.decode(),
        "hidden": entered.fields(),
        **addresses,
    }


def _shown(content: Mapping[str, Any], purpose: Purpose, words: Words) -> Iterator[dict[str, Any]]:
    yield {"name": words.kind("person.identity"), "fields": tell(content["person"], words), "sensitive": False}
    order = purpose.part_kinds.index
    for kind, part in sorted(((_kind(part), part) for part in content["parts"]), key=lambda one: order(one[0])):
        yield {
            "name": words.kind(kind),
            "fields": tell(part["content"], words),
            "sensitive": kind in purpose.never_preselected,
        }


def _kind(part: Mapping[str, Any]) -> str:
    return f"{part['resource']}.{part['part'].partition(':')[0]}"


def _ref(value: str, candidate_id: str) -> PartRef:
    found = _VALUE.fullmatch(value)
    if found is None:
        raise Malformed("The form could not be read.")
    resource, resource_id, version, part = found.groups()
    return PartRef(candidate_id, resource, resource_id, int(version), part)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2027-01-31") else None
    except ValueError:
        return None
