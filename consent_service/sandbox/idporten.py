"""A local ID-porten: one picks a test person from a list in place of using a code device; the rest is as it is.

What the real one demands, this one demands: a registered client with its registered way to authenticate, exact
redirect addresses, PKCE with S256, state and nonce, known levels, codes and pushed requests used once. An access token
carries our audience only when the client asked for it (``resource``); otherwise it says ``unspecified``. A person who
has logged in at one client is logged in at the next without being asked, and who logs out at one is out at all.

A script logs in as a browser does: it posts the login page's form, which is the authorisation request and ``pid``.
For developers only: ``POST /sandbox/clients`` registers a client, ``POST /sandbox/keys/rotate`` changes the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from consent_service.clock import local_date
from consent_service.persons.numbers import Fault
from consent_service.sandbox.idporten_clients import Clients
from consent_service.sandbox.idporten_logout import log_out
from consent_service.sandbox.idporten_pages import error_page, login_page
from consent_service.sandbox.idporten_pushed import LIFE_SECONDS, OURS, PushedRequests
from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig, Registration, SandboxPerson
from consent_service.sandbox.idporten_requests import (
    ACR_VALUES,
    LOCALES,
    AuthorizationRequest,
    NoRedirect,
    RefusedByRedirect,
    answer,
    read_request,
    refusal,
)
from consent_service.sandbox.idporten_sessions import COOKIE, SsoSession, SsoSessions
from consent_service.sandbox.idporten_tokens import Tokens
from consent_service.sandbox.oauth import OAuthError, read_form, read_parameters
from consent_service.sandbox.production import refuse_production

__all__ = ["IdportenClient", "IdportenConfig", "SandboxPerson", "idporten_app"]


@dataclass(frozen=True)
class _Provider:
    """What it is told, and what it remembers: in memory, so that a restart logs everybody out."""

    config: IdportenConfig
    clients: Clients
    tokens: Tokens
    pushed: PushedRequests
    sessions: SsoSessions


def idporten_app(config: IdportenConfig) -> FastAPI:
    """The provider as an app. Raises NotInProduction, and ValueError for an issuer with a slash at its end."""
    refuse_production(config.environment)
    if config.issuer.endswith("/"):
        raise ValueError("ID-porten's issuer has no slash at its end")
    clients = Clients(config)
    provider = _Provider(
        config, clients, Tokens(config, clients), PushedRequests(config.clock), SsoSessions(config.clock)
    )
    app = FastAPI(title="Local ID-porten", openapi_url=None)
    _publish(app, config)
    _take_requests(app, provider)
    _give_tokens(app, provider)
    return app


def _publish(app: FastAPI, config: IdportenConfig) -> None:
    @app.get("/.well-known/openid-configuration")
    async def metadata() -> Response:
        return JSONResponse(_metadata(config))

    @app.get("/jwks.json")
    async def jwks() -> Response:
        return JSONResponse(config.keys.jwks())

    @app.post("/sandbox/clients", status_code=201)
    async def register(registration: Registration) -> Response:
        try:
            config.registered[registration.client_id] = registration.client()
        except ValueError as unfit:
            return OAuthError("invalid_client_metadata", str(unfit)).answer()
        return JSONResponse({"client_id": registration.client_id}, status_code=201)

    @app.post("/sandbox/keys/rotate")
    async def rotate() -> Response:
        return JSONResponse({"kid": config.keys.rotate()})


def _take_requests(app: FastAPI, provider: _Provider) -> None:
    @app.get("/authorize")
    async def ask(request: Request) -> Response:
        asked = read_parameters(request.scope["query_string"])
        return _authorize(provider, {name: value for name, value in asked.items() if name not in OURS}, request)

    @app.post("/authorize")
    async def log_in(request: Request) -> Response:
        return _authorize(provider, await read_form(request), request)

    @app.get("/logout")
    async def leave(request: Request) -> Response:
        asked = read_parameters(request.scope["query_string"])
        return await log_out(provider.config, provider.sessions, provider.tokens, asked, request.cookies.get(COOKIE))

    @app.post("/logout")
    async def leave_by_form(request: Request) -> Response:
        asked = await read_form(request)
        return await log_out(provider.config, provider.sessions, provider.tokens, asked, request.cookies.get(COOKIE))

    @app.exception_handler(OAuthError)
    async def refuse(request: Request, error: Exception) -> Response:
        return error_page()


def _give_tokens(app: FastAPI, provider: _Provider) -> None:
    @app.post("/token")
    async def token(request: Request) -> Response:
        try:
            given = provider.tokens.exchange(await read_form(request), request.headers.get("authorization"))
        except OAuthError as error:
            return error.answer()
        return JSONResponse(given, headers={"Cache-Control": "no-store"})

    @app.post("/par")
    async def push(request: Request) -> Response:
        try:
            name = _push(provider, await read_form(request), request.headers.get("authorization"))
        except OAuthError as error:
            return error.answer()
        kept = {"request_uri": name, "expires_in": LIFE_SECONDS}
        return JSONResponse(kept, status_code=201, headers={"Cache-Control": "no-store"})


def _push(provider: _Provider, form: dict[str, str], authorization: str | None) -> str:
    """Keep a client's request (RFC 9126, section 2). Raises OAuthError."""
    client = provider.clients.authenticated(form, authorization, endpoint="/par")
    proof = {"client_assertion", "client_assertion_type", "client_secret"}
    asked = {name: value for name, value in form.items() if name not in proof | OURS} | {"client_id": client.client_id}
    try:
        read_request(provider.config, asked)
    except NoRedirect:
        raise OAuthError("invalid_request", "redirect_uri is not registered") from None
    except RefusedByRedirect as refused:
        raise OAuthError(refused.error, refused.description) from None
    return provider.pushed.push(asked)


def _authorize(provider: _Provider, named: Mapping[str, str], http: Request) -> Response:
    try:
        return _decided(provider, named, http)
    except NoRedirect:
        return error_page()
    except RefusedByRedirect as refused:
        return RedirectResponse(refused.location, status_code=303)


def _decided(provider: _Provider, named: Mapping[str, str], http: Request) -> Response:
    pushed = "request_uri" in named
    asked = provider.pushed.take(named, by_form=http.method == "POST") if pushed else named
    request = read_request(provider.config, asked)
    if provider.config.demands_pushed and not pushed:
        raise _refused(provider, request, "invalid_request", "the request must be pushed")
    if "cancel" in asked:
        raise _refused(provider, request, "access_denied", "the person cancelled")
    if "pid" in asked:
        return _log_in(provider, request, asked, pushed=pushed)
    session = provider.sessions.good_for(request, http.cookies.get(COOKIE))
    if session is not None:
        return _answered(provider, request, session)
    if request.prompt == "none":
        raise _refused(provider, request, "login_required", "nobody is logged in")
    return _page(provider, request, asked, pushed=pushed)


def _log_in(provider: _Provider, request: AuthorizationRequest, asked: Mapping[str, str], *, pushed: bool) -> Response:
    config = provider.config
    if isinstance(config.numbers.admit(asked["pid"], on=local_date(config.clock.now())), Fault):
        return _page(provider, request, asked, pushed=pushed, fault=True)
    value, session = provider.sessions.begin(asked["pid"], request.acr)
    response = _answered(provider, request, session)
    response.set_cookie(COOKIE, value, httponly=True, samesite="lax", path="/")
    return response


def _page(
    provider: _Provider,
    request: AuthorizationRequest,
    asked: Mapping[str, str],
    *,
    pushed: bool,
    fault: bool = False,
) -> Response:
    bare = {name: value for name, value in asked.items() if name not in OURS}
    kept = provider.pushed.show(bare) if pushed else bare
    return login_page(kept, provider.config.persons, locale=request.locale, fault=fault)


def _answered(provider: _Provider, request: AuthorizationRequest, session: SsoSession) -> Response:
    code = provider.tokens.code(request, session)
    location = answer(provider.config, request.redirect_uri, request.state, code=code)
    return RedirectResponse(location, status_code=303)  # RFC 9700: never 307, which would repeat the form


def _refused(provider: _Provider, request: AuthorizationRequest, error: str, description: str) -> RefusedByRedirect:
    location = refusal(provider.config, request.redirect_uri, request.state, error, description)
    return RefusedByRedirect(location, error, description)


def _metadata(config: IdportenConfig) -> dict[str, Any]:
    issuer = config.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": config.demands_pushed,
        "token_endpoint": f"{issuer}/token",
        "end_session_endpoint": f"{issuer}/logout",
        "jwks_uri": f"{issuer}/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "acr_values_supported": list(ACR_VALUES),
        "scopes_supported": ["openid", "profile"],
        "ui_locales_supported": list(LOCALES),
        "prompt_values_supported": ["login", "none"],
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
