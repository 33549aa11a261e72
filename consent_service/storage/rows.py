"""Statements that write many rows of a table at once.

PostgreSQL takes the rows as one array a column: a statement for each row would cost it half as much again, and a
round trip more. SQLite runs in place, and takes them one after the other.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import SQLModel

from consent_service.storage.statement import Statement

_NUMBER = re.compile(r"\$(\d+)")
IN_THE_ROW = {"postgresql_with": {"toast_tuple_target": 8160}}
"""For a table (``__table_args__``) whose values take some kilobytes and don't shrink: PostgreSQL else tries to compress
each, in vain, and puts it elsewhere in pieces, to be found there again by an index."""


class Rows(Statement):
    """A statement for one row, and on PostgreSQL the same for many. ``inserting`` and ``updating`` make them."""

    __slots__ = ("_columns", "_many")

    def __init__(self, sql: str, many: str, columns: Sequence[str]) -> None:
        """``many`` takes an array for each of ``columns``; ``sql`` names them as its parameters."""
        super().__init__(sql)
        self._many = many
        self._columns = tuple(columns)

    @property
    def many(self) -> str:
        """The SQL for many rows, as PostgreSQL takes it."""
        return self._many

    @property
    def width(self) -> int:
        """How many arrays ``many`` takes."""
        return len(self._columns)

    def arrays(self, given: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """``given`` column by column, for ``many``. Raises KeyError on a missing, TypeError on a surplus name."""
        if any(len(row) != len(self._columns) for row in given):
            raise TypeError(f"the statement takes {self._columns}")
        return [[row[column] for row in given] for column in self._columns]


@cache
def in_one(statements: tuple[Rows, ...]) -> str:
    """``many`` of ``statements`` as one, which takes the arrays of the first, then those of the second, and so on."""
    texts, taken = [], 0
    for statement in statements:
        texts.append(_numbered(statement.many, taken))
        taken += statement.width
    *beside, last = texts
    named = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(beside))
    return f"WITH {named} {last}" if beside else last


def _numbered(text: str, taken: int) -> str:
    """``text`` with its parameters after those that are ``taken``."""
    return _NUMBER.sub(lambda number: f"${int(number[1]) + taken}", text)


def inserting(table: type[SQLModel], columns: Sequence[str]) -> Rows:
    """What adds rows with ``columns`` to ``table``."""
    name, listed = table.__tablename__, ", ".join(columns)
    return Rows(
        f"INSERT INTO {name} ({listed}) VALUES ({', '.join(':' + one for one in columns)})",  # noqa: S608  # our names
        f"INSERT INTO {name} ({listed}) SELECT * FROM {_unnest(table, columns)}",  # noqa: S608
        columns,
    )


def updating(table: type[SQLModel], columns: Sequence[str], *, key: str, still: str | None = None) -> Rows:
    """What writes ``columns`` of the rows of ``table`` with these ``key``s.

    Where the column ``still`` no longer holds what is given as ``before``, the row stays as it is.
    """
    held = {key: key} | ({} if still is None else {"before": still})
    given = {**held, **{one: one for one in columns}}
    name = table.__tablename__
    return Rows(
        f"UPDATE {name} SET {', '.join(f'{one} = :{one}' for one in columns)}"  # noqa: S608  # names of ours
        f" WHERE {' AND '.join(f'{column} = :{one}' for one, column in held.items())}",
        f"UPDATE {name} AS t SET {', '.join(f'{one} = w.{one}' for one in columns)}"  # noqa: S608  # names of ours
        f" FROM {_unnest(table, given.values())} AS w ({', '.join(given)})"
        f" WHERE {' AND '.join(f't.{column} = w.{one}' for one, column in held.items())}",
        tuple(given),
    )


def _unnest(table: type[SQLModel], columns: Iterable[str]) -> str:
    """Arrays as rows, of the columns' types."""
    types = [_type(table, column) for column in columns]
    return f"unnest({', '.join(f'${number}::{kind}[]' for number, kind in enumerate(types, 1))})"


def _type(table: type[SQLModel], column: str) -> str:
    kind = table.metadata.tables[str(table.__tablename__)].columns[column].type
    if isinstance(kind, BigInteger):
        return "bigint"
    return "bytea" if isinstance(kind, LargeBinary) else "text"
