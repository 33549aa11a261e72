"""The shapes of what stands in a request or a plan: bounded text, days, codes.

A code is judged by its shape and never by a list: lists change with every school year, and a published code that
we do not know yet is still a code (Udir's Grep, the Vigo code book A03). Text is what people write: no control
characters, no lone surrogates, and bounded in length and lines, so that no plan grows past what can be printed.
"""

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_LINES: Final = 120
_LINE_ENDS: Final = re.compile("\r\n|[\r\u2028\u2029]")
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Embeddings, overrides and isolates: they can show a text in another order than it is stored in (UTS 39, 5.4).
_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Closed(BaseModel):
    """Closed and frozen: an unknown field is an error, and what was accepted never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _clean(text: str) -> str:
    """``text`` in NFC with line feeds alone as line breaks. Raises ValueError for what a reader could not see."""
    text = unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text))
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text if character not in "\n\t"):
        raise ValueError("control characters are not taken")
    if _REORDERING.search(text):
        raise ValueError("characters that change the reading direction are not taken")
    if not text.strip():
        raise ValueError("a text of white space alone says nothing")
    if text.count("\n") >= _LINES:
        raise ValueError(f"no more than {_LINES} lines are taken")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise ValueError("it is one line")
    return text


def _day(value: Any) -> Any:
    """Only ``YYYY-MM-DD``: pydantic alone would also read 86400 as the second of January 1970."""
    if type(value) is date:
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("it is a day, such as 2027-01-31")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("it is a day, such as 2027-01-31") from None


def _at_most(length: int) -> Any:
    return Field(min_length=1, max_length=length)


# Bounded before NFC, so that no work is done on more than is taken, and after it, since it can lengthen a text.
# Running text, with line breaks.
Text = Annotated[str, _at_most(4000), AfterValidator(_clean), _at_most(4000)]
Question = Annotated[str, _at_most(1000), AfterValidator(_clean), _at_most(1000)]
# A name, a title, a place.
Line = Annotated[str, _at_most(200), AfterValidator(_clean), AfterValidator(_one_line), _at_most(200)]
# When, in people's own words: schools count in terms ("spring 2019"), not in days.
Period = Annotated[str, _at_most(60), AfterValidator(_clean), AfterValidator(_one_line), _at_most(60)]

Day = Annotated[date, BeforeValidator(_day)]
Year = Annotated[int, Field(strict=True, ge=1940, le=2100)]
Months = Annotated[int, Field(strict=True, ge=0, le=720)]

QuestionId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ]{2,18}[0-9]$")]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@<>\"]{1,64}@[^\s@<>\"]+\.[^\s@<>\"]{2,}$")]

_AREA = r"[A-ZÆØÅ]{2}[A-ZÆØÅ0-9]{3}[0-9]"
_CURRICULUM = r"[A-ZÆØÅ]{3}[0-9]{1,2}-[0-9]{2}"
# Ten positions: Grep's six, then Vigo's variant, padded with hyphens: HSHEA3----, HSHEA3MV-- (Vigo A03).
ProgrammeArea = Annotated[
    str, StringConstraints(min_length=10, max_length=10, pattern=rf"^{_AREA}[A-ZÆØÅ0-9]{{0,4}}-{{0,4}}$")
]
# HEA03-02 under LK20, HEA3-01 under LK06.
CurriculumCode = Annotated[str, StringConstraints(pattern=rf"^{_CURRICULUM}$")]
# NOR1204; modules and old codes are longer or shorter.
SubjectCode = Annotated[str, StringConstraints(pattern=r"^[A-ZÆØÅ]{2,4}[0-9]{3,5}$")]
# What a person can wish for: an education programme, a programme area (with or without Vigo's variant), a curriculum.
GrepCode = Annotated[
    str,
    StringConstraints(max_length=10, pattern=rf"^([A-ZÆØÅ]{{2}}|{_AREA}([A-ZÆØÅ0-9]{{0,4}}-{{0,4}})|{_CURRICULUM})$"),
]
