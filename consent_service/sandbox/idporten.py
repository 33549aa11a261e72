"""A local ID-porten: one picks a test person from a list in place of using a code device; the rest is as it is.

What the real one demands, this one demands: a registered client with its registered way to authenticate, exact
redirect addresses, PKCE with S256, state and nonce, known levels, codes used once. An access token carries our
audience only when the client asked for it (``resource``); otherwise it says ``unspecified``.

A script logs in as a browser does: it posts the login page's form, which is the authorisation request and ``pid``.
For developers only: ``POST /sandbox/keys/rotate`` changes the key.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from consent_service.clock import local_date
from consent_service.persons.numbers import Fault
from consent_service.sandbox.idporten_pages import error_page, logged_out_page, login_page
from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig, SandboxPerson
from consent_service.sandbox.idporten_requests import (
    ACR_VALUES,
    LOCALES,
    NoRedirect,
    RefusedByRedirect,
    answer,
    read_request,
    refusal,
)
from consent_service.sandbox.idporten_tokens import Tokens
from consent_service.sandbox.oauth import OAuthError, read_form, read_parameters
from consent_service.sandbox.production import refuse_production

OURS = frozenset({"pid", "cancel"})
"""What the login page's form adds to the request; heeded in a body only, since a number is never in an address."""

__all__ = ["IdportenClient", "IdportenConfig", "SandboxPerson", "idporten_app"]


def idporten_app(config: IdportenConfig) -> FastAPI:
    """The provider as an app. Raises NotInProduction, and ValueError for an issuer with a slash at its end."""
    refuse_production(config.environment)
    if config.issuer.endswith("/"):
        raise ValueError("ID-porten's issuer has no slash at its end")
    app = FastAPI(title="Local ID-porten", openapi_url=None)
    _publish(app, config)
    _log_in_and_out(app, config, Tokens(config))
    return app


def _publish(app: FastAPI, config: IdportenConfig) -> None:
    @app.get("/.well-known/openid-configuration")
    async def metadata() -> Response:
        return JSONResponse(_metadata(config.issuer))

    @app.get("/jwks.json")
    async def jwks() -> Response:
        return JSONResponse(config.keys.jwks())

    @app.post("/sandbox/keys/rotate")
    async def rotate() -> Response:
        return JSONResponse({"kid": config.keys.rotate()})


def _log_in_and_out(app: FastAPI, config: IdportenConfig, tokens: Tokens) -> None:
    @app.get("/authorize")
    async def ask(request: Request) -> Response:
        asked = read_parameters(request.scope["query_string"])
        return _authorize(config, tokens, {name: value for name, value in asked.items() if name not in OURS})

    @app.post("/authorize")
    async def log_in(request: Request) -> Response:
        return _authorize(config, tokens, await read_form(request))

    @app.post("/token")
    async def token(request: Request) -> Response:
        try:
            given = tokens.exchange(await read_form(request), request.headers.get("authorization"))
        except OAuthError as error:
            return error.answer()
        return JSONResponse(given, headers={"Cache-Control": "no-store"})

    @app.get("/logout")
    async def log_out(request: Request) -> Response:
        return _log_out(config, read_parameters(request.scope["query_string"]))

    @app.post("/logout")
    async def log_out_by_form(request: Request) -> Response:
        return _log_out(config, await read_form(request))

    @app.exception_handler(OAuthError)
    async def refuse(request: Request, error: Exception) -> Response:
        return error_page()


def _authorize(config: IdportenConfig, tokens: Tokens, asked: Mapping[str, str]) -> Response:
    try:
        request = read_request(config, asked)
    except NoRedirect:
        return error_page()
    except RefusedByRedirect as refused:
        return RedirectResponse(refused.location, status_code=303)
    if "cancel" in asked:
        location = refusal(config, request.redirect_uri, request.state, "access_denied", "the person cancelled")
        return RedirectResponse(location, status_code=303)
    pid = asked.get("pid")
    if pid is None:
        return login_page(asked, config.persons, locale=request.locale)
    if isinstance(config.numbers.admit(pid, on=local_date(config.clock.now())), Fault):
        return login_page(asked, config.persons, locale=request.locale, fault=True)
    code = tokens.code(request, pid)
    location = answer(config, request.redirect_uri, request.state, code=code)
    return RedirectResponse(location, status_code=303)  # RFC 9700: never 307, which would repeat the form


def _log_out(config: IdportenConfig, asked: Mapping[str, str]) -> Response:
    """RP-initiated logout: back to a registered address, or a page that says so. There is no session here to end."""
    client, wanted = config.client(asked.get("client_id")), asked.get("post_logout_redirect_uri")
    if wanted is None:
        return logged_out_page()
    if client is None or wanted not in client.post_logout_redirect_uris:
        return error_page()
    state = {"state": quote(asked["state"], safe="")} if "state" in asked else {}
    mark = "&" if "?" in wanted else "?"
    return RedirectResponse(f"{wanted}{mark}{urlencode(state)}" if state else wanted, status_code=303)


def _metadata(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
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
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
