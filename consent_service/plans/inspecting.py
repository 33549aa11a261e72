"""Looking through a PDF that somebody else made, before it is rebuilt: what it may not hold, and how large it may be.

The rules it keeps: what could run, send, open or fetch anything is refused, wherever in the document it is; so is what
could show one reader something else than another (layers, forms, comments); and so is what is far too large, too
deep or goes round in circles, before it is opened up. Each refusal is a word (see ``own_pdf`` for the sentences).

Everything is walked with a list of its own, never by recursion: a document must not choose how deep our stack is.
"""

import io
import re
from collections.abc import Iterator
from typing import Final

import pikepdf
from PIL import Image

MOST_PAGES: Final = 60
MOST_OBJECTS: Final = 100_000
DEEPEST_TREE: Final = 100  # of structure, of forms inside forms; the reader itself bounds the tree of pages
MOST_CONTENT: Final = 64 * 1024 * 1024  # bytes, unpacked: what is drawn, and fonts
MOST_PIXELS: Final = 40_000_000  # of one picture: an A4 page in 600 dots an inch is 35 million
MOST_DRAWN: Final = 5_000_000  # pieces, counting a form each time that it is drawn
SIDES: Final = (200.0, 1300.0)  # points: from a small card to A3

# PDF 2.0 (ISO 32000-2), 12.6.4: every action but the one that stays in the document (GoTo).
_ACTIONS: Final = {
    **dict.fromkeys(("/JavaScript", "/Rendition"), "script"),  # a rendition may carry a script of its own
    **dict.fromkeys(("/GoToR", "/GoToE", "/GoToDp", "/Launch", "/Thread", "/URI", "/Named", "/Trans"), "action"),
    **dict.fromkeys(("/SubmitForm", "/ResetForm", "/ImportData", "/Hide", "/SetOCGState"), "action"),
    **dict.fromkeys(("/Sound", "/Movie", "/GoTo3DView", "/RichMediaExecute"), "media"),
}
_KEYS: Final = {
    "/JS": "script",
    "/JavaScript": "script",
    "/AA": "action",
    "/AcroForm": "form",
    "/XFA": "form",
    "/EmbeddedFiles": "file",
    "/EF": "file",
    "/AF": "file",
    "/RichMediaContent": "media",
    "/RichMediaSettings": "media",
    "/3DD": "media",
    "/OCProperties": "layers",
}
_TYPES: Final = {"/OCG": "layers", "/OCMD": "layers", "/Filespec": "file", "/EmbeddedFile": "file", "/Sig": "form"}
_INHERITED: Final = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")
_PICTURES: Final = frozenset({"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"})
_FILTERS: Final = _PICTURES | {"/FlateDecode", "/LZWDecode", "/ASCII85Decode", "/ASCIIHexDecode", "/RunLengthDecode"}
_DRAWS: Final = re.compile(rb"(?<![^\s\]>)/])(?:Do|scn|SCN)(?![^\s\[<(/%])")

Container = pikepdf.Dictionary | pikepdf.Array | pikepdf.Stream


class Unsafe(Exception):
    """The PDF is not taken; ``reason`` is the word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def inspect(pdf: pikepdf.Pdf) -> None:
    """Raises Unsafe for the first thing that is found."""
    if pdf.is_encrypted:
        raise Unsafe("encrypted")
    if not len(pdf.pages):
        raise Unsafe("no-pages")
    if len(pdf.pages) > MOST_PAGES:
        raise Unsafe("too-many-pages")
    for page in pdf.pages:
        _inherit(page.obj)
    streams = []
    for one in everything(pdf):
        if isinstance(one, pikepdf.Dictionary | pikepdf.Stream):
            _look_at(one)
        if isinstance(one, pikepdf.Stream):
            streams.append(one)
    _open_up(streams)
    _measure_structure(pdf.Root.get("/StructTreeRoot"))
    for page in pdf.pages:
        _look_at_page(page)


def _inherit(page: pikepdf.Object) -> None:
    """Write onto the page what it has from the tree above it (ISO 32000-2, 7.7.3.4), which the reader has walked."""
    above = page.get("/Parent")
    for _ in range(DEEPEST_TREE):
        if not isinstance(above, pikepdf.Dictionary):
            return
        for key in _INHERITED:
            if key not in page and key in above:
                page[key] = above[key]
        above = above.get("/Parent")


def everything(pdf: pikepdf.Pdf) -> Iterator[Container]:
    """Every dictionary, array and stream that the document leads to, once. Raises Unsafe if there are too many."""
    seen: set[tuple[int, int]] = set()
    waiting: list[object] = [pdf.trailer.get("/Root"), pdf.trailer.get("/Info")]
    found = 0
    while waiting:
        one = waiting.pop()
        if not isinstance(one, pikepdf.Dictionary | pikepdf.Array | pikepdf.Stream):
            continue
        if one.is_indirect:
            if one.objgen in seen:
                continue
            seen.add(one.objgen)
        found += 1
        if found > MOST_OBJECTS:
            raise Unsafe("too-many-objects")
        yield one
        waiting.extend(one if isinstance(one, pikepdf.Array) else (value for _, value in one.items()))


def _measure_structure(root: object) -> None:
    """What a screen reader walks down, as deep as it goes."""
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[object, int]] = [(root, 1)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST_TREE:
            raise Unsafe("too-deep")
        if isinstance(one, pikepdf.Array):
            waiting.extend((inner, depth) for inner in one)
        elif isinstance(one, pikepdf.Dictionary) and "/K" in one:
            if one.is_indirect and one.objgen in seen:
                raise Unsafe("circle")
            seen.add(one.objgen)
            waiting.append((one.K, depth + 1))


def _look_at(one: pikepdf.Dictionary | pikepdf.Stream) -> None:
    """One dictionary, wherever it stands."""
    for key in one.keys():  # noqa: SIM118  # iterating over a stream is not over its keys
        if key in _KEYS:
            raise Unsafe(_KEYS[key])
    kind, does = str(one.get("/Type", "")), str(one.get("/S", ""))
    if kind in _TYPES:
        raise Unsafe(_TYPES[kind])
    if does in _ACTIONS:
        raise Unsafe(_ACTIONS[does])
    if isinstance(one.get("/OpenAction"), pikepdf.Dictionary):
        _stays(one.OpenAction)


def _stays(action: pikepdf.Object) -> None:
    """An action may turn to a place in this document, and nothing more."""
    does = str(action.get("/S", ""))
    if does != "/GoTo" or "/Next" in action:
        raise Unsafe(_ACTIONS.get(does, "action"))


def _look_at_page(page: pikepdf.Page) -> None:
    for annotation in page.obj.get("/Annots", []):
        if not isinstance(annotation, pikepdf.Dictionary) or str(annotation.get("/Subtype")) != "/Link":
            raise Unsafe("comment")
        if "/A" in annotation:
            _stays(annotation.A)
    left, bottom, right, top = visible(page)
    unit = page.obj.get("/UserUnit", 1)
    if unit != 1 or not (SIDES[0] <= right - left <= SIDES[1] and SIDES[0] <= top - bottom <= SIDES[1]):
        raise Unsafe("page-size")
    if _drawn(page.obj, page.get("/Contents"), page.get("/Resources"), {}, 1) > MOST_DRAWN:
        raise Unsafe("too-complex")


def visible(page: pikepdf.Page) -> tuple[float, float, float, float]:
    """What is seen of the page: left, bottom, right, top in its own units. Raises Unsafe if nothing is."""
    boxes = [[float(side) for side in box] for box in (page.mediabox, page.cropbox)]
    if any(len(box) != 4 for box in boxes):
        raise Unsafe("page-size")
    across = [sorted((box[0], box[2])) for box in boxes]
    upwards = [sorted((box[1], box[3])) for box in boxes]
    left, right = max(one[0] for one in across), min(one[1] for one in across)
    bottom, top = max(one[0] for one in upwards), min(one[1] for one in upwards)
    return left, bottom, right, top


def _open_up(streams: list[pikepdf.Stream]) -> None:
    """Streams unpacked, one at a time. A press has bounded memory: what does not fit in there at all ends here too."""
    unpacked = 0
    for stream in streams:
        if stream.keys() & {"/F", "/FFilter", "/FDecodeParms"}:
            raise Unsafe("file")  # its data lie outside (ISO 32000-2, 7.3.8.2)
        if str(stream.get("/Subtype", "")) == "/PS" or "/Ref" in stream or "/OPI" in stream:
            raise Unsafe("outside")
        filters = _filters(stream)
        if not set(filters) <= _FILTERS:
            raise Unsafe("filter")
        if str(stream.get("/Subtype", "")) == "/Image":
            _measure_picture(stream, filters)
        if not set(filters) & _PICTURES:
            unpacked += len(stream.read_bytes())
            if unpacked > MOST_CONTENT:
                raise Unsafe("too-large")


def _filters(stream: pikepdf.Stream) -> list[str]:
    named = stream.get("/Filter")
    if named is None:
        return []
    return [str(one) for one in named] if isinstance(named, pikepdf.Array) else [str(named)]


def _measure_picture(picture: pikepdf.Stream, filters: list[str]) -> None:
    """By its dictionary, and by its own head where that is what a reader goes by."""
    sizes = [(int(picture.get("/Width", 0)), int(picture.get("/Height", 0)))]
    if filters in (["/DCTDecode"], ["/JPXDecode"]):
        Image.MAX_IMAGE_PIXELS = None  # measured here
        with Image.open(io.BytesIO(picture.read_raw_bytes())) as own:
            sizes.append(own.size)
    if any(width * height > MOST_PIXELS for width, height in sizes):
        raise Unsafe("too-large")


def _drawn(
    owner: pikepdf.Object, content: object, resources: object, known: dict[tuple[int, int], int], depth: int
) -> int:
    """How many pieces are drawn at most, counting a form as often as it could be. Raises Unsafe for one in itself."""
    if depth > DEEPEST_TREE:
        raise Unsafe("too-deep")
    if owner.is_indirect and owner.objgen in known:
        if known[owner.objgen] < 0:
            raise Unsafe("circle")
        return known[owner.objgen]
    if owner.is_indirect:
        known[owner.objgen] = -1
    raw = b"\n".join(one.read_bytes() for one in _streams(content))
    inner = [_drawn(form, form, form.get("/Resources"), known, depth + 1) for form in _forms(resources)]
    pieces = len(raw) // 16 + len(_DRAWS.findall(raw)) * max(inner, default=0)
    if owner.is_indirect:
        known[owner.objgen] = pieces
    return pieces


def _streams(content: object) -> list[pikepdf.Stream]:
    several = list(content) if isinstance(content, pikepdf.Array) else [content]
    return [one for one in several if isinstance(one, pikepdf.Stream)]


def _forms(resources: object) -> list[pikepdf.Stream]:
    """What else is drawn from ``resources``: forms and patterns."""
    found: list[pikepdf.Stream] = []
    for kind in ("/XObject", "/Pattern"):
        named = resources.get(kind) if isinstance(resources, pikepdf.Dictionary) else None
        if isinstance(named, pikepdf.Dictionary):
            found += [
                one
                for _, one in named.items()
                if isinstance(one, pikepdf.Stream) and str(one.get("/Subtype", "")) != "/Image"
            ]
    return found
