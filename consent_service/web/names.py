"""A name as the forms take it."""

from typing import Final

from pydantic import TypeAdapter

from consent_service.persons.names import PersonName

NAME: Final[TypeAdapter[str]] = TypeAdapter(PersonName)
