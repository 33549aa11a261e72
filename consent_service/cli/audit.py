"""``audit``: the log's head, for whoever keeps a copy of it outside our reach, and whether the log is whole."""

import sys

import typer
from rich.console import Console
from rich.progress import Progress

from consent_service.app.assembly import log_origin
from consent_service.audit import sequencer, verifying
from consent_service.audit.verifying import Verified
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


@app.command()
def verify() -> None:
    """Follow every chain link by link, and hold the newest signed head against all entries. Ends with 1 if any fails.

    A log that was cut back together with its newest checkpoints looks whole from here: compare its head with a copy
    that was kept elsewhere.

    Example: consent-service audit verify
    """

    async def work(settings: Settings, clock: Clock) -> Verified:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            with Progress(console=Console(file=sys.stderr), transient=True) as progress:
                bar = progress.add_task("entries", total=await verifying.length(view))
                return await verifying.verify(
                    view,
                    here.keys.service.checkpoints,
                    log_origin(settings),
                    looked_at=lambda entries: progress.advance(bar, entries),
                )

    found = operate(work)
    if found.faults:
        fail(*found.faults)
    typer.echo(
        f"The log is whole: {found.entries} entries in {found.chains} chains, {found.leaves} of them numbered, "
        f"{found.signed} under the newest signature."
    )
