"""Draft the next revision from what the tables are and what the newest revision makes. For developers.

``python -m consent_service.app.migrations.draft "what changes"`` writes a file among the versions; read it before
it is committed: what a tool found is not what was meant.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from consent_service.app.migrate import configuration, migrate
from consent_service.storage.migrations.connecting import with_connection


async def draft(message: str) -> None:
    """Write the next revision, named ``message`` and numbered after those that are there."""
    number = len(list(ScriptDirectory.from_config(configuration()).walk_revisions())) + 1
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'draft.db'}"
        await migrate(url)
        await with_connection(url, lambda connection: _write(configuration(connection), message, f"{number:04d}"))


def _write(config: Config, message: str, number: str) -> None:
    script = command.revision(config, message, autogenerate=True, rev_id=number)
    assert isinstance(script, Script)
    path = Path(script.path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ###" not in line))


if __name__ == "__main__":
    asyncio.run(draft(sys.argv[1]))
