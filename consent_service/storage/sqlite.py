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
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from consent_service.errors import OutcomeUnknown, StorageUnavailable
from consent_service.storage.engine import Dialect, Duplicate, Row
from consent_service.storage.private_file import make_private
from consent_service.storage.rows import Rows
from consent_service.storage.statement import Statement

T = TypeVar("T")

_READERS = 4
_PATIENCE = 5.0  # seconds
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=0",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA temp_store=MEMORY",  # no plaintext of a sort on disk
)
_READ_ONLY = "PRAGMA query_only=ON"


class _View:
    """A snapshot or transaction on one connection."""

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.scrub = False
        self.failure: Exception | None = None

    def _execute(self, statement: Statement, given: Mapping[str, Any], take: Callable[[sqlite3.Cursor], T]) -> T:
        """What ``take`` makes of the cursor; SQLite steps through rows, and may fail, as they are fetched."""
        text, arguments = statement.text("sqlite"), statement.arguments("sqlite", given)
        try:
            return take(self._connection.execute(text, arguments))
        except Exception as failure:
            self._note(failure)
            raise

    def _note(self, failure: Exception) -> None:
        """Keep ``failure`` for the end of the transaction; raise what a caller may make of it, if there is such."""
        meaning = _meaning(failure)
        self.failure = meaning or failure
        if meaning is not None:
            raise meaning from failure

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        return self._execute(statement, given, sqlite3.Cursor.fetchall)

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        return self._execute(statement, given, _first)

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        first = await self.row(statement, **given)
        return None if first is None else first[0]  # type: ignore[index]  # sqlite3.Row takes positions too

    async def run(self, statement: Statement, /, **given: Any) -> int:
        return self._execute(statement, given, lambda cursor: cursor.rowcount)

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        self._execute_many(statement, given)

    async def run_rows(self, statement: Rows, given: Sequence[Mapping[str, Any]], /) -> int:
        return self._execute_many(statement, given) if given else 0

    def _execute_many(self, statement: Statement, given: Iterable[Mapping[str, Any]]) -> int:
        text = statement.text("sqlite")
        arguments = [statement.arguments("sqlite", one) for one in given]
        try:
            return self._connection.executemany(text, arguments).rowcount
        except Exception as failure:
            self._note(failure)
            raise

    async def run_each(self, *writes: tuple[Rows, Sequence[Mapping[str, Any]]]) -> None:
        for statement, given in writes:
            await self.run_rows(statement, given)

    def scrub_after_commit(self) -> None:
        self.scrub = True


def _first(cursor: sqlite3.Cursor) -> Row | None:
    first: Row | None = cursor.fetchone()
    cursor.close()  # an unfinished read would hold its snapshot open
    return first


def _meaning(failure: Exception) -> Exception | None:
    """What a caller may make of a failure; None if it is a mistake of ours, such as a column that does not exist."""
    if isinstance(failure, sqlite3.IntegrityError):
        unique = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
        return Duplicate() if failure.sqlite_errorname in unique else None
    if isinstance(failure, sqlite3.OperationalError) and failure.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
        return StorageUnavailable()
    return None


class SQLite:
    """A database in one file (``:memory:`` is refused: several connections would be several databases)."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str, *, patience: float = _PATIENCE) -> None:
        """Open ``path``, made if absent, with the settings that the promises rest on.

        ``patience`` is how many seconds a caller waits for its turn. Raises errors.StorageUnavailable when the file
        can't be opened.
        """
        if not path or ":memory:" in path:
            raise ValueError("SQLite needs a file")
        make_private(path)
        self._path = path
        self._patience = patience
        self._unscrubbed = False
        self._writer = self._connect(_PRAGMAS)
        self._writing = asyncio.Lock()
        self._idle: asyncio.LifoQueue[sqlite3.Connection] = asyncio.LifoQueue()
        self._readers = [self._connect((*_PRAGMAS, _READ_ONLY)) for _ in range(_READERS)]
        for reader in self._readers:
            self._idle.put_nowait(reader)

    def _connect(self, pragmas: tuple[str, ...]) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path,
                isolation_level=None,
                cached_statements=512,
                check_same_thread=False,
                timeout=self._patience,
            )
            for pragma in pragmas:
                connection.execute(pragma).close()
        except sqlite3.OperationalError as failure:
            raise StorageUnavailable from failure
        connection.row_factory = sqlite3.Row
        return connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_View]:
        """A write transaction; see ``engine.Database``."""
        await self._wait_for_turn()
        try:
            view = _View(self._writer)
            try:
                yield view
                self._commit(view)
            except BaseException:
                _roll_back(self._writer)
                raise
            self._unscrubbed |= view.scrub
            self._scrub()
        finally:
            self._writing.release()

    async def _wait_for_turn(self) -> None:
        """Wait for this process's other writers, then for those of other processes."""
        async with self._within_patience():
            await self._writing.acquire()
            try:
                while not self._begun():  # noqa: ASYNC110  # no event tells that another process is done
                    await asyncio.sleep(random.uniform(0.0005, 0.004))  # noqa: S311  # spreads writers, no secret
            except BaseException:
                self._writing.release()
                raise

    def _begun(self) -> bool:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as failure:
            if failure.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise StorageUnavailable from failure
            return False
        return True

    def _commit(self, view: _View) -> None:
        if view.failure is not None:
            raise view.failure
        try:
            self._writer.execute("COMMIT")
        except sqlite3.OperationalError as failure:
            lost = failure.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR  # else it was not begun to be written
            raise (OutcomeUnknown if lost else StorageUnavailable) from failure

    def _scrub(self) -> None:
        """Truncate the write-ahead log if it may hold what was deleted; a reader in the way is waited out."""
        if not self._unscrubbed:
            return
        try:
            busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            return  # the next transaction or snapshot to end tries again
        self._unscrubbed = bool(busy)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_View]:
        """A read transaction; see ``engine.Database``."""
        async with self._reader() as reader:
            reader.execute("BEGIN")
            try:
                yield _View(reader)
            finally:
                _roll_back(reader)

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[_View]:
        """A view without a transaction; see ``engine.Database``."""
        async with self._reader() as reader:
            yield _View(reader)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[sqlite3.Connection]:
        reader = await self._free_reader()
        try:
            yield reader
        finally:
            self._idle.put_nowait(reader)
            if not self._writing.locked():
                self._scrub()

    async def _free_reader(self) -> sqlite3.Connection:
        if not self._idle.empty():
            return self._idle.get_nowait()
        async with self._within_patience():
            return await self._idle.get()

    @asynccontextmanager
    async def _within_patience(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError as late:
            raise StorageUnavailable from late

    async def close(self) -> None:
        """Close every connection."""
        async with self._writing:
            for connection in (*self._readers, self._writer):
                connection.close()


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # some failures have rolled back already
        connection.execute("ROLLBACK")
