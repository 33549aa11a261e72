"""What the service itself says in a plan: the same fields in each language, in ``languages/<language>.json``.

They are written for people who find reading hard: short sentences, no abbreviations, one thing at a time. The rule
this module keeps: a language that lacks a text, or has one too many, stops the service from starting.
"""

import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from consent_service.plans.content import Entitlement, Language, RouteKind
from consent_service.plans.shapes import Closed

_FOLDER: Final = Path(__file__).with_name("languages")


class RouteTexts(Closed):
    """A kind of route: its name and what it means."""

    name: str
    text: str


class BasisTexts(Closed):
    """How sure a line is, in a word each."""

    documented: str
    formally_recognised: str
    expected: str


class Texts(Closed):
    """Everything that the service itself says in a plan, in one language."""

    region: str
    plan_title: str
    no_plan_title: str
    tentative: str
    tentative_heading: str
    tentative_plan: str
    tentative_no_plan: str
    page: str
    # Labels of the head and of "in short".
    from_: Annotated[str, Field(alias="from")]
    to: str
    date: str
    valid_until: str
    version: str
    replaces: str
    corrects: str
    in_short: str
    goal: str
    way: str
    entitlement: str
    first_step: str
    result: str
    no_plan_result: str
    codes: str
    programme_area: str
    curriculum: str
    # Sections.
    steps: str
    from_to: str
    who: str
    subjects_done: str
    subjects_remaining: str
    practice: str
    broken_contract: str
    answers: str
    question: str
    accommodation: str
    other_routes: str
    how_to_apply: str
    contact: str
    contact_text: str
    phone: str
    email: str
    # Tables.
    column_subject: str
    column_practice: str
    column_where_when: str
    column_months: str
    column_credited: str
    column_basis: str
    not_said: str
    # How sure a line is.
    basis: BasisTexts
    documented: str
    decided: str
    appeal: str
    expected: str
    legend: str
    legend_documented: str
    legend_formally_recognised: str
    legend_expected: str
    # The rest.
    undisplayable: str
    letter_subject: str
    letter_subject_again: str
    month: str
    months: str
    day: str
    month_names: Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]
    routes: dict[RouteKind, RouteTexts]
    entitlements: dict[Entitlement, str]

    def day_of(self, day: datetime.date) -> str:
        """``day`` as people write it."""
        return self.day.format(day=day.day, month=self.month_names[day.month - 1], year=day.year)

    def months_of(self, count: int) -> str:
        """``count`` months, in words."""
        return self.month if count == 1 else self.months.format(count=count)


@cache
def texts(language: Language) -> Texts:
    """The texts in ``language``."""
    return Texts.model_validate_json((_FOLDER / f"{language}.json").read_bytes())
