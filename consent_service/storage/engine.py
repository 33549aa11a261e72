"""The database, its two kinds of transaction, and nothing of what is stored.

``Snapshot`` reads; ``Transaction`` also writes: a function that takes a snapshot can't change anything. One
request or job opens one transaction, at the door, and it commits in one place: the end of ``async with``.

Both drivers are used without an ORM session in between, which would cost ten times the database itself.
SQLite runs in place on the event loop: a point read is 20 µs, and a thread's hop alone would be ten times that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from consent_service.storage.rows import IN_THE_ROW, Rows, inserting, updating
from consent_service.storage.statement import Dialect, Statement

__all__ = [
    "IN_THE_ROW",
    "Database",
    "Dialect",
    "Duplicate",
    "Row",
    "Rows",
    "Snapshot",
    "Statement",
    "Transaction",
    "inserting",
    "updating",
]

Row = Mapping[str, Any]


class Duplicate(Exception):
    """A unique rule was violated: somebody else was first."""


class Snapshot(Protocol):
    """One consistent view of the database."""

    @property
    def dialect(self) -> Dialect:
        """Which database this is; for storage's own modules."""
        ...

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        """Every row that ``statement`` answers."""
        ...

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        """The first row, or None."""
        ...

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        """The first column of the first row, or None."""
        ...


class Transaction(Snapshot, Protocol):
    """A view that may also write; all or nothing.

    A statement that fails spoils it: even if its exception is caught inside, the end rolls back and raises it again.
    """

    async def run(self, statement: Statement, /, **given: Any) -> int:
        """Execute; the number of rows it touched. Raises Duplicate."""
        ...

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        """Execute once for each of ``given``. Raises Duplicate."""
        ...

    async def run_rows(self, statement: Rows, given: Sequence[Mapping[str, Any]], /) -> int:
        """Execute for all rows of ``given`` at once; the number of rows it touched. Raises Duplicate."""
        ...

    async def run_each(self, *writes: tuple[Rows, Sequence[Mapping[str, Any]]]) -> None:
        """As ``run_rows`` for each, in no order: no two of them may be of the same table. Raises Duplicate."""
        ...

    def scrub_after_commit(self) -> None:
        """Ask that what this transaction deletes is also gone from the write-ahead log (SQLite)."""
        ...


class Database(Protocol):
    """An open database. Raises errors.StorageUnavailable when it is busy beyond patience, full or down."""

    @property
    def dialect(self) -> Dialect:
        """Which database this is."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin; commit at the end, or roll back if the block raises."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """One consistent view, read only."""
        ...

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        """A view for one statement, read only: each sees what was committed before it began, no two the same moment.

        It costs that statement alone, and not a transaction around it.
        """
        ...

    async def close(self) -> None:
        """Give up every connection."""
        ...
