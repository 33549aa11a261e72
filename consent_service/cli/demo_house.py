"""The demo's house: the outside world and the service as processes on loopback, units and clients registered.

What a visitor needs afterwards is left in the data folder: ``env`` with addresses and ids, ``clients/`` with a
registration file for each party (readable by the owner alone), ``logs/``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consent_clients.models import UnitKind
from consent_service.cli import clients, units
from consent_service.cli import demo_words as words
from consent_service.cli.demo_processes import free_ports, operate, running, wait_until_up
from consent_service.cli.demo_sandbox import World
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind as Kind
from consent_service.sandbox.digipost import new_enterprise
from consent_service.sandbox.keys import SigningKey

SCOPE_PREFIX = "consent:"
DIGIPOST_USER = 1000
PROGRAM_CALLBACK = "http://127.0.0.1/program"
"""Where the candidates' program is answered after a login; nothing listens there, the client stops before it."""

_SERVICES_OWN = ("CONSENT_", "DIGIPOST_", "IDPORTEN_", "MASKINPORTEN_", "TOKEN_X_")


@dataclass(frozen=True)
class House:
    """What runs and where; ``registrations`` has a token source's arguments for each party, by its file's name."""

    service: str
    idporten: str
    digipost: str
    unit_ids: Mapping[UnitKind, str]
    registrations: Mapping[str, Mapping[str, Any]]
    processes: Sequence[subprocess.Popen[bytes]]


@contextlib.contextmanager
def house(folder: Path) -> Iterator[House]:
    """Everything up and registered, in ``folder``, while the block lasts. Raises DoesNotHold if it can't be."""
    logs = folder / "logs"
    logs.mkdir()
    idporten, maskinporten, digipost, service, platform = free_ports(5)
    keys = {name: SigningKey.generate(name) for name in ("service", "program", *_UNITS)}
    enterprise = new_enterprise("Eksempel kommune", words.COUNTY)
    url = f"http://127.0.0.1:{service}"
    world = World(
        idporten_port=idporten,
        maskinporten_port=maskinporten,
        digipost_port=digipost,
        logins=_logins(url, keys),
        units=[_at_maskinporten(name, party, keys[name]) for name, party in _UNITS.items()],
        people=[{"national_id": one.national_id, "name": one.name} for one in words.PEOPLE],
        digipost_user_id=DIGIPOST_USER,
        digipost_organisation=words.COUNTY,
        digipost_certificate_pem=enterprise.certificate_pem,
    )
    world.write(folder / "world.json")
    _secret(folder / "digipost-password", "demo")
    (folder / "digipost.p12").touch(mode=0o600)
    (folder / "digipost.p12").write_bytes(enterprise.pkcs12("demo"))
    environ = _environment(folder, world, url, platform, keys["service"])
    with contextlib.ExitStack() as stack:
        outside = stack.enter_context(
            running(["consent_service.cli.demo_sandbox", str(folder / "world.json")], logs / "sandbox.log")
        )
        _wait_for(world, outside, logs / "sandbox.log")
        serve = ["consent_service.cli.main", "serve", "--worker"]
        serving = stack.enter_context(running(serve, logs / "service.log", environ))
        wait_until_up("the service", serving, f"http://127.0.0.1:{platform}/isready", logs / "service.log")
        unit_ids = _register(environ)
        built = House(
            url, world.idporten, world.digipost, unit_ids, _registrations(world, url, keys), (outside, serving)
        )
        _leave_for_visitors(folder, built)
        yield built


_UNITS: Mapping[str, words.Party] = {
    "career-centre": words.CAREER_CENTRE,
    "nav": words.NAV_OFFICE,
    "vocational-training": words.TRAINING,
}


def _logins(url: str, keys: Mapping[str, SigningKey]) -> list[dict[str, Any]]:
    """ID-porten's clients: the service's own pages, and a candidates' program that has a token made for the service."""
    return [
        {
            "client_id": "service",
            "redirect_uris": [f"{url}/login/callback"],
            "post_logout_redirect_uris": [f"{url}/"],
            "keys": [keys["service"].public_jwk],
        },
        {
            "client_id": "program",
            "redirect_uris": [PROGRAM_CALLBACK],
            "post_logout_redirect_uris": [],
            "keys": [keys["program"].public_jwk],
        },
    ]


def _scopes(party: words.Party) -> list[str]:
    return names_at_maskinporten(SCOPE_PREFIX, Kind(party.kind))


def _at_maskinporten(name: str, party: words.Party, key: SigningKey) -> dict[str, Any]:
    return {
        "client_id": name,
        "organisation_number": party.organisation_number,
        "scopes": _scopes(party),
        "keys": [key.public_jwk],
    }


def _environment(folder: Path, world: World, url: str, platform: int, key: SigningKey) -> dict[str, str]:
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
        "IDPORTEN_ISSUER": world.idporten,
        "IDPORTEN_WELL_KNOWN_URL": f"{world.idporten}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key.private_jwk),
        "IDPORTEN_REDIRECT_URI": f"{url}/login/callback",
        "IDPORTEN_AUDIENCE": url,
        "MASKINPORTEN_ISSUER": world.maskinporten,
        "MASKINPORTEN_WELL_KNOWN_URL": f"{world.maskinporten}.well-known/oauth-authorization-server",
        "DIGIPOST_URL": world.digipost,
        "DIGIPOST_USER_ID": str(world.digipost_user_id),
        "DIGIPOST_SENDER_ORGANISATION": world.digipost_organisation,
        "DIGIPOST_P12": str(folder / "digipost.p12"),
        "DIGIPOST_P12_PASSWORD_FILE": str(folder / "digipost-password"),
    }


def _wait_for(world: World, process: subprocess.Popen[bytes], log: Path) -> None:
    wait_until_up("ID-porten", process, f"{world.idporten}/.well-known/openid-configuration", log)
    wait_until_up("Maskinporten", process, f"{world.maskinporten}.well-known/oauth-authorization-server", log)
    wait_until_up("Digipost", process, f"{world.digipost}/inbox", log)


def _register(environ: Mapping[str, str]) -> dict[UnitKind, str]:
    """The three units, each with its client, by the operators' own commands; their ids by kind."""
    ids: dict[UnitKind, str] = {}
    for client_id, party in _UNITS.items():
        added = operate(
            units.app,
            [
                *("add", party.name),
                *("--kind", party.kind),
                *("--organisation-number", party.organisation_number),
                *("--unit-code", party.unit_code),
                *("--region", words.REGION),
            ],
            environ,
        )
        ids[party.kind] = added.split()[0]
        operate(clients.app, ["add", ids[party.kind], client_id], environ)
    return ids


def _registrations(world: World, url: str, keys: Mapping[str, SigningKey]) -> dict[str, dict[str, Any]]:
    """A token source's arguments for each unit (`Maskinporten`) and each test person (`Login`)."""
    parties: dict[str, dict[str, Any]] = {
        name: {
            "issuer": world.maskinporten,
            "client_id": name,
            "key": keys[name].private_jwk,
            "scopes": _scopes(party),
        }
        for name, party in _UNITS.items()
    }
    people: dict[str, dict[str, Any]] = {
        person.called: {
            "issuer": world.idporten,
            "client_id": "program",
            "redirect_uri": PROGRAM_CALLBACK,
            "resource": url,
            "key": keys["program"].private_jwk,
            "national_id": person.national_id,
        }
        for person in words.PEOPLE
    }
    return parties | people


def _leave_for_visitors(folder: Path, built: House) -> None:
    kept = folder / "clients"
    kept.mkdir(mode=0o700)
    for name, registration in built.registrations.items():
        _secret(kept / f"{name}.json", json.dumps(registration, indent=2))
    told = {
        "SERVICE": built.service,
        "CAREER_CENTRE": built.unit_ids["career_centre"],
        "NAV": built.unit_ids["nav"],
        "VOCATIONAL_TRAINING": built.unit_ids["vocational_training"],
        **{person.called.upper(): person.national_id for person in words.PEOPLE},
    }
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in told.items())
    (folder / "env").write_text("".join(lines))


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
