"""The tentative training plan, as a vocational training office sends it.

Tentative and no decision: every line about the past says how sure it is (`Basis`). There is no place for a
grade or a failed attempt. The parts that are shareable one by one are route, subjects, practice, steps,
answers, accommodation and summary.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from consent_clients.mapping import Contact
from consent_clients.models import Delivery, PostalAddress, Unit
from consent_clients.notes import Language

RouteKind = Literal[
    "apprentice",
    "training_candidate",
    "practice_certificate",
    "practice_candidate",
    "trade_certificate_on_the_job",
    "modular",
    "adult_upper_secondary",
    "requalification",
]
Entitlement = Literal["youth", "adult", "completion", "none", "unknown"]


class Documented(TypedDict):
    """There is a document: where it is from."""

    kind: Literal["documented"]
    source: str
    year: NotRequired[int]


class FormallyRecognised(TypedDict):
    """Somebody has decided it; the decision can be appealed."""

    kind: Literal["formally_recognised"]
    decided_on: str
    body: str
    how_to_appeal: str


class Expected(TypedDict):
    """What the office expects. Nobody has decided it."""

    kind: Literal["expected"]


Basis = Documented | FormallyRecognised | Expected


class Trade(TypedDict):
    """The trade at the end of the way; `programme_area` has Vigo's ten positions, such as `HSHEA3MV--`."""

    title: str
    programme_area: NotRequired[str]
    curriculum_code: NotRequired[str]
    final_qualification: str


class Route(TypedDict):
    """The way to the trade, and which entitlement the office believes there is."""

    kind: RouteKind
    trade: Trade
    entitlement: Entitlement


class OtherRoute(TypedDict):
    """Another way that may be worth a thought."""

    kind: RouteKind
    text: str


class Subject(TypedDict):
    """A subject passed or still to be taken; old and foreign ones in words."""

    code: NotRequired[str]
    text: NotRequired[str]
    state: Literal["done", "remaining"]
    where: NotRequired[str]
    when: NotRequired[str]
    basis: Basis


class Practice(TypedDict):
    """Practice in working life, or a training contract that was broken off."""

    kind: NotRequired[Literal["work", "broken_contract"]]
    text: str
    where: NotRequired[str]
    when: NotRequired[str]
    months: int
    months_credited: NotRequired[int]
    basis: Basis


class Step(TypedDict):
    """Something to do on, or from, a day."""

    date: str
    until: NotRequired[str]
    text: str
    who: NotRequired[str]


class Answer(TypedDict):
    """The answer to a question of the note, as it was shared, or of the mapping request, by its id."""

    question_id: str
    of: NotRequired[Literal["note", "mapping_request"]]
    question: NotRequired[str]
    text: str


class TrainingPlan(TypedDict):
    """A plan, or that there is none and which other routes there may be."""

    outcome: Literal["plan", "no_plan"]
    language: Language
    summary: NotRequired[str]
    route: NotRequired[Route]
    other_routes: NotRequired[list[OtherRoute]]
    subjects: NotRequired[list[Subject]]
    practice: NotRequired[list[Practice]]
    steps: NotRequired[list[Step]]
    answers: NotRequired[list[Answer]]
    accommodation: NotRequired[str]
    contact: Contact
    valid_until: str
    how_to_apply: NotRequired[str]


class MyPlanLine(TypedDict):
    """A tentative plan in the candidate's list. `delivery` is its letter's way.

    `replaced_at` is when the version before it came; a `correction` came after the consent had ended.
    """

    id: str
    version: int
    mapping_request_id: str
    consent_id: str
    unit: Unit | None
    created_at: str
    replaced_at: str | None
    correction: bool
    tentative: Literal[True]
    delivery: Delivery | None


class MyPlan(MyPlanLine):
    """A tentative plan in full. `can_be_sent`: her revoke stopped its letter, and she may have it sent anyway.

    `postal_address` came with it, for a letter on paper.
    """

    can_be_sent: bool
    postal_address: PostalAddress | None
    content: TrainingPlan
