"""A local world made anew: keys, clients, test persons, and the settings that point a service at it.

``sandbox`` keeps one in a folder from start to start; the demo makes one for each run. The folder then has the
enterprise certificate for Digipost, and ``clients/`` with a registration for each party and test person: whoever can
read those can speak as that party, so they are for their owner alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consent_service.cli import sandbox_players as players
from consent_service.cli.demo_sandbox import World
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind
from consent_service.mailbox.krr import SCOPE
from consent_service.sandbox.digipost import new_enterprise
from consent_service.sandbox.keys import SigningKey

PARTIES: Mapping[str, players.Party] = {
    "career-centre": players.CAREER_CENTRE,
    "nav": players.NAV_OFFICE,
    "vocational-training": players.TRAINING,
}
"""The parties by their client's id at Maskinporten, which is their registration's file name too."""

PROGRAM_CALLBACK = "http://127.0.0.1/program"
"""Where the candidates' program is answered after a login; nothing listens there, the client stops before it."""

_DIGIPOST_USER = 1000
_PASSWORD = "sandbox"  # noqa: S105 - the certificate's file is made here, for this machine alone


@dataclass(frozen=True)
class Ports:
    """Where the four listen."""

    idporten: int
    maskinporten: int
    digipost: int
    krr: int


@dataclass(frozen=True)
class Made:
    """A world, the settings of a service in it, and the arguments of a token source for each party and person."""

    world: World
    settings: Mapping[str, str]
    registrations: Mapping[str, Mapping[str, Any]]


def make(folder: Path, ports: Ports, *, public_url: str, scope_prefix: str) -> Made:
    """Make a world for the service at ``public_url``, and leave its files in ``folder``."""
    keys = {name: SigningKey.generate(name) for name in ("service", "program", *PARTIES)}
    enterprise = new_enterprise("Eksempel kommune", players.COUNTY)
    world = World(
        idporten_port=ports.idporten,
        maskinporten_port=ports.maskinporten,
        digipost_port=ports.digipost,
        krr_port=ports.krr,
        logins=[
            {
                **_login("service", keys["service"], f"{public_url}/login/callback"),
                "post_logout_redirect_uris": [f"{public_url}/"],
                "frontchannel_logout_uri": f"{public_url}/logout/frontchannel",
                "backchannel_logout_uri": f"{public_url}/logout/backchannel",
            },
            _login("program", keys["program"], PROGRAM_CALLBACK),
        ],
        units=[_own_client(keys["service"]), *(_unit(name, keys[name], scope_prefix) for name in PARTIES)],
        people=[{"national_id": one.national_id, "name": one.name} for one in players.PEOPLE],
        digipost_user_id=_DIGIPOST_USER,
        digipost_organisation=players.COUNTY,
        digipost_certificate_pem=enterprise.certificate_pem,
    )
    write_private(folder / "world.json", world.text().encode())
    write_private(folder / "digipost.p12", enterprise.pkcs12(_PASSWORD))
    write_private(folder / "digipost-password", _PASSWORD.encode())
    registrations = _registrations(world, keys, public_url, scope_prefix)
    for name, registration in registrations.items():
        write_private(folder / "clients" / f"{name}.json", json.dumps(registration, indent=2).encode())
    return Made(world, _settings(folder.resolve(), world, public_url, keys["service"]), registrations)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, in a folder of the same kind."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _login(client_id: str, key: SigningKey, callback: str) -> dict[str, Any]:
    return {"client_id": client_id, "redirect_uris": [callback], "keys": [key.public_jwk]}


def _own_client(key: SigningKey) -> dict[str, Any]:
    """The service's own client at Maskinporten, to ask KRR with."""
    about = {"client_id": "service", "organisation_number": players.COUNTY}
    return {**about, "scopes": [SCOPE], "keys": [key.public_jwk]}


def _unit(name: str, key: SigningKey, prefix: str) -> dict[str, Any]:
    party = PARTIES[name]
    return {
        "client_id": name,
        "organisation_number": party.organisation_number,
        "scopes": names_at_maskinporten(prefix, UnitKind(party.kind)),
        "keys": [key.public_jwk],
    }


def _settings(folder: Path, world: World, public_url: str, key: SigningKey) -> dict[str, str]:
    return {
        "IDPORTEN_ISSUER": world.idporten,
        "IDPORTEN_WELL_KNOWN_URL": f"{world.idporten}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key.private_jwk),
        "IDPORTEN_REDIRECT_URI": f"{public_url}/login/callback",
        "IDPORTEN_AUDIENCE": public_url,
        "MASKINPORTEN_ISSUER": world.maskinporten,
        "MASKINPORTEN_WELL_KNOWN_URL": f"{world.maskinporten}.well-known/oauth-authorization-server",
        "MASKINPORTEN_CLIENT_ID": "service",
        "MASKINPORTEN_CLIENT_JWK": json.dumps(key.private_jwk),
        "MASKINPORTEN_TOKEN_ENDPOINT": f"{world.maskinporten}token",
        "CONSENT_KRR_URL": world.krr,
        "DIGIPOST_URL": world.digipost,
        "DIGIPOST_USER_ID": str(world.digipost_user_id),
        "DIGIPOST_SENDER_ORGANISATION": world.digipost_organisation,
        "DIGIPOST_P12": str(folder / "digipost.p12"),
        "DIGIPOST_P12_PASSWORD_FILE": str(folder / "digipost-password"),
    }


def _registrations(
    world: World, keys: Mapping[str, SigningKey], public_url: str, scope_prefix: str
) -> dict[str, dict[str, Any]]:
    """Of `Maskinporten` for each unit, of `Login` for each test person."""
    units: dict[str, dict[str, Any]] = {
        name: {
            "issuer": world.maskinporten,
            "client_id": name,
            "key": keys[name].private_jwk,
            "scopes": names_at_maskinporten(scope_prefix, UnitKind(party.kind)),
        }
        for name, party in PARTIES.items()
    }
    people: dict[str, dict[str, Any]] = {
        one.called: {
            "issuer": world.idporten,
            "client_id": "program",
            "redirect_uri": PROGRAM_CALLBACK,
            "resource": public_url,
            "key": keys["program"].private_jwk,
            "national_id": one.national_id,
        }
        for one in players.PEOPLE
    }
    return units | people
