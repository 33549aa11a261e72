"""``units clients``: which client at Maskinporten calls as which unit.

One client, one unit; an unknown client is refused.
"""

from typing import Annotated

import typer

from consent_service.cli.operating import opened, operate
from consent_service.clock import Clock
from consent_service.identity import registry, units
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import Client, Unit
from consent_service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Register the Maskinporten clients that call as a unit.")

UnitId = Annotated[str, typer.Argument(help="The unit's id, as `units list` shows it.")]
ClientId = Annotated[str, typer.Argument(help="The client's id at Maskinporten.")]
Consumer = Annotated[
    str | None,
    typer.Option(help="The organisation that the client's tokens name (consumer), if it is not the unit's own."),
]


@app.command()
def add(unit_id: UnitId, client_id: ClientId, organisation_number: Consumer = None) -> None:
    """Let a client call as a unit, and show the scopes that it asks Maskinporten for.

    Example: consent-service units clients add 6f1f… 0f5a5e3c-nav-steinkjer
    """

    async def work(settings: Settings, clock: Clock) -> tuple[Client, list[str]]:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            keys = here.keys.service
            unit = await units.get(tx, keys, unit_id)
            added = await registry.add_client(
                tx, keys, unit_id, client_id=client_id, at=clock.now(), organisation_number=organisation_number
            )
            return added, names_at_maskinporten(settings.scope_prefix, unit.kind)

    added, scopes = operate(work)
    typer.echo(f"{added.client_id} of {added.organisation_number} calls as {unit_id}. Scopes: {' '.join(scopes)}")


@app.command("list")
def list_() -> None:
    """Show every client with the unit that it calls as.

    Example: consent-service units clients list
    """

    async def work(settings: Settings, clock: Clock) -> list[tuple[Unit, Client]]:
        async with opened(settings, clock) as here, here.db.snapshot() as view:
            registered = await units.registered(view, here.keys.service)
            return [(one.unit, client) for one in registered for client in one.clients]

    for unit, client in operate(work):
        typer.echo(f"{client.client_id}  {client.organisation_number}  {unit.id}  {unit.name}")


@app.command()
def remove(
    client_id: ClientId,
    organisation_number: Annotated[str, typer.Argument(help="The organisation that the client's tokens name.")],
) -> None:
    """Let a client call no more, from its next call on.

    Example: consent-service units clients remove 0f5a5e3c-nav-steinkjer 889640782
    """

    async def work(settings: Settings, clock: Clock) -> None:
        async with opened(settings, clock) as here, here.db.transaction() as tx:
            await registry.remove_client(
                tx,
                here.keys.service,
                organisation_number=organisation_number,
                client_id=client_id,
                at=clock.now(),
            )

    operate(work)
    typer.echo(f"{client_id} calls no more.")
