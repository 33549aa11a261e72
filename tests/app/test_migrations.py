"""The schema that the revisions make is the schema that the tables say, on both databases."""

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from consent_service.app.migrate import configuration, is_current, migrate
from consent_service.app.migrations.tables import metadata
from consent_service.storage.migrations.connecting import with_connection


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata()))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_a_migrated_database_is_what_the_tables_say(database_url: str) -> None:
    """Nothing is left to do after migrating: same tables, columns, types, keys and indexes."""
    await migrate(database_url)
    assert await with_connection(database_url, _differences) == []
    assert await with_connection(database_url, _tables) == set(metadata().tables)


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    """An operator may run it again."""
    assert not await is_current(database_url)
    await migrate(database_url)
    assert await is_current(database_url)
    await migrate(database_url)
    assert await is_current(database_url)


async def test_two_at_once_migrate_once(postgresql_url: str) -> None:
    """Two processes that start together both find the schema in place."""
    await asyncio.gather(migrate(postgresql_url), migrate(postgresql_url))
    assert await is_current(postgresql_url)


async def test_every_revision_can_be_undone(database_url: str) -> None:
    """Going back leaves no table behind."""
    await migrate(database_url)
    await with_connection(database_url, lambda connection: command.downgrade(configuration(connection), "base"))
    assert await with_connection(database_url, _tables) == set()
