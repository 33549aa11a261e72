"""The house's neighbours: a clock that can be moved, issuers, Digipost, and the settings that point at them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Literal

from consent_service.clock import DAY, SECOND, SystemClock
from consent_service.identity.callers import names_at_maskinporten
from consent_service.identity.units import UnitKind as Kind
from consent_service.sandbox.digipost import (
    DigipostAccount,
    DigipostConfig,
    DigipostPerson,
    Enterprise,
    digipost_app,
    new_enterprise,
)
from consent_service.sandbox.idporten import IdportenClient, IdportenConfig, idporten_app
from consent_service.sandbox.keys import IssuerKeys, SigningKey
from consent_service.sandbox.maskinporten import MaskinportenClient, MaskinportenConfig, maskinporten_app
from consent_service.settings import Environment, Settings, read

PREFIX = "consent:"
CALLBACK = "http://127.0.0.1/program"
COUNTY, NAVS, OTHER_NAVS = "313876144", "314270320", "310163449"
MARIT, OLA, STRANGER = "21879498012", "23886799519", "25922947409"
NAMES = {MARIT: "Marit Prøvestad", OLA: "Ola Testvik"}

UnitName = Literal["career-centre", "nav", "other-nav", "vocational-training"]
UNITS: dict[UnitName, tuple[Kind, str, str]] = {
    "career-centre": (Kind.CAREER_CENTRE, COUNTY, "KAR1"),
    "nav": (Kind.NAV, NAVS, "0501"),
    "other-nav": (Kind.NAV, OTHER_NAVS, "0502"),
    "vocational-training": (Kind.VOCATIONAL_TRAINING, COUNTY, "FAG1"),
}


@functools.cache
def key(name: str) -> SigningKey:
    """The run's RSA key of this name; made once, since that takes a while."""
    return SigningKey.generate(name)


@functools.cache
def enterprise(name: str, number: str) -> Enterprise:
    """An enterprise certificate; made once, as above."""
    return new_enterprise(name, number)


class MovableClock:
    """The machine's clock, and how far a test has moved it."""

    def __init__(self) -> None:
        """Begin with the machine's time."""
        self._machines = SystemClock()
        self._moved = 0

    def now(self) -> int:
        """The time here."""
        return self._machines.now() + self._moved

    def monotonic(self) -> int:
        """See ``Clock.monotonic``; tests move it forward alone."""
        return self._machines.monotonic() + self._moved

    def seconds(self) -> float:
        """The time in seconds, for the clients."""
        return self.now() / SECOND

    def advance(self, *, days: int = 0, seconds: float = 0) -> None:
        """Move forward."""
        self._moved += days * DAY + int(seconds * SECOND)


def idporten_for(issuer: str, ours: str, clock: MovableClock) -> Any:
    """ID-porten, which lets every valid test person in."""
    service = IdportenClient(
        client_id="service",
        redirect_uris=frozenset({f"{ours}/login/callback"}),
        post_logout_redirect_uris=frozenset({f"{ours}/"}),
        frontchannel_logout_uri=f"{ours}/logout/frontchannel",
        keys=(key("service").public_jwk,),
    )
    program = IdportenClient(
        client_id="program", redirect_uris=frozenset({CALLBACK}), keys=(key("program").public_jwk,)
    )
    return idporten_app(
        IdportenConfig(
            issuer=issuer,
            environment=Environment.TEST,
            clients=(service, program),
            persons=(),
            keys=IssuerKeys(key("idporten")),
            clock=clock,
        )
    )


def maskinporten_for(issuer: str, clock: MovableClock) -> Any:
    """Maskinporten, with a client for each unit."""
    clients = tuple(
        MaskinportenClient(
            client_id=name,
            organisation_number=number,
            scopes=frozenset(names_at_maskinporten(PREFIX, kind)),
            keys=(key(name).public_jwk,),
        )
        for name, (kind, number, _) in UNITS.items()
    )
    return maskinporten_app(
        MaskinportenConfig(
            issuer=issuer,
            environment=Environment.TEST,
            clients=clients,
            keys=IssuerKeys(key("maskinporten")),
            clock=clock,
        )
    )


def digipost_for(clock: MovableClock) -> Any:
    """Digipost, with an account for each person that has a name here."""
    account = DigipostAccount(1000, "Fylket", COUNTY, enterprise("Fylket", COUNTY).certificate_pem)
    return digipost_app(
        DigipostConfig(
            environment=Environment.TEST,
            accounts=(account,),
            people=tuple(DigipostPerson(number, name) for number, name in NAMES.items()),
            enterprise=enterprise("Posten", "984661185"),
            clock=clock,
        )
    )


def settings_of(
    database_url: str, folder: Path, ours: str, idporten: str, maskinporten: str, digipost: str
) -> Settings:
    (folder / "digipost.p12").write_bytes(enterprise("Fylket", COUNTY).pkcs12("test"))
    (folder / "password").write_text("test")
    return read(
        {
            "CONSENT_ENVIRONMENT": "test",
            "CONSENT_DATABASE_URL": database_url,
            "CONSENT_KEYRING": str(folder / "keyring.json"),
            "CONSENT_PUBLIC_URL": ours,
            "CONSENT_SCOPE_PREFIX": PREFIX,
            "CONSENT_CONTROLLER_ORGANISATION_NUMBER": COUNTY,
            "IDPORTEN_ISSUER": idporten,
            "IDPORTEN_WELL_KNOWN_URL": f"{idporten}/.well-known/openid-configuration",
            "IDPORTEN_CLIENT_ID": "service",
            "IDPORTEN_CLIENT_JWK": json.dumps(key("service").private_jwk),
            "IDPORTEN_REDIRECT_URI": f"{ours}/login/callback",
            "IDPORTEN_AUDIENCE": ours,
            "MASKINPORTEN_ISSUER": maskinporten,
            "MASKINPORTEN_WELL_KNOWN_URL": f"{maskinporten}.well-known/oauth-authorization-server",
            "DIGIPOST_URL": digipost,
            "DIGIPOST_USER_ID": "1000",
            "DIGIPOST_SENDER_ORGANISATION": COUNTY,
            "DIGIPOST_P12": str(folder / "digipost.p12"),
            "DIGIPOST_P12_PASSWORD_FILE": str(folder / "password"),
            "DIGIPOST_PRINT_ORGANISATION": COUNTY,
            "DIGIPOST_PRINT_RETURN_NAME": "Fagopplæringen",
            "DIGIPOST_PRINT_RETURN_ADDRESS": "Postboks 1",
            "DIGIPOST_PRINT_RETURN_POSTAL_CODE": "7700",
            "DIGIPOST_PRINT_RETURN_CITY": "Steinkjer",
        }
    )
