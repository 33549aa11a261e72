"""A local Maskinporten: tokens for organisations' systems, as the real one makes them.

What the real one refuses, this one refuses: unregistered keys, another audience than the issuer (with its slash),
``iat`` more than 10 seconds off, more than 120 seconds of life, a grant used twice, claims it does not know, scopes
nobody registered, delegations nobody gave. Its errors carry Maskinporten's own codes.

For developers only: ``POST /sandbox/clients`` registers a client, ``POST /sandbox/delegations`` lets a supplier act for
a consumer, ``POST /sandbox/keys/rotate`` changes the key.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from consent_service.clock import DAY, SECOND, Clock, SystemClock
from consent_service.identity.organisation_numbers import is_organisation_number
from consent_service.sandbox.keys import ClientJwks, IssuerKeys, Jwk
from consent_service.sandbox.oauth import Assertion, AssertionRefused, OAuthError, UsedOnce, peek, read_form, verify
from consent_service.sandbox.production import refuse_production
from consent_service.settings import Environment

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLOCKS_MAY_DIFFER = 10 * SECOND
_KEYS_LIVE = 365 * DAY
_DEMANDED = frozenset({"aud", "iss", "scope", "iat", "exp"})
_KNOWN = _DEMANDED | {"jti", "resource", "pid", "consumer_org", "iss_onbehalfof", "authorization_details"}
_INVALID = "invalid_grant"


@dataclass(frozen=True, kw_only=True)
class MaskinportenClient:
    """A registered client: public keys as JWKs with ``kid``. ``registered_at`` None: when the sandbox started."""

    client_id: str
    organisation_number: str
    scopes: frozenset[str]
    keys: tuple[Jwk, ...]
    registered_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """``consumer`` lets ``supplier`` ask for ``scope`` on its behalf (in Altinn)."""

    consumer: str
    supplier: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class MaskinportenConfig:
    """``issuer`` ends with a slash. ``audience``: what an unrestricted token says in ``aud``."""

    issuer: str
    environment: Environment
    clients: tuple[MaskinportenClient, ...] = ()
    delegations: frozenset[Delegation] = frozenset()
    audience: Literal["unspecified", "absent"] = "unspecified"
    token_seconds: int = 599
    keys: IssuerKeys = field(default_factory=IssuerKeys)
    clock: Clock = field(default_factory=SystemClock)


class Registration(BaseModel):
    """The body of ``POST /sandbox/clients``."""

    model_config = ConfigDict(extra="forbid")
    client_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]
    organisation_number: str
    scopes: list[str]
    jwks: ClientJwks


class Delegating(BaseModel):
    """The body of ``POST /sandbox/delegations``: organisation numbers, and one scope."""

    model_config = ConfigDict(extra="forbid")
    consumer: Annotated[str, Field(pattern="^[0-9]{9}$")]
    supplier: Annotated[str, Field(pattern="^[0-9]{9}$")]
    scope: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]


def maskinporten_app(config: MaskinportenConfig) -> FastAPI:
    """The issuer as an app. Raises NotInProduction, and ValueError for an issuer without its slash."""
    refuse_production(config.environment)
    if not config.issuer.endswith("/"):
        raise ValueError("Maskinporten's issuer ends with a slash")
    issuing = _Issuing(config)
    app = FastAPI(title="Local Maskinporten", openapi_url=None)

    @app.get("/.well-known/oauth-authorization-server")
    async def metadata() -> Response:
        return JSONResponse(_metadata(config.issuer))

    @app.get("/jwk")
    async def jwk() -> Response:
        return JSONResponse(config.keys.jwks())

    @app.post("/token")
    async def token(request: Request) -> Response:
        try:
            answer = issuing.token(await read_form(request))
        except OAuthError as error:
            return error.answer()
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    @app.post("/sandbox/clients", status_code=201)
    async def register(registration: Registration) -> Response:
        if not is_organisation_number(registration.organisation_number):
            return OAuthError("invalid_request", "the organisation number's check digit does not fit").answer()
        issuing.register(
            MaskinportenClient(
                client_id=registration.client_id,
                organisation_number=registration.organisation_number,
                scopes=frozenset(registration.scopes),
                keys=tuple(registration.jwks.keys),
            )
        )
        return JSONResponse({"client_id": registration.client_id}, status_code=201)

    @app.post("/sandbox/delegations", status_code=201)
    async def delegate(given: Delegating) -> Response:
        issuing.delegate(Delegation(consumer=given.consumer, supplier=given.supplier, scope=given.scope))
        return JSONResponse(given.model_dump(), status_code=201)

    @app.post("/sandbox/keys/rotate")
    async def rotate() -> Response:
        return JSONResponse({"kid": config.keys.rotate()})

    return app


def _metadata(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}token",
        "jwks_uri": f"{issuer}jwk",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "RS512"],
        "grant_types_supported": [GRANT_TYPE],
    }


class _Issuing:
    """The registry of clients, and the making of tokens."""

    def __init__(self, config: MaskinportenConfig) -> None:
        self._config = config
        self._clients: dict[str, MaskinportenClient] = {}
        self._grants = UsedOnce()
        self._delegations = set(config.delegations)
        for client in config.clients:
            self.register(client)

    def delegate(self, delegation: Delegation) -> None:
        """Let a supplier ask for a scope on a consumer's behalf."""
        self._delegations.add(delegation)

    def register(self, client: MaskinportenClient) -> None:
        """Add a client, or put it in place of the one with its id."""
        at = client.registered_at if client.registered_at is not None else self._config.clock.now()
        self._clients[client.client_id] = replace(client, registered_at=at)

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer to a token request. Raises OAuthError."""
        if form.get("grant_type") != GRANT_TYPE:
            raise OAuthError("unsupported_grant_type", f"grant_type is {GRANT_TYPE}")
        try:
            client, grant = self._grant(form.get("assertion", ""))
            claims = self._claims(client, grant.claims)
        except AssertionRefused as refused:
            error = "invalid_scope" if refused.code in {"MP-200", "MP-250"} else _INVALID
            raise OAuthError(error, f"{refused.code}: {refused.why}") from None
        return {
            "access_token": self._config.keys.signing.jwt(claims),
            "token_type": "Bearer",
            "expires_in": self._config.token_seconds,
            "scope": claims["scope"],
        }

    def _grant(self, assertion: str) -> tuple[MaskinportenClient, Assertion]:
        now = self._config.clock.now()
        client = self._clients.get(str(peek(assertion)[1].get("iss")))
        if client is None:
            raise AssertionRefused("MP-100", "client not found")
        grant = verify(assertion, client.keys, now=now)
        if client.registered_at is not None and now > client.registered_at + _KEYS_LIVE:
            raise AssertionRefused("MP-121", "the key has expired: keys live one year")
        if not grant.claims.keys() >= _DEMANDED or not grant.claims.keys() <= _KNOWN:
            raise AssertionRefused("MP-100", "Invalid assertion: a claim is missing, or not known")
        if grant.claims["aud"] != self._config.issuer:
            raise AssertionRefused("MP-110", "aud is this issuer, with its slash, and nothing else")
        if abs(grant.issued * SECOND - now) > _CLOCKS_MAY_DIFFER:
            raise AssertionRefused("MP-100", "iat is more than 10 seconds off")
        signed, _, _ = assertion.rpartition(".")  # a signature has many spellings, what it signs has one
        name = grant.claims.get("jti") or hashlib.sha256(signed.encode()).hexdigest()
        if not self._grants.use(client.client_id, str(name), expires=grant.expires, now=now):
            raise AssertionRefused("MP-012", "the grant has been used before")
        return client, grant

    def _claims(self, client: MaskinportenClient, asked: Any) -> dict[str, Any]:
        scopes = _scopes(asked["scope"])
        issued = self._config.clock.now() // SECOND
        return {
            "iss": self._config.issuer,
            "client_amr": "private_key_jwt",
            "token_type": "Bearer",
            **self._audience(asked),
            "client_id": client.client_id,
            "scope": " ".join(scopes),
            "exp": issued + self._config.token_seconds,
            "iat": issued,
            "jti": str(uuid.uuid4()),
            **self._parties(client, asked, scopes),
            **_person(asked),
        }

    def _audience(self, asked: Any) -> dict[str, Any]:
        if "resource" not in asked:
            return {} if self._config.audience == "absent" else {"aud": "unspecified"}
        resource = asked["resource"]
        if not isinstance(resource, list) or not resource or not all(isinstance(one, str) for one in resource):
            raise AssertionRefused("MP-011", "resource is an array of texts")
        return {"aud": resource[0] if len(resource) == 1 else resource}

    def _parties(self, client: MaskinportenClient, asked: Any, scopes: list[str]) -> dict[str, Any]:
        own = client.organisation_number
        if "authorization_details" in asked:
            raise AssertionRefused("MP-301", "authorization_details: this sandbox knows no such type")
        if "iss_onbehalfof" in asked:
            raise AssertionRefused("MP-011", "iss_onbehalfof: use consumer_org")
        if "consumer_org" not in asked:
            if not client.scopes.issuperset(scopes):
                raise AssertionRefused("MP-200", "a scope is not registered on the client")
            return {"consumer": _organisation(own)}
        consumer = asked["consumer_org"]
        if not isinstance(consumer, str) or not is_organisation_number(consumer) or consumer == own:
            raise AssertionRefused("MP-011", "consumer_org is another organisation's number")
        wanted = {Delegation(consumer=consumer, supplier=own, scope=scope) for scope in scopes}
        if not wanted <= self._delegations:
            raise AssertionRefused("MP-251", "the consumer has not delegated the scope to this supplier")
        return {
            "consumer": _organisation(consumer),
            "supplier": _organisation(own),
            "delegation_source": "https://tt02.altinn.no/",
        }


def _scopes(asked: object) -> list[str]:
    scopes = asked.split() if isinstance(asked, str) else []
    if not scopes:
        raise AssertionRefused("MP-200", "scope is a text of one or more scopes")
    return scopes


def _person(asked: Any) -> dict[str, str]:
    if "pid" not in asked:
        return {}
    if not isinstance(asked["pid"], str) or not re.fullmatch(r"[0-9]{11}", asked["pid"]):
        raise AssertionRefused("MP-011", "pid is 11 digits")
    return {"pid": asked["pid"]}


def _organisation(number: str) -> dict[str, str]:
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"}
