"""TokenX for tests: what it publishes, and the tokens that it makes of others.

The exchange itself is between TokenX and the application that calls us; we meet its outcome alone. The tokens have
what its source (github.com/nais/tokendings) puts into them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consent_service.clock import Clock
from consent_service.identity.issuers import Issuer
from consent_service.sandbox.keys import IssuerKeys
from tests.support.issuers import key

TOKEN_X = "http://127.0.0.1:3"
"""An issuer that is served without a socket."""

OUR_NAME = "prod-gcp:trondelagsmodellen:samtykke"
CALLER = "prod-gcp:minside:minside-frontend"

_LEVELS = {"idporten-loa-substantial": "Level3", "idporten-loa-high": "Level4"}
_OWN = ("iss", "aud", "client_id", "jti", "iat", "nbf", "exp")


def tokenx_keys() -> IssuerKeys:
    """What TokenX signs with."""
    return IssuerKeys(key("token-x"))


def tokenx_app(issuer: str, keys: IssuerKeys) -> Starlette:
    """TokenX's two documents."""

    async def metadata(_: Request) -> Response:
        return JSONResponse({"issuer": issuer, "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/jwks"})

    async def jwks(_: Request) -> Response:
        return JSONResponse(keys.jwks())

    return Starlette(routes=[Route("/.well-known/oauth-authorization-server", metadata), Route("/jwks", jwks)])


def tokenx_issuer(http: httpx.AsyncClient, clock: Clock, identifier: str = TOKEN_X) -> Issuer:
    """TokenX as the service knows it."""
    return Issuer(identifier, http, clock, metadata_url=f"{identifier}/.well-known/oauth-authorization-server")


def exchanged(subject: Mapping[str, Any], *, issuer: str, audience: str, now: int) -> dict[str, Any]:
    """The claims of the token that TokenX gives for one with the claims ``subject``."""
    copied = {name: value for name, value in subject.items() if name not in _OWN}
    return {
        **copied,
        "acr": _LEVELS.get(str(subject.get("acr")), subject.get("acr")),
        "iss": issuer,
        "aud": audience,
        "client_id": CALLER,
        "idp": subject["iss"],
        "jti": "5f3b",
        "nbf": now,
        "iat": now,
        "exp": now + 899,
    }
