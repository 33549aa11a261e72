"""Bringing a database's schema to this version of the service.

Rule: serving never changes a schema by itself outside the embedded default; an operator runs ``consent-service
migrate`` first, and a process that finds another schema than its own refuses to start.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from consent_service.storage import migrations
from consent_service.storage.migrations.connecting import with_connection

if TYPE_CHECKING:
    from sqlalchemy import Connection

_HERE = Path(__file__).parent / "migrations"
_VERSIONS = Path(migrations.__file__).parent / "versions"


def configuration(connection: "Connection | None" = None) -> Config:
    """Alembic's configuration: where the environment and the revisions are, and what to run them on."""
    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("version_locations", str(_VERSIONS))
    config.attributes["connection"] = connection
    return config


async def migrate(url: str) -> None:
    """Bring the database at ``url`` to the newest revision, in one transaction. Doing it twice changes nothing."""
    await with_connection(url, lambda connection: command.upgrade(configuration(connection), "head"))


async def is_current(url: str) -> bool:
    """Whether the database at ``url`` has the schema of this version of the service."""
    newest = ScriptDirectory.from_config(configuration()).get_current_head()

    def compare(connection: "Connection") -> bool:
        return MigrationContext.configure(connection).get_current_revision() == newest

    return await with_connection(url, compare)
