"""Tokens for units: the grant as Maskinporten documents it, and the token kept until shortly before its end."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt

from consent_clients.maskinporten import Maskinporten
from consent_clients.problems import TokenRefused

ISSUER = "http://maskinporten/"


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    """A private RSA key as a JWK."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {**jwk.construct(pem.decode(), "RS256").to_dict(), "kid": "key-1"}


class Issuer:
    """Maskinporten as far as a client sees it; counts what it is asked."""

    def __init__(self, *, expires_in: int = 120, answer: httpx.Response | None = None) -> None:
        self.grants: list[str] = []
        self.expires_in = expires_in
        self.answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/oauth-authorization-server":
            return httpx.Response(200, json={"token_endpoint": f"{ISSUER}token"})
        form = parse_qs(request.content.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        self.grants.append(form["assertion"][0])
        return self.answer or httpx.Response(
            200, json={"access_token": f"t{len(self.grants)}", "expires_in": self.expires_in}
        )


def client(issuer: Issuer, key: dict[str, Any], now: list[float], **more: Any) -> Maskinporten:
    return Maskinporten(
        issuer=ISSUER,
        client_id="client-1",
        key=key,
        scopes=["consent:content.read", "consent:events.read"],
        transport=httpx.MockTransport(issuer),
        now=lambda: now[0],
        **more,
    )


async def test_the_grant_is_exactly_what_is_documented(key: dict[str, Any]) -> None:
    """One audience, the client, its scopes, a fresh jti, a minute of life; no claim more (it would be refused)."""
    issuer, now = Issuer(), [1_800_000_000.0]
    await client(issuer, key, now, resource="http://service").bearer()
    assert jwt.get_unverified_header(issuer.grants[0])["kid"] == "key-1"
    claims = jwt.get_unverified_claims(issuer.grants[0])
    assert claims.pop("jti")
    assert claims == {
        "aud": ISSUER,
        "iss": "client-1",
        "scope": "consent:content.read consent:events.read",
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
        "resource": ["http://service"],
    }


async def test_a_token_is_kept_until_shortly_before_its_end(key: dict[str, Any]) -> None:
    """One token serves until 20 seconds before it ends, also for many calls at once; then a new grant is made."""
    issuer, now = Issuer(expires_in=120), [1_800_000_000.0]
    unit = client(issuer, key, now)
    assert await asyncio.gather(*(unit.bearer() for _ in range(5))) == ["t1"] * 5
    now[0] += 99
    assert await unit.bearer() == "t1"
    now[0] += 2
    assert await unit.bearer() == "t2"
    first, second = (jwt.get_unverified_claims(grant)["jti"] for grant in issuer.grants)
    assert first != second
    await unit.close()


async def test_a_refusal_says_which(key: dict[str, Any]) -> None:
    """Maskinporten's own error code reaches whoever must repair it."""
    answer = httpx.Response(400, json={"error": "invalid_scope", "error_description": "MP-200"})
    with pytest.raises(TokenRefused, match="invalid_scope: MP-200"):
        await client(Issuer(answer=answer), key, [1.0]).bearer()


@pytest.mark.parametrize("answer", [httpx.Response(200, text="ok"), httpx.Response(200, json={"token": "t"})])
async def test_an_answer_without_a_token_is_no_token(key: dict[str, Any], answer: httpx.Response) -> None:
    """Whatever is not a token answer is refused here, not found out at the service."""
    with pytest.raises(TokenRefused):
        await client(Issuer(answer=answer), key, [1.0]).bearer()


def test_a_key_without_kid_is_refused_at_once(key: dict[str, Any]) -> None:
    """Maskinporten would refuse every grant: say so before the first."""
    nameless = {name: value for name, value in key.items() if name != "kid"}
    with pytest.raises(ValueError, match="kid"):
        client(Issuer(), nameless, [1.0])
