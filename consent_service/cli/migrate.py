"""``migrate``: the database's schema brought to this version."""

import typer

from consent_service.app import migrate as migrating
from consent_service.app.opening import database_url
from consent_service.cli.operating import operate
from consent_service.clock import Clock
from consent_service.settings import Settings


def migrate() -> None:
    """Bring the database's schema to this version, in one transaction. Doing it twice changes nothing.

    Run it before the first start, and before starting a new version. Processes of the old version can't start
    afterwards. The embedded SQLite database of a developer's machine does this by itself.

    Example: CONSENT_DATABASE_URL=postgresql://consent@db/consent consent-service migrate
    """

    async def work(settings: Settings, _: Clock) -> bool:
        url = database_url(settings)
        if await migrating.is_current(url):
            return False
        await migrating.migrate(url)
        return True

    typer.echo("The schema is this version's now." if operate(work) else "The schema was this version's already.")
