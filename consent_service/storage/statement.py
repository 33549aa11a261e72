"""SQL text that runs on both databases.

A statement is written once, at module level of a ``_store``, with named parameters. What differs between the
two databases is said by six marks, so that no store ever asks which one it is talking to:

``:name``         a parameter
``IN (:name[])``  a list parameter
``ROWS(:name AS w(a text, b bigint))``  rows to join with, given as dictionaries, and read as a table ``w``
``{for_update}``  the row lock (SQLite's writers already exclude each other: BEGIN IMMEDIATE)
``{for_share}``   the row lock that others may hold too, and that keeps it from being changed
``{skip_locked}`` the first, passing over rows that somebody else holds
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson

Dialect = Literal["sqlite", "postgresql"]

_ROWS = re.compile(r"ROWS\(:(?P<name>\w+) AS (?P<alias>\w+)\((?P<columns>[^)]*)\)\)")
_PARAMETER = re.compile(r"IN \(:(?P<many>\w+)\[\]\)|(?<![:\w]):(?P<one>\w+)")
_LOCKS: dict[Dialect, dict[str, str]] = {
    "sqlite": {"for_update": "", "for_share": "", "skip_locked": ""},
    "postgresql": {
        "for_update": "FOR UPDATE",
        "for_share": "FOR SHARE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
    },
}


def _rows_in_place(match: re.Match[str]) -> str:
    picked = ", ".join(f"value ->> '{one.split()[0]}' AS {one.split()[0]}" for one in match["columns"].split(","))
    return f"(SELECT {picked} FROM json_each(:{match['name']})) AS {match['alias']}"  # noqa: S608  # names of ours


def _rows_from_afar(match: re.Match[str]) -> str:
    return f"json_to_recordset(:{match['name']}) AS {match['alias']}({match['columns']})"


_AS_ROWS: dict[Dialect, Callable[[re.Match[str]], str]] = {"sqlite": _rows_in_place, "postgresql": _rows_from_afar}


class Statement:
    """One statement, compiled at import for both databases; the drivers keep it prepared by its text."""

    __slots__ = ("_json", "_lists", "_names", "_text")

    def __init__(self, sql: str) -> None:
        """Compile ``sql``. The text comes from our own modules only, never from a caller."""
        self._names: list[str] = []
        self._lists: set[str] = set()
        self._json: set[str] = set()
        self._text: dict[Dialect, str] = {
            "sqlite": self._compile(sql, "sqlite"),
            "postgresql": self._compile(sql, "postgresql"),
        }

    def _compile(self, sql: str, dialect: Dialect) -> str:
        for mark, lock in _LOCKS[dialect].items():
            sql = sql.replace("{" + mark + "}", lock)

        self._json |= {match["name"] for match in _ROWS.finditer(sql)}
        sql = _ROWS.sub(_AS_ROWS[dialect], sql)

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
        as_json = self._json | self._lists if dialect == "sqlite" else self._json
        if as_json:
            return [
                orjson.dumps(list(value)).decode() if name in as_json else value
                for name, value in zip(self._names, arguments, strict=True)
            ]
        return arguments
