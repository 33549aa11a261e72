"""The letter keeps what PDF/UA-1 demands, the copy for the archive PDF/A-2a too; and what does not keep it shows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from consent_service.plans.content import TrainingPlan
from consent_service.plans.pdf import ARCHIVE, LETTER, order
from consent_service.plans.typesetting import set_plan
from tests.plans.conformance import elements, faults
from tests.plans.examples import HEAD, no_plan, plan

LONG = plan(answers=[{"question_id": f"q{n}", "text": "Dette er et langt svar. " * 100} for n in range(12)])


@pytest.mark.parametrize("standards", [LETTER, ARCHIVE])
@pytest.mark.parametrize(
    "content",
    [plan(), plan(language="nn"), plan(language="en"), no_plan(), LONG, plan(accommodation="שלום \U00013000 Київ")],
)
def test_what_is_set_keeps_its_standards(content: TrainingPlan, standards: Sequence[str]) -> None:
    """In each language, over several pages, without a plan, and with characters that no font has."""
    assert faults(set_plan(order(content, HEAD, standards)), archive=standards is ARCHIVE) == []


def _first(pdf: Pdf, role: str) -> Dictionary:
    return next(one for found, one, _ in elements(pdf) if found == role)


def _rewritten(pdf: Pdf, before: bytes, after: bytes) -> None:
    page = pdf.pages[0]
    raw = pikepdf.unparse_content_stream(pikepdf.parse_content_stream(page))
    assert before in raw
    page.obj.Contents = pdf.make_stream(raw.replace(before, after, 1))


def _unmarked(pdf: Pdf) -> None:
    """Painted before anything is marked."""
    page = pdf.pages[0]
    raw = pikepdf.unparse_content_stream(pikepdf.parse_content_stream(page))
    page.obj.Contents = pdf.make_stream(b"0 0 9 9 re f\n" + raw)


def _fonts(pdf: Pdf, subtype: Name) -> list[Dictionary]:
    return [one for one in pdf.objects if isinstance(one, Dictionary) and one.get("/Subtype") == subtype]


def _claiming_less(pdf: Pdf) -> None:
    pdf.Root.Metadata.write(pdf.Root.Metadata.read_bytes().replace(b"pdfuaid:part>1<", b"pdfuaid:part>2<"))


DAMAGE: dict[str, Callable[[Pdf], object]] = {
    "ua 5": _claiming_less,
    "ua 6.2": lambda pdf: pdf.Root.MarkInfo.__setitem__("/Suspects", True),
    "ua 7.1: it has a title": lambda pdf: pdf.Root.ViewerPreferences.__delitem__("/DisplayDocTitle"),
    "ua 7.1: what is painted": _unmarked,
    "ua 7.1: roles": lambda pdf: _first(pdf, "/LBody").__setitem__("/S", Name.LI),
    "ua 7.2": lambda pdf: pdf.Root.__delitem__("/Lang"),
    "ua 7.3": lambda pdf: _first(pdf, "/P").__setitem__("/S", Name.Figure),
    "ua 7.4.2": lambda pdf: _first(pdf, "/H2").__setitem__("/S", Name.H3),
    "ua 7.5": lambda pdf: _first(pdf, "/TH").__delitem__("/A"),
    "ua 7.18.3": lambda pdf: (
        pdf.pages[0].obj.__setitem__("/Annots", Array()),
        pdf.pages[0].obj.__delitem__("/Tabs"),
    ),
    "ua 7.21.3.2": lambda pdf: _fonts(pdf, Name.CIDFontType2)[0].__delitem__("/CIDToGIDMap"),
    "ua 7.21.4.1": lambda pdf: _fonts(pdf, Name.CIDFontType2)[0].FontDescriptor.__delitem__("/FontFile2"),
    "ua 7.21.7": lambda pdf: _fonts(pdf, Name.Type0)[0].__delitem__("/ToUnicode"),
    "a 6.2.3": lambda pdf: pdf.Root.__delitem__("/OutputIntents"),
    "a 6.2.4": lambda pdf: _rewritten(pdf, b" scn", b" scn 0 0 0 1 k"),
    "a 6.5": lambda pdf: pdf.Root.__setitem__("/OpenAction", Dictionary(S=Name.JavaScript)),
    "a 6.6.2": lambda pdf: pdf.Root.__setitem__("/Metadata", pdf.make_stream(b"<x/>")),
}


@pytest.mark.parametrize("clause", DAMAGE)
def test_what_does_not_keep_a_clause_is_found(clause: str) -> None:
    """The archive's copy, damaged in one way each: that clause is among the broken ones."""
    with pikepdf.open(io.BytesIO(set_plan(order(plan(), HEAD, ARCHIVE)))) as pdf:
        DAMAGE[clause](pdf)
        damaged = io.BytesIO()
        pdf.save(damaged)
    assert [broken for broken in faults(damaged.getvalue(), archive=True) if broken.startswith(clause)]
