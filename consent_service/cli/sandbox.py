"""``sandbox``: ID-porten, Maskinporten, Digipost and KRR on this machine, for whoever works on the service or a client.

What they are told stays in a folder: the same keys and clients at the next start, so that a service that was set up
against them goes on working. Never in production.
"""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from consent_service.cli.demo_sandbox import World
from consent_service.cli.demo_sandbox import serve as serve_world
from consent_service.cli.operating import NOT_FIT, fail, operate
from consent_service.cli.sandbox_world import Ports, make, write_private
from consent_service.clock import Clock
from consent_service.sandbox.production import NotInProduction, refuse_production
from consent_service.settings import Settings

Folder = Annotated[Path, typer.Option(help="Where keys, clients and the settings for the service are kept.")]
FirstPort = Annotated[int, typer.Option(help="The first of four ports: ID-porten, Maskinporten, Digipost, KRR.")]


def sandbox(folder: Folder = Path("sandbox"), first_port: FirstPort = 9101) -> None:
    """Run local stand-ins for ID-porten, Maskinporten, Digipost and KRR, until Ctrl-C. Never in production.

    They speak the real protocols and refuse what the real ones refuse. The folder gets service.env, with the
    settings that point the service at them, and clients/, with a registration file for each party and test person.
    Programs of others register themselves with POST /sandbox/clients, at ID-porten and at Maskinporten.

    Example: consent-service sandbox, and in another terminal: set -a; . sandbox/service.env; consent-service serve
    """

    async def work(settings: Settings, _: Clock) -> None:
        try:
            refuse_production(settings.environment)
        except NotInProduction as refused:
            fail(str(refused), code=NOT_FIT)
        world = _world(folder, settings, first_port)
        typer.echo(f"ID-porten {world.idporten}  Maskinporten {world.maskinporten}  Digipost {world.digipost}/inbox")
        typer.echo(f"Settings for the service: set -a; . {shlex.quote(str(folder / 'service.env'))}")
        await serve_world(world)

    try:
        operate(work)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _world(folder: Path, settings: Settings, first_port: int) -> World:
    """The world of ``folder``, made if it is not there yet."""
    kept = folder / "world.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        ports = Ports(*range(first_port, first_port + 4))
        made = make(folder, ports, public_url=settings.public_url, scope_prefix=settings.scope_prefix)
        told = {"CONSENT_ENVIRONMENT": settings.environment.value, **made.settings}
        lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items())
        write_private(folder / "service.env", lines.encode())
    return World(**json.loads(kept.read_text()))
