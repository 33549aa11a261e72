"""What a name may be: one line that prints as it is stored, whatever the alphabet."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_name(text: str) -> str:
    """``text`` in NFC with single spaces. Raises ValueError for nothing, or for characters that can't be seen."""
    name = " ".join(piece for piece in unicodedata.normalize("NFC", text).split(" ") if piece)
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        raise ValueError("a name is one line of letters")
    if not name or name.isspace():
        raise ValueError("a name has at least one letter")
    return name


_AtMost200 = Field(min_length=1, max_length=200)
PersonName = Annotated[str, _AtMost200, AfterValidator(clean_name), _AtMost200]
"""A name as the doors take it."""
