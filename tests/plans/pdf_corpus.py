"""PDFs as a county's own system might send them, and as somebody who means harm would."""

import io
import zlib
from collections.abc import Callable
from typing import Any

from pikepdf import Array, Dictionary, Name, Pdf, Stream, StreamDecodeLevel

from consent_service.plans.pdf import order
from consent_service.plans.typesetting import set_plan
from tests.plans.examples import HEAD, plan

A4 = (595, 842)
TEXT = b"BT /F1 24 Tf 72 700 Td (Opplaeringsplan) Tj ET"


def saved(pdf: Pdf, **more: Any) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id="encryption" not in more, **more)
    return out.getvalue()


def simple(*, pages: int = 1, size: tuple[float, float] = A4, content: bytes = TEXT) -> Pdf:
    """A document with text in a font that every reader has."""
    pdf = Pdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for _ in range(pages):
        page = pdf.add_blank_page(page_size=size)
        page.obj.Resources = Dictionary(Font=Dictionary(F1=font))
        page.obj.Contents = Stream(pdf, content)
    return pdf


def ordinary(**changed: Any) -> bytes:
    """A simple document, as bytes."""
    return saved(simple(**changed))


def tagged() -> bytes:
    """A document with a structure tree, a language and fonts of its own: our own letter, as if somebody else's."""
    return set_plan(order(plan(summary="Laget av fylket selv."), HEAD))


def turned(degrees: int, *, corner: tuple[int, int] = (0, 0)) -> bytes:
    """A page that is shown turned, and whose lower left corner is not at nought."""
    pdf = simple()
    page = pdf.pages[0].obj
    page.MediaBox = [corner[0], corner[1], corner[0] + 842, corner[1] + 842]
    page.CropBox = [corner[0], corner[1], corner[0] + 595, corner[1] + 842]
    page.Rotate = degrees
    return saved(pdf)


def linked_inside() -> bytes:
    """A document whose links lead to its own pages, in both ways that they can be written."""
    pdf = simple(pages=2)
    goto = Dictionary(S=Name.GoTo, D=Array([pdf.pages[1].obj, Name.Fit]))
    rect = Array([72, 690, 300, 730])
    there = Array([pdf.pages[1].obj, Name.Fit])
    links = [
        Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=rect, A=goto),
        Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=rect, Dest=there),
    ]
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(link) for link in links])
    pdf.Root.OpenAction = there
    pdf.Root.PageMode = Name.FullScreen
    return saved(pdf)


Change = Callable[[Pdf], object]


def _annotated(**annotation: Any) -> Change:
    def change(pdf: Pdf) -> None:
        one = Dictionary(Type=Name.Annot, Rect=Array([0, 0, 99, 99]), **annotation)
        pdf.pages[0].obj.Annots = Array([pdf.make_indirect(one)])

    return change


def _linked(**action: Any) -> Change:
    return _annotated(Subtype=Name.Link, A=Dictionary(**action))


def _root(key: str, value: Callable[[Pdf], Any]) -> Change:
    def change(pdf: Pdf) -> None:
        pdf.Root[key] = value(pdf)

    return change


def _drawing(form: Callable[[Pdf], Any], content: bytes = b"/X Do") -> Change:
    def change(pdf: Pdf) -> None:
        page = pdf.pages[0].obj
        page.Resources.XObject = Dictionary(X=form(pdf))
        page.Contents = Stream(pdf, content)

    return change


def _form(pdf: Pdf, content: bytes = b"", **more: Any) -> Any:
    return pdf.make_indirect(Stream(pdf, content, Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 9, 9], **more))


def _in_itself(pdf: Pdf) -> Any:
    form = _form(pdf, b"/X Do")
    form.Resources = Dictionary(XObject=Dictionary(X=form))
    return form


def _laughs(pdf: Pdf) -> Any:
    """Ten forms, each of which draws the one before it ten times: ten thousand million drawings."""
    form = _form(pdf, b"0 0 9 9 re f")
    for _ in range(10):
        form = _form(pdf, b"/X Do " * 10, Resources=Dictionary(XObject=Dictionary(X=form)))
    return form


def _inside_each_other(pdf: Pdf) -> Any:
    form = _form(pdf)
    for _ in range(150):
        form = _form(pdf, b"/X Do", Resources=Dictionary(XObject=Dictionary(X=form)))
    return form


def bomb(size: int) -> bytes:
    """So many zeros (whole MiB), packed to a thousandth (RFC 1950, RFC 1951): a block, repeated."""
    packer = zlib.compressobj(9)
    block, again = (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return block + again * (size // 2**20 - 1) + b"\x03\x00" + ((size % 65521) << 16 | 1).to_bytes(4)


def _picture(pdf: Pdf, raw: bytes = b"", **more: Any) -> Any:
    kind = {"Type": Name.XObject, "Subtype": Name.Image, "ColorSpace": Name.DeviceGray, "BitsPerComponent": 8}
    return pdf.make_indirect(Stream(pdf, raw, **(kind | more)))


def _jpeg(width: int, height: int) -> bytes:
    """The head of a JPEG: its size and no points."""
    sides = height.to_bytes(2) + width.to_bytes(2)
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\x00\x0b\x08" + sides + b"\1\1\x11\0\xff\xd9"


def _deep_pages(pdf: Pdf) -> None:
    for _ in range(150):
        inner = pdf.Root.Pages
        pdf.Root.Pages = pdf.make_indirect(Dictionary(Type=Name.Pages, Kids=Array([inner]), Count=1))


def _pages_in_a_circle(pdf: Pdf) -> None:
    pdf.Root.Pages.Kids.append(pdf.Root.Pages)


def _deep_structure(pdf: Pdf) -> None:
    element = pdf.make_indirect(Dictionary(S=Name.P))
    for _ in range(150):
        element = pdf.make_indirect(Dictionary(S=Name.Div, K=element))
    pdf.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=element)


def _structure_in_a_circle(pdf: Pdf) -> None:
    element = pdf.make_indirect(Dictionary(S=Name.Div))
    element.K = Array([element])
    pdf.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=element)


def _many_objects(pdf: Pdf) -> None:
    pdf.Root.Much = Array([Array() for _ in range(110_000)])


def _sized(width: float, height: float, **more: Any) -> Change:
    def change(pdf: Pdf) -> None:
        pdf.pages[0].obj.MediaBox = [0, 0, width, height]
        for key, value in more.items():
            pdf.pages[0].obj["/" + key] = value

    return change


def _content(content: bytes) -> Change:
    def change(pdf: Pdf) -> None:
        pdf.pages[0].obj.Contents = Stream(pdf, content)

    return change


def _script(_: Pdf) -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS="app.alert(1)")


def _hidden_script(pdf: Pdf) -> None:
    """Deep in something that no reader of plans would look at."""
    pdf.pages[0].obj.PieceInfo = Dictionary(App=Array([Array([pdf.make_indirect(_script(pdf))])]))


def _file(pdf: Pdf) -> Dictionary:
    held = pdf.make_indirect(Stream(pdf, b"MZ", Type=Name.EmbeddedFile))
    return Dictionary(Names=Array(["a.exe", Dictionary(Type=Name.Filespec, F="a.exe", EF=Dictionary(F=held))]))


def _elsewhere(pdf: Pdf) -> Any:
    return _picture(pdf, F=Dictionary(Type=Name.Foo, F="file:///etc/passwd"), Width=9, Height=9)


# What is refused: by the word, how it is made.
HOSTILE: dict[str, tuple[str, Change]] = {
    "a script in the names": ("script", _root("/Names", lambda pdf: Dictionary(JavaScript=_script(pdf)))),
    "a script when it is opened": ("script", _root("/OpenAction", _script)),
    "a script in a corner": ("script", _hidden_script),
    "a script behind a step": (
        "script",
        _linked(S=Name.GoTo, D="x", Next=Dictionary(S=Name.JavaScript, JS="app.alert(1)")),
    ),
    "something done when a page is shown": ("action", lambda pdf: pdf.pages[0].obj.update({"/AA": Dictionary()})),
    "something done at the end": ("action", _root("/AA", lambda _: Dictionary())),
    "a program that is started": ("action", _linked(S=Name.Launch, F="cmd.exe")),
    "a link to the web": ("action", _linked(S=Name.URI, URI="https://example.org/")),
    "a link to another document": ("action", _linked(S=Name.GoToR, F="other.pdf")),
    "a form that is sent": ("action", _linked(S=Name.SubmitForm, F="https://example.org/")),
    "data that are fetched": ("action", _linked(S=Name.ImportData, F="x.fdf")),
    "two steps in one": ("action", _linked(S=Name.GoTo, D="x", Next=Dictionary(S=Name.GoTo, D="y"))),
    "an action of no kind": ("action", _linked(D="x")),
    "a film": ("media", _linked(S=Name.Movie)),
    "a comment": ("comment", _annotated(Subtype=Name.Text, Contents="Hei")),
    "a file as a note": ("comment", _annotated(Subtype=Name.FileAttachment)),
    "a film as a note": ("comment", _annotated(Subtype=Name.Screen)),
    "a note of no kind": ("comment", _annotated()),
    "a file in it": ("file", _root("/Names", lambda pdf: Dictionary(EmbeddedFiles=_file(pdf)))),
    "a file beside it": ("file", _root("/AF", lambda pdf: Array([_file(pdf)]))),
    "a file in a corner": ("file", lambda pdf: pdf.pages[0].obj.update({"/X": _file(pdf).Names[1]})),
    "a picture that lies outside": ("file", _drawing(_elsewhere)),
    "a form": ("form", _root("/AcroForm", lambda _: Dictionary(Fields=Array()))),
    "an XFA form": ("form", _root("/X", lambda _: Dictionary(XFA="x"))),
    "a signature": ("form", _root("/X", lambda _: Dictionary(Type=Name.Sig))),
    "layers": ("layers", _root("/OCProperties", lambda _: Dictionary(OCGs=Array()))),
    "a layer": (
        "layers",
        lambda pdf: pdf.pages[0].obj.Resources.update({"/Properties": Dictionary(L=Dictionary(Type=Name.OCG))}),
    ),
    "a program that draws": (
        "outside",
        _drawing(lambda pdf: pdf.make_indirect(Stream(pdf, b"", Type=Name.XObject, Subtype=Name.PS))),
    ),
    "a drawing from elsewhere": ("outside", _drawing(lambda pdf: _form(pdf, Ref=Dictionary(F="other.pdf")))),
    "a form in itself": ("circle", _drawing(_in_itself)),
    "a thousand laughs": ("too-complex", _drawing(_laughs)),
    "forms inside forms": ("too-deep", _drawing(_inside_each_other)),
    "a deep tree of pages": ("unreadable", _deep_pages),
    "pages in a circle": ("unreadable", _pages_in_a_circle),
    "a deep structure": ("too-deep", _deep_structure),
    "a structure in a circle": ("circle", _structure_in_a_circle),
    "more pieces than a plan has": ("too-many-objects", _many_objects),
    "no page": ("no-pages", lambda pdf: pdf.pages.remove(p=1)),
    "a page as large as a house": ("page-size", _sized(14_400, 14_400)),
    "a page as small as a point": ("page-size", _sized(1, 1)),
    "a page in other units": ("page-size", _sized(595, 842, UserUnit=10)),
    "a page that is turned askew": ("page-size", _sized(595, 842, Rotate=45)),
    "a page of which nothing is seen": ("page-size", _sized(595, 842, CropBox=[600, 0, 900, 842])),
    "a packing of its own": ("filter", lambda pdf: pdf.pages[0].obj.Contents.update({"/Filter": Name.Own})),
    "a bomb of 100 MiB": (
        "too-large",
        lambda pdf: pdf.pages[0].obj.update({"/Contents": Stream(pdf, bomb(100 * 2**20), Filter=Name.FlateDecode)}),
    ),
    "a picture of 10 000 million points": (
        "too-large",
        _drawing(lambda pdf: _picture(pdf, bomb(2**20), Width=10**5, Height=10**5, Filter=Name.FlateDecode)),
    ),
    "a photograph that is larger than it says": (
        "too-large",
        _drawing(lambda pdf: _picture(pdf, _jpeg(65_000, 65_000), Width=9, Height=9, Filter=Name.DCTDecode)),
    ),
    "a page that undoes the band": ("content", _content(b"Q Q Q 0.0001 0 0 0.0001 0 0 cm")),
    "a page that hides the band": ("content", _content(b"q Q Q 1 g 0 0 9999 9999 re f")),
    "a page that does not end its text": ("content", _content(b"BT /F1 9 Tf (x) Tj")),
    "a page that does not end its mark": ("content", _content(b"/Artifact BMC " + TEXT)),
}


def hostile(name: str) -> bytes:
    """The document that ``name`` names."""
    pdf = simple()
    HOSTILE[name][1](pdf)
    return saved(pdf, compress_streams=False, stream_decode_level=StreamDecodeLevel.none)
