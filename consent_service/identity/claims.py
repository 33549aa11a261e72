"""Claims read by type and shape, never converted: a text is a text, a time is a whole number of seconds.

Every reader raises Refused with fixed words. What passes is printable ASCII or digits, so that nothing a token
says can upset a log line, a header or a database later.
"""

import re
from collections.abc import Mapping
from typing import Any

from consent_service.clock import HOUR, SECOND
from consent_service.identity.organisation_numbers import is_organisation_number

Claims = Mapping[str, Any]

_TEXT = re.compile(r"[\x21-\x7e]{1,255}")
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")  # RFC 6749, section 3.3
_ELEVEN_DIGITS = re.compile(r"[0-9]{11}")
_ORGANISATION = re.compile(r"0192:([0-9]{9})")
_LONGEST_LIFE = 24 * HOUR  # the issuers' longest is two hours
_LAST_SECOND = 253_402_300_799  # the end of the year 9999


class Refused(Exception):
    """The token is not accepted. The reason is for the log: fixed words, nothing of the token."""


class LevelTooLow(Refused):
    """The person showed herself, but not well enough."""


class Represented(Refused):
    """The person acts for somebody else, or somebody else for her."""


def is_text(value: object) -> bool:
    """Whether ``value`` could be such a claim: 1 to 255 printable ASCII characters without space."""
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def text(claims: Claims, name: str) -> str:
    """The claim ``name``, which ``is_text``."""
    value = claims.get(name)
    if not isinstance(value, str) or not is_text(value):
        raise Refused(name)
    return value


def text_or_none(claims: Claims, name: str) -> str | None:
    """As ``text``, or None when the claim is absent. Null is not absence."""
    return text(claims, name) if name in claims else None


def scopes(claims: Claims) -> frozenset[str]:
    """The elements of ``scope``, separated by single spaces."""
    value = claims.get("scope")
    if not isinstance(value, str) or not _SCOPES.fullmatch(value):
        raise Refused("scope")
    return frozenset(value.split(" "))


def audience(claims: Claims) -> frozenset[str]:
    """The audiences of ``aud`` (a text or a list of texts); empty when the claim is absent."""
    if "aud" not in claims:
        return frozenset()
    value = claims["aud"]
    audiences = [value] if isinstance(value, str) else value
    if not isinstance(audiences, list) or not audiences or not all(isinstance(one, str) for one in audiences):
        raise Refused("aud")
    return frozenset(audiences)


def check_audience(audience: str) -> None:
    """Raises ValueError for an ``audience`` that can't be ours, since everybody's tokens carry it."""
    if audience in {"", "unspecified"}:
        raise ValueError("an audience of our own is needed")


def refuse(claims: Claims, *names: str) -> None:
    """Raises Refused if one of these claims is there: it makes the token one of another kind."""
    for name in names:
        if name in claims:
            raise Refused(f"{name} is present")


def identity_number(claims: Claims, name: str = "pid") -> str:
    """The claim ``name``: eleven ASCII digits. Whether they are a number that we take is for ``persons`` to say."""
    value = claims.get(name)
    if not isinstance(value, str) or not _ELEVEN_DIGITS.fullmatch(value):
        raise Refused(name)
    return value


def organisation(claims: Claims, name: str) -> str:
    """The organisation number in ``consumer`` or ``supplier``: ISO 6523, ``0192:`` and nine digits.

    Other prefixes and further elements may come one day; until we know what they mean, they are nobody.
    """
    value = claims.get(name)
    if not isinstance(value, dict) or value.get("authority") != "iso6523-actorid-upis":
        raise Refused(name)
    identifier = value.get("ID")
    match = _ORGANISATION.fullmatch(identifier) if isinstance(identifier, str) else None
    if match is None or not is_organisation_number(match[1]):
        raise Refused(name)
    return match[1]


def expiry(claims: Claims, *, now: int, leeway: int) -> int:
    """The instant at which the token ends, when it is in force at ``now``.

    All in microseconds. ``exp`` and ``iat`` are demanded, ``nbf`` is heeded when present; ``leeway`` is for the
    difference of the two clocks; a token that claims to live for more than a day is nobody's work but a forger's.
    """
    expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
    begins = _seconds(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + leeway:
        raise Refused("expired")
    if max(issued, begins) > now + leeway:
        raise Refused("not yet valid")
    if begins >= expires or not 0 < expires - issued <= _LONGEST_LIFE:
        raise Refused("lifetime")
    return expires


def instant_or_none(claims: Claims, name: str) -> int | None:
    """The claim ``name``, whole seconds, as an instant; None when it is absent."""
    return _seconds(claims, name) if name in claims else None


def _seconds(claims: Claims, name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LAST_SECOND:  # bool is an int to isinstance
        raise Refused(name)
    return value * SECOND
