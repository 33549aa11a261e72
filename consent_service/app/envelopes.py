"""Where envelopes lie in the database, and how many of each format there are.

A reader of a format stays in the code until none is left. There is one format so far: the day there is a second,
``vault reseal`` seals what is in the first anew; keys wrapped by the key provider are ``keys rotate``'s.
"""

from dataclasses import dataclass

from consent_service.crypto.envelope import HEADER_BYTES, format_of
from consent_service.storage.census import Column, count_heads
from consent_service.storage.engine import Snapshot

NEWEST = 1

ENVELOPES = tuple(
    Column(table, column)
    for table, column in (
        ("chain", "closing"),
        ("entry_detail", "sealed"),
        ("kept_answer", "sealed"),
        ("note_draft", "sealed"),
        ("note_draft", "service_half"),
        ("number_proof", "sealed"),
        ("part", "sealed"),
        ("part", "wrapped_key"),
        ("session", "sealed_pid"),
        ("share", "wrapped_key"),
        ("waiting_item", "payload"),
    )
)
"""Every column that holds envelopes; a test holds it against the tables."""


@dataclass(frozen=True)
class Formats:
    """Envelopes by place and format; ``strange`` are values that are no envelope of ours."""

    by_place: dict[str, dict[int, int]]
    strange: dict[str, int]

    @property
    def old(self) -> int:
        """How many are not of the newest format."""
        return sum(n for found in self.by_place.values() for format_, n in found.items() if format_ != NEWEST)


async def formats(view: Snapshot) -> Formats:
    """What there is."""
    by_place: dict[str, dict[int, int]] = {}
    strange: dict[str, int] = {}
    for place, heads in (await count_heads(view, ENVELOPES, HEADER_BYTES)).items():
        found = by_place.setdefault(place, {})
        for head, many in heads.items():
            format_ = format_of(head)
            if format_ is None:
                strange[place] = strange.get(place, 0) + many
            else:
                found[format_] = found.get(format_, 0) + many
    return Formats(by_place, strange)
