"""The token endpoint: a client authenticated as registered, a code used once, and the two tokens it gives. And the
token that tells a client of a logout.
"""

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from consent_service.clock import SECOND
from consent_service.sandbox.idporten_clients import Clients
from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig
from consent_service.sandbox.idporten_requests import AuthorizationRequest
from consent_service.sandbox.idporten_sessions import SsoSession
from consent_service.sandbox.oauth import OAuthError

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True)
class _Granted:
    request: AuthorizationRequest
    session: SsoSession = field(repr=False)
    at: int


class Tokens:
    """Codes given out, and the tokens they are exchanged for. Kept in memory: a restart logs everybody out."""

    def __init__(self, config: IdportenConfig, clients: Clients) -> None:
        """Begin with no codes."""
        self._config = config
        self._clients = clients
        self._codes: dict[str, _Granted] = {}

    def code(self, request: AuthorizationRequest, session: SsoSession) -> str:
        """A fresh code for the person of the session, which knows the client from now on."""
        now = self._config.clock.now()
        self._codes = {code: granted for code, granted in self._codes.items() if not self._lapsed(granted, now)}
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Granted(request=request, session=session, at=now)
        session.clients.add(request.client.client_id)
        return code

    def exchange(self, form: dict[str, str], authorization: str | None) -> dict[str, Any]:
        """The answer to a token request. Raises OAuthError."""
        client = self._clients.authenticated(form, authorization, endpoint="/token")
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

    def logout_token(self, client: IdportenClient, session: SsoSession) -> str:
        """What tells ``client`` that the person of the session logged out (OIDC Back-Channel Logout 1.0, 2.4)."""
        keys, issued = self._config.keys.signing, self._config.clock.now() // SECOND
        claims = {
            "iss": self._config.issuer,
            "aud": client.client_id,
            "iat": issued,
            "exp": issued + self._config.id_token_seconds,
            "jti": str(uuid.uuid4()),
            "events": {LOGOUT_EVENT: {}},
            "sub": _pairwise(client.client_id, session.pid),
            **_sid(client, session),
        }
        return keys.jwt(claims, header={"kid": keys.kid, "alg": keys.alg, "typ": "logout+jwt"})

    def _id_token(self, granted: _Granted) -> str:
        request, session, issued = granted.request, granted.session, self._config.clock.now() // SECOND
        return self._config.keys.signing.jwt(
            {
                "sub": _pairwise(request.client.client_id, session.pid),
                "amr": ["TestID"],
                "iss": self._config.issuer,
                "pid": session.pid,
                "locale": request.locale,
                "nonce": request.nonce,
                **_sid(request.client, session),
                "aud": request.client.client_id,
                "acr": session.acr,
                "auth_time": session.begun_at // SECOND,
                "exp": issued + self._config.id_token_seconds,
                "iat": issued,
                "jti": str(uuid.uuid4()),
                **_representation(self._config.represented_by(session.pid)),
            }
        )

    def _access_token(self, granted: _Granted) -> str:
        request, session, issued = granted.request, granted.session, self._config.clock.now() // SECOND
        return self._config.keys.signing.jwt(
            {
                "sub": _pairwise(request.client.client_id, session.pid),
                "acr": session.acr,
                "scope": request.scope,
                "iss": self._config.issuer,
                "client_amr": request.client.authentication,
                "pid": session.pid,
                "exp": issued + self._config.access_token_seconds,
                "iat": issued,
                "jti": str(uuid.uuid4()),
                "client_id": request.client.client_id,
                "aud": request.resource or "unspecified",
                **_representation(self._config.represented_by(session.pid)),
            }
        )


def _sid(client: IdportenClient, session: SsoSession) -> dict[str, str]:
    """The session's id, for a client that registered to be told of logouts by it."""
    return {"sid": session.sid} if client.logout_session_required else {}


def _representation(acting_for: str) -> dict[str, Any]:
    """How ID-porten says that a person used a power of attorney (RFC 9396)."""
    return {"authorization_details": [{"type": "idporten:fullmakt", "pid": acting_for}]} if acting_for else {}


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
