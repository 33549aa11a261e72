"""``vault``: what everything sealed is sealed in."""

import typer

from consent_service.app.envelopes import Formats, formats
from consent_service.cli.operating import fail, opened, operate
from consent_service.clock import Clock
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look after the envelopes that everything is sealed in.")


@app.callback()
def vault() -> None:
    """Look after the envelopes that everything is sealed in."""


@app.command()
def reseal() -> None:
    """Seal anew what is sealed in an old format, and say how many envelopes stand in which format. Opens no content.

    There is one format so far, so there is nothing to seal anew; keys that a local keyring wrapped are counted along,
    and sealed anew by keys rotate. A reader of an old format leaves the service only
    when this says that none is left. Ends with 1 if something is no envelope at all.

    Example: consent-service vault reseal
    """

    async def work(settings: Settings, clock: Clock) -> Formats:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            return await formats(view)

    found = operate(work)
    for place, counts in sorted(found.by_place.items()):
        typer.echo(f"{place}: {', '.join(f'{n} in format {one}' for one, n in sorted(counts.items())) or 'none'}")
    typer.echo(f"Left in old formats: {found.old}.")
    if found.strange:
        fail(*(f"{place}: {n} are no envelopes of this service's" for place, n in sorted(found.strange.items())))
