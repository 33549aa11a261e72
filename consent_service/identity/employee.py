"""Who acts at the unit, as the unit says: ``Acting-Employee: id="A123456", office="0501"``.

A dictionary of two strings (RFC 8941). The unit asserts it and answers for it; it is not verified here, and is
shown to the candidate as such.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from consent_service.errors import ActingEmployeeRequired
from consent_service.identity_numbers import looks_like_one

SYSTEM = "system"
"""The id that stands for a machine acting by itself."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_OFFICE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/-]{0,62}[A-Za-z0-9])?")
_MEMBER = r'[ \t]*(id|office)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"[ \t]*'
_TWO_MEMBERS = re.compile(rf"{_MEMBER},{_MEMBER}")


@dataclass(frozen=True, slots=True)
class ActingEmployee:
    """Employee and office as the unit names them; for the log's sealed detail alone."""

    id: str = field(repr=False)
    office: str

    @property
    def machine(self) -> bool:
        """Whether no person acted."""
        return self.id == SYSTEM


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts in a unit's call: its employee, as the unit says, and as Maskinporten says the ``supplier``.

    That is the organisation number of who calls on the unit's behalf, if somebody does.
    """

    employee: ActingEmployee
    supplier: str | None = None

    def detail(self) -> dict[str, str]:
        """What the log's sealed detail says of it, wherever the act is written down."""
        said = {"employee": self.employee.id, "office": self.employee.office}
        return said if self.supplier is None else {**said, "supplier": self.supplier}


def acting_employee(values: Sequence[str]) -> ActingEmployee:
    """The value of the call's ``Acting-Employee`` fields. Raises ActingEmployeeRequired if absent or malformed.

    Neither is ever an identity number: one that looks like it, alone or among letters, is refused here, as the log
    would refuse it later.
    """
    match = _TWO_MEMBERS.fullmatch(", ".join(values)) if sum(map(len, values)) <= 512 else None
    if match is None or match[1] == match[3]:
        raise ActingEmployeeRequired
    said = {match[1]: match[2], match[3]: match[4]}
    employee = ActingEmployee(id=said["id"], office=said["office"])
    if not _ID.fullmatch(employee.id) or not _OFFICE.fullmatch(employee.office):
        raise ActingEmployeeRequired
    if any(looks_like_one(value) for value in said.values()):
        raise ActingEmployeeRequired
    return employee
