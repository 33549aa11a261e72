"""A plan in plain words: what the letter, and any page that shows a plan, says in which order.

The rules this module keeps: the first thing said is that it is tentative and no decision; then the plan in short,
then what to do, then the rest; and how sure a line is stands in a word beside it, never in a colour alone.
"""

import datetime
from dataclasses import dataclass, field
from typing import Any

from consent_service.plans.content import (
    Answer,
    Basis,
    Documented,
    FormallyRecognised,
    Practice,
    Route,
    Step,
    Subject,
    TrainingPlan,
)
from consent_service.plans.texts import Texts, texts

Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who sends, to whom (None where the name is not known), and on which day.

    ``version`` counts from 1; ``replaces`` is the day of the version before, and ``correction`` says that it had
    mistakes.
    """

    sender: str
    date: datetime.date
    recipient: str | None = field(default=None, repr=False)
    version: int = 1
    replaces: datetime.date | None = None
    correction: bool = False


def worded(plan: TrainingPlan, head: Letterhead) -> Words:
    """``plan`` in its own language, as headings, facts, tables and paragraphs in reading order. JSON types only.

    ::

        {lang, region, title, subject, tentative, page, head: [fact], notice: {heading, text}, undisplayable,
         in_short: {heading, text, facts: [fact]}, sections: [{kind, heading, …}]}     fact = {label, text, more?}

    Kinds of sections: ``steps``, ``table``, ``answers``, ``ways``, ``text``, ``legend``, ``contact``.
    """
    say = texts(plan.language)
    title = say.plan_title if plan.outcome == "plan" else say.no_plan_title
    notice = say.tentative_plan if plan.outcome == "plan" else say.tentative_no_plan
    ways = _ways(plan, say)
    sections = (
        ways if plan.outcome == "no_plan" else None,
        _steps(plan.steps, say),
        _subjects(plan.subjects, "remaining", say.subjects_remaining, say),
        _subjects(plan.subjects, "done", say.subjects_done, say),
        _practice(plan.practice, say),
        _legend(plan, say),
        _answers(plan.answers, say),
        _text(say.accommodation, plan.accommodation),
        ways if plan.outcome == "plan" else None,
        _text(say.how_to_apply, plan.how_to_apply),
        _contact(plan, say),
    )
    return {
        "lang": plan.language,
        "region": say.region,
        "title": title,
        "subject": plan.route.trade.title if plan.route else None,
        "tentative": say.tentative,
        "page": say.page,
        "head": _head(plan, head, say),
        "notice": {"heading": say.tentative_heading, "text": notice},
        "in_short": {"heading": say.in_short, "text": plan.summary, "facts": _in_short(plan, say)},
        "sections": [section for section in sections if section],
        "undisplayable": say.undisplayable,
    }


def _fact(label: str, text: str, more: str | None = None) -> Words:
    return {"label": label, "text": text, "more": more}


def _head(plan: TrainingPlan, head: Letterhead, say: Texts) -> list[Words]:
    facts = [_fact(say.from_, head.sender)]
    if head.recipient:
        facts.append(_fact(say.to, head.recipient))
    facts += [_fact(say.date, say.day_of(head.date)), _fact(say.valid_until, say.day_of(plan.valid_until))]
    if head.replaces is not None:
        told = say.corrects if head.correction else say.replaces
        facts.append(_fact(say.version, told.format(number=head.version, date=say.day_of(head.replaces))))
    return facts


def _in_short(plan: TrainingPlan, say: Texts) -> list[Words]:
    facts = _way(plan.route, say) if plan.route else [_fact(say.result, say.no_plan_result)]
    if plan.steps:
        first = min(plan.steps, key=lambda step: step.date)
        facts.append(_fact(say.first_step, _when(first, say), first.text))
    return facts + _codes(plan.route, say)


def _way(route: Route, say: Texts) -> list[Words]:
    way = say.routes[route.kind]
    return [
        _fact(say.goal, route.trade.title, route.trade.final_qualification),
        _fact(say.way, way.name, way.text),
        _fact(say.entitlement, say.entitlements[route.entitlement]),
    ]


def _codes(route: Route | None, say: Texts) -> list[Words]:
    if route is None:
        return []
    codes = ((say.programme_area, route.trade.programme_area), (say.curriculum, route.trade.curriculum_code))
    told = [label.format(code=code) for label, code in codes if code]
    return [_fact(say.codes, " · ".join(told))] if told else []


def _when(step: Step, say: Texts) -> str:
    start = say.day_of(step.date)
    return start if step.until is None else say.from_to.format(start=start, end=say.day_of(step.until))


def _steps(steps: tuple[Step, ...], say: Texts) -> Words | None:
    if not steps:
        return None
    rows = [
        {"when": _when(step, say), "text": step.text, "who": step.who and say.who.format(who=step.who)}
        for step in sorted(steps, key=lambda step: step.date)
    ]
    return {"kind": "steps", "heading": say.steps, "steps": rows}


def _basis(basis: Basis, say: Texts) -> Words:
    if isinstance(basis, Documented):
        told = say.documented.format(source=basis.source, year=basis.year) if basis.year else basis.source
        return _fact(say.basis.documented, told)
    if isinstance(basis, FormallyRecognised):
        decided = say.decided.format(body=basis.body, date=say.day_of(basis.decided_on))
        return _fact(say.basis.formally_recognised, decided, say.appeal.format(how=basis.how_to_appeal))
    return _fact(say.basis.expected, say.expected)


def _where_when(where: str | None, when: str | None, say: Texts) -> str:
    return "\n".join(told for told in (where, when) if told) or say.not_said


def _subjects(subjects: tuple[Subject, ...], state: str, heading: str, say: Texts) -> Words | None:
    rows = [
        [
            _cell(subject.text or subject.code, subject.code if subject.text else None),
            _cell(_where_when(subject.where, subject.when, say)),
            _basis(subject.basis, say),
        ]
        for subject in subjects
        if subject.state == state
    ]
    columns = [say.column_subject, say.column_where_when, say.column_basis]
    return {"kind": "table", "heading": heading, "columns": columns, "rows": rows} if rows else None


def _cell(text: str | None, more: str | None = None) -> Words:
    return {"text": text, "more": more}


def _practice(practice: tuple[Practice, ...], say: Texts) -> Words | None:
    if not practice:
        return None
    rows = [
        [
            _cell(line.text, say.broken_contract if line.kind == "broken_contract" else None),
            _cell(_where_when(line.where, line.when, say)),
            _cell(str(line.months)),
            _cell(say.not_said if line.months_credited is None else str(line.months_credited)),
            _basis(line.basis, say),
        ]
        for line in practice
    ]
    columns = [
        say.column_practice,
        say.column_where_when,
        say.column_months,
        say.column_credited,
        say.column_basis,
    ]
    return {"kind": "table", "heading": say.practice, "columns": columns, "rows": rows}


def _legend(plan: TrainingPlan, say: Texts) -> Words | None:
    used = {line.basis.kind for line in plan.subjects} | {line.basis.kind for line in plan.practice}
    meanings = (
        ("documented", say.basis.documented, say.legend_documented),
        ("formally_recognised", say.basis.formally_recognised, say.legend_formally_recognised),
        ("expected", say.basis.expected, say.legend_expected),
    )
    facts = [_fact(word, meaning) for kind, word, meaning in meanings if kind in used]
    return {"kind": "legend", "heading": say.legend, "facts": facts} if facts else None


def _answers(answers: tuple[Answer, ...], say: Texts) -> Words | None:
    rows = [
        {"question": answer.question or say.question.format(id=answer.question_id), "text": answer.text}
        for answer in answers
    ]
    return {"kind": "answers", "heading": say.answers, "answers": rows} if rows else None


def _ways(plan: TrainingPlan, say: Texts) -> Words | None:
    rows = [
        {"name": say.routes[way.kind].name, "means": say.routes[way.kind].text, "text": way.text}
        for way in plan.other_routes
    ]
    return {"kind": "ways", "heading": say.other_routes, "ways": rows} if rows else None


def _text(heading: str, text: str | None) -> Words | None:
    return {"kind": "text", "heading": heading, "text": text} if text else None


def _contact(plan: TrainingPlan, say: Texts) -> Words:
    contact = plan.contact
    facts = [
        _fact(label, told)
        for label, told in (("", contact.name), (say.phone, contact.phone), (say.email, contact.email))
        if told
    ]
    return {"kind": "contact", "heading": say.contact, "text": say.contact_text, "facts": facts}
