"""One connection, one transaction, for changes of the schema: all of a migration or nothing of it.

SQLAlchemy serves only here and for the table classes. On both databases one process migrates at a time; the others
wait, and then find nothing left to do.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from consent_service.errors import StorageUnavailable
from consent_service.storage.private_file import make_private

T = TypeVar("T")

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7239471104)")
_SQLITE = "sqlite:///"


def registered_tables() -> MetaData:
    """The tables of the rooms that have been imported."""
    return SQLModel.metadata


async def with_connection(url: str, work: Callable[[Connection], T]) -> T:
    """``work(connection)`` in a transaction on the database at ``url``, which is committed if it returns.

    Raises StorageUnavailable.
    """
    if url.startswith(_SQLITE):
        return _on_sqlite(url.removeprefix(_SQLITE), work)
    return await _on_postgresql(url, work)


def _on_sqlite(path: str, work: Callable[[Connection], T]) -> T:
    make_private(path)
    engine = create_engine(f"{_SQLITE}{path}", poolclass=NullPool, connect_args={"timeout": 30})
    _with_own_transactions(engine)
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


def _with_own_transactions(engine: Engine) -> None:
    """Python's sqlite3 would commit before each change of the schema; BEGIN IMMEDIATE keeps it one transaction."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _on_postgresql(url: str, work: Callable[[Connection], T]) -> T:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url)  # its own reading of the URL, as for the service's pool

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME)
            return await connection.run_sync(work)
    except (OSError, DBAPIError) as failure:
        raise StorageUnavailable("The database can't be had, or does not let us in.") from failure
    finally:
        await engine.dispose()
