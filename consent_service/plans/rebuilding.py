"""Rebuilds a PDF that fagopplæring made, in a press of its own (see ``press``), or refuses it with a word.

1. open it, without repairing anything
2. look through all of it (see ``inspecting``)
3. leave in the document and on its pages only what reading takes: no links, no names, no metadata, no thumbnails
4. lay the band that says that the plan is tentative on each page. The page's own content is made a little smaller, is
   kept out of the band's place by a clip, and can't undo either: its state is put aside and taken back in pairs
5. write it anew; the same PDF, plan, sender and day give the same bytes

::

    in    {"language": …, "lang": …, "title": …, "sender": …, "sender_short": …, "tentative": …, "timestamp": …}, a
          line feed, the PDF
    out   the PDF, or why not
"""

import io
import json
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import pikepdf
from pikepdf import Dictionary, Matrix

from consent_service.plans.confinement import answer, bound, refuse
from consent_service.plans.inspecting import Unsafe, everything, inspect, visible
from consent_service.plans.typesetting import set_bands

BAND: Final = 38.0  # points, on top of each page

_ROOT: Final = frozenset({"/Type", "/Pages", "/Lang", "/MarkInfo", "/StructTreeRoot"})
_TREE: Final = frozenset({"/Type", "/K", "/ParentTree", "/ParentTreeNextKey", "/RoleMap", "/ClassMap"})
_PAGE: Final = frozenset(
    {"/Type", "/Parent", "/MediaBox", "/Resources", "/Contents", "/Rotate", "/Group", "/StructParents", "/Tabs"}
)
_NOWHERE: Final = frozenset({"/Metadata", "/PieceInfo", "/LastModified", "/Alternates"})
# What must be taken back as often as it is put aside, by the operator that does either (ISO 32000-2, 8.4.2, 9.4, 14.6).
_PAIRS: Final = {"q": ("q", 1), "Q": ("q", -1), "BT": ("BT", 1), "ET": ("BT", -1), "EMC": ("BMC", -1)} | {
    "BMC": ("BMC", 1),
    "BDC": ("BMC", 1),
}


def rebuild(order: dict[str, Any], raw: bytes) -> bytes:
    """The PDF in ``raw``, rebuilt. Raises Unsafe."""
    # 1. Open.
    try:
        pdf = pikepdf.open(io.BytesIO(raw), suppress_warnings=True, attempt_recovery=False)
    except pikepdf.PasswordError:
        raise Unsafe("encrypted") from None
    except pikepdf.PdfError:
        raise Unsafe("unreadable") from None
    with pdf:
        # 2. Look.
        inspect(pdf)
        # 3. Leave out.
        _reduce(pdf)
        # 4. The band.
        _lay_bands(pdf, order)
        # 5. Write.
        return _written(pdf, order)


def _reduce(pdf: pikepdf.Pdf) -> None:
    _keep(pdf.Root, _ROOT)
    tree = pdf.Root.get("/StructTreeRoot")
    if isinstance(tree, Dictionary):
        _keep(tree, _TREE)
    for page in pdf.pages:
        box = visible(page)
        _keep(page.obj, _PAGE)
        page.obj.MediaBox = list(box)
    for one in everything(pdf):
        if isinstance(one, pikepdf.Array):
            continue
        if isinstance(one, pikepdf.Stream) or "/Type" in one:  # elsewhere such a key may be a name that somebody chose
            for key in _NOWHERE & set(one.keys()):
                del one[key]
        if isinstance(one.get("/K"), Dictionary | pikepdf.Array):
            _without_references(one)


def _keep(one: pikepdf.Object, keys: frozenset[str]) -> None:
    for key in set(one.keys()) - keys:
        del one[key]


def _without_references(element: pikepdf.Object) -> None:
    """Structure elements name the links that stood on the page: those are gone."""
    inner = element.K
    listed = list(inner) if isinstance(inner, pikepdf.Array) else [inner]
    kept = [one for one in listed if not (isinstance(one, Dictionary) and str(one.get("/Type")) == "/OBJR")]
    if len(kept) != len(listed):
        element.K = pikepdf.Array(kept)


def _lay_bands(pdf: pikepdf.Pdf, order: dict[str, Any]) -> None:
    sizes = [_size(page) for page in pdf.pages]
    different = sorted(set(sizes))
    told = {"sizes": different, "height": BAND, "lang": order["language"]}
    told |= {"sender": order["sender_short"], "tentative": order["tentative"]}
    with pikepdf.open(io.BytesIO(set_bands(told, order["timestamp"]))) as bands:
        forms = [pdf.copy_foreign(band.as_form_xobject()) for band in bands.pages]
    tagged = "/StructTreeRoot" in pdf.Root
    for page, size in zip(pdf.pages, sizes, strict=True):
        _lay_band(pdf, page, forms[different.index(size)], size, tagged=tagged)


def _size(page: pikepdf.Page) -> tuple[float, float]:
    """Width and height as it is shown."""
    left, bottom, right, top = visible(page)
    width, height = round(right - left, 2), round(top - bottom, 2)
    return (height, width) if _turned(page) in {90, 270} else (width, height)


def _turned(page: pikepdf.Page) -> int:
    turned = int(page.obj.get("/Rotate", 0)) % 360
    if turned % 90:
        raise Unsafe("page-size")
    return turned


def _lay_band(
    pdf: pikepdf.Pdf, page: pikepdf.Page, band: pikepdf.Object, size: tuple[float, float], *, tagged: bool
) -> None:
    left, bottom, right, top = visible(page)
    # From the page as it is shown, with its lower left corner at nought, to the page's own units.
    upright = {
        0: Matrix(1, 0, 0, 1, left, bottom),
        90: Matrix(0, 1, -1, 0, right, bottom),
        180: Matrix(-1, 0, 0, -1, right, top),
        270: Matrix(0, -1, 1, 0, left, top),
    }[_turned(page)]
    smaller = (size[1] - BAND) / size[1]
    moved = upright.inverse() @ Matrix(smaller, 0, 0, smaller, (1 - smaller) * size[0] / 2, 0) @ upright
    open_states = _unpaired(page)
    name = _put(page, band)
    drawn = f"q {_numbers(upright)} cm {name} Do Q"
    if tagged:  # to a screen reader it is furniture of the page, as our own letter's is
        drawn = f"/Artifact <</Type /Pagination /Subtype /Header>> BDC {drawn} EMC"
    clip = f"{_number(left)} {_number(bottom)} {_number(right - left)} {_number(top - bottom)} re W n"
    page.contents_add(f"{drawn}\nq {_numbers(moved)} cm {clip}\n".encode(), prepend=True)
    page.contents_add(("\n" + "Q " * (open_states + 1)).encode())


def _put(page: pikepdf.Page, band: pikepdf.Object) -> str:
    """The band among what the page can draw, which other pages may share; the name it has there."""
    resources = _copied(page.obj.get("/Resources"))
    forms = _copied(resources.get("/XObject"))
    name = next(f"/Band{number}" for number in count(1) if f"/Band{number}" not in forms)
    forms[name] = band
    resources.XObject = forms
    page.obj.Resources = resources
    return name


def _copied(shared: object) -> Dictionary:
    return Dictionary(dict(shared.items())) if isinstance(shared, Dictionary) else Dictionary()


def _unpaired(page: pikepdf.Page) -> int:
    """How many graphics states the content leaves put aside. Raises Unsafe if it takes back more than its own."""
    depths = {"q": 0, "BT": 0, "BMC": 0}
    for instruction in pikepdf.parse_content_stream(page):
        pair = _PAIRS.get(str(instruction.operator))
        if pair is not None:
            depths[pair[0]] += pair[1]
            if depths[pair[0]] < 0:
                raise Unsafe("content")
    if depths["BT"] or depths["BMC"]:
        raise Unsafe("content")
    return depths["q"]


def _numbers(matrix: Matrix) -> str:
    return " ".join(_number(one) for one in (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f))


def _number(value: float) -> str:
    return f"{value:.5f}".rstrip("0").rstrip(".")


def _written(pdf: pikepdf.Pdf, order: dict[str, Any]) -> bytes:
    made = datetime.fromtimestamp(order["timestamp"], tz=UTC)
    about = {"/Title": order["title"], "/Author": order["sender"], "/CreationDate": made.strftime("D:%Y%m%d%H%M%SZ")}
    pdf.trailer.Info = pdf.make_indirect(Dictionary(about))
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    if "/Lang" not in pdf.Root:
        pdf.Root.Lang = order["lang"]
    out = io.BytesIO()
    pdf.save(
        out,
        min_version="1.7",
        deterministic_id=True,
        linearize=False,
        compress_streams=True,
        recompress_flate=True,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
    )
    return out.getvalue()


def main() -> int:
    """Rebuild the PDF on standard input."""
    bound()
    order, raw = json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer.read()
    try:
        return answer(rebuild(order, raw))
    except Unsafe as unsafe:
        return refuse(unsafe.reason)
    except MemoryError:
        return refuse("too-complex")
    except Exception:  # noqa: BLE001  # whatever else a library makes of it: it can't be read
        return refuse("unreadable")


if __name__ == "__main__":
    raise SystemExit(main())
