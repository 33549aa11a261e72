"""Where envelopes lie in the database, and how many of each format there are.

A reader of a format stays in the code until none is left. There is one format so far: the day there is a second,
``vault reseal`` seals what is in the first anew. A local keyring wraps keys in envelopes too: these are counted here,
and ``keys rotate`` seals them anew.
"""

from dataclasses import dataclass

from consent_service.crypto.envelope import HEADER_BYTES, format_of
from consent_service.crypto.keyring import VERSION_BYTES
from consent_service.storage.census import Column, count_heads
from consent_service.storage.engine import Snapshot

NEWEST = 1

_OF_A_KEY_SERVICE = b"vault:v"  # see ``crypto.transit``

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
"""Every column that is an envelope; a test holds these against the tables."""

WRAPPED = tuple(Column(table, "wrapped") for table in ("candidate_key", "recipient_key", "service_key"))
"""Columns of keys that the key provider wrapped: envelopes behind a version, or what a key service answered."""


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
    heads_of = await count_heads(view, ENVELOPES, HEADER_BYTES)
    wrapped = await count_heads(view, WRAPPED, VERSION_BYTES + HEADER_BYTES)
    for place, heads in (heads_of | wrapped).items():
        found = by_place.setdefault(place, {})
        for head, many in heads.items():
            if place in wrapped and head.startswith(_OF_A_KEY_SERVICE):
                continue
            format_ = format_of(head[VERSION_BYTES:] if place in wrapped else head)
            if format_ is None:
                strange[place] = strange.get(place, 0) + many
            else:
                found[format_] = found.get(format_, 0) + many
    return Formats(by_place, strange)
