"""What a body or a parameter did wrong, said without repeating it.

Rule: nothing that the caller sent comes back. Pydantic's own messages quote characters of the input, so each
kind of error has a sentence of its own here, filled from the rule that was broken (a length, a pattern), never
from the value. A field's name is the caller's text too: it is named only if it looks like a field's name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from consent_service.errors import Violation

_FIELD = re.compile(r"(?!.*[0-9]{4})[a-z][a-z0-9_]{0,39}")
_SHOWN = 20

_SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a field that is known here",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "does not say what it is",
    "date_type": "must be a date such as 2027-02-01",
    "date_from_datetime_parsing": "must be a date such as 2027-02-01",
    "none_required": "must be null",
}


def pointer(loc: Iterable[int | str]) -> str:
    """A JSON pointer (RFC 6901) into the body, cut off where the caller's own words begin."""
    steps: list[str] = []
    for step in loc:
        if isinstance(step, str) and not _FIELD.fullmatch(step):
            break
        steps.append(str(step))
    return "".join(f"/{step}" for step in steps)


def sentence(error: Mapping[str, Any]) -> str:
    """What is wrong, in words of ours alone. A validator of our own bodies speaks for itself (value_error)."""
    kind = str(error["type"])
    if kind == "value_error":
        return str(error.get("ctx", {}).get("error", "is not acceptable"))
    return _SENTENCES.get(kind, "is not acceptable").format_map(_Rule(error.get("ctx") or {}))


class _Rule(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "what the documentation says"


def violations(found: Iterable[Mapping[str, Any]]) -> tuple[Violation, ...]:
    """The first violations that pydantic ``found``, as the caller may see them."""
    return tuple(_violation(error) for error in list(found)[:_SHOWN])


def _violation(error: Mapping[str, Any]) -> Violation:
    place, *inside = error["loc"]
    if place == "body":
        return Violation(pointer(inside), sentence(error))
    name = inside[0] if inside and _FIELD.fullmatch(str(inside[0])) else "a parameter"
    return Violation("", f"{place} parameter {name}: {sentence(error)}")
