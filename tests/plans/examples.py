"""Requests and plans: whole ones to start from, and strategies for all others."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from consent_service.plans.content import MappingRequestContent, TrainingPlan
from consent_service.plans.wording import Letterhead

DAY = date(2026, 11, 21)
HEAD = Letterhead(sender="Fagopplæringen i fylket", date=DAY, recipient="Kari Nordmann")

RECOGNISED: dict[str, Any] = {
    "kind": "formally_recognised",
    "decided_on": "2026-03-12",
    "body": "Direktoratet for høyere utdanning",
    "how_to_appeal": "Skriv til direktoratet innen tre uker.",
}
DOCUMENTED: dict[str, Any] = {"kind": "documented", "source": "Kompetansebevis", "year": 2014}
EXPECTED: dict[str, Any] = {"kind": "expected"}
ROUTE: dict[str, Any] = {
    "kind": "trade_certificate_on_the_job",
    "trade": {
        "title": "Helsefagarbeider",
        "programme_area": "HSHEA3MV--",
        "curriculum_code": "HEA03-02",
        "final_qualification": "Fagbrev",
    },
    "entitlement": "adult",
}
CONTACT: dict[str, Any] = {"name": "Rådgiver Rø", "phone": "+47 99 00 00 00", "email": "fag@example.org"}
WAYS: list[dict[str, Any]] = [{"kind": "modular", "text": "Ta faget i moduler."}]


def request(**changed: Any) -> MappingRequestContent:
    """A mapping request with every part, and whatever a test changes."""
    body: dict[str, Any] = {
        "wished_trades": [{"text": "Helsefagarbeider"}, {"grep_code": "HSHEA3----"}],
        "schooling_and_practice": "Vg1 helse- og oppvekstfag. To år på sykehjem.",
        "background": "Vi leter etter en vei til fagbrev.",
        "questions": [{"id": "m1", "text": "Hva teller?"}, {"id": "m2", "text": "Teller praksisen?"}],
        "contact": CONTACT,
    }
    return MappingRequestContent.model_validate(body | changed)


def plan_body(**changed: Any) -> dict[str, Any]:
    """A plan with every part, as a body."""
    body: dict[str, Any] = {
        "outcome": "plan",
        "language": "nb",
        "summary": "Du kan bli helsefagarbeider på to år.",
        "route": ROUTE,
        "other_routes": WAYS,
        "subjects": [
            {
                "code": "NOR1261",
                "text": "Norsk",
                "state": "done",
                "where": "Verdal",
                "when": "2014",
                "basis": DOCUMENTED,
            },
            {"text": "Pleie fra Kyiv", "state": "done", "basis": RECOGNISED},
            {"code": "HEA3001", "state": "remaining", "when": "høsten 2027", "basis": EXPECTED},
        ],
        "practice": [
            {"text": "Sykehjem", "where": "Verdal", "months": 38, "months_credited": 24, "basis": DOCUMENTED},
            {"kind": "broken_contract", "text": "Salgsfaget", "months": 9, "basis": EXPECTED},
        ],
        "steps": [
            {"date": "2027-08-16", "text": "Start på kurs."},
            {"date": "2027-02-01", "until": "2027-03-01", "text": "Søk.", "who": "du"},
        ],
        "answers": [
            {"question_id": "m2", "of": "mapping_request", "question": "Teller praksisen?", "text": "Ja, noe."},
            {"question_id": "m1", "of": "mapping_request", "text": "Ikke ennå."},
        ],
        "accommodation": "Lengre tid på eksamen.",
        "contact": CONTACT,
        "valid_until": "2027-06-30",
        "how_to_apply": "Søk innen 1. mars.",
    }
    return body | changed


def plan(**changed: Any) -> TrainingPlan:
    """The same as a plan."""
    return TrainingPlan.model_validate(plan_body(**changed))


def no_plan(**changed: Any) -> TrainingPlan:
    """The answer that there is no plan."""
    return plan(**({"outcome": "no_plan", "route": None} | changed))


Bodies = st.SearchStrategy[dict[str, Any]]

# Whatever anybody writes: every assigned character but controls and those that change the reading direction.
written = st.text(
    st.characters(
        exclude_categories=("Cc", "Cs"),
        exclude_characters="\u2028\u2029" + "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    ),
    min_size=1,
    max_size=40,
).filter(lambda text: bool(text.strip()))
ids = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
days = st.dates(date(2000, 1, 1), date(2090, 1, 1)).map(date.isoformat)
kinds = st.sampled_from(["apprentice", "practice_candidate", "modular", "requalification"])


def record(required: dict[str, Any], **optional: Any) -> Bodies:
    """JSON objects with ``required`` and any of ``optional``."""
    return st.fixed_dictionaries(required, optional=optional)


def some(records: Bodies, key: str | None = None) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A few of ``records``, no two with the same ``key``."""
    return st.lists(records, max_size=4, unique_by=(lambda one: str(one[key])) if key else None)


contacts = record({"name": written}, phone=st.just("74 11 12 00"))
bases: Bodies = st.one_of(
    record({"kind": st.just("documented"), "source": written}, year=st.integers(1940, 2100)),
    record({"kind": st.just("formally_recognised"), "decided_on": days, "body": written, "how_to_appeal": written}),
    st.just(EXPECTED),
)
trades = record({"title": written, "final_qualification": written})
entitlements = st.sampled_from(["youth", "adult", "completion", "none", "unknown"])

request_bodies = record(
    {"background": written},
    wished_trades=some(record({"text": written})),
    schooling_and_practice=written,
    questions=some(record({"id": ids, "text": written}), key="id"),
    contact=contacts,
)
plan_bodies = record(
    {
        "outcome": st.just("plan"),
        "language": st.sampled_from(["nb", "nn", "en"]),
        "contact": contacts,
        "valid_until": days,
        "route": record({"kind": kinds, "trade": trades, "entitlement": entitlements}),
    },
    summary=written,
    other_routes=some(record({"kind": kinds, "text": written})),
    subjects=some(
        record(
            {"text": written, "state": st.sampled_from(["done", "remaining"]), "basis": bases},
            where=written,
            when=written,
            code=st.just("NOR1204"),
        )
    ),
    practice=some(
        record(
            {"text": written, "months": st.integers(24, 720), "basis": bases},
            months_credited=st.integers(0, 24),
            where=written,
        )
    ),
    steps=some(record({"date": days, "text": written})),
    answers=some(record({"question_id": ids, "text": written}), key="question_id"),
    accommodation=written,
    how_to_apply=written,
)
