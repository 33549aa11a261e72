"""PostgreSQL, the production database: the primary only.

READ COMMITTED for writers: what must not change under them they lock first, in a statement of its own, because a
statement sees the database as of its start and not as of the end of its wait (design section 3). A process that
is paused while it holds a lock loses its transaction after a second and a half, so that it can't hold up a revoke;
after five if it is paused in the middle of sending (from PostgreSQL 17 on; before, when its connection breaks).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from consent_service.errors import OutcomeUnknown, StorageUnavailable
from consent_service.storage.engine import Dialect, Duplicate, Row
from consent_service.storage.rows import Rows, in_one
from consent_service.storage.statement import Statement

T = TypeVar("T")

_SESSION = {
    "application_name": "consent-service",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "1500",  # before the patience of whoever waits for what it holds ends
    "statement_timeout": "10000",
    "synchronous_commit": "on",
    "timezone": "UTC",
}
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
# A process that is paused while it sends is not idle: its session waits for the rest of a statement, and no other
# timeout counts that. In a statement with BEGIN, so that it costs no round trip.
_LASTS = "; SET LOCAL transaction_timeout = '5s'"
_HAS_TRANSACTION_TIMEOUT = (17,)
_ANSWERS_WITHIN = 12  # seconds; a primary that can still speak gives up a statement by itself after ten
_DOWN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,  # a standby; a session that was terminated, between the notice and the end
)


class _View:
    """A snapshot or transaction on one connection; asyncpg keeps each statement prepared by its text."""

    dialect: Dialect = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.failure: Exception | None = None

    async def _answer(self, step: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        try:
            return await step(*arguments)
        except Exception as failure:
            meaning = _meaning(failure)
            self.failure = meaning or failure
            if meaning is None:
                raise
            raise meaning from failure

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        text, arguments = statement.text("postgresql"), statement.arguments("postgresql", given)
        found: list[Row] = await self._answer(self._connection.fetch, text, *arguments)
        return found

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        found = await self.rows(statement, **given)
        return found[0] if found else None

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        found: Any = await self.row(statement, **given)
        return None if found is None else found[0]

    async def run(self, statement: Statement, /, **given: Any) -> int:
        text, arguments = statement.text("postgresql"), statement.arguments("postgresql", given)
        return _touched(await self._answer(self._connection.execute, text, *arguments))

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        text = statement.text("postgresql")
        arguments = [statement.arguments("postgresql", one) for one in given]
        await self._answer(self._connection.executemany, text, arguments)

    async def run_rows(self, statement: Rows, given: Sequence[Mapping[str, Any]], /) -> int:
        if not given:
            return 0
        return _touched(await self._answer(self._connection.execute, statement.many, *statement.arrays(given)))

    async def run_each(self, *writes: tuple[Rows, Sequence[Mapping[str, Any]]]) -> None:
        some = [(statement, given) for statement, given in writes if given]
        if some:
            arrays = [array for statement, given in some for array in statement.arrays(given)]
            await self._answer(self._connection.execute, in_one(tuple(one for one, _ in some)), *arrays)

    def scrub_after_commit(self) -> None:
        """Nothing to do: PostgreSQL's log is the operator's to expire, and the keys in it die by rotation."""


def _touched(tag: str) -> int:
    """The number of rows in a command's tag."""
    count = tag.rsplit(" ", 1)[-1]
    return int(count) if count.isdigit() else 0


def _meaning(failure: Exception) -> Exception | None:
    """What a caller may make of a failure; None if it is a mistake of ours, such as a column that does not exist."""
    if isinstance(failure, asyncpg.UniqueViolationError):
        return Duplicate()
    return StorageUnavailable() if isinstance(failure, _DOWN) else None


class PostgreSQL:
    """A pool of connections to one primary."""

    dialect: Dialect = "postgresql"

    def __init__(self, pool: Any) -> None:
        """Take an open pool; ``open_postgresql`` makes one."""
        self._pool = pool

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await _down_is_unavailable(partial(self._pool.acquire, timeout=5))
        try:
            yield connection
        finally:
            await _quietly(partial(self._pool.release, connection))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_View]:
        """A write transaction; see ``engine.Database``."""
        async with self._connection() as connection:
            begin = _BEGIN + _LASTS if connection.get_server_version() >= _HAS_TRANSACTION_TIMEOUT else _BEGIN
            await _down_is_unavailable(partial(connection.execute, begin))
            view = _View(connection)
            try:
                yield view
                if view.failure is not None:  # COMMIT would roll back, and not say so
                    raise view.failure
            except BaseException:
                await _quietly(partial(connection.execute, "ROLLBACK"))
                raise
            try:
                await connection.execute("COMMIT")
            except _DOWN as failure:
                raise OutcomeUnknown from failure

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_View]:
        """A read transaction; see ``engine.Database``."""
        async with self._connection() as connection:
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await _down_is_unavailable(transaction.start)
            try:
                yield _View(connection)
            finally:
                await _quietly(transaction.rollback)

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[_View]:
        """A view without a transaction; see ``engine.Database``."""
        async with self._connection() as connection:
            yield _View(connection)

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()


async def _down_is_unavailable(step: Callable[[], Awaitable[T]]) -> T:
    try:
        return await step()  # called in here: asyncpg refuses a dead connection before there is anything to await
    except _DOWN as failure:
        raise StorageUnavailable from failure


async def _quietly(step: Callable[[], Awaitable[object]]) -> None:
    """Roll back, or give back; a connection that is gone has done so by itself."""
    try:
        await step()
    except _DOWN:
        return


async def _nothing_to_reset(_connection: Any) -> None:
    """No session state is ever set outside a transaction; asyncpg's own reset is a quarter of a small one's time."""


async def open_postgresql(url: str, *, connections: int = 10) -> PostgreSQL:
    """Connect to ``url``. Raises errors.StorageUnavailable when nobody answers."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            server_settings=_SESSION,
            target_session_attrs=SessionAttribute.primary,
            command_timeout=_ANSWERS_WITHIN,
            reset=_nothing_to_reset,
            statement_cache_size=1024,
            max_inactive_connection_lifetime=300,
        )
    except _DOWN as failure:
        raise StorageUnavailable from failure
    return PostgreSQL(pool)
