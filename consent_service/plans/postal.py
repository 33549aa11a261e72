"""The address that fagopplæring gives with a plan, for a letter on paper.

The rule: it is given, never looked up, and never a protected one (fortrolig or strengt fortrolig adresse): who gives it
says that it is not, and otherwise leaves it out. Its characters are those that can be printed in an envelope's window.
"""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from consent_service.consents.purposes import Purpose
from consent_service.errors import Invalid, Violation
from consent_service.mailbox.port import PostalAddress
from consent_service.plans.shapes import Closed

_PRINTED: Final = re.compile("[LMNPS]|Zs")


def _printable(text: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if not text or not all(_PRINTED.match(unicodedata.category(one)) for one in text):
        raise ValueError("it is one line of letters, numbers and punctuation")
    return text


def _at_most(length: int) -> object:
    return Field(min_length=1, max_length=length)


Name = Annotated[str, _at_most(130), AfterValidator(_printable), _at_most(130)]
AddressLine = Annotated[str, _at_most(100), AfterValidator(_printable), _at_most(100)]
City = Annotated[str, _at_most(80), AfterValidator(_printable), _at_most(80)]
PostalCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]


class GivenAddress(Closed):
    """Where the letter goes on paper if the candidate has no digital mailbox: in Norway, with the name on the box.

    ``protected`` must be false: a protected address is never given here.
    """

    name: Name
    lines: Annotated[tuple[AddressLine, ...], Field(min_length=1, max_length=3)]
    postal_code: PostalCode
    city: City
    protected: Annotated[bool, Field(strict=True)]

    @field_validator("protected")
    @classmethod
    def _is_unprotected(cls, protected: bool) -> bool:
        if protected:
            raise ValueError(
                "a protected address is not taken: leave the whole address out, and speak with the candidate"
            )
        return protected

    def address(self) -> PostalAddress:
        """The address alone."""
        return PostalAddress(self.name, self.lines, self.postal_code, self.city)


def check(address: PostalAddress | None, purpose: Purpose, *, printed: bool) -> None:
    """Refuse an address that no letter would ever go to: nobody's is kept for nothing. Raises Invalid.

    ``printed``: letters of the unit that gives it are printed here. ``purpose``: the version that she said yes to.
    """
    if address is None:
        return
    if not printed:
        said = "Your letters are not printed here. Leave the address out."
    elif not purpose.delivers_on_paper:
        said = "What the candidate said yes to says nothing of paper. Leave the address out."
    else:
        return
    raise Invalid(violations=(Violation("/postal_address", said),))
