"""``audit``: the log's head, for whoever keeps a copy of it outside our reach."""

import typer

from consent_service.audit import sequencer
from consent_service.cli.operating import fail, opened, operate
from consent_service.clock import Clock
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look after the log: its signed head, and whether it is whole.")


@app.command()
def checkpoint() -> None:
    """Print the newest signed head of the log (C2SP text form). A copy kept elsewhere is what a rewritten log fails on.

    Example: consent-service audit checkpoint > checkpoints/$(date -I).txt
    """

    async def work(settings: Settings, clock: Clock) -> str | None:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            return await sequencer.newest_note(view)

    note = operate(work)
    if note is None:
        fail("Nothing has been signed yet: the log is empty, or no process has run the sequencer.")
    typer.echo(note, nl=False)
