"""Which characters the shipped fonts can put on paper.

PDF/UA-1 (ISO 14289-1, 7.21.7 and 7.21.8) forbids a glyph that stands for nothing, so typst refuses a whole document
for one character that no font has. The rule this module keeps: a plan never fails for a character. What can't be
shown becomes U+FFFD and is reported; what is invisible and can make text read as something else (bidirectional
overrides, tags) is dropped; marks are not piled higher than writing needs.
"""

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

FONTS: Final = Path(__file__).with_name("fonts")

UNKNOWN: Final = "\ufffd"
_MARKS: Final = 4  # Vietnamese needs 2, Hebrew with points and cantillation 3
# Joiners change which letters are read in Arabic script; the direction marks belong to numbers and punctuation.
_KEPT_FORMAT: Final = frozenset("\u200c\u200d\u200e\u200f")
# In the order in which typst is told to try them.
_FAMILIES: Final = (("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"), ("DejaVuSans.ttf",))


def displayable(text: str) -> str:
    """``text`` with every character that can't be shown replaced by U+FFFD, and nothing invisible that deceives."""
    text = unicodedata.normalize("NFC", text)
    if _plain().issuperset(text):
        return text
    return "".join(_shown(cluster) for cluster in _clusters(text))


def _shown(cluster: str) -> str:
    first, marks = cluster[0], cluster[1 : 1 + _MARKS]
    if first in "\n\t":
        return " " if first == "\t" else first
    if unicodedata.category(first) in {"Cf", "Cc", "Cs"}:
        return first if first in _KEPT_FORMAT and _covered(first) else ""
    for font in _coverage():
        if first in font:
            return first + "".join(mark for mark in marks if mark in font)
    return UNKNOWN


def _covered(character: str) -> bool:
    return any(character in font for font in _coverage())


def _clusters(text: str) -> Iterator[str]:
    """Each character with the marks on it: typst shapes them together, in one font."""
    start = 0
    for position in range(1, len(text)):
        if unicodedata.category(text[position])[0] != "M":
            yield text[start:position]
            start = position
    if text:
        yield text[start:]


@cache
def _plain() -> frozenset[str]:
    """What needs no second look: shown by the first family, and no mark."""
    return frozenset(c for c in _coverage()[0] if unicodedata.category(c)[0] not in "MC") | {"\n"}


@cache
def _coverage() -> tuple[frozenset[str], ...]:
    """Per family, the characters that every weight of it has."""
    return tuple(
        frozenset.intersection(*(_characters((FONTS / name).read_bytes()) for name in family)) for family in _FAMILIES
    )


def _characters(font: bytes) -> frozenset[str]:
    """The characters of a TrueType font: its cmap subtables of format 4 and 12 (OpenType 1.9, cmap)."""
    (count,) = struct.unpack_from(">H", font, 4)
    tables = {
        tag: offset for tag, _, offset, _ in (struct.unpack_from(">4sLLL", font, 12 + 16 * n) for n in range(count))
    }
    cmap = tables[b"cmap"]
    (subtables,) = struct.unpack_from(">H", font, cmap + 2)
    found: set[int] = set()
    for number in range(subtables):
        (offset,) = struct.unpack_from(">L", font, cmap + 4 + 8 * number + 4)
        (form,) = struct.unpack_from(">H", font, cmap + offset)
        if form == 4:
            found.update(_format_4(font, cmap + offset))
        elif form == 12:
            found.update(_format_12(font, cmap + offset))
    return frozenset(map(chr, found - {0xFFFF}))


def _format_4(font: bytes, at: int) -> Iterator[int]:
    segments = struct.unpack_from(">H", font, at + 6)[0] // 2
    shape = f">{segments}H"
    ends = struct.unpack_from(shape, font, at + 14)
    starts = struct.unpack_from(shape, font, at + 16 + 2 * segments)
    deltas = struct.unpack_from(shape, font, at + 16 + 4 * segments)
    ranges_at = at + 16 + 6 * segments
    ranges = struct.unpack_from(shape, font, ranges_at)
    for number, (start, end, delta, shift) in enumerate(zip(starts, ends, deltas, ranges, strict=True)):
        for code in range(start, end + 1):
            glyph = code
            if shift:
                (glyph,) = struct.unpack_from(">H", font, ranges_at + 2 * number + shift + 2 * (code - start))
            if glyph and (glyph + delta) & 0xFFFF:
                yield code


def _format_12(font: bytes, at: int) -> Iterator[int]:
    (groups,) = struct.unpack_from(">L", font, at + 12)
    for number in range(groups):
        start, end, _ = struct.unpack_from(">LLL", font, at + 16 + 12 * number)
        yield from range(start, end + 1)
