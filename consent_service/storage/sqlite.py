"""SQLite, the embedded default.

One connection of the process writes, a few read. Writers of several processes exclude each other by BEGIN
IMMEDIATE; SQLite itself never waits (``busy_timeout=0``), since a wait inside it would stop the event loop: the
waiting is done here, in asyncio. ``synchronous=FULL`` makes a commit durable before it is answered, and
``secure_delete`` overwrites what is deleted, because deleting a key is how we keep a promise.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Dialect, Duplicate, Row
from consent_service.storage.statement import Statement

_READERS = 4
_PATIENCE = 5.0  # seconds that a writer waits for those of other processes
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=0",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA temp_store=MEMORY",  # no plaintext of a sort on disk
)


class _View:
    """A snapshot or transaction on one connection."""

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.scrub = False

    def _execute(self, statement: Statement, given: Mapping[str, Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement.text("sqlite"), statement.arguments("sqlite", given))
        except sqlite3.IntegrityError as clash:
            raise _integrity(clash) from clash
        except sqlite3.OperationalError as failure:
            raise StorageUnavailable from failure

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        return self._execute(statement, given).fetchall()

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        cursor = self._execute(statement, given)
        first: Row | None = cursor.fetchone()
        cursor.close()  # an unfinished read would hold its snapshot open
        return first

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        first = await self.row(statement, **given)
        return None if first is None else first[0]  # type: ignore[index]  # sqlite3.Row takes positions too

    async def run(self, statement: Statement, /, **given: Any) -> int:
        return self._execute(statement, given).rowcount

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        for one in given:
            self._execute(statement, one)

    def scrub_after_commit(self) -> None:
        self.scrub = True


def _integrity(clash: sqlite3.IntegrityError) -> Exception:
    unique = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
    return Duplicate() if clash.sqlite_errorname in unique else clash


class SQLite:
    """A database in one file (``:memory:`` is refused: several connections would be several databases)."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str) -> None:
        """Open ``path``, made if absent, with the settings that the promises rest on."""
        if not path or ":memory:" in path:
            raise ValueError("SQLite needs a file")
        self._path = path
        self._writer = self._connect()
        self._writing = asyncio.Lock()
        self._idle: asyncio.LifoQueue[sqlite3.Connection] = asyncio.LifoQueue()
        self._readers = [self._connect() for _ in range(_READERS)]
        for reader in self._readers:
            self._idle.put_nowait(reader)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            isolation_level=None,
            cached_statements=512,
            check_same_thread=False,
            timeout=_PATIENCE,
        )
        connection.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()
        return connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_View]:
        """A write transaction; see ``engine.Database``."""
        async with self._writing:
            await self._begin()
            view = _View(self._writer)
            try:
                yield view
                self._commit()
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            if view.scrub:
                self._truncate_log()

    async def _begin(self) -> None:
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as busy:
                if busy.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise StorageUnavailable from busy
                if asyncio.get_running_loop().time() > deadline:
                    raise StorageUnavailable from busy
            await asyncio.sleep(random.uniform(0.0005, 0.004))  # noqa: S311  # spreads writers, protects nothing

    def _commit(self) -> None:
        try:
            self._writer.execute("COMMIT")
        except sqlite3.OperationalError as failure:
            raise StorageUnavailable from failure

    def _truncate_log(self) -> None:
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.OperationalError:
            return  # a reader is in the way; the next end truncates

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_View]:
        """A read transaction; see ``engine.Database``."""
        reader = await self._idle.get()
        try:
            reader.execute("BEGIN")
            try:
                yield _View(reader)
            finally:
                reader.execute("ROLLBACK")
        finally:
            self._idle.put_nowait(reader)

    async def close(self) -> None:
        """Close every connection."""
        async with self._writing:
            for connection in (*self._readers, self._writer):
                connection.close()
