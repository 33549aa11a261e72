"""National identity numbers: which texts are one, and which of them an environment may hold.

A number stays a text of eleven digits (leading zeros count) and is read for its form only: neither age nor sex
is taken from it, since the numbers issued from 2032 carry neither (Skatteetaten, "Nytt fødselsnummer fra 2032").
The rule kept here: production never takes a synthetic number, and nothing else ever takes a real one.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

_ELEVEN_DIGITS = re.compile(r"[0-9]{11}")  # \d would also admit the digits of other scripts
_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_OLD_REMAINDERS = frozenset({0})
_NEW_REMAINDERS = frozenset({0, 1, 2, 3})
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

NEW_STYLE_FROM = date(2032, 1, 1)
"""The day from which numbers with the remainders 1 to 3 are issued."""


class Kind(StrEnum):
    """What the marks on day and month say; named as navikt/fnrvalidator names them."""

    FNR = "fnr"
    DNR = "dnr"
    HNR = "hnr"
    TNR = "tnr"
    NHN = "nhn"
    DNR_AND_HNR = "dnr-and-hnr"
    DNR_AND_TNR = "dnr-and-tnr"
    DNR_AND_NHN = "dnr-and-nhn"


_D_MARK = 40
# Added to the month: NAV's older test persons and hospitals' H-numbers, Norsk helsenett's test persons, Tenor.
_MONTH_MARKS = ((80, Kind.TNR, Kind.DNR_AND_TNR), (65, Kind.NHN, Kind.DNR_AND_NHN), (40, Kind.HNR, Kind.DNR_AND_HNR))


@dataclass(frozen=True, slots=True)
class NationalId:
    """A well-formed identity number. ``digits`` is kept out of the repr, and so out of logs and tracebacks."""

    digits: str = field(repr=False)
    kind: Kind

    @property
    def synthetic(self) -> bool:
        """Whether the month is marked, as no number of a living person is."""
        return self.kind not in {Kind.FNR, Kind.DNR}

    @property
    def is_d_number(self) -> bool:
        """Whether it is for a while: who stays gets a fødselsnummer in its place."""
        return begins(self.digits)[0] == "d_number"


def begins(digits: str) -> tuple[Literal["d_number", "fodselsnummer"], str]:
    """What kind of number it is, as a person would call it, and the six digits that she knows it again by."""
    return "d_number" if int(digits[:2]) > _D_MARK else "fodselsnummer", digits[:6]


class Fault(StrEnum):
    """Why a text is not admitted. Holds nothing of the text."""

    NOT_ELEVEN_DIGITS = "It must consist of 11 digits."
    CONTROL_DIGITS = "Its control digits do not match: look for a mistyped digit."
    DATE = "It does not begin with a date."
    SYNTHETIC = "It is a test person's number, which this service does not take."
    NOT_SYNTHETIC = "It is not a test person's number, and no other may be used here."


@dataclass(frozen=True, slots=True)
class NumberRule:
    """Which numbers an environment takes: ``synthetic`` ones only (outside production), or never (production).

    ``new_style_from`` is the day from which the remainders of the 2032 numbers are admitted. Admitting them
    lets four times as many mistyped numbers through, hence not before they exist; no setting moves the day, but a rule
    made for a test may name an earlier one.
    """

    synthetic: bool
    new_style_from: date = NEW_STYLE_FROM

    def admit(self, text: str, *, on: date) -> NationalId | Fault:
        """``text`` as an identity number on the day ``on``, or why it is not taken here."""
        number = parse(text, new_style=on >= self.new_style_from)
        if isinstance(number, NationalId) and number.synthetic is not self.synthetic:
            return Fault.SYNTHETIC if number.synthetic else Fault.NOT_SYNTHETIC
        return number


def parse(text: str, *, new_style: bool) -> NationalId | Fault:
    """``text`` as an identity number of any environment. ``new_style`` admits the first remainders 1 to 3 too."""
    if not _ELEVEN_DIGITS.fullmatch(text):
        return Fault.NOT_ELEVEN_DIGITS
    digits = [int(digit) for digit in text]
    remainders = _NEW_REMAINDERS if new_style else _OLD_REMAINDERS
    if _weighed(_FIRST_WEIGHTS, digits[:10]) not in remainders or _weighed(_SECOND_WEIGHTS, digits) != 0:
        return Fault.CONTROL_DIGITS
    day, month, kind = _unmarked(int(text[:2]), int(text[2:4]))
    if not _is_date(day, month, int(text[4:6])):
        return Fault.DATE
    return NationalId(text, kind)


def complete(nine: str, *, remainder: int = 0) -> str | None:
    """``nine`` digits with their two control digits, or None where one would be 10 and the number isn't issued.

    ``remainder`` is 0 for today's numbers and 0 to 3 for those from 2032. For test persons and tests.
    """
    digits = [int(digit) for digit in nine]
    for weights, wanted in ((_FIRST_WEIGHTS, remainder), (_SECOND_WEIGHTS, 0)):
        control = (wanted - _weighed(weights, [*digits, 0])) % 11
        if control == 10:
            return None
        digits.append(control)
    return "".join(map(str, digits))


def _weighed(weights: tuple[int, ...], digits: list[int]) -> int:
    """The remainder modulo 11 of the weighed digits and the control digit after them, which weighs 1."""
    return sum(weight * digit for weight, digit in zip((*weights, 1), digits, strict=True)) % 11


def _unmarked(day: int, month: int) -> tuple[int, int, Kind]:
    """Day and month without their marks, and the kind that the marks say."""
    d_number = day > _D_MARK
    day -= _D_MARK if d_number else 0
    for mark, alone, with_d in _MONTH_MARKS:
        if month > mark:
            return day, month - mark, with_d if d_number else alone
    return day, month, Kind.DNR if d_number else Kind.FNR


def _is_date(day: int, month: int, year: int) -> bool:
    """Whether the day exists, with ``year`` (two digits) read as 20yy: new numbers do not tell the century."""
    if not 1 <= month <= 12:
        return False
    last = 28 if month == 2 and year % 4 else _DAYS[month - 1]
    return 1 <= day <= last
