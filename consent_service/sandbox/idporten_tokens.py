"""The token endpoint: a client authenticated as registered, a code used once, and the two tokens it gives."""

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from consent_service.clock import SECOND
from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig
from consent_service.sandbox.idporten_requests import AuthorizationRequest
from consent_service.sandbox.oauth import AssertionRefused, OAuthError, UsedOnce, verify

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True)
class _Granted:
    request: AuthorizationRequest
    pid: str = field(repr=False)
    sid: str
    at: int


class Tokens:
    """Codes given out, and the tokens they are exchanged for. Kept in memory: a restart logs everybody out."""

    def __init__(self, config: IdportenConfig) -> None:
        """Begin with no codes."""
        self._config = config
        self._codes: dict[str, _Granted] = {}
        self._assertions = UsedOnce()

    def code(self, request: AuthorizationRequest, pid: str) -> str:
        """A fresh code for a person who has just logged in."""
        now = self._config.clock.now()
        self._codes = {code: granted for code, granted in self._codes.items() if not self._lapsed(granted, now)}
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Granted(request=request, pid=pid, sid=secrets.token_urlsafe(24), at=now)
        return code

    def exchange(self, form: dict[str, str], authorization: str | None) -> dict[str, Any]:
        """The answer to a token request. Raises OAuthError."""
        client = self._authenticated(form, authorization)
        if form.get("grant_type") != "authorization_code":
            raise OAuthError("unsupported_grant_type", "grant_type is authorization_code")
        granted = self._codes.pop(form.get("code", ""), None)  # gone, whatever comes of it
        if granted is None or self._lapsed(granted, self._config.clock.now()):
            raise OAuthError("invalid_grant", "the code is unknown, used or too old")
        request = granted.request
        if request.client.client_id != client.client_id or form.get("redirect_uri") != request.redirect_uri:
            raise OAuthError("invalid_grant", "the code was given to another client or address")
        if not _proves(form.get("code_verifier", ""), request.code_challenge):
            raise OAuthError("invalid_grant", "code_verifier does not fit the challenge")
        return {
            "access_token": self._access_token(granted),
            "id_token": self._id_token(granted),
            "token_type": "Bearer",
            "expires_in": self._config.access_token_seconds,
            "scope": request.scope,
        }

    def _lapsed(self, granted: _Granted, now: int) -> bool:
        return now >= granted.at + self._config.code_seconds * SECOND

    def _authenticated(self, form: dict[str, str], authorization: str | None) -> IdportenClient:
        client_id, secret = _basic(authorization) if authorization else (form.get("client_id"), None)
        client = self._config.client(client_id)
        if client is None:
            raise _unknown_client()
        match client.authentication:
            case "private_key_jwt":
                self._check_assertion(client, form)
            case "client_secret_basic":
                _check_secret(client, secret)
            case "client_secret_post":
                _check_secret(client, form.get("client_secret"))
        return client

    def _check_assertion(self, client: IdportenClient, form: dict[str, str]) -> None:
        """RFC 7523, section 3; ``client_id`` goes along with the assertion, as ID-porten demands."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _unknown_client()
        now = self._config.clock.now()
        try:
            assertion = verify(form.get("client_assertion", ""), client.keys, now=now)
        except AssertionRefused:
            raise _unknown_client() from None
        said = assertion.claims
        if not said.get("iss") == said.get("sub") == client.client_id == form.get("client_id"):
            raise _unknown_client()
        if said.get("aud") not in {self._config.issuer, f"{self._config.issuer}/token"}:
            raise _unknown_client()
        jti = said.get("jti")
        if not isinstance(jti, str) or not self._assertions.use(
            client.client_id, jti, expires=assertion.expires, now=now
        ):
            raise _unknown_client()

    def _id_token(self, granted: _Granted) -> str:
        request, issued = granted.request, self._config.clock.now() // SECOND
        return self._config.keys.signing.jwt(
            {
                "sub": _pairwise(request.client.client_id, granted.pid),
                "amr": ["TestID"],
                "iss": self._config.issuer,
                "pid": granted.pid,
                "locale": request.locale,
                "nonce": request.nonce,
                "sid": granted.sid,
                "aud": request.client.client_id,
                "acr": request.acr,
                "auth_time": granted.at // SECOND,
                "exp": issued + self._config.id_token_seconds,
                "iat": issued,
                "jti": str(uuid.uuid4()),
            }
        )

    def _access_token(self, granted: _Granted) -> str:
        request, issued = granted.request, self._config.clock.now() // SECOND
        return self._config.keys.signing.jwt(
            {
                "sub": _pairwise(request.client.client_id, granted.pid),
                "acr": request.acr,
                "scope": request.scope,
                "iss": self._config.issuer,
                "client_amr": request.client.authentication,
                "pid": granted.pid,
                "exp": issued + self._config.access_token_seconds,
                "iat": issued,
                "jti": str(uuid.uuid4()),
                "client_id": request.client.client_id,
                "aud": request.resource or "unspecified",
            }
        )


def _unknown_client() -> OAuthError:
    return OAuthError("invalid_client", "client authentication failed", status=401)


def _basic(authorization: str) -> tuple[str | None, str | None]:
    """Client id and secret from HTTP Basic, form-encoded inside (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None, None
    return unquote_plus(client_id), unquote_plus(secret)


def _check_secret(client: IdportenClient, secret: str | None) -> None:
    if secret is None or not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise _unknown_client()


def _proves(verifier: str, challenge: str) -> bool:
    """RFC 7636, section 4.6."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _pairwise(client_id: str, pid: str) -> str:
    """A subject that is the client's own: no two clients can put theirs together."""
    digest = hashlib.sha256(f"{client_id} {pid}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
