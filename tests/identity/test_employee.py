"""Who acts at the unit is said in one form, and never by an identity number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.audit.vocabulary import check
from consent_service.errors import ActingEmployeeRequired
from consent_service.identity.employee import acting_employee


@pytest.mark.parametrize(
    "values",
    [
        ['id="A123456", office="0501"'],
        ['office="0501",id="A123456"'],
        ['id="A123456"', 'office="0501"'],
        ['  id="A123456"\t,\toffice="0501" '],
    ],
)
def test_employee_and_office_are_read(values: list[str]) -> None:
    """Either order, one field or two, with the spaces that RFC 8941 allows."""
    employee = acting_employee(values)
    assert (employee.id, employee.office, employee.machine) == ("A123456", "0501", False)
    assert "A123456" not in repr(employee)


def test_a_machine_says_so() -> None:
    """One id stands for a system that acts by itself."""
    assert acting_employee(['id="system", office="NAV Trondheim 1"']).machine


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ['id="A123456"'],
        ['office="0501"'],
        ['id="A123456", id="B123456"'],
        ['id="A123456", office="0501", unit="x"'],
        ['id="A123456", office="0501", office="0502"'],
        ['id="A123456"; office="0501"'],
        ['id="A123456";a=1, office="0501"'],
        ["id=A123456, office=0501"],
        ["id='A123456', office='0501'"],
        ['ID="A123456", office="0501"'],
        ['id ="A123456", office="0501"'],
        ['id="", office="0501"'],
        ['id="A123456", office=""'],
        ['id="A 123456", office="0501"'],
        ['id="A123456\\"", office="0501"'],
        ['id="A123456", office=" 0501"'],
        ['id="A123456", office="05|01"'],
        ['id="A123456", office="05=01"'],
        ['id="Å123456", office="0501"'],
        ['id="A123456\n", office="0501"'],
        ['id="A123456", office="0501"\n'],
        [f'id="{"a" * 65}", office="0501"'],
        [f'id="a", office="{"0" * 65}"'],
        [f'id="a", {" " * 600} office="0501"'],
        ['id="21879498012", office="0501"'],
        ['id="A123456", office="21879498012"'],
        ['id="A123456", office="218794 98012"'],
        ['id="A123456", office="2187 9498 012"'],
        ['id="A123456", office="Nav 21/87/94-98012"'],
        ['id="21.87.94.98012", office="0501"'],
        ['id="A21879498012", office="0501"'],
        ['id="218794-98012", office="0501"'],
        ['id="A123456", office="218794-98012"'],
        ['id="A123456", office="NAV 218794 98012 X"'],
    ],
)
def test_anything_else_is_refused(values: list[str]) -> None:
    """Absent, incomplete, doubled, unquoted, unbounded, or an identity number: refused before any look-up."""
    with pytest.raises(ActingEmployeeRequired):
        acting_employee(values)


@given(st.lists(st.text(max_size=80), max_size=3))
def test_any_fields_are_read_or_refused(values: list[str]) -> None:
    """Nothing that a caller can send makes the reader fail otherwise."""
    try:
        acting_employee(values)
    except ActingEmployeeRequired:
        return


_NEARLY_NUMBERS = st.from_regex(r"[A-Za-z._@-]{0,3}[0-9]{5,7}[ -]?[0-9]{4,6}[A-Za-z._@-]{0,3}", fullmatch=True)


@given(_NEARLY_NUMBERS | st.text(max_size=20), _NEARLY_NUMBERS | st.text(max_size=20))
def test_whoever_passes_can_be_logged(employee_id: str, office: str) -> None:
    """What the door lets by, the log holds: both have the same rule for what looks like an identity number."""
    try:
        said = acting_employee([f'id="{employee_id}", office="{office}"'])
    except ActingEmployeeRequired:
        return
    check("release.refused", (), "not_granted", {"employee": said.id, "office": said.office})
