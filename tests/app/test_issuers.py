"""Whom the service believes is said by settings, and what would make it believe too much can't be set."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from consent_service.app.issuers import Identities, identities
from consent_service.clock import SystemClock
from consent_service.identity.sidecar import Sidecar
from consent_service.settings import Misconfigured, read
from tests.support.issuers import key
from tests.support.serving import calling

GIVEN = {
    "CONSENT_ENVIRONMENT": "test",
    "IDPORTEN_ISSUER": "https://idporten.no",
    "IDPORTEN_WELL_KNOWN_URL": "https://idporten.no/.well-known/openid-configuration",
    "IDPORTEN_CLIENT_ID": "our-client",
    "IDPORTEN_CLIENT_JWK": json.dumps(key("ours").private_jwk),
    "IDPORTEN_REDIRECT_URI": "https://samtykke.example.no/login/callback",
    "IDPORTEN_AUDIENCE": "https://samtykke.example.no",
    "MASKINPORTEN_ISSUER": "https://maskinporten.no/",
    "MASKINPORTEN_JWKS_URI": "https://maskinporten.no/jwk",
}
AT_NAV = {
    "TOKEN_X_ISSUER": "https://tokenx.example.no",
    "TOKEN_X_WELL_KNOWN_URL": "https://tokenx.example.no/.well-known/oauth-authorization-server",
    "TOKEN_X_CLIENT_ID": "prod-gcp:team:samtykke",
}


async def known(settings: Mapping[str, str]) -> Identities:
    """What the composition root makes of ``settings``."""
    async with calling() as http:
        return identities(read(settings), http, SystemClock(), return_paths=re.compile("/"))


async def test_the_settings_above_suffice_with_tokenx_and_without() -> None:
    """The tables below each change one thing; unchanged, they are accepted."""
    assert (await known(GIVEN)).levels == {"idporten-loa-high", "Level4"}
    assert (await known({**GIVEN, **AT_NAV})).idporten.identifier == GIVEN["IDPORTEN_ISSUER"]


@pytest.mark.parametrize("name", sorted(set(GIVEN) - {"CONSENT_ENVIRONMENT"}))
async def test_each_is_demanded(name: str) -> None:
    """What is missing is named."""
    with pytest.raises(Misconfigured, match=name):
        await known({other: value for other, value in GIVEN.items() if other != name})


@pytest.mark.parametrize("name", sorted(AT_NAV))
async def test_tokenx_is_set_up_whole_or_not_at_all(name: str) -> None:
    """A part of its settings alone is a mistake, not a service without it."""
    with pytest.raises(Misconfigured, match=name):
        await known({**GIVEN, **{other: value for other, value in AT_NAV.items() if other != name}})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"IDPORTEN_AUDIENCE": "our-client"}, "IDPORTEN_AUDIENCE must not be IDPORTEN_CLIENT_ID"),
        ({"IDPORTEN_AUDIENCE": "unspecified"}, "audience"),
        ({"CONSENT_MASKINPORTEN_AUDIENCE": "unspecified"}, "audience"),
        ({"TOKEN_X_CLIENT_ID": "unspecified"}, "audience"),
        ({"CONSENT_IDPORTEN_ALGORITHMS": "RS256,HS256"}, "algorithms"),
        ({"CONSENT_MASKINPORTEN_ALGORITHMS": "none"}, "algorithms"),
        ({"CONSENT_TOKEN_X_ALGORITHMS": "ES256"}, "algorithms"),
        ({"TOKEN_X_ISSUER": "https://idporten.no"}, "one validator for each issuer"),
        ({"MASKINPORTEN_ISSUER": "https://idporten.no"}, "one validator for each issuer"),
        ({"MASKINPORTEN_JWKS_URI": "http://maskinporten.no/jwk"}, "https"),
        ({"TOKEN_X_WELL_KNOWN_URL": "http://tokenx.example.no/"}, "https"),
        ({"IDPORTEN_CLIENT_JWK": "{}"}, "IDPORTEN_CLIENT_JWK"),
    ],
)
async def test_what_would_believe_too_much_does_not_start(changes: Mapping[str, str], why: str) -> None:
    """An audience that id_tokens or everybody's tokens carry, a shared secret, an open line, two rules for one name."""
    with pytest.raises(Misconfigured, match=why) as refused:
        await known({**GIVEN, **AT_NAV, **changes})
    assert not any(value in str(refused.value) for value in changes.values() if value.startswith("http"))


BEHIND_A_SIDECAR = {
    "CONSENT_ENVIRONMENT": "test",
    "CONSENT_LOGIN": "sidecar",
    "IDPORTEN_ISSUER": "https://idporten.no",
    "IDPORTEN_JWKS_URI": "https://idporten.no/jwks.json",
    "IDPORTEN_AUDIENCE": "https://nais.io",
    "MASKINPORTEN_ISSUER": "https://maskinporten.no/",
    "MASKINPORTEN_JWKS_URI": "https://maskinporten.no/jwk",
}


async def test_behind_a_sidecar_three_settings_suffice() -> None:
    """The sidecar is ID-porten's client, so that we are none: no key, no address to come back to, no logout tokens."""
    behind = await known(BEHIND_A_SIDECAR)
    assert isinstance(behind.login, Sidecar)
    assert behind.logout_tokens is None


@pytest.mark.parametrize("name", sorted(set(BEHIND_A_SIDECAR) - {"CONSENT_ENVIRONMENT", "CONSENT_LOGIN"}))
async def test_behind_a_sidecar_each_is_demanded(name: str) -> None:
    """An audience of our own as well: without it anybody's token would log in."""
    with pytest.raises(Misconfigured, match=name):
        await known({other: value for other, value in BEHIND_A_SIDECAR.items() if other != name})


async def test_the_least_level_is_a_setting() -> None:
    """Another level in ID-porten's words admits those above it; a word of another provider's is itself alone."""
    lower = await known({**GIVEN, "CONSENT_IDPORTEN_ACR": "idporten-loa-substantial"})
    assert lower.levels == {"idporten-loa-substantial", "idporten-loa-high", "Level3", "Level4"}
    assert (await known({**GIVEN, "CONSENT_IDPORTEN_ACR": "urn:gold"})).levels == {"urn:gold"}
