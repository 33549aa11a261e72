"""Who a call to the token endpoint, or with a request to be kept, comes from: each client in its registered way."""

import base64
import hmac
from urllib.parse import unquote_plus

from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig
from consent_service.sandbox.oauth import AssertionRefused, OAuthError, UsedOnce, verify

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Clients:
    """The registered clients, and the assertions that they have used."""

    def __init__(self, config: IdportenConfig) -> None:
        """Begin with no assertion used."""
        self._config = config
        self._assertions = UsedOnce()

    def authenticated(self, form: dict[str, str], authorization: str | None, *, endpoint: str) -> IdportenClient:
        """The client that proves to be itself at ``endpoint``. Raises OAuthError."""
        client_id, secret = _basic(authorization) if authorization else (form.get("client_id"), None)
        client = self._config.client(client_id)
        if client is None:
            raise _unknown_client()
        match client.authentication:
            case "private_key_jwt":
                self._check_assertion(client, form, endpoint)
            case "client_secret_basic":
                _check_secret(client, secret)
            case "client_secret_post":
                _check_secret(client, form.get("client_secret"))
        return client

    def _check_assertion(self, client: IdportenClient, form: dict[str, str], endpoint: str) -> None:
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
        issuer = self._config.issuer
        if said.get("aud") not in {issuer, f"{issuer}/token", f"{issuer}{endpoint}"}:  # RFC 9126, section 2
            raise _unknown_client()
        jti = said.get("jti")
        if not isinstance(jti, str) or not self._assertions.use(
            client.client_id, jti, expires=assertion.expires, now=now
        ):
            raise _unknown_client()


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
