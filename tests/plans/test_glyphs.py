import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.plans.glyphs import UNKNOWN, displayable


@pytest.mark.parametrize(
    "text",
    [
        "Blåbærsyltetøy – «ja», 1/2 & 3 %",
        "Čálliidlágádus ŋ đ ŧ ž",
        "Nguyễn Thị Hồng",
        "Догляд за хворими",
        "رعاية المسنين",
        "→ ✓ ☐ ● ≈ €",
        "linje\nlinje",
    ],
)
def test_what_people_here_write_is_shown_as_it_is(text: str) -> None:
    """Norwegian, Sámi, Vietnamese, Ukrainian, Arabic and the signs of lists lose nothing."""
    assert displayable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb\u2066c\U000e0041d\ufeff", "abcd"),
        ("a\u200bb\u00adc", "abc"),
        ("a\tb", "a b"),
        ("日本", UNKNOWN * 2),
        ("\U0001f9d1\u200d\U0001f373", UNKNOWN + "\u200d" + UNKNOWN),
        ("x" + "\u0335" * 50 + "y", "x" + "\u0335" * 4 + "y"),
        ("\ue000\ufdd0", UNKNOWN * 2),
        ("", ""),
    ],
)
def test_what_deceives_is_dropped_and_what_cannot_be_shown_is_marked(text: str, shown: str) -> None:
    """Invisible characters go, piles of marks are cut, and what no font has is U+FFFD."""
    assert displayable(text) == shown


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_it_settles_at_once(text: str) -> None:
    """What is displayable stays as it is, in the form NFC, and is never longer than it was in that form."""
    once = displayable(text)
    assert displayable(once) == once
    assert len(once) <= len(unicodedata.normalize("NFC", text))
