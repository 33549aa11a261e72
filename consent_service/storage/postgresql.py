"""PostgreSQL, the production database: the primary only.

READ COMMITTED for writers: what must not change under them they lock first, in a statement of its own, because a
statement sees the database as of its start and not as of the end of its wait (design section 3). A process that
is paused while it holds a lock loses its transaction after two seconds, so that it can't hold up a revoke.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Dialect, Duplicate, Row
from consent_service.storage.statement import Statement

_SESSION = {
    "application_name": "consent-service",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "2000",
    "statement_timeout": "10000",
    "synchronous_commit": "on",
    "timezone": "UTC",
}
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
)


class _View:
    """A snapshot or transaction on one connection; asyncpg keeps each statement prepared by its text."""

    dialect: Dialect = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        text, arguments = statement.text("postgresql"), statement.arguments("postgresql", given)
        try:
            found: list[Row] = await self._connection.fetch(text, *arguments)
        except asyncpg.UniqueViolationError as clash:
            raise Duplicate from clash
        except _DOWN as failure:
            raise StorageUnavailable from failure
        return found

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        found = await self.rows(statement, **given)
        return found[0] if found else None

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        found: Any = await self.row(statement, **given)
        return None if found is None else found[0]

    async def run(self, statement: Statement, /, **given: Any) -> int:
        text, arguments = statement.text("postgresql"), statement.arguments("postgresql", given)
        try:
            tag: str = await self._connection.execute(text, *arguments)
        except asyncpg.UniqueViolationError as clash:
            raise Duplicate from clash
        except _DOWN as failure:
            raise StorageUnavailable from failure
        count = tag.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        text = statement.text("postgresql")
        try:
            await self._connection.executemany(text, [statement.arguments("postgresql", one) for one in given])
        except asyncpg.UniqueViolationError as clash:
            raise Duplicate from clash
        except _DOWN as failure:
            raise StorageUnavailable from failure

    def scrub_after_commit(self) -> None:
        """Nothing to do: PostgreSQL's log is the operator's to expire, and the keys in it die by rotation."""


class PostgreSQL:
    """A pool of connections to one primary."""

    dialect: Dialect = "postgresql"

    def __init__(self, pool: Any) -> None:
        """Take an open pool; ``open_postgresql`` makes one."""
        self._pool = pool

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            connection = await self._pool.acquire(timeout=5)
        except _DOWN as failure:
            raise StorageUnavailable from failure
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_View]:
        """A write transaction; see ``engine.Database``."""
        async with self._connection() as connection:
            transaction = connection.transaction(isolation="read_committed")
            await _down_is_unavailable(transaction.start())
            try:
                yield _View(connection)
            except BaseException:
                await _quietly(transaction.rollback())
                raise
            await _down_is_unavailable(transaction.commit())

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_View]:
        """A read transaction; see ``engine.Database``."""
        async with self._connection() as connection:
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await _down_is_unavailable(transaction.start())
            try:
                yield _View(connection)
            finally:
                await _quietly(transaction.rollback())

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close()


async def _down_is_unavailable(step: Any) -> None:
    try:
        await step
    except _DOWN as failure:
        raise StorageUnavailable from failure


async def _quietly(rollback: Any) -> None:
    """Roll back; a connection that is gone has rolled back by itself."""
    try:
        await rollback
    except _DOWN:
        return


async def open_postgresql(url: str, *, connections: int = 10) -> PostgreSQL:
    """Connect to ``url``. Raises errors.StorageUnavailable when nobody answers."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            server_settings=_SESSION,
            statement_cache_size=1024,
            max_inactive_connection_lifetime=300,
        )
    except _DOWN as failure:
        raise StorageUnavailable from failure
    return PostgreSQL(pool)
