"""What PDF/UA-1 and PDF/A-2a demand of a file, as far as its objects tell.

There is no validator of either as a package for Python or Node (veraPDF is Java), so the demands that our letters could
miss stand here, each with its clause: ``ua`` is ISO 14289-1, ``a`` is ISO 19005-2. What takes a reader, such as whether
the order of reading makes sense, is not among them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

Demand = Callable[[Pdf], bool]

# ISO 32000-1, 14.8.4, of which typst uses these.
_STANDARD: Final = re.compile(
    "/(Document|Part|Sect|Div|P|H[1-6]|L|LI|Lbl|LBody|Table|THead|TBody|TFoot|TR|TH|TD|Span|Quote|Note|Link|Figure"
    "|Caption|NonStruct)"
)
_INSIDE: Final = {
    "/LI": {"/L"},
    "/Lbl": {"/LI"},
    "/LBody": {"/LI"},
    "/THead": {"/Table"},
    "/TBody": {"/Table"},
    "/TR": {"/Table", "/THead", "/TBody", "/TFoot"},
    "/TH": {"/TR"},
    "/TD": {"/TR"},
}
_PAINTS: Final = re.compile(r"[SsFf]|f\*|[Bb]\*?|sh|Do|EI|T[jJ]|['\"]")
_LANGUAGE: Final = re.compile("[a-z]{2,3}(-[A-Z]{2})?")
_OWN_SCHEMAS: Final = re.compile(rb"pdfaSchema:prefix>pdfuaid<|pdfaSchema:prefix=.pdfuaid")
_RUNS: Final = {"/AA", "/OpenAction", "/AcroForm", "/Collection"}


def faults(document: bytes, *, archive: bool) -> list[str]:
    """The clauses that ``document`` does not keep: of PDF/UA-1, and for the ``archive`` of PDF/A-2a too."""
    with pikepdf.open(io.BytesIO(document)) as pdf:
        demands = {**_ACCESSIBLE, **_ARCHIVABLE} if archive else _ACCESSIBLE
        broken = [clause for clause, kept in demands.items() if not kept(pdf)]
    header = document.split(b"\n", 2)[1]
    if archive and not (header[:1] == b"%" and sum(byte > 127 for byte in header) >= 4):
        broken.append("a 6.1.2: the second line of the file is bytes that no text has")
    return broken


def elements(pdf: Pdf) -> Iterator[tuple[str, Dictionary, str]]:
    """The structure tree in reading order: role, element, and the role of what it stands in."""

    def walk(node: Any, inside: str) -> Iterator[tuple[str, Dictionary, str]]:
        if isinstance(node, Array):
            for inner in node:
                yield from walk(inner, inside)
        elif isinstance(node, Dictionary) and "/S" in node:
            role = _role(pdf, str(node.S))
            yield role, node, inside
            yield from walk(node.get("/K"), role)

    if "/StructTreeRoot" in pdf.Root:
        yield from walk(pdf.Root.StructTreeRoot.K, "")


def _role(pdf: Pdf, role: str) -> str:
    named = pdf.Root.StructTreeRoot.get("/RoleMap", Dictionary())
    return str(named[role]) if role in named and not _STANDARD.fullmatch(role) else role


def _claims(name: str, value: str) -> Demand:
    def kept(pdf: Pdf) -> bool:
        with pdf.open_metadata() as about:
            return bool(about.get(name) == value)

    return kept


def _titled(pdf: Pdf) -> bool:
    shown = pdf.Root.get("/ViewerPreferences", Dictionary()).get("/DisplayDocTitle")
    with pdf.open_metadata() as about:
        return bool(about.get("dc:title")) and bool(shown)


def _marked(pdf: Pdf) -> bool:
    about = pdf.Root.get("/MarkInfo", Dictionary())
    return bool(about.get("/Marked")) and not about.get("/Suspects")


def _real_or_artifact(pdf: Pdf) -> bool:
    """All that is painted is marked, as content or as an artifact, and neither stands inside the other."""
    return all(_well_marked(page, _numbered(pdf, page)) for page in pdf.pages)


def _well_marked(page: pikepdf.Page, known: set[int]) -> bool:
    inside: list[str] = []
    for instruction in pikepdf.parse_content_stream(page):
        operator, operands = str(instruction.operator), list(instruction.operands)
        if operator in {"BMC", "BDC"}:
            number = operands[1].get("/MCID") if operator == "BDC" and isinstance(operands[1], Dictionary) else None
            kind = "artifact" if operands[0] == Name.Artifact else "content" if number is not None else "neither"
            if {kind, *inside} >= {"artifact", "content"} or (number is not None and int(number) not in known):
                return False
            inside.append(kind)
        elif operator == "EMC":
            inside.pop()
        elif _PAINTS.fullmatch(operator) and not {"artifact", "content"} & set(inside):
            return False
    return True


def _numbered(pdf: Pdf, page: pikepdf.Page) -> set[int]:
    """Which marked content of a page the structure tree knows."""
    tree = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
    parents = tree.get(int(page.obj.get("/StructParents", -1)))
    return set() if parents is None else {number for number, one in enumerate(parents) if isinstance(one, Dictionary)}


def _roles(pdf: Pdf) -> bool:
    found = [(role, inside) for role, _, inside in elements(pdf)]
    return bool(found) and all(
        _STANDARD.fullmatch(role) and (role not in _INSIDE or inside in _INSIDE[role]) for role, inside in found
    )


def _headings(pdf: Pdf) -> bool:
    """From the first on, and none left out on the way down."""
    levels = [int(role[2:]) for role, _, _ in elements(pdf) if re.fullmatch("/H[1-6]", role)]
    return levels[:1] == [1] and all(after <= before + 1 for before, after in pairwise(levels))


def _told_in_words(pdf: Pdf) -> bool:
    pictures = [one for role, one, _ in elements(pdf) if role in {"/Figure", "/Formula"}]
    return all("/Alt" in one or "/ActualText" in one for one in pictures)


def _tables(pdf: Pdf) -> bool:
    """Each heading says what it is over, and each row is as wide as the others."""
    wide: list[list[int]] = []
    for role, one, _ in elements(pdf):
        if role == "/Table":
            wide.append([])
        elif role == "/TR":
            wide[-1].append(0)
        elif role in {"/TH", "/TD"}:
            attributes = _attributes(one)
            wide[-1][-1] += int(attributes.get("/ColSpan", 1))
            if role == "/TH" and str(attributes.get("/Scope")) not in {"/Row", "/Column", "/Both"}:
                return False
    return all(len(set(rows)) == 1 for rows in wide)


def _attributes(element: Dictionary) -> dict[str, Any]:
    given = element.get("/A", Array())
    several = list(given) if isinstance(given, Array) else [given]
    return {key: value for one in several for key, value in one.items()}


def _ordered(pdf: Pdf) -> bool:
    return all("/Annots" not in page or page.obj.get("/Tabs") == Name.S for page in pdf.pages)


def _fonts(pdf: Pdf) -> list[Dictionary]:
    return [one for one in pdf.objects if isinstance(one, Dictionary) and one.get("/Type") == Name.Font]


def _embedded(pdf: Pdf) -> bool:
    described = [one.get("/FontDescriptor") for one in _fonts(pdf) if one.get("/Subtype") != Name.Type0]
    return all(one is not None and {"/FontFile", "/FontFile2", "/FontFile3"} & set(one.keys()) for one in described)


def _readable(pdf: Pdf) -> bool:
    return all(isinstance(one.get("/ToUnicode"), Stream) for one in _fonts(pdf) if not _is_descendant(one))


def _is_descendant(font: Dictionary) -> bool:
    return font.get("/Subtype") in {Name.CIDFontType0, Name.CIDFontType2}


def _glyphs(pdf: Pdf) -> bool:
    return all("/CIDToGIDMap" in one for one in _fonts(pdf) if one.get("/Subtype") == Name.CIDFontType2)


def _shown(pdf: Pdf) -> bool:
    """No character is shown as the box that stands for none (glyph 0)."""
    for page in pdf.pages:
        for instruction in pikepdf.parse_content_stream(page, "Tj TJ"):
            pieces = instruction.operands[0]
            for piece in pieces if isinstance(pieces, Array) else [pieces]:
                codes = bytes(piece) if isinstance(piece, pikepdf.String) else b""
                if any(codes[at : at + 2] == b"\0\0" for at in range(0, len(codes), 2)):
                    return False
    return True


def _profiled(pdf: Pdf) -> bool:
    intents = list(pdf.Root.get("/OutputIntents", Array()))
    return len(intents) == 1 and intents[0].S == "/GTS_PDFA1" and intents[0].DestOutputProfile.N == 3


def _colours(pdf: Pdf) -> bool:
    """Of a device's colours only what the profile covers."""
    spaces = [str(space) for page in pdf.pages for space in page.obj.Resources.get("/ColorSpace", {}).values()]
    painted = (pikepdf.parse_content_stream(page, "k K") for page in pdf.pages)
    return not any("DeviceCMYK" in space for space in spaces) and not any(painted)


def _self_contained(pdf: Pdf) -> bool:
    streams = [one for one in pdf.objects if isinstance(one, Stream)]
    filters = {str(name) for one in streams for name in _listed(one.get("/Filter"))}
    return not any("/F" in one for one in streams) and not filters & {"/LZWDecode", "/Crypt"}


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, Array) else [value]


def _still(pdf: Pdf) -> bool:
    names = pdf.Root.get("/Names", Dictionary())
    return not _RUNS & set(pdf.Root.keys()) and not {"/JavaScript", "/EmbeddedFiles"} & set(names.keys())


def _described(pdf: Pdf) -> bool:
    """The one property that PDF/A does not know itself is told of in the file."""
    metadata = pdf.Root.Metadata
    return "/Filter" not in metadata and _OWN_SCHEMAS.search(metadata.read_bytes()) is not None


_ACCESSIBLE: Final[dict[str, Demand]] = {
    "ua 5: it says that it is PDF/UA-1": _claims("pdfuaid:part", "1"),
    "ua 6.2: it is tagged": _marked,
    "ua 7.1: it has a title, which readers show": _titled,
    "ua 7.1: what is painted is content or an artifact": _real_or_artifact,
    "ua 7.1: roles are standard ones, and stand where they may": _roles,
    "ua 7.2: it names its language": lambda pdf: bool(_LANGUAGE.fullmatch(str(pdf.Root.get("/Lang", "")))),
    "ua 7.3: pictures are told in words": _told_in_words,
    "ua 7.4.2: headings begin with the first and leave out none": _headings,
    "ua 7.5: tables are regular, and their headings say what they are over": _tables,
    "ua 7.18.3: annotations are come to in the order of reading": _ordered,
    "ua 7.21.3.2: characters are mapped to glyphs": _glyphs,
    "ua 7.21.4.1: fonts are embedded": _embedded,
    "ua 7.21.7: what is shown can be read as text": _readable,
    "ua 7.21.8: no character is shown as a box": _shown,
}
_ARCHIVABLE: Final[dict[str, Demand]] = {
    "a 6.1.3: it has an id, and is not encrypted": lambda pdf: "/ID" in pdf.trailer and not pdf.is_encrypted,
    "a 6.1.7: all of it is in the file, in filters that last": _self_contained,
    "a 6.2.3: there is one profile of its colours": _profiled,
    "a 6.2.4: its colours are the profile's": _colours,
    "a 6.5: nothing in it runs, and no file is attached": _still,
    "a 6.6.2: what it says of itself is described": _described,
    "a 6.6.4: it says that it is PDF/A-2": _claims("pdfaid:part", "2"),
    "a 6.6.4: it says that it is of level A": _claims("pdfaid:conformance", "A"),
}
