"""Organisation numbers carry a check digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_service.identity.organisation_numbers import is_organisation_number


@pytest.mark.parametrize("number", ["123456785", "991825827", "889640782", "984661185", "922020175", "313876144"])
def test_known_numbers_hold(number: str) -> None:
    """The textbook's, real ones, and one of the test register's."""
    assert is_organisation_number(number)


@pytest.mark.parametrize(
    "text", ["", "12345678", "1234567850", "12345678O", " 123456785", "123456785\n", "000000000", "١٢٣٤٥٦٧٨٥"]
)
def test_other_texts_do_not(text: str) -> None:
    """Nine ASCII digits, and nothing about them."""
    assert not is_organisation_number(text)


@given(st.integers(10_000_000, 99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(eight: int, place: int, difference: int) -> None:
    """No number stays valid when one digit is another one."""
    body = f"{eight:08d}"
    for number in (body + check for check in "0123456789" if is_organisation_number(body + check)):
        digits = list(number)
        digits[place] = str((int(digits[place]) + difference) % 10)
        assert not is_organisation_number("".join(digits))
