"""The demo's outside world in a process of its own: ID-porten, Maskinporten, Digipost and KRR on loopback.

``python -m consent_service.cli.demo_sandbox WORLD.json`` serves the four until it is ended. What they are told
(clients, people, keys) stands in the file, which the demo writes; everything they learn is gone with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from consent_service.sandbox.digipost import DigipostAccount, DigipostConfig, DigipostPerson, digipost_app
from consent_service.sandbox.idporten import IdportenClient, IdportenConfig, SandboxPerson, idporten_app
from consent_service.sandbox.keys import IssuerKeys
from consent_service.sandbox.krr import KrrConfig, krr_app
from consent_service.sandbox.maskinporten import MaskinportenClient, MaskinportenConfig, maskinporten_app
from consent_service.settings import Environment


@dataclass(frozen=True, kw_only=True)
class World:
    """Four ports, and who is known there. ``units`` and ``logins`` are the keyword arguments of their clients."""

    idporten_port: int
    maskinporten_port: int
    digipost_port: int
    krr_port: int
    logins: list[dict[str, Any]]
    units: list[dict[str, Any]]
    people: list[dict[str, str]] = field(repr=False)
    digipost_user_id: int
    digipost_organisation: str
    digipost_certificate_pem: str

    @property
    def idporten(self) -> str:
        """ID-porten's issuer: no slash at its end."""
        return f"http://127.0.0.1:{self.idporten_port}"

    @property
    def maskinporten(self) -> str:
        """Maskinporten's issuer: with its slash."""
        return f"http://127.0.0.1:{self.maskinporten_port}/"

    @property
    def digipost(self) -> str:
        """Where letters are handed in, and where inboxes are shown (``/inbox``)."""
        return f"http://127.0.0.1:{self.digipost_port}"

    @property
    def krr(self) -> str:
        """Where KRR looks people up."""
        return f"http://127.0.0.1:{self.krr_port}/rest/v2/personer"

    def text(self) -> str:
        """As it is kept in a file."""
        return json.dumps(asdict(self))


def apps(world: World) -> list[tuple[Any, int]]:
    """Each server and its port. Raises NotInProduction where that is."""
    logins = tuple(
        IdportenClient(
            client_id=login["client_id"],
            redirect_uris=frozenset(login["redirect_uris"]),
            post_logout_redirect_uris=frozenset(login.get("post_logout_redirect_uris", ())),
            frontchannel_logout_uri=login.get("frontchannel_logout_uri", ""),
            backchannel_logout_uri=login.get("backchannel_logout_uri", ""),
            keys=tuple(login["keys"]),
        )
        for login in world.logins
    )
    units = tuple(
        MaskinportenClient(
            client_id=unit["client_id"],
            organisation_number=unit["organisation_number"],
            scopes=frozenset(unit["scopes"]),
            keys=tuple(unit["keys"]),
        )
        for unit in world.units
    )
    keys = IssuerKeys()  # KRR takes the tokens that Maskinporten signs
    people = [(one["national_id"], one["name"]) for one in world.people]
    sender = DigipostAccount(
        world.digipost_user_id, "Eksempel", world.digipost_organisation, world.digipost_certificate_pem
    )
    local = Environment.LOCAL
    return [
        (
            idporten_app(
                IdportenConfig(
                    issuer=world.idporten,
                    environment=local,
                    clients=logins,
                    persons=tuple(SandboxPerson(pid=number, name=name) for number, name in people),
                )
            ),
            world.idporten_port,
        ),
        (
            maskinporten_app(
                MaskinportenConfig(issuer=world.maskinporten, environment=local, clients=units, keys=keys)
            ),
            world.maskinporten_port,
        ),
        (
            digipost_app(
                DigipostConfig(
                    environment=local,
                    accounts=(sender,),
                    people=tuple(DigipostPerson(number, name) for number, name in people),
                )
            ),
            world.digipost_port,
        ),
        (krr_app(KrrConfig(issuer=world.maskinporten, keys=keys, environment=local)), world.krr_port),
    ]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Four servers share the process: a signal ends it, and no server keeps the signal for itself."""
        yield


async def serve(world: World) -> None:
    """Serve all four until the process ends."""
    servers = [
        # Digipost's signature covers the answer's own Date.
        _Server(uvicorn.Config(app, port=port, log_level="warning", date_header=port != world.digipost_port))
        for app, port in apps(world)
    ]
    await asyncio.gather(*(server.serve() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(World(**json.loads(Path(sys.argv[1]).read_text()))))
