"""Logging in at ID-porten by walking the real authorisation-code flow, for tests and the demo.

Every leg is the real one: discovery, PKCE (S256), state, nonce, `iss` in the answer (RFC 9207), the code
exchanged, and an access token asked for with the service as its `resource`. Only the person is played: the
sandbox's login page has one field where a test person's number is typed. It can't log anybody in at the
real ID-porten, where that page asks for proof.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import httpx

from consent_clients.maskinporten import GRANT_LIFE, MARGIN, token_answer
from consent_clients.problems import TokenRefused
from consent_clients.signing import signed
from consent_clients.trust import authorities

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

MOST_PAGES = 6
"""Redirects and pages between the first address and the code; more is a loop."""


@dataclass(frozen=True)
class Login:
    """What to log in with: the client's registration (`key` is its private JWK), and the test person to play."""

    issuer: str
    client_id: str
    redirect_uri: str
    resource: str
    key: Mapping[str, Any] = field(repr=False)
    national_id: str = field(repr=False)
    acr: str = "idporten-loa-high"


class IdPortenSession:
    """One person, logged in. A new login is walked when the token nears its end."""

    def __init__(
        self,
        login: Login,
        *,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._login = login
        self._now = now
        self._http = httpx.AsyncClient(verify=authorities(), timeout=timeout, transport=transport)
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def bearer(self) -> str:
        """The access token made for the service. Raises `TokenRefused` when the login does not succeed."""
        async with self._one_at_a_time:
            if self._now() >= self._until:
                answer = await walk(self._http, self._login, now=self._now())
                self._token = str(answer["access_token"])
                self._until = self._now() + max(0.0, float(answer.get("expires_in", 0)) - MARGIN)
            return self._token

    async def close(self) -> None:
        """Closes the sockets."""
        await self._http.aclose()


async def walk(http: httpx.AsyncClient, login: Login, *, now: float) -> Mapping[str, Any]:
    """Walks one login and returns the token answer. Nothing is taken on trust that the flow can check."""
    metadata = token_answer(
        await http.get(f"{login.issuer}/.well-known/openid-configuration"),
        "ID-porten",
        field="authorization_endpoint",
    )
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    callback = await _authorise(http, metadata, login, verifier, state)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
    if unquote(answer.get("iss", login.issuer)) != login.issuer or answer.get("state") != state:
        raise TokenRefused("the answer to the login is not to this login")
    if "code" not in answer:
        raise TokenRefused(f"ID-porten refused: {answer.get('error')}: {answer.get('error_description', '')}")
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": login.redirect_uri,
        "client_id": login.client_id,
        "code_verifier": verifier,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": _assertion(login, now),
    }
    return token_answer(await http.post(metadata["token_endpoint"], data=form), "ID-porten")


def _assertion(login: Login, now: float) -> str:
    """The client's own proof (RFC 7523, 2.2): it lives a minute and is used once."""
    issued = int(now)
    claims = {
        "iss": login.client_id,
        "sub": login.client_id,
        "aud": login.issuer,
        "iat": issued,
        "exp": issued + GRANT_LIFE,
        "jti": str(uuid.uuid4()),
    }
    return signed(claims, login.key)


async def _authorise(
    http: httpx.AsyncClient, metadata: Mapping[str, Any], login: Login, verifier: str, state: str
) -> str:
    """From the authorisation endpoint, by redirects and forms, to the callback's address with the code."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": login.client_id,
        "redirect_uri": login.redirect_uri,
        "scope": "openid profile",
        "state": state,
        "nonce": secrets.token_urlsafe(24),
        "acr_values": login.acr,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": login.resource,
    }
    response = await http.get(metadata["authorization_endpoint"], params=query)
    for _ in range(MOST_PAGES):
        if response.is_redirect:
            address = urljoin(str(response.url), response.headers["location"])
            if address.startswith(login.redirect_uri):
                return address
            response = await http.get(address)
        elif response.is_success:
            form = Form.on(response.text)
            address = urljoin(str(response.url), form.action)
            response = await http.post(address, data={**form.fields, "pid": login.national_id})
        else:
            raise TokenRefused(f"ID-porten's login page answered {response.status_code}")
    raise TokenRefused("ID-porten's login page leads nowhere")


class Form(HTMLParser):
    """The first form of a page: its action, and the values its hidden fields have."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._forms = 0

    @classmethod
    def on(cls, page: str) -> Form:
        """Reads `page`. Raises `TokenRefused` if it has no form."""
        form = cls()
        form.feed(page)
        if form._forms == 0:
            raise TokenRefused("ID-porten's login page has no form")
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the first form and the hidden fields before the second."""
        given = dict(attrs)
        if tag == "form":
            self._forms += 1
            if self._forms == 1:
                self.action = given.get("action") or ""
        elif tag == "input" and self._forms == 1 and given.get("type") == "hidden" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""
