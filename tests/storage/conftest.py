"""A database with one small table, made by hand: what storage promises does not hang on the service's schema."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database
from tests.provision.postgresql import Server
from tests.storage.things import ADD, ALL, FRESH


@pytest.fixture(scope="session")
def shared_postgresql(postgresql_server: Server) -> Iterator[str]:
    """One PostgreSQL database for all of this room's tests, since each of them makes the table anew."""
    url = postgresql_server.create()
    yield url
    postgresql_server.drop(url)


@pytest.fixture
def things_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the table is to be."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'things.sqlite'}"
    url: str = request.getfixturevalue("shared_postgresql")
    return url


@pytest.fixture
async def things(things_url: str) -> AsyncIterator[Database]:
    """The database, open, with an empty table."""
    database = await open_database(things_url)
    async with database.transaction() as tx:
        for statement in FRESH:
            await tx.run(statement)
    yield database
    await database.close()


async def add(db: Database, *names: str, then: Exception | None = None) -> None:
    """Add rows in one transaction, which is left by ``then`` if there is one."""
    async with db.transaction() as tx:
        for name in names:
            await tx.run(ADD, id=name, n=1)
        if then is not None:
            raise then


async def ids(db: Database) -> list[str]:
    """What stands in the table."""
    async with db.snapshot() as view:
        return [row["id"] for row in await view.rows(ALL)]
