import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from consent_service.persons.names import PersonName

NAMES: TypeAdapter[str] = TypeAdapter(PersonName)


@pytest.mark.parametrize("name", ["Åse Ødegård-Hansen", "Nguyễn Văn A", "O'Brien", "محمد علي", "Mære"])
def test_names_of_any_alphabet_are_taken(name: str) -> None:
    """A name is taken as its bearer writes it."""
    assert NAMES.validate_python(name) == name


def test_space_around_and_between_is_tidied() -> None:
    """Spaces are single and inside only, and letters are composed."""
    assert NAMES.validate_python("  A\u030ase   Berg ") == "Åse Berg"


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\tb", "a\x00", "a\u202eb", "a\u200bb", "\u2028", "x" * 201])
def test_what_can_not_be_seen_is_no_name(name: str) -> None:
    """Nothing, more than one line, invisible or reordering characters, and more than 200 are refused."""
    with pytest.raises(ValidationError):
        NAMES.validate_python(name)


@given(name=st.text(max_size=50))
def test_a_tidy_name_stays_as_it_is(name: str) -> None:
    """Tidying twice is tidying once."""
    try:
        tidy = NAMES.validate_python(name)
    except ValidationError:
        return
    assert NAMES.validate_python(tidy) == tidy
