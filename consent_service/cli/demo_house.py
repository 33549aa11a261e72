"""The demo's house: the outside world and the service as processes on loopback, units and clients registered.

What a visitor needs afterwards is left in the data folder: ``env`` with addresses and ids, ``clients/`` with a
registration for each party, ``logs/``.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consent_service.cli import sandbox_players as players
from consent_service.cli import units
from consent_service.cli.demo_processes import free_ports, operate, running, wait_until_up
from consent_service.cli.demo_sandbox import World
from consent_service.cli.sandbox_world import PARTIES, Made, Ports, make
from consent_service.identity.units import UnitKind

SCOPE_PREFIX = "consent:"

_SERVICES_OWN = ("CONSENT_", "DIGIPOST_", "IDPORTEN_", "MASKINPORTEN_", "TOKEN_X_")


@dataclass(frozen=True)
class House:
    """What runs and where; ``registrations`` has a token source's arguments for each party, by its file's name."""

    service: str
    digipost: str
    unit_ids: Mapping[UnitKind, str]
    registrations: Mapping[str, Mapping[str, Any]]
    processes: Sequence[subprocess.Popen[bytes]]


@contextlib.contextmanager
def house(folder: Path) -> Iterator[House]:
    """Everything up and registered, in ``folder``, while the block lasts. Raises DoesNotHold if it can't be."""
    logs = folder / "logs"
    logs.mkdir()
    idporten, maskinporten, digipost, krr, service, platform = free_ports(6)
    url = f"http://127.0.0.1:{service}"
    made = make(folder, Ports(idporten, maskinporten, digipost, krr), public_url=url, scope_prefix=SCOPE_PREFIX)
    environ = _environment(folder, made, url, platform)
    with contextlib.ExitStack() as stack:
        outside = stack.enter_context(
            running(["consent_service.cli.demo_sandbox", str(folder / "world.json")], logs / "sandbox.log")
        )
        _wait_for(made.world, outside, logs / "sandbox.log")
        serve = ["consent_service.cli.main", "serve", "--worker"]
        serving = stack.enter_context(running(serve, logs / "service.log", environ))
        wait_until_up("the service", serving, f"http://127.0.0.1:{platform}/isready", logs / "service.log")
        unit_ids = _register(environ)
        _leave_for_visitors(folder, url, unit_ids)
        yield House(url, made.world.digipost, unit_ids, made.registrations, (outside, serving))


def _environment(folder: Path, made: Made, url: str, platform: int) -> dict[str, str]:
    """The service's settings, and nothing of the visitor's own that begins like one."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SERVICES_OWN)}
    return {
        **inherited,
        "CONSENT_ENVIRONMENT": "local",
        "CONSENT_DATABASE_URL": f"sqlite:///{folder / 'consent.db'}",
        "CONSENT_KEYRING": str(folder / "keyring.json"),
        "CONSENT_PORT": url.rpartition(":")[2],
        "CONSENT_PLATFORM_PORT": str(platform),
        "CONSENT_PUBLIC_URL": url,
        "CONSENT_SCOPE_PREFIX": SCOPE_PREFIX,
        **made.settings,
    }


def _wait_for(world: World, process: subprocess.Popen[bytes], log: Path) -> None:
    wait_until_up("ID-porten", process, f"{world.idporten}/.well-known/openid-configuration", log)
    wait_until_up("Maskinporten", process, f"{world.maskinporten}.well-known/oauth-authorization-server", log)
    wait_until_up("Digipost", process, f"{world.digipost}/inbox", log)


def _register(environ: Mapping[str, str]) -> dict[UnitKind, str]:
    """The three units, each with its client, by the operators' own commands; their ids by kind."""
    ids: dict[UnitKind, str] = {}
    for client_id, party in PARTIES.items():
        added = operate(
            units.app,
            [
                *("add", party.name),
                *("--kind", party.kind),
                *("--organisation-number", party.organisation_number),
                *("--unit-code", party.unit_code),
                *("--region", players.REGION),
            ],
            environ,
        )
        ids[party.kind] = added.split()[0]
        operate(units.app, ["clients", "add", ids[party.kind], client_id], environ)
    return ids


def _leave_for_visitors(folder: Path, url: str, unit_ids: Mapping[UnitKind, str]) -> None:
    told = {
        "SERVICE": url,
        "CAREER_CENTRE": unit_ids[UnitKind.CAREER_CENTRE],
        "NAV": unit_ids[UnitKind.NAV],
        "VOCATIONAL_TRAINING": unit_ids[UnitKind.VOCATIONAL_TRAINING],
        **{person.called.upper(): person.national_id for person in players.PEOPLE},
    }
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in told.items())
    (folder / "env").write_text("".join(lines))
