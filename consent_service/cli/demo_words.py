"""What the parties write in the demo, and who acts for them."""

from __future__ import annotations

from datetime import date, timedelta

from consent_clients.mapping import MappingQuestion, WishedTrade
from consent_clients.models import Employee
from consent_clients.notes import NoteContent
from consent_clients.training_plan import TrainingPlan
from consent_service.cli import sandbox_players as players

COUNSELLOR = Employee("kv-017", players.CAREER_CENTRE.unit_code)
NAV_EMPLOYEE = Employee("A123456", players.NAV_OFFICE.unit_code)
TRAINING_EMPLOYEE = Employee("fo-204", players.TRAINING.unit_code)

NOTE: NoteContent = {
    "language": "nb",
    "sections": {
        "education_and_work": "Fullførte Vg1 helse- og oppvekstfag. To år som vikar på sykehjem.",
        "interests": "Liker å være sammen med eldre, og å lage mat.",
        "strengths": "Tålmodig og god til å lytte. Møter presis.",
        "needs": "Trenger ro rundt seg de første ukene på et nytt sted.",
        "way_forward": "Vil gjerne bli helsefagarbeider, helst mens hun jobber.",
    },
    "questions": [
        {"id": "q1", "to": "vocational_training", "text": "Hvor mye av praksisen min kan telle?"},
        {"id": "q2", "to": "nav", "text": "Kan jeg få støtte mens jeg går på kveldskurs?"},
    ],
}
EDITED_STRENGTH = "Tålmodig og god til å lytte. Kollegene sier at jeg får folk til å slappe av."
SECOND_CONVERSATION = "Etter den andre samtalen: også nysgjerrig på barne- og ungdomsarbeid."

NOTE_OF_OLA: NoteContent = {
    "language": "nn",
    "sections": {"interests": "Likar å skru på mopedar.", "way_forward": "Vil bli bilmekanikar."},
    "questions": [],
}

WISHED_TRADES: list[WishedTrade] = [{"text": "Helsefagarbeider"}, {"grep_code": "HSHEA3----"}]
SCHOOLING = "Vg1 helse- og oppvekstfag 2016. Vikar på Solsida sykehjem 2019 til 2021."
BACKGROUND = "Vi leter etter en vei til fagbrev som kan gå sammen med deltidsarbeid."
MAPPING_QUESTIONS: list[MappingQuestion] = [
    {"id": "m1", "text": "Kan hun melde seg som praksiskandidat nå?"},
]


def training_plan(today: date) -> TrainingPlan:
    """The tentative plan: a route, what counts, what remains, dated steps, and an answer to each question."""
    return {
        "outcome": "plan",
        "language": "nb",
        "summary": "Vi foreslår fagbrev på jobb som helsefagarbeider. Dette er et forslag, ikke et vedtak.",
        "route": {
            "kind": "trade_certificate_on_the_job",
            "trade": {
                "title": "Helsefagarbeider",
                "programme_area": "HSHEA3MV--",
                "curriculum_code": "HEA03-02",
                "final_qualification": "Fagbrev",
            },
            "entitlement": "adult",
        },
        "subjects": [
            {
                "code": "HSF1006",
                "text": "Helsefremjande arbeid",
                "state": "done",
                "where": "Fjordbyen videregående skole",
                "when": "våren 2016",
                "basis": {"kind": "documented", "source": "Kompetansebevis", "year": 2016},
            },
            {"code": "FBJ9000", "text": "Teori, fagbrev på jobb", "state": "remaining", "basis": {"kind": "expected"}},
        ],
        "practice": [
            {
                "kind": "work",
                "text": "Vikar i pleien",
                "where": "Solsida sykehjem",
                "when": "2019 til 2021",
                "months": 24,
                "months_credited": 12,
                "basis": {"kind": "expected"},
            }
        ],
        "steps": [
            {"date": (today + timedelta(days=30)).isoformat(), "text": "Avtale med arbeidsgiver", "who": "du og NAV"},
            {
                "date": (today + timedelta(days=90)).isoformat(),
                "until": (today + timedelta(days=270)).isoformat(),
                "text": "Teorikurs på kveldstid",
                "who": "fagopplæringen",
            },
        ],
        "answers": [
            {"question_id": "q1", "of": "note", "text": "Vi regner med at tolv måneder kan telle."},
            {"question_id": "m1", "of": "mapping_request", "text": "Ikke ennå; fagbrev på jobb passer bedre."},
        ],
        "accommodation": "Rolig oppstart med fast veileder.",
        "contact": {"name": "Fagopplæringen i fylket", "phone": "+47 99 00 00 00", "email": "fag@example.org"},
        "valid_until": (today + timedelta(days=365)).isoformat(),
        "how_to_apply": "Snakk med arbeidsgiveren din, og send søknaden til fagopplæringen.",
    }
