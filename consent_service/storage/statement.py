"""SQL text that runs on both databases.

A statement is written once, at module level of a ``_store``, with named parameters. What differs between the
two databases is said by five marks, so that no store ever asks which one it is talking to:

``:name``         a parameter
``IN (:name[])``  a list parameter
``{for_update}``  the row lock (SQLite's writers already exclude each other: BEGIN IMMEDIATE)
``{for_share}``   the row lock that others may hold too, and that keeps it from being changed
``{skip_locked}`` the first, passing over rows that somebody else holds
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

Dialect = Literal["sqlite", "postgresql"]

_PARAMETER = re.compile(r"IN \(:(?P<many>\w+)\[\]\)|(?<![:\w]):(?P<one>\w+)")
_LOCKS: dict[Dialect, dict[str, str]] = {
    "sqlite": {"for_update": "", "for_share": "", "skip_locked": ""},
    "postgresql": {
        "for_update": "FOR UPDATE",
        "for_share": "FOR SHARE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
    },
}


class Statement:
    """One statement, compiled at import for both databases; the drivers keep it prepared by its text."""

    __slots__ = ("_lists", "_names", "_text")

    def __init__(self, sql: str) -> None:
        """Compile ``sql``. The text comes from our own modules only, never from a caller."""
        self._names: list[str] = []
        self._lists: set[str] = set()
        self._text: dict[Dialect, str] = {
            "sqlite": self._compile(sql, "sqlite"),
            "postgresql": self._compile(sql, "postgresql"),
        }

    def _compile(self, sql: str, dialect: Dialect) -> str:
        for mark, lock in _LOCKS[dialect].items():
            sql = sql.replace("{" + mark + "}", lock)

        def place(match: re.Match[str]) -> str:
            name = match["many"] or match["one"]
            if name not in self._names:
                self._names.append(name)
            number = self._names.index(name) + 1
            if match["many"]:
                self._lists.add(name)
                if dialect == "postgresql":
                    return f"= ANY(${number})"
                return f"IN (SELECT value FROM json_each(?{number}))"  # noqa: S608  # a number of our own
            return f"?{number}" if dialect == "sqlite" else f"${number}"

        return _PARAMETER.sub(place, sql)

    def text(self, dialect: Dialect) -> str:
        """The SQL as the driver of ``dialect`` takes it."""
        return self._text[dialect]

    def arguments(self, dialect: Dialect, given: Mapping[str, Any]) -> list[Any]:
        """``given`` in the order of the placeholders. Raises KeyError on a missing, TypeError on a surplus one."""
        arguments = [given[name] for name in self._names]
        if len(given) != len(arguments):
            raise TypeError(f"the statement takes {self._names}")
        if dialect == "sqlite" and self._lists:
            return [
                json.dumps(list(value)) if name in self._lists else value
                for name, value in zip(self._names, arguments, strict=True)
            ]
        return arguments
