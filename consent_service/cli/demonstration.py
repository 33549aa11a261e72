"""``demo``: the whole journey on this machine, in one command."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    data: Annotated[
        Path | None, typer.Option(help="An empty or new folder for the data; by default a temporary one.")
    ] = None,
    exit_after: Annotated[
        bool, typer.Option("--exit", help="End after the journey instead of staying up; status 1 if a step failed.")
    ] = False,
) -> None:
    """Start everything on loopback, walk the journey party by party, and stay up to be explored until Ctrl-C.

    Starts local stand-ins for ID-porten, Maskinporten, Digipost and KRR as real HTTP servers, then the service and a
    worker, and walks the journey with the parties' own clients. Nothing leaves this machine.

    Example: consent-service demo --exit
    """
    try:
        from consent_service.cli.demo import run  # noqa: PLC0415  # the parties' clients are not in the image
    except ModuleNotFoundError as missing:
        if missing.name != "consent_clients":
            raise
        typer.echo("The demo needs the parties' clients (clients/python), which are not installed here.", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(run(data, exit_after))
