import asyncio
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pikepdf
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent_service.plans import press
from consent_service.plans.content import TrainingPlan
from consent_service.plans.pdf import order, render
from consent_service.plans.press import PressBusy
from consent_service.plans.typesetting import set_plan
from consent_service.plans.wording import worded
from tests.plans.conformance import elements
from tests.plans.examples import HEAD, no_plan, plan, plan_bodies, written

HOSTILE = [
    '#pagebreak() #panic() #import "@preview/x:0.1.0": *',
    "= Heading *bold* _it_ `raw` $x^2$ @ref <label> // /* */ \\ ~ --- ' \"",
    ']; #sys.inputs #read("/etc/passwd") #{ while true {} }',
    "</script><script>alert(1)</script> <img src=x onerror=y> %PDF-1.7 endobj",
    '"},"lang":"xx"} {{ words }} {page} %s {0.__class__}',
    "https://example.org/?a=b&c=d javascript:alert(1) fag@example.org",
]


EVERYTHING = """
    Kari Nordmann | Helsefagarbeider | Fagbrev | HSHEA3MV-- | HEA03-02 | NOR1261 | Pleie fra Kyiv | HEA3001
    | høsten 2027 | Sykehjem | 38 | 24 | Salgsfaget | Avbrutt kontrakt | Kompetansebevis, 2014 | Ikke avgjort
    | Direktoratet for høyere utdanning, 12. mars 2026 | Skriv til direktoratet innen tre uker. | Hvem: du
    | 1. februar 2027 til 1. mars 2027 | 16. august 2027 | Teller praksisen? | Ja, noe. | Ikke ennå.
    | Lengre tid på eksamen. | Ta faget i moduler. | Søk innen 1. mars. | +47 99 00 00 00 | fag@example.org
    | 30. juni 2027 | 21. november 2026
"""


def pages(document: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document)).pages]


def squeezed(text: str) -> str:
    """Without white space, since lines break where the paper ends."""
    return re.sub(r"[\s\u200b]+", "", text)


def text_of(document: bytes) -> str:
    return squeezed("".join(pages(document)))


def roles(document: bytes) -> list[str]:
    """The roles in the structure tree, in reading order."""
    with pikepdf.open(io.BytesIO(document)) as opened:
        return [role for role, _, _ in elements(opened)]


def printed(content: TrainingPlan) -> bytes:
    """As ``render``, without a process of its own."""
    return set_plan(order(content, HEAD))


async def test_the_same_plan_is_the_same_bytes() -> None:
    """Two presses set the same plan, sender, recipient and day to the same bytes, and this process does too."""
    first, second = await asyncio.gather(render(plan(), HEAD), render(plan(), HEAD))
    assert first == second == printed(plan())


async def test_what_differs_is_other_bytes() -> None:
    """Another plan, day, sender or recipient is another document."""
    others = [
        await render(plan(summary="Noe annet."), HEAD),
        await render(plan(), replace(HEAD, date=HEAD.date + timedelta(days=1))),
        await render(plan(), replace(HEAD, sender="Et annet fylke")),
        await render(plan(), replace(HEAD, recipient=None)),
    ]
    assert len({*others, await render(plan(), HEAD)}) == 5


@pytest.mark.parametrize(("language", "tag"), [("nb", "nb-NO"), ("nn", "nn-NO"), ("en", "en-GB")])
def test_a_screen_reader_is_told_what_it_reads(language: str, tag: str) -> None:
    """The PDF claims PDF/UA-1, is tagged, names its language and shows its title, author and day."""
    document = printed(plan(language=language))
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert opened.Root.MarkInfo.Marked
        assert str(opened.Root.Lang) == tag
        assert opened.Root.ViewerPreferences.DisplayDocTitle
        assert str(opened.docinfo["/Author"]) == HEAD.sender
        assert str(opened.docinfo["/CreationDate"]).startswith("D:20261121")
        with opened.open_metadata() as metadata:
            assert metadata["pdfuaid:part"] == "1"
            assert metadata["dc:title"] == worded(plan(language=language), HEAD)["title"] + ": Helsefagarbeider"


def test_headings_lists_and_tables_are_tagged_as_such() -> None:
    """One first heading, then second ones for the sections, lists for facts and steps, tables with header cells."""
    document = printed(plan())
    found = roles(document)
    assert found.count("/H1") == 1
    assert next(role for role in found if role.startswith("/H")) == "/H1"
    with pikepdf.open(io.BytesIO(document)) as opened:
        titles = [str(element.T) for role, element, _ in elements(opened) if role == "/H2"]
    words = worded(plan(), HEAD)
    assert titles == [words["in_short"]["heading"], *(section["heading"] for section in words["sections"])]
    assert found.count("/Table") == 3
    assert found.count("/TH") == 3 + 3 + 5
    assert found.count("/LI") == len(words["head"]) + len(words["in_short"]["facts"]) + 2 + 3
    assert "/Figure" not in found


def test_every_page_says_that_it_is_tentative() -> None:
    """However long it gets, each page says that the plan is tentative and no decision, and which page it is."""
    answers = [{"question_id": f"q{n}", "text": "Dette er et langt svar. " * 100} for n in range(12)]
    told = pages(printed(plan(answers=answers)))
    assert len(told) > 4
    for number, text in enumerate(told, 1):
        assert "Tentativ – ikke et vedtak" in text
        assert f"Side {number} av {len(told)}" in text


@pytest.mark.parametrize(
    ("language", "plan_says", "no_plan_says"),
    [
        ("nb", "et forslag, ikke et vedtak", "ikke laget en plan nå"),
        ("nn", "eit framlegg, ikkje eit vedtak", "ikkje laga ein plan no"),
        ("en", "a suggestion, not a formal decision", "has not made a plan now"),
    ],
)
def test_it_speaks_three_languages(language: str, plan_says: str, no_plan_says: str) -> None:
    """In each language the first thing said is that it is no decision, and a missing plan is said to be missing."""
    first = pages(printed(plan(language=language)))[0]
    assert plan_says in first
    assert plan_says in first.partition(worded(plan(language=language), HEAD)["in_short"]["heading"])[0]
    answer = text_of(printed(no_plan(language=language)))
    assert squeezed(plan_says) in answer
    assert squeezed(no_plan_says) in answer


def test_everything_in_the_plan_is_on_paper() -> None:
    """Each text, code, month, contract, basis, way to appeal and contact stands in the letter."""
    text = text_of(printed(plan()))
    for told in EVERYTHING.split("|"):
        assert squeezed(told) in text, told


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_strings_come_out_as_text(hostile: str) -> None:
    """Markup, code, format strings and addresses stand in the letter as they were written, and do nothing."""
    document = printed(
        plan(
            summary=hostile,
            subjects=[{"text": hostile, "state": "done", "basis": {"kind": "documented", "source": hostile}}],
            steps=[{"date": "2027-01-01", "text": hostile, "who": hostile}],
            answers=[{"question_id": "q1", "question": hostile, "text": hostile}],
            contact={"name": hostile},
        )
    )
    assert text_of(document).count(squeezed(hostile)) >= 8
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert not {"/OpenAction", "/AA", "/AcroForm", "/Names"} & set(opened.Root.keys())
        assert all("/Annots" not in page for page in opened.pages)


@settings(max_examples=20, deadline=None)
@given(
    text=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_categories=("Cc", "Cf")), min_size=1)
)
def test_european_text_comes_out_to_the_letter(text: str) -> None:
    """Whatever is written in Latin letters, digits and signs can be read out of the PDF again."""
    assert squeezed(plan(accommodation=text).accommodation or "") in text_of(printed(plan(accommodation=text)))


@settings(max_examples=40, deadline=None)
@given(body=plan_bodies)
def test_no_plan_is_refused_by_the_press(body: dict[str, Any]) -> None:
    """Any plan that is accepted can be printed as PDF/UA-1, in whatever script it is written."""
    assert printed(TrainingPlan.model_validate(body)).startswith(b"%PDF-1.7")


@settings(max_examples=20, deadline=None)
@given(text=written)
def test_what_paper_cannot_show_is_owned_up_to(text: str) -> None:
    """A character that no font has stands as U+FFFD, and the letter then says where the whole text is."""
    shown = "".join(pages(printed(plan(accommodation=text + "\U00013000"))))
    assert "�" in shown
    assert "Hele teksten finner du når du logger inn" in re.sub(r"\s+", " ", shown)


def test_a_plan_without_such_characters_says_nothing_of_them() -> None:
    """The ordinary letter carries no such remark."""
    assert "�" not in "".join(pages(printed(plan())))


def test_a_word_longer_than_a_line_is_broken() -> None:
    """Nothing runs off the paper: a word of 300 letters takes several lines, and none of its letters is lost."""
    document = printed(plan(accommodation="ab" * 150))
    assert "ab" * 150 in text_of(document)
    assert max(len(line) for page in pages(document) for line in page.split("\n")) < 120


async def test_the_press_is_stopped_when_its_time_is_out() -> None:
    """A press that takes too long is killed and reaped, and the caller is told to try again."""
    with pytest.raises(PressBusy):
        await render(plan(), HEAD, seconds=0.001)


async def test_a_caller_that_goes_away_stops_the_press() -> None:
    """Cancelling leaves nothing running, and the next plan is set as ever."""
    setting = asyncio.create_task(render(plan(), HEAD))
    await asyncio.sleep(0.01)
    setting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await setting
    assert (await render(plan(), HEAD)).startswith(b"%PDF-")


async def test_many_at_once_are_set_one_after_the_other() -> None:
    """More plans than presses are all set."""
    documents = await asyncio.gather(*(render(plan(summary=f"Plan {number}."), HEAD) for number in range(5)))
    assert [f"Plan{number}." in text_of(one) for number, one in enumerate(documents)] == [True] * 5


def test_the_press_is_bounded() -> None:
    """The process that sets a plan can use 1 GiB and 20 s, writes no file and leaves no core dump."""
    script = (
        "import json, resource; from consent_service.plans import confinement as t; t.bound();"
        "print(json.dumps([resource.getrlimit(r)[1] for r in"
        " (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)]))"
    )
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert json.loads(told.stdout) == [1024**3, 20, 0, 0]


def test_the_press_gets_no_secret() -> None:
    """Nothing of the service's environment goes along but where libraries lie."""
    ours = {"CONSENT_DATABASE_URL": "postgresql://secret", "PATH": "/secret", "LD_LIBRARY_PATH": "/opt/lib"}
    given = press.environment(ours)
    assert given["LD_LIBRARY_PATH"] == "/opt/lib"
    assert not [value for value in given.values() if "secret" in value]


def test_the_press_says_nothing_but_the_pdf() -> None:
    """A content that typst refuses ends the process with its own status, and not a word on either output."""
    told = order(plan(), HEAD)
    told["plan"]["day"] = [2026, 13, 45]
    process = subprocess.run(
        [sys.executable, "-m", "consent_service.plans.typesetting"],
        check=False,
        capture_output=True,
        input=json.dumps(told).encode(),
        env=press.environment(),
    )
    assert (process.returncode, process.stdout, process.stderr) == (2, b"", b"")
