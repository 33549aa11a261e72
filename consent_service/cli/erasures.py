"""``erasures``: what an operator does after a restore, so that nobody who was erased comes back."""

from typing import Annotated

import typer

from consent_service.app.assembly import controller
from consent_service.cli.operating import fail, opened, operate
from consent_service.cli.progress import bar
from consent_service.clock import DAY, Clock, parse_rfc3339
from consent_service.consents.desk import Desk
from consent_service.consents.purposes import Purposes
from consent_service.rights.journal import JournalFile, Read
from consent_service.rights.replay import Replayed
from consent_service.rights.replay import replay as replay_lines
from consent_service.settings import Misconfigured, Settings

app = typer.Typer(no_args_is_help=True, help="Do erasures again after a restore.")


@app.callback()
def erasures() -> None:
    """Do erasures again after a restore."""


@app.command()
def replay(
    restored_at: Annotated[
        str | None,
        typer.Option(help="When the backup was put back, such as 2026-11-21T20:55:31Z. Consents given since are kept."),
    ] = None,
) -> None:
    """After a backup was put back: erase again whoever was erased since, and let no consent from before be in force.

    Run it before anything serves from the restored database. Erasures come from the journal (CONSENT_ERASURE_JOURNAL).
    Which consents were taken back since the backup nobody can know, so each ends as invalidated, and its candidate is
    asked anew. It may be interrupted and run again. Did anything serve from it already, say --restored-at: or consents
    that were given since end too, and somebody who was erased, and came by since, is taken for one who never was.

    Example: consent-service erasures replay
    """

    async def work(settings: Settings, clock: Clock) -> tuple[Read, Replayed]:
        at = clock.now() if restored_at is None else _instant(restored_at)
        async with opened(settings, clock) as here:
            if settings.erasure_journal is None:
                raise Misconfigured("CONSENT_ERASURE_JOURNAL is not set")
            read = JournalFile(settings.erasure_journal, here.keys.service.rows).read()
            desk = Desk(here.keys.service, Purposes.load(), controller(settings))
            within = settings.waiting_days * DAY
            with bar("erasures", len(read.lines)) as advance:
                return read, await replay_lines(
                    here.db, desk, clock, read.lines, restored_at=at, answer_within=within, advance=advance
                )

    read, done = operate(work)
    typer.echo(
        f"Erased again: {done.erased}. Erased already: {done.erased_already}. Never erased: {done.never_erased}."
    )
    typer.echo(f"Consents invalidated: {done.invalidated}, of which asked anew: {done.asked_anew}.")
    if read.cut:
        typer.echo(f"{read.cut} lines of the journal were cut short by a crash, and stood before no erasure.")
    if read.unreadable:
        fail(f"{read.unreadable} lines of the journal are not the service's: look at them before you serve.")
    if done.passed_over:
        fail(f"{done.passed_over} were passed over (see the log). Run it again before you serve.")


def _instant(text: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--restored-at") from None
