"""Pick-up codes: what a career centre reads out, or shows as a QR code, and a candidate types.

::

    L L L L - S S S S - S S S S - S S S C        16 characters of Crockford's base 32

    L  locator  4 characters, finds the draft; not a secret
    S  secret  11 characters, 55 bits from the operating system; half of the draft's key
    C  check    1 character, catches every single mistyped character and every swap of two

The check is a code word over GF(32), so it needs no characters beyond the alphabet, as Crockford's own would. The
service keeps the locator and never the secret: a lost code can't be read out again, by anyone.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
_LOCATOR = 4
_SECRET = 11
_GROUP = 4
_FIELD = 0b100101  # x^5 + x^2 + 1, primitive over GF(2)


@dataclass(frozen=True, slots=True)
class PickupCode:
    """A code whose check character fits. Whether it opens anything is another question."""

    locator: str
    secret: str = field(repr=False)

    def shown(self) -> str:
        """The code as people read it: ``XXXX-XXXX-XXXX-XXXX``."""
        body = self.locator + self.secret
        code = body + ALPHABET[_check(body)]
        return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))

    def claim_url(self, page: str) -> str:
        """The text of the QR code: ``page`` with the code in its fragment, which no server ever gets to log."""
        return f"{page}#{self.shown()}"


def new_code(character: Callable[[str], str] = secrets.choice) -> PickupCode:
    """A fresh code; ``character`` picks one of an alphabet, by default from the operating system's randomness."""
    locator, secret = ("".join(character(ALPHABET) for _ in range(length)) for length in (_LOCATOR, _SECRET))
    return PickupCode(locator, secret)


def parse(text: str) -> PickupCode | None:
    """The code in ``text``, or None if it is mistyped.

    Forgives lower case, O for 0, I and L for 1, and spaces and hyphens anywhere.
    """
    typed = text.upper().translate(_LOOK_ALIKES)
    body, check = typed[:-1], typed[-1:]
    if len(typed) != _LOCATOR + _SECRET + 1 or not _VALUES.keys() >= set(typed) or ALPHABET[_check(body)] != check:
        return None
    return PickupCode(body[:_LOCATOR], body[_LOCATOR:])


def _check(body: str) -> int:
    """The value that makes the whole code a root of x: distinct powers of x weigh each of up to 31 characters."""
    value = 0
    for character in body:
        value = _times_x(value ^ _VALUES[character])
    return value


def _times_x(value: int) -> int:
    doubled = value << 1
    return doubled ^ _FIELD if doubled > 31 else doubled
