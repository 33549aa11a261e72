"""What ids, dates and cursors look like on the wire. An id that can't be one is simply not available."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from consent_service.errors import Malformed, NotAvailable, PreconditionFailed, PreconditionRequired

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_VERSION = re.compile(r'"([1-9][0-9]{0,8})"')


class Closed(BaseModel):
    """A body: an unknown field is an error, a wrong type is not converted, and errors don't repeat what was sent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


def is_id(text: str) -> bool:
    """Whether ``text`` can be an id at all."""
    return _UUID.fullmatch(text) is not None


def path_id(text: str) -> str:
    """An id in an address. Raises NotAvailable, not a 422: a malformed one must look as an unknown one does."""
    if not is_id(text):
        raise NotAvailable
    return text


def _calendar_day(value: Any) -> Any:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date such as 2027-02-01")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no day of the calendar") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError("is too far away")
    return day


PathId = Annotated[str, Path(description="A random id (UUID)."), AfterValidator(path_id)]
Id = Annotated[str, Field(pattern=f"^{_UUID.pattern}$", json_schema_extra={"format": "uuid"})]
Day = Annotated[date, BeforeValidator(_calendar_day, json_schema_input_type=str)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

Cursor = Annotated[str, Query(pattern="^[A-Za-z0-9-]{0,64}$", description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many items at most.")]


def expected_version(values: list[str]) -> int:
    """The version in the call's ``If-Match`` fields. Raises PreconditionRequired, Malformed, PreconditionFailed."""
    if not values:
        raise PreconditionRequired
    if len(values) > 1:
        raise Malformed("Send If-Match once.")
    match = _VERSION.fullmatch(values[0].strip())
    if match is None:
        raise PreconditionFailed  # RFC 9110, 13.1.1: a tag that we never gave matches nothing
    return int(match[1])


def etag(version: int) -> dict[str, str]:
    """The header field that names a version."""
    return {"ETag": f'"{version}"'}
