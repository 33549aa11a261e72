"""After a whole journey the database holds no word of a note, a request or a plan, no name and no identity number."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import asyncpg
import pytest

from consent_clients.models import GivenAddress
from consent_clients.notes import NoteContent
from consent_clients.training_plan import TrainingPlan
from tests.journeys.house import COUNSELLOR, EMPLOYEE, House, handed_over, parts_of, shared, until
from tests.journeys.neighbours import MARIT, NAMES, OLA, STRANGER

# Made-up words, so that none of them is a column's name or stands in a purpose's text.
NOTE: NoteContent = {
    "language": "nb",
    "sections": {"interests": "Kvasilurt snekker tresufler.", "needs": "Hvisleglim om morgenen."},
    "questions": [{"id": "q1", "to": "vocational_training", "text": "Teller brummelpraksis?"}],
}
WAITING_NOTE: NoteContent = {"language": "nb", "sections": {"values": "Grotteskum er viktig."}, "questions": []}
REQUEST = {
    "schooling": "Flokkvigg skole",
    "background": "Skrumlehjelp",
    "trade": "Dundrefag",
    "question": "Knasteplass?",
}
PLAN_WORDS = "Sviskeplan Rabbelverk Tulpefag Ombrettsvar Vimseseng Krokefrist"
MESSAGE = "Plirremelding"
ADDRESS: GivenAddress = {
    "name": "Marit Fnuggerud",
    "lines": ["c/o Snøfsebråten", "Slafseveien 1"],
    "postal_code": "7713",
    "city": "Glefseborg",
    "protected": False,
}

JWS = re.compile(rb"eyJ[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")


def plan(house: House) -> TrainingPlan:
    summary, practice, trade, answer, accommodation, step = PLAN_WORDS.split()
    return {
        "outcome": "plan",
        "language": "nb",
        "summary": summary,
        "route": {
            "kind": "apprentice",
            "trade": {"title": trade, "final_qualification": "Fagbrev"},
            "entitlement": "youth",
        },
        "practice": [{"text": practice, "months": 3, "basis": {"kind": "expected"}}],
        "answers": [{"question_id": "q1", "text": answer}],
        "steps": [{"date": house.in_days(30).isoformat(), "text": step}],
        "accommodation": accommodation,
        "contact": {"name": "Kroppelkontakt"},
        "valid_until": house.in_days(200).isoformat(),
    }


SAID = [
    *NOTE["sections"].values(),
    *(question["text"] for question in NOTE["questions"]),
    *WAITING_NOTE["sections"].values(),
    *REQUEST.values(),
    *NAMES.values(),
    PLAN_WORDS,
    MESSAGE,
    "Kroppelkontakt",
    ADDRESS["name"],
    *ADDRESS["lines"],
    ADDRESS["city"],
]
SECRETS = sorted({*re.findall(r"\w{8,}", " ".join(map(str, SAID))), MARIT, OLA, STRANGER})


async def live(house: House) -> None:
    """Everything that can be stored is stored: claimed and unclaimed, granted and waiting, sent and logged."""
    marit, nav, training = await house.candidate(MARIT), await house.nav(), await house.training()
    await house.candidate(OLA)
    note = await handed_over(house, marit, NOTE)
    await (await house.career_centre()).hand_over(WAITING_NOTE, COUNSELLOR)
    await nav.release((await shared(house, marit, note, "interests", "needs"))["id"], EMPLOYEE)
    for number in (MARIT, STRANGER):
        request = await nav.ask_mapping(
            number,
            house.unit_ids["vocational-training"],
            wished_trades=[{"text": REQUEST["trade"]}],
            questions=[{"id": "m1", "text": REQUEST["question"]}],
            schooling_and_practice=REQUEST["schooling"],
            background=REQUEST["background"],
            contact={"name": "Kroppelkontakt"},
            reply_by=house.in_days(10).isoformat(),
            note_sections=["interests", "question_vocational_training"],
            idempotency_key=f"k-{number}",
        )
        await nav.ask(
            number,
            purpose="guidance_follow_up",
            part_kinds=["note.values"],
            message=MESSAGE,
            reply_by=house.in_days(10).isoformat(),
        )
        if number == MARIT:
            mine = request
    await marit.consents()
    preview = await marit.preview(
        purpose="competence_mapping",
        recipient_id=house.unit_ids["vocational-training"],
        parts=[
            {"resource": "mapping_request", "resource_id": mine["id"], "version": 1, "part": "wished_trades"},
            *parts_of(note, "interests", "question_vocational_training:q1"),
        ],
        valid_until=house.in_days(60),
        consent_id=mine["consent_id"],
    )
    consent = await marit.grant(preview)
    await training.release(consent["id"], EMPLOYEE)
    await training.report_state(mine["id"], "in_work", MESSAGE)
    await house.in_mailbox(MARIT, "not_a_user")
    pushed = await training.push_plan(consent["id"], plan(house), postal_address=ADDRESS)

    async def delivered() -> bool | None:
        return (await training.plan(pushed["id"]))["delivery"]["status"] == "delivered" or None

    await until("the letter is delivered", delivered)
    await marit.export()


def assert_silent(stored: bytes, where: str) -> None:
    """No secret stands in these bytes, nor inside a signed receipt among them."""
    opened = [base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)) for body in JWS.findall(stored)]
    lowered = b"\n".join([stored, *opened]).lower()
    found = [secret for secret in SECRETS for form in forms(secret) if form in lowered]
    assert not found, f"{where} holds {found}"


def forms(secret: str) -> set[bytes]:
    """A word as it could stand somewhere: as text in two encodings, escaped in JSON, in hexadecimal."""
    word = secret.lower()
    escaped = "".join(letter if letter.isascii() else f"\\u{ord(letter):04x}" for letter in word)
    return {word.encode(), word.encode("utf-16-le"), escaped.encode(), secret.encode().hex().encode()}


async def dump(url: str) -> bytes:
    """Every row of every table of a PostgreSQL database, as its own binary copies."""
    out = io.BytesIO()
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert len(tables) > 10
        for (table,) in tables:
            await connection.copy_from_table(table, output=out, format="binary")
    finally:
        await connection.close()
    return out.getvalue()


async def test_nothing_is_in_the_clear(
    house: House, database_kind: str, migrated_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the database's files, its write-ahead log, or a dump, nor in what was logged meanwhile."""
    await live(house)
    assert_silent(caplog.text.encode(), "the log")
    if database_kind == "postgresql":
        assert_silent(await dump(migrated_url), "the dump")
        return
    for name, content in files(tmp_path).items():
        assert_silent(content, name)


def files(folder: Path) -> dict[str, bytes]:
    """The files of an SQLite database, its write-ahead log among them, as they lie there."""
    found = {file.name: file.read_bytes() for file in sorted(folder.glob("consent.sqlite*"))}
    assert "consent.sqlite" in found
    return found


def test_the_search_finds_what_it_looks_for() -> None:
    """The search above is not blind: each form of a secret is found where it stands."""
    word = SECRETS[0].encode()
    jws = b"eyJh." + base64.urlsafe_b64encode(b'{"a":"' + word + b'"}').rstrip(b"=") + b".sig"
    for planted in (word, word.upper(), word.hex().encode(), jws, SECRETS[0].encode("utf-16-le")):
        with pytest.raises(AssertionError):
            assert_silent(b"...." + planted + b"....", "a plant")
