"""The authorisation request (RFC 6749, RFC 7636, OIDC Core), read as ID-porten reads it.

Until client and redirect address are known to belong together, nothing is sent to that address: a wrong one gets a
page. After that, every error goes back to the client.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig

ACR_VALUES = ("idporten-loa-low", "idporten-loa-substantial", "idporten-loa-high")
LOCALES = ("nb", "nn", "en", "se")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_OPAQUE = re.compile(r"[\x20-\x7e]{1,1024}")


class NoRedirect(Exception):
    """Client or redirect address are not known: the answer is a page of our own."""


class RefusedByRedirect(Exception):
    """The request can't be granted; ``location`` tells the client why."""

    def __init__(self, location: str, error: str, description: str) -> None:
        """Send the browser to ``location``, which says ``error`` and why."""
        super().__init__(location)
        self.location = location
        self.error = error
        self.description = description


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A request that can be granted."""

    client: IdportenClient
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    acr: str
    locale: str
    resource: str | None
    prompt: str | None


def read_request(config: IdportenConfig, asked: Mapping[str, str]) -> AuthorizationRequest:
    """The request in ``asked``. Raises NoRedirect or RefusedByRedirect."""
    client, redirect_uri = config.client(asked.get("client_id")), asked.get("redirect_uri", "")
    if client is None or redirect_uri not in client.redirect_uris:
        raise NoRedirect
    fault = _fault(asked)
    if fault is not None:
        raise RefusedByRedirect(refusal(config, redirect_uri, asked.get("state"), *fault), *fault)
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scope=asked["scope"],
        state=asked["state"],
        nonce=asked["nonce"],
        code_challenge=asked["code_challenge"],
        acr=_levels(asked)[0],
        locale=next((tag for tag in asked.get("ui_locales", "").split() if tag in LOCALES), "nb"),
        resource=asked.get("resource"),
        prompt=asked.get("prompt"),
    )


def answer(config: IdportenConfig, redirect_uri: str, state: str | None, **said: str) -> str:
    """Where to send the browser with what was ``said``: state and issuer go along (RFC 9207).

    The real platform percent-encodes the state before it returns it, so this one does.
    """
    parameters = {**said, "iss": config.issuer}
    if state is not None:
        parameters["state"] = quote(state, safe="")
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(parameters)}"


def refusal(config: IdportenConfig, redirect_uri: str, state: str | None, error: str, description: str) -> str:
    """As ``answer``, with an error (RFC 6749, section 4.1.2.1)."""
    return answer(config, redirect_uri, state, error=error, error_description=description)


def _fault(asked: Mapping[str, str]) -> tuple[str, str] | None:
    """The first thing that is wrong: error and description."""
    checks = (
        ("request" not in asked, "request_not_supported", "request objects are not supported here"),
        ("request_uri" not in asked, "invalid_request", "a request that is pushed names no other"),
        (asked.get("response_type") == "code", "unsupported_response_type", "response_type is code"),
        (asked.get("response_mode", "query") == "query", "invalid_request", "response_mode is query"),
        ("openid" in asked.get("scope", "").split(), "invalid_scope", "scope has openid in it"),
        (_OPAQUE.fullmatch(asked.get("state", "")), "invalid_request", "state is required"),
        (_OPAQUE.fullmatch(asked.get("nonce", "")), "invalid_request", "nonce is required"),
        (asked.get("code_challenge_method") == "S256", "invalid_request", "code_challenge_method is S256"),
        (_CHALLENGE.fullmatch(asked.get("code_challenge", "")), "invalid_request", "code_challenge is required"),
        (_levels(asked), "invalid_request", "acr_values has a level of this issuer"),
        (_is_resource(asked.get("resource")), "invalid_target", "resource is an absolute address without fragment"),
    )
    return next(((error, description) for holds, error, description in checks if not holds), None)


def _levels(asked: Mapping[str, str]) -> list[str]:
    """The levels asked for that are known, in the client's order."""
    return [level for level in asked.get("acr_values", "idporten-loa-substantial").split() if level in ACR_VALUES]


def _is_resource(resource: str | None) -> bool:
    """RFC 8707, section 2."""
    if resource is None:
        return True
    parts = urlsplit(resource)
    return bool(parts.scheme and not parts.fragment and _OPAQUE.fullmatch(resource))
