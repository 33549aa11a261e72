"""What a unit's fields may be. What an operator typed is refused by the field's name, and never repeated."""

import re
from typing import Final

from consent_service.errors import Violation
from consent_service.identity.organisation_numbers import is_organisation_number

_NAME: Final = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}(?<!\s)")
_UNIT_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_EMAIL: Final = re.compile(r"[\x21-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9.-]{1,190}")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ]{1,30}")

_WANTED: Final = {
    "organisation_number": "It is nine digits, of which the last is a check digit.",
    "unit_code": "It is 1 to 32 letters, digits, dots, hyphens or underscores.",
    "name": "It is 1 to 200 characters without control characters or outer space.",
    "region": "It is 1 to 200 characters without control characters or outer space.",
    "privacy_email": "It is an e-mail address.",
    "privacy_phone": "It is a telephone number of digits and spaces, with + before a country code.",
}


def wrong_fields(
    *,
    organisation_number: str,
    unit_code: str,
    name: str,
    region: str,
    privacy_email: str | None,
    privacy_phone: str | None,
) -> tuple[Violation, ...]:
    """Each field that can't be a unit's, with what it has to be."""
    holds = {
        "organisation_number": is_organisation_number(organisation_number),
        "unit_code": _UNIT_CODE.fullmatch(unit_code),
        "name": _NAME.fullmatch(name),
        "region": _NAME.fullmatch(region),
        "privacy_email": privacy_email is None or _EMAIL.fullmatch(privacy_email),
        "privacy_phone": privacy_phone is None or _PHONE.fullmatch(privacy_phone),
    }
    return tuple(Violation(f"/{field}", _WANTED[field]) for field, fits in holds.items() if not fits)
