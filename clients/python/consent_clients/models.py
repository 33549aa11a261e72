"""The documents that cross the wire, as the service's contract names them.

What is sent and received as a document is a TypedDict: it is JSON and stays JSON. An answer that a party
does something with (a code to show, a release to prove) is a frozen dataclass; those keep content out of
their `repr`, so that a traceback or a log line shows ids only. Unknown fields in answers are let through:
the service may grow without breaking its callers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

import segno

from consent_clients.connection import quoted

UnitKind = Literal["career_centre", "nav", "vocational_training"]


class Unit(TypedDict):
    """A party: a career centre, a NAV office, a vocational training office."""

    id: str
    name: str
    kind: UnitKind
    organisation_number: str
    unit_code: str
    region: str


class Mailbox(TypedDict):
    """The candidate's mailbox, as the recipient of a plan that she has sent to herself. It is no unit."""

    kind: Literal["mailbox"]
    name: str
    organisation_number: str


class PartRef(TypedDict):
    """Names the smallest thing that can be shared: one part of one version of one resource."""

    resource: str
    resource_id: str
    version: int
    part: str


class PurposeRef(TypedDict):
    """Which purpose, in which version of its text."""

    code: str
    version: int
    title: NotRequired[str]


class Consent(TypedDict):
    """One candidate, one recipient, one purpose, exact parts, one end.

    The candidate's own view has `parts`; a unit's view has what it may know and no content. To the one
    who asked, `state` reads `requested` until the reply-by date whatever the candidate did but grant.
    To the candidate it reads `unavailable`, with neither purpose nor recipient, where the record was changed by
    others than the service: nothing is let out under it, and she can take it back. `successor` is who took over from a
    recipient that was closed; it has nothing of what she shared, unless she grants it anew.
    """

    id: str
    purpose: PurposeRef | None
    recipient: Unit | Mailbox | None
    requester: Unit | None
    state: str
    parts: NotRequired[list[PartRef]]
    successor: NotRequired[Unit | None]
    requested_kinds: list[str]
    valid_from: str | None
    valid_until: str | None
    max_uses: int | None
    uses_left: int | None
    reply_by: str | None
    requested_at: str | None
    granted_at: str | None
    ended_at: str | None
    mapping_request_id: str | None


class ConsentAsked(TypedDict):
    """A unit's request for consent, waiting for the candidate."""

    id: str
    state: str
    reply_by: str


class LetterAlreadyOut(TypedDict):
    """A letter that had been handed to the mailbox before the revoke: it cannot be called back."""

    plan_id: str
    version: int
    status: str
    dispatched_at: str


class Revoked(TypedDict):
    """A revoke's answer, which tells the truth about what has left already."""

    consent: Consent
    letters_already_out: list[LetterAlreadyOut]


class StandingRefusal(TypedDict):
    """A refusal once and for all: of a unit's id, or of a kind of units."""

    against: str
    since: str


class DeliveryStep(TypedDict):
    """One step of a letter's way to the mailbox."""

    status: str
    at: str


class PostalAddress(TypedDict):
    """Where a letter goes on paper, in Norway: the name on the letter box, and one to three lines."""

    name: str
    lines: list[str]
    postal_code: str
    city: str


class GivenAddress(PostalAddress):
    """The same as it is given with a plan. One that is `protected` (fortrolig or strengt fortrolig) is not taken."""

    protected: bool


class Delivery(TypedDict):
    """Where a letter is now, and how it came there. That it was opened is told to the candidate alone.

    `delivered_at` is when the mailbox confirmed that it has it: times that are counted from the plan begin then.
    `channel` is which way it was delivered: on `paper`, it is printed and posted.
    """

    status: str
    channel: Literal["digipost", "paper"] | None
    delivered_at: str | None
    history: list[DeliveryStep]


class SendersDelivery(Delivery):
    """The same to who pushed the plan. `advice` says what to do about a letter that could not be delivered."""

    advice: str | None


class PushedPlan(TypedDict):
    """A plan as accepted: it is in the candidate's pages.

    `delivery` is None for a correction that came after the end of the consent: it goes to her pages alone.
    """

    id: str
    version: int
    delivery: SendersDelivery | None


class PlanState(TypedDict):
    """A plan as its sender sees it: no content, only where its letter is."""

    id: str
    version: int
    consent_id: str
    delivery: SendersDelivery


class Event(TypedDict):
    """A line of a unit's feed: ids and a state. Fetch the rest through the doors that check."""

    number: int
    type: str
    consent_id: str | None
    mapping_request_id: str | None
    plan_id: str | None
    state: str
    at: str


class LogEntry(TypedDict):
    """A line of the candidate's access log: who did what, when, with which outcome."""

    at: str
    event: str
    actor: str
    unit: str | None
    office: str | None
    supplier: str | None
    purpose: str | None
    outcome: str | None
    consent_id: str | None
    position: int | None
    hash: str


@dataclass(frozen=True)
class Employee:
    """The person at the unit who acts, as the unit names her. The service records it, unverified."""

    id: str
    office: str

    @property
    def header(self) -> str:
        """The value of `Acting-Employee`."""
        return f"id={quoted(self.id)}, office={quoted(self.office)}"

    @property
    def headers(self) -> dict[str, str]:
        """What goes with a call in which she acts."""
        return {"Acting-Employee": self.header}


MACHINE = Employee("system", "system")
"""Nobody: a system that acts by itself. The candidate reads that no person did. Where it belongs to one office,
name that: `Employee("system", "0501")`."""


def acting(employee: Employee | None) -> dict[str, str] | None:
    """What goes with a call in which `employee` acts; None leaves it to the connection to say who does."""
    return None if employee is None else employee.headers


@dataclass(frozen=True)
class PickUpCode:
    """The one-time code that lets the candidate, and nobody else, open a draft."""

    draft_id: str
    code: str = field(repr=False)
    claim_url: str = field(repr=False)
    lapses_at: str

    def qr(self, *, border: int = 2) -> str:
        """The claim address as a QR code drawn with half blocks, to be shown in a terminal."""
        return terminal_qr(self.claim_url, border=border)


@dataclass(frozen=True)
class Preview:
    """Exactly what a recipient would get, with the hash that a grant must name.

    `terms` is what was asked to be shown; `Candidate.grant` sends it back together with `sha256`, so that
    nothing but what was seen can be granted.
    """

    terms: Mapping[str, Any] = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    sha256: str
    valid_until: str


@dataclass(frozen=True)
class Release:
    """Content handed out by the gate, already standing in the candidate's log when it arrives."""

    release_id: str
    consent_id: str
    released_at: str
    content_sha256: str
    salt: str = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    checkpoint: str | None = field(repr=False, default=None)

    def part(self, resource: str, part: str) -> Mapping[str, Any]:
        """The content of one released part; KeyError when it was not among the granted ones."""
        for each in self.content["parts"]:
            if (each["resource"], each["part"]) == (resource, part):
                content: Mapping[str, Any] = each["content"]
                return content
        raise KeyError(f"{resource}.{part}")

    def parts(self) -> Sequence[tuple[str, str]]:
        """(resource, part) of everything released, in the order sent."""
        return [(each["resource"], each["part"]) for each in self.content["parts"]]


def terminal_qr(text: str, *, border: int = 2) -> str:
    """`text` as a QR code of half blocks: two modules a letter, dark on light whatever the terminal's colours."""
    modules = [list(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=border)]
    if len(modules) % 2:
        modules.append([0] * len(modules[0]))
    halves = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return "\n".join(
        "".join(halves[bool(upper), bool(lower)] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(modules[::2], modules[1::2], strict=True)
    )
