"""A PDF that fagopplæring made itself: what is taken, how it is rebuilt, and everything that is refused."""

import io
import json
import re
import time
from dataclasses import replace
from datetime import timedelta

import pikepdf
import pypdf
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent_service.plans import rebuilding
from consent_service.plans.inspecting import MOST_PAGES, Unsafe, everything, inspect
from consent_service.plans.own_pdf import LARGEST, REASONS, NotTaken, order, rebuilt
from consent_service.plans.press import PressBusy
from tests.plans import pdf_corpus
from tests.plans.examples import HEAD, no_plan, plan
from tests.plans.pdf_corpus import HOSTILE, hostile, ordinary, saved, simple, tagged, turned

TENTATIVE = "Tentativ – ikke et vedtak"
KEPT = {"/Type", "/Pages", "/Lang", "/MarkInfo", "/StructTreeRoot", "/ViewerPreferences"}


def made(raw: bytes) -> bytes:
    """As ``rebuilt``, without a process of its own."""
    return rebuilding.rebuild(json.loads(order(plan(), HEAD)), raw)


def texts(document: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(document)).pages]


def places(document: bytes, page: int = 0) -> dict[str, tuple[float, float]]:
    """Where each text of a page begins, in the page's own units."""
    found: dict[str, tuple[float, float]] = {}

    def visit(text: str, cm: list[float], tm: list[float], _: object, __: object) -> None:
        if text.strip():
            at = pikepdf.Matrix(*tm) @ pikepdf.Matrix(*cm)
            found.setdefault(text.strip(), (at.e, at.f))

    pypdf.PdfReader(io.BytesIO(document)).pages[page].extract_text(visitor_text=visit)
    return found


async def test_it_comes_back_with_its_words_and_the_band() -> None:
    """Every page says what it said, and that it is tentative; the document says what it is, and who sends it."""
    document = await rebuilt(ordinary(pages=3), plan(), HEAD)
    assert len(texts(document)) == 3
    for text in texts(document):
        assert "Opplaeringsplan" in text
        assert TENTATIVE in text
        assert HEAD.sender in text
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert str(opened.docinfo["/Title"]) == "Tentativ opplæringsplan: Helsefagarbeider"
        assert str(opened.docinfo["/Author"]) == HEAD.sender
        assert str(opened.Root.Lang) == "nb-NO"
        assert opened.Root.ViewerPreferences.DisplayDocTitle


async def test_the_same_is_the_same_bytes_and_what_differs_is_not() -> None:
    """Two presses and this process agree; another PDF, language, sender or day is another document."""
    raw = ordinary()
    first = await rebuilt(raw, plan(), HEAD)
    assert first == await rebuilt(raw, plan(), HEAD) == made(raw)
    others = [
        await rebuilt(ordinary(content=b"0 0 9 9 re f"), plan(), HEAD),
        await rebuilt(raw, plan(language="nn"), HEAD),
        await rebuilt(raw, plan(), replace(HEAD, sender="Et annet fylke")),
        await rebuilt(raw, plan(), replace(HEAD, date=HEAD.date + timedelta(days=1))),
    ]
    assert len({*others, first}) == 5


@pytest.mark.parametrize(("language", "said"), [("nb", TENTATIVE), ("nn", "Tentativ"), ("en", "entative")])
async def test_the_band_speaks_the_plans_language(language: str, said: str) -> None:
    """Also where the answer is that there is no plan."""
    assert said in texts(await rebuilt(ordinary(), plan(language=language), HEAD))[0]
    assert said in texts(await rebuilt(ordinary(), no_plan(language=language), HEAD))[0]


def test_what_a_screen_reader_goes_by_is_kept() -> None:
    """Structure, language and marks come back; the band is furniture to it, and no structure leads to a lost link."""
    with pikepdf.open(io.BytesIO(tagged())) as before, pikepdf.open(io.BytesIO(made(tagged()))) as after:
        assert after.Root.MarkInfo.Marked
        assert str(after.Root.Lang) == str(before.Root.Lang)
        assert len(list(everything(after))) > len(list(everything(before))) * 0.7
        drawn = pikepdf.parse_content_stream(after.pages[0])
        assert [str(one.operator) for one in drawn][:2] == ["BDC", "q"]
        assert str(drawn[0].operands[0]) == "/Artifact"
        assert {str(one.S) for one in roles(after)} == {str(one.S) for one in roles(before)}


def roles(pdf: pikepdf.Pdf) -> list[pikepdf.Dictionary]:
    return [
        one
        for one in everything(pdf)
        if isinstance(one, pikepdf.Dictionary) and "/S" in one and "/P" in one and "/Pg" in one
    ]


@pytest.mark.parametrize("corner", [(0, 0), (-100, 50)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, 450])
def test_the_band_is_on_top_of_the_page_as_it_is_shown(degrees: int, corner: tuple[int, int]) -> None:
    """However a page is turned, cut and placed, the band is upright along its upper edge, and the rest is below it."""
    document = made(turned(degrees, corner=corner))
    with pikepdf.open(io.BytesIO(document)) as pdf:
        page = pdf.pages[0].obj
        left, bottom, right, top = (float(side) for side in page.MediaBox)
        assert (left, bottom, right - left, top - bottom) == (*corner, 595, 842)
        assert int(page.Rotate) == degrees
        put = next(one for one in pikepdf.parse_content_stream(pdf.pages[0]) if str(one.operator) == "cm")
        upright = pikepdf.Matrix(*(float(number) for number in put.operands))
    wide, high = (842, 595) if degrees % 180 else (595, 842)
    band = upright.transform((wide / 2, high - rebuilding.BAND / 2))
    words = next(at for text, at in places(document).items() if "Opplaeringsplan" in text)
    # How far below the edge that is shown on top.
    below = [
        {0: top - at[1], 90: at[0] - left, 180: at[1] - bottom, 270: right - at[0]}[degrees % 360]
        for at in (band, words)
    ]
    assert below[0] == pytest.approx(rebuilding.BAND / 2)
    assert left < band[0] < right
    assert bottom < band[1] < top
    assert below[1] > rebuilding.BAND


def test_what_a_page_leaves_open_is_closed_for_it() -> None:
    """Graphics states that were never taken back, as some programs leave them, are; nothing else is mended."""
    document = made(ordinary(content=b"q q 2 0 0 2 0 0 cm " + pdf_corpus.TEXT))
    with pikepdf.open(io.BytesIO(document)) as pdf:
        operators = [str(one.operator) for one in pikepdf.parse_content_stream(pdf.pages[0])]
    assert operators.count("q") == operators.count("Q") == 4


def test_pages_that_share_what_they_draw_get_a_band_each() -> None:
    """Resources and contents that several pages have in common are not written into twice."""
    pdf = simple(pages=3)
    shared = pdf.make_indirect(pdf.pages[0].obj.Resources)
    shared.XObject = pikepdf.Dictionary(Band1=pdf.make_indirect(pikepdf.Stream(pdf, b"")))
    content = pdf.make_indirect(pikepdf.Stream(pdf, pdf_corpus.TEXT))
    for page in pdf.pages:
        page.obj.Resources, page.obj.Contents = shared, content
    pdf.pages[2].obj.MediaBox = [0, 0, 842, 595]
    for text in texts(made(saved(pdf))):
        assert text.count(TENTATIVE) == 1


def test_what_pages_inherit_is_theirs() -> None:
    """Size, turning and what is drawn with may stand in the tree above the pages; fonts may have any name."""
    pdf = simple(pages=2)
    font = pdf.pages[0].obj.Resources.Font.F1
    pdf.Root.Pages.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(Metadata=font, F1=font))
    pdf.Root.Pages.MediaBox = [0, 0, 842, 595]
    pdf.Root.Pages.Rotate = 90
    for page in pdf.pages:
        for key in ("/Resources", "/MediaBox"):
            del page.obj[key]
        page.obj.Contents = pikepdf.Stream(pdf, pdf_corpus.TEXT.replace(b"/F1", b"/Metadata"))
    document = made(saved(pdf))
    with pikepdf.open(io.BytesIO(document)) as opened:
        for page in opened.pages:
            assert "/Metadata" in page.obj.Resources.Font
            assert [int(side) for side in page.obj.MediaBox] == [0, 0, 842, 595]
            assert int(page.obj.Rotate) == 90
    for text in texts(document):
        assert "Opplaeringsplan" in text
        assert TENTATIVE in text


def test_links_inside_are_words_again_and_nothing_else_is_left() -> None:
    """What leads to a place in the document is let through without leading there; metadata and names are gone."""
    raw = pdf_corpus.linked_inside()
    with pikepdf.open(io.BytesIO(raw)) as pdf:
        with pdf.open_metadata() as about:
            about["dc:creator"] = ["En saksbehandler"]
        pdf.docinfo["/Author"] = "En saksbehandler"
        pdf.pages[0].obj.Thumb = pikepdf.Stream(pdf, b"")
        document = made(saved(pdf))
    assert b"saksbehandler" not in document
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert set(opened.Root.keys()) <= KEPT
        assert all("/Annots" not in page.obj and "/Thumb" not in page.obj for page in opened.pages)
        assert b"saksbehandler" not in saved(
            opened, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable
        )


@pytest.mark.parametrize("name", HOSTILE)
def test_what_could_do_harm_is_refused_with_its_reason(name: str) -> None:
    """Each has a word, and each word a sentence; nothing that is refused is rebuilt."""
    with pytest.raises(Unsafe) as refused:
        made(hostile(name))
    assert refused.value.reason == HOSTILE[name][0]
    assert REASONS[refused.value.reason]


async def test_the_reason_reaches_the_sender() -> None:
    """The refusal that crosses from the press is a sentence about the PDF, and repeats nothing of it."""
    with pytest.raises(NotTaken) as refused:
        await rebuilt(hostile("a link to the web"), plan(), HEAD)
    (violation,) = refused.value.violations
    assert violation.pointer == "/pdf"
    assert violation.detail == REASONS["action"]


@pytest.mark.parametrize("password", ["", "secret"])
def test_what_is_locked_is_refused(password: str) -> None:
    """With a password, or with an empty one and restrictions."""
    raw = saved(simple(), encryption=pikepdf.Encryption(owner="owner", user=password))
    with pytest.raises(Unsafe, match="encrypted"):
        made(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b"%PDF-1.7", b"Hei", b"\x00" * 100, ordinary()[:-300], ordinary().replace(b"startxref", b"startxxxx")],
    ids=["nothing", "a head", "text", "zeros", "the first half", "no way in"],
)
async def test_what_is_no_pdf_is_refused(raw: bytes) -> None:
    """Nothing is repaired: two readers could repair it differently."""
    with pytest.raises(NotTaken) as refused:
        await rebuilt(raw, plan(), HEAD)
    assert refused.value.reason == "unreadable"


async def test_what_is_too_long_is_refused() -> None:
    """More pages than a plan has, or more bytes than are taken; one fewer is taken."""
    assert len(texts(made(ordinary(pages=MOST_PAGES)))) == MOST_PAGES
    with pytest.raises(Unsafe, match="too-many-pages"):
        made(ordinary(pages=MOST_PAGES + 1))
    with pytest.raises(NotTaken) as refused:
        await rebuilt(b"%PDF-" + bytes(LARGEST), plan(), HEAD)
    assert refused.value.reason == "too-many-bytes"


async def test_a_bomb_that_memory_can_not_hold_ends_its_own_press_alone() -> None:
    """4 GiB packed to 4 MB meet the press's own limits: refused within seconds, and the next one is set as ever."""
    pdf = simple()
    pdf.pages[0].obj.Contents = pikepdf.Stream(pdf, pdf_corpus.bomb(4 * 2**30), Filter=pikepdf.Name.FlateDecode)
    raw = saved(pdf, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    assert len(raw) < LARGEST
    began = time.monotonic()
    with pytest.raises(NotTaken) as refused:
        await rebuilt(raw, plan(), HEAD)
    assert refused.value.reason in {"too-large", "too-complex", "unreadable", ""}
    assert time.monotonic() - began < 30
    assert TENTATIVE in texts(await rebuilt(ordinary(), plan(), HEAD))[0]


async def test_a_press_that_takes_too_long_is_stopped() -> None:
    """The sender is told to try again: it says nothing of the PDF."""
    with pytest.raises(PressBusy):
        await rebuilt(ordinary(), plan(), HEAD, seconds=0.001)


def test_what_was_made_is_taken_again() -> None:
    """The result holds nothing that would be refused, and is as it was but for one more band."""
    for raw in (ordinary(), tagged(), turned(90), pdf_corpus.linked_inside()):
        with pikepdf.open(io.BytesIO(made(raw))) as pdf:
            inspect(pdf)


SEEDS = (ordinary(), tagged(), pdf_corpus.linked_inside(), hostile("a script in a corner"), hostile("layers"))


@settings(max_examples=150, deadline=None)
@example(seed=SEEDS[0], changes=[(0.0, b"")])
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [
                        b"/AA",
                        b"/JS(x)",
                        b"<<",
                        b">>",
                        b"[",
                        b"]",
                        b"/Kids",
                        b"1 0 R",
                        b"/S/URI",
                        b"99999999999",
                        b"q Q Q ",
                    ]
                ),
            ),
        ),
        max_size=6,
    ),
)
def test_whatever_comes_is_rebuilt_safely_or_refused(seed: bytes, changes: list[tuple[float, bytes]]) -> None:
    """Changed anywhere by anything, a PDF is refused, or what comes out has the band and nothing that is not let in."""
    raw = bytearray(seed)
    for place, piece in changes:
        at = int(place * len(raw))
        raw[at : at + len(piece)] = piece
    try:
        document = made(bytes(raw))
    except Unsafe:
        return
    except Exception:  # noqa: BLE001  # what the press answers "unreadable" to
        return
    with pikepdf.open(io.BytesIO(document)) as pdf:
        inspect(pdf)
        assert set(pdf.Root.keys()) <= KEPT
        assert all("/Annots" not in page.obj for page in pdf.pages)
        bands = [
            re.findall(rb"/Band\d+ Do Q", b"".join(one.read_bytes() for one in page.obj.Contents)) for page in pdf.pages
        ]
    assert all(len(found) >= 1 for found in bands)
