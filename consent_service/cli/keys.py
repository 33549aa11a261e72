"""``keys``: the master key in its keyring, and the service keys that it wraps."""

import typer

from consent_service.app.opening import init_keys
from consent_service.cli.operating import opened, operate
from consent_service.clock import Clock
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make and look at the keys. Nothing here shows one.")


@app.command()
def init() -> None:
    """Make the keyring (CONSENT_KEYRING, readable by you alone) and the database's service keys. Once, ever.

    Back the keyring up apart from the database: without it everything in the database is lost, with it and the
    database together everything can be read. A keyring that is there is used, never replaced.

    Example: CONSENT_KEYRING=/secure/keyring.json consent-service keys init
    """
    made = operate(init_keys)
    typer.echo("The keys are made. Back the keyring up now." if made else "The keys are there already, and fit.")


@app.command()
def status() -> None:
    """Say whether the keyring is this database's, and which version of the master key wraps from now on.

    Example: consent-service keys status
    """

    async def work(settings: Settings, clock: Clock) -> tuple[int, str]:
        async with opened(settings, clock) as here:
            return await here.provider.current_version(), here.keys.service.receipts.kid

    version, kid = operate(work)
    typer.echo(f"The keyring fits the database. Master key version: {version}. Receipts are signed by: {kid}")
