"""What a mapping request and a training plan say.

These models are the request bodies at the doors and the content of the sealed parts, so there is one place that
says what may be said. The rules it keeps: the schemas are closed, and there is **no field for a grade, a failed
attempt or a reason for absence**, because nobody who plans the way ahead needs them. A plan is tentative: each line
about the past says how sure it is (``Basis``), and nothing in it is a decision (*vedtak*, forvaltningsloven § 2).
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from consent_service.plans.shapes import (
    Closed,
    CurriculumCode,
    Day,
    Email,
    GrepCode,
    Line,
    Months,
    Period,
    Phone,
    ProgrammeArea,
    Question,
    QuestionId,
    SubjectCode,
    Text,
    Year,
)

Language = Literal["nb", "nn", "en"]
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

# May tell of health (GDPR art. 9): no form and no client ticks it on the candidate's behalf.
NEVER_PRESELECTED: Final = frozenset({"accommodation"})


# Some 25 pages of running text. The bounds of the single fields would multiply to ten times that.
LONGEST_PLAN: Final = 60_000


def _length(value: object) -> int:
    """How many characters of text there are in ``value``."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_length, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_length, value))
    return 0


def _distinct(ids: Iterable[object], what: str) -> None:
    known = list(ids)
    if len(set(known)) != len(known):
        raise ValueError(f"{what} must be distinct")


class Contact(Closed):
    """Whom to speak with."""

    name: Line | None = None
    phone: Phone | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.name or self.phone or self.email):
            raise ValueError("a contact has a name, a phone number or an e-mail address")
        return self


# --- the mapping request --------------------------------------------------------------------------


class WishedTrade(Closed):
    """A trade the candidate wishes for: in words, or by its Grep code."""

    text: Line | None = None
    grep_code: GrepCode | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.text is None) == (self.grep_code is None):
            raise ValueError("a wished trade is either text or grep_code")
        return self


class MappingQuestion(Closed):
    """A question to the vocational training office, answered in the plan by its ``id``."""

    id: QuestionId
    text: Question


class MappingRequestContent(Closed):
    """What fagopplæring is asked. The candidate can leave out each of its parts.

    ``schooling_and_practice`` is as she told it; ``background`` is the asker's and says why. ``contact`` is the
    asker's employee; a candidate who asks for herself gives none.
    """

    wished_trades: Annotated[tuple[WishedTrade, ...], Field(max_length=10)] = ()
    schooling_and_practice: Text | None = None
    background: Text | None = None
    questions: Annotated[tuple[MappingQuestion, ...], Field(max_length=20)] = ()
    contact: Contact | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        _distinct((question.id for question in self.questions), "question ids")
        if not (self.wished_trades or self.schooling_and_practice or self.background or self.questions):
            raise ValueError("a mapping request has at least one part")
        return self


# --- the training plan ----------------------------------------------------------------------------


class Documented(Closed):
    """There is a document."""

    kind: Literal["documented"]
    source: Line
    year: Year | None = None


class FormallyRecognised(Closed):
    """Somebody has decided it, and that decision can be appealed."""

    kind: Literal["formally_recognised"]
    decided_on: Day
    body: Line
    how_to_appeal: Question


class Expected(Closed):
    """What fagopplæring expects; nobody has decided it."""

    kind: Literal["expected"]


# How sure a line about the past is.
Basis = Annotated[Documented | FormallyRecognised | Expected, Field(discriminator="kind")]


class Trade(Closed):
    """The trade at the end of the way, with Grep's and Vigo's codes."""

    title: Line
    programme_area: ProgrammeArea | None = None
    curriculum_code: CurriculumCode | None = None
    final_qualification: Line


class Route(Closed):
    """The way to a trade, and which entitlement fagopplæring believes there is."""

    kind: RouteKind
    trade: Trade
    entitlement: Entitlement


class OtherRoute(Closed):
    """Another way that may be worth a thought."""

    kind: RouteKind
    text: Question


class Subject(Closed):
    """A subject passed or still to be taken; in words where there is no code (old and foreign ones)."""

    code: SubjectCode | None = None
    text: Line | None = None
    state: Literal["done", "remaining"]
    where: Line | None = None
    when: Period | None = None
    basis: Basis

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.code is None and self.text is None:
            raise ValueError("a subject has a code, a text or both")
        return self


class Practice(Closed):
    """Practice in working life, or a training contract that was broken off; ``months_credited`` of ``months``."""

    kind: Literal["work", "broken_contract"] = "work"
    text: Line
    where: Line | None = None
    when: Period | None = None
    months: Months
    months_credited: Months | None = None
    basis: Basis

    @model_validator(mode="after")
    def _credits_what_was_done(self) -> Self:
        if self.months_credited is not None and self.months_credited > self.months:
            raise ValueError("months_credited must not exceed months")
        return self


class Step(Closed):
    """Something to do on, or from, ``date``; ``until`` when there is a period."""

    date: Day
    until: Day | None = None
    text: Question
    who: Line | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.until is not None and self.until < self.date:
            raise ValueError("until must not be before date")
        return self


class Answer(Closed):
    """The answer to a question of the note, as it was shared, or of the mapping request.

    ``question`` repeats its words for paper.
    """

    question_id: QuestionId
    of: Literal["note", "mapping_request"] = "note"
    question: Question | None = None
    text: Text


class TrainingPlan(Closed):
    """A tentative training plan, or that there is none (``no_plan``) and which other routes there may be.

    ``summary`` says in plain words what it comes to, also why there is no plan. ``valid_until`` is the last day on
    which fagopplæring stands by it.
    """

    outcome: Literal["plan", "no_plan"]
    language: Language
    summary: Text | None = None
    route: Route | None = None
    other_routes: Annotated[tuple[OtherRoute, ...], Field(max_length=8)] = ()
    subjects: Annotated[tuple[Subject, ...], Field(max_length=60)] = ()
    practice: Annotated[tuple[Practice, ...], Field(max_length=40)] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=40)] = ()
    answers: Annotated[tuple[Answer, ...], Field(max_length=40)] = ()
    accommodation: Text | None = None
    contact: Contact
    valid_until: Day
    how_to_apply: Text | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        _distinct(((answer.of, answer.question_id) for answer in self.answers), "answered question ids")
        if _length(self.model_dump()) > LONGEST_PLAN:
            raise ValueError(f"a plan has at most {LONGEST_PLAN} characters in all")
        if self.outcome == "plan" and self.route is None:
            raise ValueError("a plan has a route")
        if self.outcome == "no_plan":
            if self.route is not None:
                raise ValueError("where there is no plan there is no route; see other_routes")
            if not self.other_routes:
                raise ValueError("where there is no plan, other_routes suggests at least one")
        return self
