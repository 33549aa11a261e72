"""``sandbox``: ID-porten, Maskinporten and Digipost on this machine, for whoever works on the service or a client.

What they are told stays in a folder: the same keys and clients at the next start, so that a service that was set up
against them goes on working. Never in production.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from consent_service.cli import demo_words as words
from consent_service.cli.demo_sandbox import World
from consent_service.cli.demo_sandbox import serve as serve_world
from consent_service.cli.operating import NOT_FIT, fail, operate
from consent_service.clock import Clock
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind
from consent_service.sandbox.digipost import new_enterprise
from consent_service.sandbox.keys import SigningKey
from consent_service.sandbox.production import NotInProduction, refuse_production
from consent_service.settings import Settings

_PARTIES = {"career-centre": words.CAREER_CENTRE, "nav": words.NAV_OFFICE, "vocational-training": words.TRAINING}
_DIGIPOST_USER = 1000
_PASSWORD = "sandbox"  # noqa: S105 - the certificate's file is made here, for this machine alone
_PROGRAM_CALLBACK = "http://127.0.0.1/program"

Folder = Annotated[Path, typer.Option(help="Where keys, clients and the settings for the service are kept.")]
FirstPort = Annotated[int, typer.Option(help="The first of three ports: ID-porten, Maskinporten, Digipost.")]


def sandbox(folder: Folder = Path("sandbox"), first_port: FirstPort = 9101) -> None:
    """Run local stand-ins for ID-porten, Maskinporten and Digipost, until Ctrl-C. Never in production.

    They speak the real protocols and refuse what the real ones refuse. The folder gets service.env, with the
    settings that point the service at them, and clients/, with a registration file for each party and test person.

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
        _make(folder, settings, first_port).write(kept)
    return World(**json.loads(kept.read_text()))


def _make(folder: Path, settings: Settings, first_port: int) -> World:
    keys = {name: SigningKey.generate(name) for name in ("service", "program", *_PARTIES)}
    enterprise = new_enterprise("Eksempel kommune", words.COUNTY)
    world = World(
        idporten_port=first_port,
        maskinporten_port=first_port + 1,
        digipost_port=first_port + 2,
        logins=[
            _login("service", keys["service"], f"{settings.public_url}/login/callback", [f"{settings.public_url}/"]),
            _login("program", keys["program"], _PROGRAM_CALLBACK, []),
        ],
        units=[_unit(name, keys[name], settings.scope_prefix) for name in _PARTIES],
        people=[{"national_id": one.national_id, "name": one.name} for one in words.PEOPLE],
        digipost_user_id=_DIGIPOST_USER,
        digipost_organisation=words.COUNTY,
        digipost_certificate_pem=enterprise.certificate_pem,
    )
    (folder / "digipost.p12").write_bytes(enterprise.pkcs12(_PASSWORD))
    _write(folder / "digipost-password", _PASSWORD)
    _write(folder / "service.env", _environment(folder, world, settings, keys["service"]))
    for name, registration in _registrations(world, settings, keys).items():
        _write(folder / "clients" / f"{name}.json", json.dumps(registration, indent=2))
    return world


def _login(client_id: str, key: SigningKey, callback: str, after_logout: list[str]) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "redirect_uris": [callback],
        "post_logout_redirect_uris": after_logout,
        "keys": [key.public_jwk],
    }


def _unit(name: str, key: SigningKey, prefix: str) -> dict[str, Any]:
    party = _PARTIES[name]
    return {
        "client_id": name,
        "organisation_number": party.organisation_number,
        "scopes": names_at_maskinporten(prefix, UnitKind(party.kind)),
        "keys": [key.public_jwk],
    }


def _environment(folder: Path, world: World, settings: Settings, key: SigningKey) -> str:
    """The settings that point a service at this world, as lines for a shell."""
    here = folder.resolve()
    told = {
        "CONSENT_ENVIRONMENT": settings.environment.value,
        "IDPORTEN_ISSUER": world.idporten,
        "IDPORTEN_WELL_KNOWN_URL": f"{world.idporten}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key.private_jwk),
        "IDPORTEN_REDIRECT_URI": f"{settings.public_url}/login/callback",
        "IDPORTEN_AUDIENCE": settings.public_url,
        "MASKINPORTEN_ISSUER": world.maskinporten,
        "MASKINPORTEN_WELL_KNOWN_URL": f"{world.maskinporten}.well-known/oauth-authorization-server",
        "DIGIPOST_URL": world.digipost,
        "DIGIPOST_USER_ID": str(world.digipost_user_id),
        "DIGIPOST_SENDER_ORGANISATION": world.digipost_organisation,
        "DIGIPOST_P12": str(here / "digipost.p12"),
        "DIGIPOST_P12_PASSWORD_FILE": str(here / "digipost-password"),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items())


def _registrations(world: World, settings: Settings, keys: Mapping[str, SigningKey]) -> dict[str, dict[str, Any]]:
    """The arguments of a client's token source, for each party and each test person."""
    units: dict[str, dict[str, Any]] = {
        name: {
            "issuer": world.maskinporten,
            "client_id": name,
            "key": keys[name].private_jwk,
            "scopes": names_at_maskinporten(settings.scope_prefix, UnitKind(party.kind)),
        }
        for name, party in _PARTIES.items()
    }
    people: dict[str, dict[str, Any]] = {
        one.called: {
            "issuer": world.idporten,
            "client_id": "program",
            "redirect_uri": _PROGRAM_CALLBACK,
            "resource": settings.public_url,
            "key": keys["program"].private_jwk,
            "national_id": one.national_id,
        }
        for one in words.PEOPLE
    }
    return units | people


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
