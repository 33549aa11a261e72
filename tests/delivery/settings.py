"""The settings of a worker in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.journeys.neighbours import key
from tests.support.digipost import BROKER, COUNTY, OWN_NUMBER, enterprise

LEASE = 2
NOBODY = "http://127.0.0.1:9"
"""A worker asks no issuer."""


def settings_for(database_url: str, folder: Path, digipost: str) -> dict[str, str]:
    """The settings of a worker, whose leases are short so that the tests are."""
    (folder / "digipost.p12").write_bytes(enterprise().pkcs12("test"))
    (folder / "password").write_text("test")
    return {
        "CONSENT_ENVIRONMENT": "test",
        "CONSENT_DATABASE_URL": database_url,
        "CONSENT_KEYRING": str(folder / "keyring.json"),
        "CONSENT_PLATFORM_PORT": "0",
        "CONSENT_LOG_LEVEL": "error",
        "CONSENT_LETTER_LEASE_SECONDS": str(LEASE),
        "IDPORTEN_ISSUER": NOBODY,
        "IDPORTEN_WELL_KNOWN_URL": f"{NOBODY}/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key("service").private_jwk),
        "IDPORTEN_REDIRECT_URI": f"{NOBODY}/login/callback",
        "IDPORTEN_AUDIENCE": NOBODY,
        "MASKINPORTEN_ISSUER": f"{NOBODY}/",
        "MASKINPORTEN_WELL_KNOWN_URL": f"{NOBODY}/.well-known/oauth-authorization-server",
        "DIGIPOST_URL": digipost,
        "DIGIPOST_USER_ID": str(BROKER),
        "DIGIPOST_SENDER_ORGANISATION": OWN_NUMBER,
        "DIGIPOST_P12": str(folder / "digipost.p12"),
        "DIGIPOST_P12_PASSWORD_FILE": str(folder / "password"),
        "DIGIPOST_PRINT_ORGANISATION": COUNTY.organisation_number,
        "DIGIPOST_PRINT_RETURN_NAME": "Fagopplæringen i Trøndelag",
        "DIGIPOST_PRINT_RETURN_ADDRESS": "Postboks 2560",
        "DIGIPOST_PRINT_RETURN_POSTAL_CODE": "7735",
        "DIGIPOST_PRINT_RETURN_CITY": "Steinkjer",
    }
