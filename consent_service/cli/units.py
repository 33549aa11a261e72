"""``units``: the registry of parties. ``clients`` says which Maskinporten client calls as which of them."""

from typing import Annotated

import typer

from consent_service.cli.operating import opened, operate
from consent_service.clock import Clock
from consent_service.identity import units
from consent_service.identity.units import Unit, UnitKind
from consent_service.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Register who may take part: career centres, NAV offices, vocational training offices.",
)

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
            return await units.add(
                tx,
                here.keys.service.rows,
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
            return await units.every(view, here.keys.service.rows)

    for unit in operate(work):
        typer.echo(_line(unit))


@app.command()
def disable(unit_id: UnitId) -> None:
    """Let a unit neither call nor receive, from now on. Its consents stand, unused; `units enable` undoes it.

    Example: consent-service units disable 6f1f…
    """

    async def work(settings: Settings, clock: Clock) -> Unit:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            await units.disable(tx, here.keys.service.rows, unit_id)
            return await units.get(tx, here.keys.service.rows, unit_id)

    typer.echo(_line(operate(work)))


@app.command()
def enable(unit_id: UnitId) -> None:
    """Let a disabled unit call and receive again.

    Example: consent-service units enable 6f1f…
    """

    async def work(settings: Settings, clock: Clock) -> Unit:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            await units.enable(tx, here.keys.service.rows, unit_id)
            return await units.get(tx, here.keys.service.rows, unit_id)

    typer.echo(_line(operate(work)))


def _line(unit: Unit) -> str:
    state = "enabled" if unit.enabled else "disabled"
    about = (unit.id, unit.kind.value, unit.organisation_number, unit.unit_code, state, unit.region, unit.name)
    return "  ".join(about)
