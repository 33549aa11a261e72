"""``units``: the registry of parties. ``units clients`` says which Maskinporten client calls as which of them."""

from typing import Annotated

import typer

from consent_service.app.assembly import controller
from consent_service.cli import clients
from consent_service.cli.operating import fail, opened, operate
from consent_service.cli.progress import bar
from consent_service.clock import Clock
from consent_service.consents import closing
from consent_service.consents.closing import Closed
from consent_service.consents.desk import Desk
from consent_service.consents.purposes import Purposes
from consent_service.identity import registry, units
from consent_service.identity.units import Unit, UnitKind
from consent_service.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Register who may take part: career centres, NAV offices, vocational training offices.",
)

app.add_typer(clients.app, name="clients")

UnitId = Annotated[str, typer.Argument(help="The unit's id, as `units list` shows it.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What candidates read, such as 'NAV Steinkjer'.")],
    kind: Annotated[UnitKind, typer.Option(help="What it is, for good.")],
    organisation_number: Annotated[str, typer.Option(help="Nine digits. Several units may share one.")],
    unit_code: Annotated[str, typer.Option(help="The organisation's own code for the unit, such as 1702.")],
    region: Annotated[str, typer.Option(help="Where it works, such as Trøndelag.")],
    privacy_email: Annotated[str | None, typer.Option(help="Whom a candidate asks about privacy.")] = None,
    privacy_phone: Annotated[str | None, typer.Option(help="The same, by phone.")] = None,
) -> None:
    """Register a unit. Prints its id, which clients and consents name.

    Example: consent-service units add "NAV Steinkjer" --kind nav --organisation-number 889640782 --unit-code 1702
    --region Trøndelag
    """

    async def work(settings: Settings, clock: Clock) -> Unit:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            return await registry.add(
                tx,
                here.keys.service,
                organisation_number=organisation_number,
                unit_code=unit_code,
                name=name,
                region=region,
                kind=kind,
                at=clock.now(),
                privacy_email=privacy_email,
                privacy_phone=privacy_phone,
            )

    typer.echo(_line(operate(work)))


@app.command("list")
def list_() -> None:
    """Show every unit with its id, whether enabled or not.

    Example: consent-service units list
    """

    async def work(settings: Settings, clock: Clock) -> list[Unit]:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            return await units.every(view, here.keys.service)

    for unit in operate(work):
        typer.echo(_line(unit))


@app.command()
def disable(unit_id: UnitId) -> None:
    """Let a unit neither call nor receive, from now on. Its consents stand, unused; `units enable` undoes it.

    Example: consent-service units disable 6f1f…
    """

    async def work(settings: Settings, clock: Clock) -> Unit:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            await registry.disable(tx, here.keys.service, unit_id, at=clock.now())
            return await units.get(tx, here.keys.service, unit_id)

    typer.echo(_line(operate(work)))


@app.command()
def enable(unit_id: UnitId) -> None:
    """Let a disabled unit call and receive again.

    Example: consent-service units enable 6f1f…
    """

    async def work(settings: Settings, clock: Clock) -> Unit:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            await registry.enable(tx, here.keys.service, unit_id, at=clock.now())
            return await units.get(tx, here.keys.service, unit_id)

    typer.echo(_line(operate(work)))


@app.command()
def close(
    unit_id: UnitId,
    successor: Annotated[
        str | None, typer.Option(help="The id of the unit that takes over: of the same kind, named to the candidates.")
    ] = None,
) -> None:
    """Close a unit for good. What candidates let it have ends, with notice to them, and passes to nobody.

    From its first moment the unit can neither call nor receive. Then each consent is ended, and each question taken
    back: it may be interrupted, and run again. A successor is named to the candidates, who can grant it the same anew.

    Example: consent-service units close 6f1f… --successor 2b7c…
    """

    async def work(settings: Settings, clock: Clock) -> tuple[Unit, Closed]:
        async with opened(settings, clock) as here:
            async with here.db.transaction() as tx:
                unit = await registry.close(tx, here.keys.service, unit_id, successor_id=successor, at=clock.now())
            desk = Desk(here.keys.service, Purposes.load(), controller(settings))
            found = await closing.find_open(here.db, unit.id, now=clock.now())
            with bar("consents", len(found)) as advance:
                return unit, await closing.end_all(here.db, desk, clock, unit.id, found, advance=advance)

    unit, done = operate(work)
    typer.echo(_line(unit))
    typer.echo(f"Consents ended: {done.ended}. Questions taken back: {done.fallen_away}.")
    if done.passed_over:
        fail(f"{done.passed_over} were passed over (see the log). Run it again.")


def _line(unit: Unit) -> str:
    state = "closed" if unit.closed_at is not None else "enabled" if unit.enabled else "disabled"
    about = (unit.id, unit.kind.value, unit.organisation_number, unit.unit_code, state, unit.region, unit.name)
    return "  ".join(about)
