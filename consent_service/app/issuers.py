"""Whom the service believes about who is calling: Maskinporten for units, ID-porten for candidates."""

import json
import re
from dataclasses import dataclass

from consent_service.app.outgoing import Outgoing
from consent_service.clock import Clock
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.issuers import Issuer
from consent_service.identity.levels import levels_from
from consent_service.identity.login import Login, LoginSettings
from consent_service.identity.tokens import (
    BearerTokens,
    BearerValidator,
    IdportenTokens,
    LoginTokens,
    MaskinportenTokens,
)
from consent_service.settings import Misconfigured, Settings

LEVEL = "idporten-loa-high"
"""What a candidate logs in with: a note says much about a person."""


@dataclass(frozen=True)
class Identities:
    """Who validates tokens, and how people log in. ``levels``: the values of ``acr`` that suffice."""

    tokens: BearerTokens
    login: Login
    idporten: Issuer
    levels: frozenset[str]


def identities(settings: Settings, http: Outgoing, clock: Clock, *, return_paths: re.Pattern[str]) -> Identities:
    """What ``settings`` name. ``return_paths``: where a login may lead to. Raises Misconfigured for what is missing."""
    _demand(settings)
    try:
        maskinporten = Issuer(
            settings.maskinporten_issuer,
            http,
            clock,
            metadata_url=settings.maskinporten_well_known_url,
            jwks_uri=settings.maskinporten_jwks_uri,
        )
        idporten = Issuer(
            settings.idporten_issuer,
            http,
            clock,
            metadata_url=settings.idporten_well_known_url,
            jwks_uri=settings.idporten_jwks_uri,
        )
        levels = levels_from(LEVEL)
        bearers: list[BearerValidator] = [
            MaskinportenTokens(maskinporten),
            IdportenTokens(idporten, audience=settings.idporten_audience, acr=levels),
        ]
    except ValueError as unfit:
        raise Misconfigured(f"IDPORTEN_ or MASKINPORTEN_ settings: {unfit}") from None
    login = LoginSettings(
        client_id=settings.idporten_client_id,
        client_key=_client_key(settings),
        redirect_uri=settings.idporten_redirect_uri,
        return_paths=return_paths,
        acr=LEVEL,
    )
    id_tokens = LoginTokens(idporten, client_id=settings.idporten_client_id, clock=clock)
    at_idporten = Login(login, idporten, id_tokens, http, clock)
    return Identities(BearerTokens(bearers, clock), at_idporten, idporten, levels)


def _demand(settings: Settings) -> None:
    demanded = {
        "IDPORTEN_ISSUER": settings.idporten_issuer,
        "IDPORTEN_WELL_KNOWN_URL": settings.idporten_well_known_url,
        "IDPORTEN_CLIENT_ID": settings.idporten_client_id,
        "IDPORTEN_CLIENT_JWK": settings.idporten_client_jwk,
        "IDPORTEN_REDIRECT_URI": settings.idporten_redirect_uri,
        "IDPORTEN_AUDIENCE": settings.idporten_audience,
        "MASKINPORTEN_ISSUER": settings.maskinporten_issuer,
        "MASKINPORTEN_WELL_KNOWN_URL (or MASKINPORTEN_JWKS_URI)": settings.maskinporten_well_known_url
        or settings.maskinporten_jwks_uri,
    }
    missing = [f"{name} is not set" for name, value in demanded.items() if not value]
    if missing:
        raise Misconfigured(*missing, "Without the real ones, consent-service sandbox runs local ones.")


def _client_key(settings: Settings) -> ClientKey:
    assert settings.idporten_client_jwk is not None
    try:
        return ClientKey(json.loads(settings.idporten_client_jwk.get_secret_value()))
    except (ValueError, AttributeError):
        raise Misconfigured("IDPORTEN_CLIENT_JWK is not a private RSA key as a JWK with its kid") from None
