"""The content of a part as people read it: every field that it has, none left out.

A preview promises exactly what the recipient gets. So this goes through the content itself, field by field, and a
field that nobody gave a name is shown under its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, get_args

from consent_service.plans.content import Entitlement, RouteKind
from consent_service.plans.texts import texts as plan_texts
from consent_service.web.words import Words

# Fields whose value is the part itself: a name before them would say nothing.
_NAMELESS: Final = frozenset({"text", "items", "route"})
_FIRST: Final = (
    "title",
    "name",
    "question",
    "text",
    "code",
    "outcome",
    "summary",
    "state",
    "kind",
    "trade",
    "where",
    "when",
)
_LAST: Final = ("basis", "valid_until", "status", "language")
_DAYS: Final = frozenset({"valid_until", "decided_on", "date", "until"})


@dataclass(frozen=True)
class Told:
    """A field: its name (empty where it needs none), and its text or the fields inside it."""

    label: str
    text: str = ""
    fields: tuple["Told", ...] = ()
    lang: str | None = None
    ours: bool = False
    """Whether the text is our word for something, and not the writer's own."""


def tell(content: Mapping[str, Any], words: Words) -> tuple[Told, ...]:
    """The fields of ``content`` in reading order; ``lang`` is the language that the content says it is in."""
    return tuple(_tell(content, words, content.get("language")))


def in_short(fields: tuple[Told, ...]) -> str:
    """What ``fields`` say in the writer's own words, in one running text."""
    said = (field.text or in_short(field.fields) for field in fields if not field.ours)
    return " · ".join(text for text in said if text)


def _tell(content: Mapping[str, Any], words: Words, lang: str | None) -> Iterator[Told]:
    for key, value in sorted(content.items(), key=_place):
        label = "" if key in _NAMELESS else words(f"field.{key}") if f"field.{key}" in words else key
        if isinstance(value, Mapping):
            yield Told(label, fields=tuple(_tell(value, words, lang)))
        elif isinstance(value, list):
            items = tuple(_item(item, words, lang) for item in value)
            yield from (Told(label, fields=items),) if label else items
        else:
            text, ours = _value(key, value, words)
            yield Told(label, text=text, lang=None if ours else lang, ours=ours)


def _place(field: tuple[str, Any]) -> tuple[int, int]:
    """Where a field stands: content is stored by the alphabet of its keys, which nobody reads by."""
    key = field[0]
    if key in _FIRST:
        return 0, _FIRST.index(key)
    return (2, _LAST.index(key)) if key in _LAST else (1, 0)


def _item(item: Any, words: Words, lang: str | None) -> Told:
    if isinstance(item, Mapping):
        return Told("", fields=tuple(_tell(item, words, lang)))
    if isinstance(item, list):
        return Told("", fields=tuple(_item(one, words, lang) for one in item))
    return Told("", text=str(item), lang=lang)


def _value(key: str, value: object, words: Words) -> tuple[str, bool]:
    """The value in words, and whether they are our own and not the writer's."""
    if f"value.{key}.{value}" in words:
        return words(f"value.{key}.{value}"), True
    if key == "kind" and value in get_args(RouteKind):
        return plan_texts(words.language).routes[value].name, True  # type: ignore[index]  # checked in the line above
    if key == "entitlement" and value in get_args(Entitlement):
        return plan_texts(words.language).entitlements[value], True  # type: ignore[index]  # checked above
    if key in _DAYS:
        return words.day(date.fromisoformat(str(value))), True
    return "" if value is None else str(value), False
