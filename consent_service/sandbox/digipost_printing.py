"""Letters on paper at the local Digipost: what must be said of one, and what its printers take.

A message that has ``<print-details>`` beside its recipient is printed if the recipient is not a user, and only then.
The demands on a PDF are those of Digipost's page on print: A4, at most version 1.7, without a password, and at most
fourteen pages. That fonts are embedded, and that the barcode has its place in the left margin, is not looked at.
"""

import io
from dataclasses import dataclass, field

import pikepdf
from lxml import etree

from consent_service.sandbox.digipost_refusals import Refused

MOST_PAGES = 14

_A4 = (210, 297)  # millimetres
_POINT = 25.4 / 72


@dataclass(frozen=True)
class Cover:
    """What the cover sheet shows in the envelope's windows, line by line."""

    recipient: tuple[str, ...] = field(repr=False)
    return_address: tuple[str, ...] = field(repr=False)


def cover(details: etree._Element) -> Cover:
    """The cover sheet that ``<print-details>`` orders. Raises Refused."""
    return Cover(
        _lines(details, "recipient", "INVALID_RECIPIENT_PRINT_ADDRESS"),
        _lines(details, "return-address", "INVALID_RETURN_ADDRESS"),
    )


def check_printable(content: bytes) -> None:
    """Refuse a PDF that can't be printed."""
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            sizes = {_size(page) for page in pdf.pages}
            printable = 1 <= len(pdf.pages) <= MOST_PAGES and pdf.pdf_version <= "1.7" and not pdf.is_encrypted
    except pikepdf.PdfError:
        raise Refused(400, "INVALID_PDF_CONTENT", "The document can't be read as a PDF.") from None
    if not printable or not sizes <= {_A4, _A4[::-1]}:
        raise Refused(
            400, "INVALID_PDF_CONTENT", f"What is printed is A4, PDF 1.7 at most, on 1 to {MOST_PAGES} pages."
        )


def _lines(details: etree._Element, name: str, code: str) -> tuple[str, ...]:
    """Name and address. The schema lets through what is empty; the printers do not."""
    whole = details.find(f"{{*}}{name}")
    assert whole is not None
    receiver = (whole.findtext("{*}name") or "").strip()
    norwegian, foreign = whole.find("{*}norwegian-address"), whole.find("{*}foreign-address")
    address = norwegian if norwegian is not None else foreign
    assert address is not None
    told = {etree.QName(line).localname: (line.text or "").strip() for line in address}
    place = " ".join(told.pop(part, "") for part in ("zip-code", "city")).strip()
    lines = tuple(line for line in (*told.values(), place) if line)
    complete = len(lines) > 1 and (norwegian is None or (place[:4].isdigit() and place[4:].strip()))
    if not (receiver and complete):
        raise Refused(400, code, f"The address in {name} is not complete.")
    return receiver, *lines


def _size(page: pikepdf.Page) -> tuple[int, int]:
    left, bottom, right, top = (float(edge) for edge in page.mediabox)
    return round((right - left) * _POINT), round((top - bottom) * _POINT)
