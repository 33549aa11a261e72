"""As much of JSON Schema (draft 7) as the tests' schemas use; a word that is not known here is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def _instant(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


_FORMATS: Mapping[str, Callable[[str], object]] = {
    "uuid": UUID,
    "date": date.fromisoformat,
    "date-time": _instant,
    "uri": lambda text: urlsplit(text).netloc,
}


def violations(schema: Mapping[str, Any], value: Any, at: str = "") -> Iterator[str]:
    """Where ``value`` does not keep ``schema``, and which word of it."""
    for word, rule in schema.items():
        if not _KEEPS[word](rule, value, schema):
            yield f"{at}: {word}"
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from violations(schema.get("properties", {}).get(name, {}), inner, f"{at}/{name}")
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from violations(schema.get("items", {}), inner, f"{at}/{index}")


def _formatted(name: str, value: Any, _: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return bool(_FORMATS[name](value))
    except ValueError:
        return False


def _typed(wanted: str | list[str], value: Any, _: object) -> bool:
    return any(isinstance(value, _TYPES[one]) for one in ([wanted] if isinstance(wanted, str) else wanted))


_KEEPS: Mapping[str, Callable[[Any, Any, Mapping[str, Any]], bool]] = {
    "type": _typed,
    "enum": lambda allowed, value, _: value in allowed,
    "format": _formatted,
    "pattern": lambda pattern, value, _: re.search(pattern, value) is not None,
    "maxLength": lambda most, value, _: len(value) <= most,
    "required": lambda names, value, _: set(names) <= value.keys(),
    "additionalProperties": lambda allowed, value, schema: allowed or value.keys() <= schema["properties"].keys(),
    "properties": lambda *_: True,
    "items": lambda *_: True,
}
