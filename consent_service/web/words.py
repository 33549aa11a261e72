"""What the pages say, in Norwegian Bokmål, Nynorsk and English, and in which of them they speak.

The texts lie in ``texts/<page>.json``, each key with all its languages side by side, so that whoever changes one
sees the others. The rule this module keeps: a key that lacks a language stops the service from starting.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from consent_service.clock import local_date
from consent_service.consents.purposes import LANGUAGES, Language

COOKIE: Final = "language"

_FOLDER: Final = Path(__file__).with_name("texts")
_OSLO: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What browsers call the languages. Whoever reads Danish or Swedish reads Bokmål more easily than English.
_SPOKEN: Final[Mapping[str, Language]] = {
    "nb": "nb",
    "no": "nb",
    "nn": "nn",
    "en": "en",
    "da": "nb",
    "sv": "nb",
    "se": "nb",
}

Texts = Mapping[str, Mapping[Language, str]]


def load(folder: Path = _FOLDER) -> Texts:
    """Every text, by ``<page>.<key>``. Raises ValueError if one lacks a language or has one too many."""
    texts: dict[str, Mapping[Language, str]] = {}
    for file in sorted(folder.glob("*.json")):
        for key, said in json.loads(file.read_text(encoding="utf-8")).items():
            if sorted(said) != sorted(LANGUAGES):
                raise ValueError(f"{file.name}: {key} is said in {sorted(said)}")
            texts[f"{file.stem}.{key}"] = said
    return texts


def choose(*, cookie: str | None, accept_language: str) -> Language:
    """The language that was chosen before, or the browser's first that is spoken here, or Bokmål."""
    if cookie in LANGUAGES:
        chosen: Language = cookie
        return chosen
    for wish in _wishes(accept_language):
        if wish in _SPOKEN:
            return _SPOKEN[wish]
    return "nb"


def _wishes(accept_language: str) -> list[str]:
    """The primary subtags of an Accept-Language header (RFC 9110 section 12.5.4), most wanted first."""
    wishes = []
    for place, entry in enumerate(accept_language[:500].split(",")):
        tag, _, weight = entry.partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        try:
            wishes.append((-float(quality), place, tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return [tag for _, _, tag in sorted(wishes)]


@dataclass(frozen=True)
class Words:
    """The texts in one language. Called with a key, and with what stands in the text's braces."""

    texts: Texts = field(repr=False)
    language: Language

    def __call__(self, key: str, **values: object) -> str:
        """The text of ``key``. Raises KeyError for one that is not in the catalogue."""
        return self.texts[key][self.language].format(**values)

    def __contains__(self, key: str) -> bool:
        """Whether ``key`` is in the catalogue."""
        return key in self.texts

    def kind(self, kind: str) -> str:
        """What people call a part of ``kind``."""
        return self(f"names.part.{kind}")

    def day(self, at: date | int) -> str:
        """A day, in words: a date, or the day in Norway of an instant."""
        day = local_date(at) if isinstance(at, int) else at
        return self("dates.day", day=day.day, month=self(f"dates.month.{day.month}"), year=day.year)

    def last_day(self, valid_until: int) -> str:
        """The last whole day before ``valid_until``, which is the first instant that no longer counts."""
        return self.day(valid_until - 1)

    def moment(self, at: int) -> str:
        """Day and time of day in Norway."""
        moment = (_EPOCH + timedelta(microseconds=at)).astimezone(_OSLO)
        return self("dates.moment", day=self.day(at), time=moment.strftime(self("dates.time")))


def as_json(value: Any) -> str:
    """``value`` as people who read JSON like it."""
    return json.dumps(value, ensure_ascii=False, indent=2)
