"""``deliveries``: letters in the outbox, as ids, times and codes. Content is not shown to anybody here."""

from typing import Annotated

import typer

from consent_service.cli.operating import opened, operate
from consent_service.clock import Clock, rfc3339
from consent_service.delivery import operators
from consent_service.delivery.operators import LetterView
from consent_service.delivery.states import Status
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look after the letters: what waits, what is parked, what to try again.")

LetterId = Annotated[str, typer.Argument(help="The letter's id, as `deliveries list` shows it.")]


@app.command("list")
def list_(
    status: Annotated[list[Status] | None, typer.Option(help="Which letters; may be given several times.")] = None,
) -> None:
    """Show letters that stand at a status: by default those parked, which wait for an operator.

    Example: consent-service deliveries list --status accepted --status dispatched
    """
    wanted = tuple(status) if status else (Status.PARKED,)

    async def work(settings: Settings, clock: Clock) -> tuple[dict[str, int], list[LetterView]]:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            found: list[LetterView] = []
            while page := await operators.listed(view, wanted, after=found[-1].id if found else ""):
                found += page
            return await operators.counts(view), found

    counts, found = operate(work)
    typer.echo("  ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "There are no letters.")
    for letter in found:
        note = letter.history[-1].note or ""
        typer.echo(f"{letter.id}  {letter.status}  attempts {letter.attempts}  {rfc3339(letter.updated_at)}  {note}")


@app.command()
def show(letter_id: LetterId) -> None:
    """Show one letter with its history and the codes that belong to it.

    Example: consent-service deliveries show 2b7c…
    """

    async def work(settings: Settings, clock: Clock) -> LetterView:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            return await operators.show(view, letter_id)

    _print(operate(work))


@app.command()
def retry(letter_id: LetterId) -> None:
    """Let a parked letter, or one that waits for its time, be tried now. It is never sent twice.

    Example: consent-service deliveries retry 2b7c…
    """

    async def work(settings: Settings, clock: Clock) -> LetterView:
        async with opened(settings, clock) as here:
            return await operators.retry(here.db, here.keys.service, clock, letter_id)

    _print(operate(work))


@app.command()
def cancel(letter_id: LetterId) -> None:
    """Cancel a letter of which nothing has left. What may be out can't be called back, and is not cancelled.

    Example: consent-service deliveries cancel 2b7c…
    """

    async def work(settings: Settings, clock: Clock) -> LetterView:
        async with opened(settings, clock) as here:
            return await operators.cancel(here.db, here.keys.service, clock, letter_id)

    _print(operate(work))


def _print(letter: LetterView) -> None:
    waits = "" if letter.next_attempt_at is None else f"  next attempt {rfc3339(letter.next_attempt_at)}"
    doubt = "  may be out" if letter.may_be_out else ""
    typer.echo(f"{letter.id}  {letter.status}  attempts {letter.attempts}{waits}{doubt}")
    typer.echo(
        f"plan {letter.plan_id} version {letter.plan_version}  consent {letter.consent_id}  unit {letter.unit_id}"
    )
    typer.echo(f"message {letter.message_id}  document {letter.document_uuid}")
    for line in letter.history:
        typer.echo(f"  {rfc3339(line.at)}  {line.status}  {line.note or ''}".rstrip())
