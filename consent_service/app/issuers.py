"""Whom the service believes about who is calling: Maskinporten for units, ID-porten and TokenX for candidates."""

import json
import re
from dataclasses import dataclass

from consent_service.app.outgoing import Outgoing
from consent_service.clock import Clock
from consent_service.identity.candidate_tokens import IdportenTokens, TokenXTokens
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.issuers import Issuer
from consent_service.identity.levels import levels_from
from consent_service.identity.login import Login, LoginSettings
from consent_service.identity.logout_tokens import LogoutTokens
from consent_service.identity.sidecar import Sidecar
from consent_service.identity.tokens import BearerTokens, BearerValidator, LoginTokens
from consent_service.identity.unit_tokens import MaskinportenTokens
from consent_service.settings import Misconfigured, Settings


@dataclass(frozen=True)
class Identities:
    """Who validates tokens, and how people log in. ``levels``: the values of ``acr`` that suffice.

    Behind a sidecar no logout token comes to us: it is the client that ID-porten tells.
    """

    tokens: BearerTokens
    login: Login | Sidecar
    logout_tokens: LogoutTokens | None
    idporten: Issuer
    levels: frozenset[str]


def identities(settings: Settings, http: Outgoing, clock: Clock, *, return_paths: re.Pattern[str]) -> Identities:
    """What ``settings`` name. ``return_paths``: where a login may lead to. Raises Misconfigured for what is missing."""
    _demand(settings)
    levels = levels_from(settings.idporten_acr)
    try:
        idporten = Issuer(
            settings.idporten_issuer,
            http,
            clock,
            metadata_url=settings.idporten_well_known_url,
            jwks_uri=settings.idporten_jwks_uri,
        )
        of_idporten = IdportenTokens(
            idporten,
            audience=settings.idporten_audience,
            acr=levels,
            algorithms=frozenset(settings.idporten_algorithms),
        )
        validators = [of_idporten, *_other_validators(settings, http, clock, idporten, levels)]
        tokens = BearerTokens(validators, clock)
        if settings.login == "sidecar":
            sidecar = Sidecar(BearerTokens([of_idporten], clock), acr=settings.idporten_acr)
            return Identities(tokens, sidecar, None, idporten, levels)
        login = LoginSettings(
            client_id=settings.idporten_client_id,
            client_key=_client_key(settings),
            redirect_uri=settings.idporten_redirect_uri,
            return_paths=return_paths,
            acr=settings.idporten_acr,
            scope=settings.idporten_scope,
            number_claim=settings.idporten_pid_claim,
        )
        id_tokens = LoginTokens(
            idporten,
            client_id=settings.idporten_client_id,
            clock=clock,
            algorithms=frozenset(settings.idporten_algorithms),
            number_claim=settings.idporten_pid_claim,
        )
        logouts = LogoutTokens(
            idporten,
            client_id=settings.idporten_client_id,
            clock=clock,
            algorithms=frozenset(settings.idporten_algorithms),
        )
    except ValueError as unfit:
        raise Misconfigured(f"IDPORTEN_, MASKINPORTEN_ or TOKEN_X_ settings: {unfit}") from None
    return Identities(tokens, Login(login, idporten, id_tokens, http, clock), logouts, idporten, levels)


def _other_validators(
    settings: Settings, http: Outgoing, clock: Clock, idporten: Issuer, levels: frozenset[str]
) -> list[BearerValidator]:
    maskinporten = Issuer(
        settings.maskinporten_issuer,
        http,
        clock,
        metadata_url=settings.maskinporten_well_known_url,
        jwks_uri=settings.maskinporten_jwks_uri,
    )
    validators: list[BearerValidator] = [
        MaskinportenTokens(
            maskinporten,
            audience=settings.maskinporten_audience or None,
            algorithms=frozenset(settings.maskinporten_algorithms),
        )
    ]
    if settings.token_x_issuer:
        token_x = Issuer(
            settings.token_x_issuer,
            http,
            clock,
            metadata_url=settings.token_x_well_known_url,
            jwks_uri=settings.token_x_jwks_uri,
        )
        validators.append(
            TokenXTokens(
                token_x,
                audience=settings.token_x_client_id,
                acr=levels,
                providers=frozenset({idporten.identifier}),
                algorithms=frozenset(settings.token_x_algorithms),
            )
        )
    return validators


def _demand(settings: Settings) -> None:
    demanded: dict[str, object] = {
        "IDPORTEN_ISSUER": settings.idporten_issuer,
        **_demanded_to_log_in(settings),
        "IDPORTEN_AUDIENCE": settings.idporten_audience,
        "MASKINPORTEN_ISSUER": settings.maskinporten_issuer,
        "MASKINPORTEN_WELL_KNOWN_URL (or MASKINPORTEN_JWKS_URI)": settings.maskinporten_well_known_url
        or settings.maskinporten_jwks_uri,
        **_demanded_of_token_x(settings),
    }
    missing = [f"{name} is not set" for name, value in demanded.items() if not value]
    if missing:
        raise Misconfigured(*missing, "Without the real ones, consent-service sandbox runs local ones.")
    if settings.idporten_audience == settings.idporten_client_id:
        raise Misconfigured(
            "IDPORTEN_AUDIENCE must not be IDPORTEN_CLIENT_ID: every id_token of ours names that as its audience"
        )


def _demanded_to_log_in(settings: Settings) -> dict[str, object]:
    if settings.login == "sidecar":
        where = settings.idporten_jwks_uri or settings.idporten_well_known_url
        return {"IDPORTEN_JWKS_URI (or IDPORTEN_WELL_KNOWN_URL)": where}
    return {
        "IDPORTEN_WELL_KNOWN_URL": settings.idporten_well_known_url,
        "IDPORTEN_CLIENT_ID": settings.idporten_client_id,
        "IDPORTEN_CLIENT_JWK": settings.idporten_client_jwk,
        "IDPORTEN_REDIRECT_URI": settings.idporten_redirect_uri,
    }


def _demanded_of_token_x(settings: Settings) -> dict[str, str]:
    """Nothing where TokenX is not used: it is NAV's own, and the other settings are then left out as well."""
    where = settings.token_x_well_known_url or settings.token_x_jwks_uri
    asked = {
        "TOKEN_X_ISSUER": settings.token_x_issuer,
        "TOKEN_X_CLIENT_ID": settings.token_x_client_id,
        "TOKEN_X_WELL_KNOWN_URL (or TOKEN_X_JWKS_URI)": where,
    }
    return asked if any(asked.values()) else {}


def _client_key(settings: Settings) -> ClientKey:
    assert settings.idporten_client_jwk is not None
    try:
        return ClientKey(json.loads(settings.idporten_client_jwk.get_secret_value()))
    except (ValueError, AttributeError):
        raise Misconfigured("IDPORTEN_CLIENT_JWK is not a private RSA key as a JWK with its kid") from None
