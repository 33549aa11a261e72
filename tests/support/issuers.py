"""The local ID-porten and Maskinporten for tests, and what their clients do.

The rule: every token comes from an issuer by the grant or flow that a real client uses, or is signed with a key
that the test holds in order to forge one. Keys are made once for the whole run, since RSA keys take their time.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from consent_service.clock import SECOND, Clock
from consent_service.identity.issuers import Issuer
from consent_service.sandbox.idporten import IdportenClient, IdportenConfig, SandboxPerson, idporten_app
from consent_service.sandbox.keys import IssuerKeys, SigningKey
from consent_service.sandbox.maskinporten import GRANT_TYPE, MaskinportenClient, MaskinportenConfig, maskinporten_app
from consent_service.settings import Environment
from tests.support.serving import calling

KARI = SandboxPerson(pid="21879498012", name="Kari Testdatter")
OLA = SandboxPerson(pid="20914695016", name="Ola Testmann")
UNG = SandboxPerson(pid="17912099997", name="Ung Testperson")
VERGE = SandboxPerson(pid="23886799519", name="Verge Testperson", acting_for="21818297804")

NAV = "889640782"
COUNTY = "991825827"
SUPPLIER = "910753614"

MASKINPORTEN = "http://127.0.0.1:1/"
"""An issuer that is served without a socket; tests over sockets have an address of their own."""

IDPORTEN = "http://127.0.0.1:2"
OUR_CLIENT = "consent-service"
OUR_AUDIENCE = "https://consent.example.org"
OUR_CALLBACK = "https://consent.example.org/login/callback"


@functools.cache
def key(name: str) -> SigningKey:
    """The run's RSA key of this name, which is its ``kid``."""
    return SigningKey.generate(name)


def maskinporten_config(clock: Clock, *, issuer: str = MASKINPORTEN, **more: Any) -> MaskinportenConfig:
    """A Maskinporten with one client of NAV's, which has the scopes ``consent:…`` below."""
    client = MaskinportenClient(
        client_id="nav-client",
        organisation_number=NAV,
        scopes=frozenset({"consent:consents.read", "consent:content.read"}),
        keys=(key("nav").public_jwk,),
    )
    given: dict[str, Any] = {"clients": (client,), "keys": IssuerKeys(key("maskinporten")), **more}
    return MaskinportenConfig(issuer=issuer, environment=Environment.TEST, clock=clock, **given)


def idporten_config(clock: Clock, *, issuer: str = IDPORTEN, **more: Any) -> IdportenConfig:
    """An ID-porten with our own client and two test persons."""
    client = IdportenClient(
        client_id=OUR_CLIENT,
        redirect_uris=frozenset({OUR_CALLBACK}),
        post_logout_redirect_uris=frozenset({"https://consent.example.org/"}),
        keys=(key("ours").public_jwk,),
    )
    given: dict[str, Any] = {"clients": (client,), "keys": IssuerKeys(key("idporten")), **more}
    return IdportenConfig(issuer=issuer, environment=Environment.TEST, persons=(KARI, OLA, VERGE), clock=clock, **given)


def grant_claims(clock: Clock, **changes: Any) -> dict[str, Any]:
    """The claims of a grant that the Maskinporten above accepts; a change to None leaves the claim out."""
    issued = clock.now() // SECOND
    claims: dict[str, Any] = {
        "aud": MASKINPORTEN,
        "iss": "nav-client",
        "scope": "consent:consents.read",
        "iat": issued,
        "exp": issued + 100,
        "jti": str(uuid.uuid4()),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


async def ask_maskinporten(http: httpx.AsyncClient, assertion: str, issuer: str = MASKINPORTEN) -> httpx.Response:
    """Post a grant to the token endpoint."""
    return await http.post(f"{issuer}token", data={"grant_type": GRANT_TYPE, "assertion": assertion})


@dataclass(frozen=True)
class Flow:
    """One authorisation code flow of our client's, as a script walks it."""

    clock: Clock
    issuer: str = IDPORTEN
    verifier: str = "v" * 43

    def request(self, **changes: str | None) -> dict[str, str]:
        """The authorisation request; a change to None leaves the parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": OUR_CLIENT,
            "redirect_uri": OUR_CALLBACK,
            "scope": "openid profile",
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "acr_values": "idporten-loa-high",
            "resource": OUR_AUDIENCE,
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    async def log_in(self, http: httpx.AsyncClient, pid: str, **changes: str | None) -> httpx.Response:
        """Post the login page's form."""
        return await http.post(f"{self.issuer}/authorize", data={**self.request(**changes), "pid": pid})

    def assertion(self, **changes: Any) -> str:
        """Our client's proof of who it is."""
        issued = self.clock.now() // SECOND
        claims = {
            "iss": OUR_CLIENT,
            "sub": OUR_CLIENT,
            "aud": self.issuer,
            "jti": str(uuid.uuid4()),
            "iat": issued,
            "exp": issued + 60,
            **changes,
        }
        return key("ours").jwt({name: value for name, value in claims.items() if value is not None})

    async def exchange(self, http: httpx.AsyncClient, code: str, **changes: str | None) -> httpx.Response:
        """Post the code to the token endpoint."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": OUR_CALLBACK,
            "client_id": OUR_CLIENT,
            "code_verifier": self.verifier,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(),
            **changes,
        }
        return await http.post(
            f"{self.issuer}/token", data={name: value for name, value in form.items() if value is not None}
        )

    async def tokens(self, http: httpx.AsyncClient, pid: str, **changes: str | None) -> dict[str, Any]:
        """The whole flow: the token endpoint's answer for a person who logs in."""
        code = answered(await self.log_in(http, pid, **changes))["code"]
        answer = await self.exchange(http, code)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def pick(http: httpx.AsyncClient, location: str, pid: str, **form: str) -> dict[str, str]:
    """Follow a browser's way to ID-porten and send its page's first form as ``pid``; what it comes back with.

    The browser has not been there before: nobody is logged in there yet.
    """
    http.cookies.clear()
    page = await http.get(location)
    assert page.status_code == 200, page.text
    first, _, _ = page.text.partition("</form>")
    asked = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', first))
    sent = {name: html.unescape(value) for name, value in asked.items()}
    return answered(await http.post(location.partition("?")[0], data={**sent, "pid": pid, **form}))


def answered(response: httpx.Response) -> dict[str, str]:
    """The parameters that a browser is sent back with."""
    assert response.status_code == 303, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def without_sockets(
    clock: Clock,
    maskinporten: MaskinportenConfig,
    idporten: IdportenConfig,
    others: Mapping[str, httpx.ASGITransport] | None = None,
) -> httpx.AsyncClient:
    """A client that finds both issuers at their addresses, in this process, and ``others`` at theirs."""
    mounts = {
        MASKINPORTEN: httpx.ASGITransport(maskinporten_app(maskinporten)),
        f"{IDPORTEN}/": httpx.ASGITransport(idporten_app(idporten)),
        **(others or {}),
    }
    return calling(mounts=mounts)


def maskinporten_issuer(http: httpx.AsyncClient, clock: Clock, identifier: str = MASKINPORTEN) -> Issuer:
    """Maskinporten as the service knows it."""
    return Issuer(identifier, http, clock, metadata_url=f"{identifier}.well-known/oauth-authorization-server")


def idporten_issuer(http: httpx.AsyncClient, clock: Clock, identifier: str = IDPORTEN) -> Issuer:
    """ID-porten as the service knows it."""
    return Issuer(identifier, http, clock, metadata_url=f"{identifier}/.well-known/openid-configuration")
