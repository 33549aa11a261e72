"""What our side of a login sends to an issuer, and what becomes of everything that an issuer may answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from consent_service.clock import SettableClock
from consent_service.errors import LoginUnavailable
from consent_service.identity.issuers import Issuer
from consent_service.identity.login import Login, LoginRefused
from consent_service.identity.tokens import LoginTokens
from consent_service.storage.engine import Database, Statement
from tests.identity.test_login import SETTINGS
from tests.support.issuers import OUR_CALLBACK, OUR_CLIENT

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

OP = "https://op.example"
PAR = {"pushed_authorization_request_endpoint": f"{OP}/par"}


@dataclass
class Provider:
    """Another issuer: what it publishes beside the usual, what its endpoints answer, and what was sent to them."""

    token: httpx.Response = field(default_factory=lambda: httpx.Response(400, json={}))
    par: httpx.Response = field(default_factory=lambda: httpx.Response(400, json={}))
    published: Mapping[str, Any] = field(default_factory=dict)
    sent: list[httpx.Request] = field(default_factory=list)

    def login(self, clock: SettableClock) -> Login:
        """Our side of a login there."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        issuer = Issuer(OP, http, clock, metadata_url=f"{OP}/metadata")
        return Login(SETTINGS, issuer, LoginTokens(issuer, client_id=OUR_CLIENT, clock=clock), http, clock)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/metadata":
            usual = {
                "issuer": OP,
                "jwks_uri": f"{OP}/jwks",
                "authorization_endpoint": f"{OP}/authorize?tenant=1",
                "token_endpoint": f"{OP}/token",
            }
            return httpx.Response(200, json={**usual, **self.published})
        self.sent.append(request)
        return self.token if request.url.path == "/token" else self.par


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


@pytest.mark.parametrize("pushing", [False, True])
async def test_everything_that_idporten_demands_is_asked_for(
    db: Database, clock: SettableClock, *, pushing: bool
) -> None:
    """Code flow, S256, fresh state and nonce, the level, the language; by the browser, or pushed with our proof."""
    par = httpx.Response(201, json={"request_uri": "urn:op:1", "expires_in": 60})
    provider = Provider(par=par, published=PAR if pushing else {})
    login = provider.login(clock)
    first = await login.begin(db, return_to="/", browser=None, locale="nn")
    second = await login.begin(db, return_to="/", browser=first.browser, locale="xx")
    carried = [_fields(urlsplit(begun.location).query) for begun in (first, second)]
    if pushing:
        assert carried[0] == {"tenant": "1", "client_id": OUR_CLIENT, "request_uri": "urn:op:1"}
        carried = [_fields(request.content.decode()) for request in provider.sent]
        assert all(asked["client_assertion"] and "request_uri" not in asked for asked in carried)
    asked, again = carried
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (asked["client_id"], asked["redirect_uri"]) == (OUR_CLIENT, OUR_CALLBACK)
    assert asked["acr_values"] == "idporten-loa-high"
    assert (asked["ui_locales"], again["ui_locales"]) == ("nn", "nb")
    for fresh in ("state", "nonce", "code_challenge"):
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", asked[fresh])
        assert asked[fresh] != again[fresh]
    assert second.browser == first.browser
    assert first.browser not in first.location


@pytest.mark.parametrize(
    "given",
    [
        httpx.Response(500, text="oops"),
        httpx.Response(400, json={"error": "invalid_request"}),
        httpx.Response(200, json={"request_uri": "urn:op:1"}),
        httpx.Response(201, json={}),
        httpx.Response(201, json={"request_uri": 1}),
        httpx.Response(201, text="<html>"),
        httpx.Response(302, headers={"location": "https://evil.example"}, json={"request_uri": "urn:x"}),
    ],
)
async def test_a_request_that_was_not_taken_is_not_sent_in_the_open(
    db: Database, clock: SettableClock, given: httpx.Response
) -> None:
    """Whatever keeps it from being pushed: nobody is sent on, and nothing is written down."""
    with pytest.raises(LoginUnavailable):
        await Provider(par=given, published=PAR).login(clock).begin(db, return_to="/", browser=None)
    async with db.snapshot() as view:
        assert await view.value(Statement("SELECT COUNT(*) FROM login_attempt")) == 0


async def test_an_issuer_that_demands_what_it_does_not_offer_gets_nobody(db: Database, clock: SettableClock) -> None:
    """Pushed requests demanded, and no endpoint for them: a request in the open would be refused there."""
    provider = Provider(published={"require_pushed_authorization_requests": True})
    with pytest.raises(LoginUnavailable):
        await provider.login(clock).begin(db, return_to="/", browser=None)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (httpx.Response(500, text="oops"), LoginUnavailable),
        (httpx.Response(200, text="<html>"), LoginUnavailable),
        (httpx.Response(200, text=" " * 100_000), LoginUnavailable),
        (httpx.Response(302, headers={"location": "https://evil.example"}, json={}), LoginRefused.NOT_VERIFIED),
        (httpx.Response(400, json={"error": "invalid_grant"}), LoginRefused.NOT_VERIFIED),
        (httpx.Response(200, json={"access_token": "x"}), LoginRefused.NOT_VERIFIED),
        (httpx.Response(200, json={"id_token": ["x"]}), LoginRefused.NOT_VERIFIED),
        (httpx.Response(400, json={"id_token": "x.y.z"}), LoginRefused.NOT_VERIFIED),
    ],
)
async def test_a_token_endpoint_may_answer_anything(
    db: Database, clock: SettableClock, given: httpx.Response, outcome: Any
) -> None:
    """What is no answer is our failure; what is an answer without an id_token logs nobody in."""
    login = Provider(token=given).login(clock)
    begun = await login.begin(db, return_to="/", browser=None)
    assert begun.location.startswith(f"{OP}/authorize?tenant=1&response_type=code&")
    answer = {"state": _fields(urlsplit(begun.location).query)["state"], "code": "code"}
    if isinstance(outcome, LoginRefused):
        assert await login.finish(db, answer=answer, browser=begun.browser) is outcome
    else:
        with pytest.raises(outcome):
            await login.finish(db, answer=answer, browser=begun.browser)
