"""Norwegian organisation numbers: nine digits, the last a check digit modulo 11 (Brønnøysundregistrene)."""

import re

_NINE_DIGITS = re.compile(r"[1-9][0-9]{8}")
_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)


def is_organisation_number(text: str) -> bool:
    """Whether ``text`` is nine ASCII digits of which the last fits the others.

    Real numbers start with 8 or 9, those of test registers with others; none with 0.
    """
    if not _NINE_DIGITS.fullmatch(text):
        return False
    weighed = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text[:8], strict=True))
    return (weighed + int(text[8])) % 11 == 0
