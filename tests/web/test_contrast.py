"""The palette can be read: WCAG 2.2, 1.4.3 (text, 4.5:1) and 1.4.11 (what has to be seen, 3:1)."""

import re
from pathlib import Path

import pytest

from consent_service.web import assets

STYLE = (Path(assets.__file__).parent / "static" / "style.css").read_text()
COLOURS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", STYLE))

TEXT = [
    *((text, ground) for text in ("ink", "quiet") for ground in ("paper", "surface", "mist")),
    *(("ink", ground) for ground in ("moss-mist", "rust-mist", "sun-mist")),
    *(("fjord", ground) for ground in ("paper", "surface", "mist", "sun-mist", "moss-mist")),
    *(("fjord-deep", ground) for ground in ("surface", "mist", "on-dark")),
    *(("on-dark", ground) for ground in ("fjord", "fjord-deep", "rust", "ink", "moss")),
    ("mist", "fjord-deep"),
    ("moss", "moss-mist"),
    ("rust", "rust-mist"),
    ("rust", "surface"),
    ("rust", "paper"),
    ("sun", "sun-mist"),
]
SEEN = [
    ("focus", "paper"),
    ("focus", "surface"),
    ("focus", "mist"),
    ("focus", "sun-mist"),
    ("on-dark", "fjord-deep"),
    ("edge", "surface"),
    ("edge", "paper"),
    ("moss", "surface"),
    ("rust", "surface"),
    ("fjord", "surface"),
]


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours of the palette."""
    lighter, darker = sorted((luminance(COLOURS[one]), luminance(COLOURS[other])), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21() -> None:
    """The formula is WCAG's."""
    assert round((luminance("#ffffff") + 0.05) / (luminance("#000000") + 0.05), 2) == 21


@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read(text: str, ground: str) -> None:
    """Every pair of text and ground in the style sheet has 4.5:1."""
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize(("shape", "ground"), SEEN)
def test_what_has_to_be_seen_can_be(shape: str, ground: str) -> None:
    """Focus rings, borders of fields and the picture's lines have 3:1."""
    assert contrast(shape, ground) >= 3


def test_every_colour_is_in_the_palette() -> None:
    """Colours stand in the palette alone, where the pairs above are made of them."""
    after = STYLE[STYLE.index("}") :]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", after) == []
