"""A logout token says that a person logged out; whatever differs from one in any way says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from consent_service.clock import HOUR, SECOND
from consent_service.errors import Unauthenticated
from consent_service.identity.logout_tokens import EVENT, LogoutTokens
from tests.identity.attacks.ground import OUT
from tests.identity.conftest import NOON, World
from tests.support.issuers import IDPORTEN, MASKINPORTEN, OUR_CLIENT, idporten_issuer, key

NOW = NOON // SECOND


@pytest.fixture
def tokens(world: World) -> LogoutTokens:
    """What verifies them."""
    return LogoutTokens(idporten_issuer(world.http, world.clock), client_id=OUR_CLIENT, clock=world.clock)


def logout(*, by: str = "idporten", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A logout token of ID-porten's, with ``changes``; one to OUT leaves the claim out."""
    claims = {
        "iss": IDPORTEN,
        "aud": OUR_CLIENT,
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "4711",
        "events": {EVENT: {}},
        "sub": "pairwise",
        "sid": "session-there",
        **changes,
    }
    said = {name: value for name, value in claims.items() if value is not OUT}
    return key(by).jwt(said, header={"kid": "idporten", "alg": "RS256", "typ": "logout+jwt", **(header or {})})


@pytest.mark.parametrize(
    ("changes", "sid", "sub"),
    [
        ({}, "session-there", "pairwise"),
        ({"sub": OUT}, "session-there", None),
        ({"sid": OUT}, None, "pairwise"),
        ({"aud": [OUR_CLIENT]}, "session-there", "pairwise"),
        ({"header": {"typ": "JWT"}}, "session-there", "pairwise"),
        ({"events": {EVENT: {}, "urn:another": {}}}, "session-there", "pairwise"),
    ],
)
async def test_it_names_a_session_or_a_person(
    tokens: LogoutTokens, changes: dict[str, Any], sid: str | None, sub: str | None
) -> None:
    """By the issuer's names for them; and it is good until a moment after it says that it ends."""
    said = await tokens.verify(logout(**changes))
    assert (said.sid, said.sub, said.jti) == (sid, sub, "4711")
    assert said.expires_at == (NOW + 130) * SECOND
    assert "pairwise" not in repr(said)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": MASKINPORTEN},
        {"iss": f"{IDPORTEN}/"},
        {"iss": OUT},
        {"aud": "other"},
        {"aud": OUT},
        {"aud": [OUR_CLIENT, "other"]},
        {"aud": {OUR_CLIENT: 1}},
        {"iat": OUT},
        {"iat": NOW + 60},
        {"iat": True},
        {"exp": OUT},
        {"exp": NOW - 60},
        {"exp": str(NOW + 120)},
        {"exp": NOW + 25 * HOUR // SECOND},
        {"jti": OUT},
        {"jti": ""},
        {"jti": 4711},
        {"events": OUT},
        {"events": {}},
        {"events": EVENT},
        {"events": [EVENT]},
        {"events": {EVENT: True}},
        {"events": {EVENT: None}},
        {"events": {f"{EVENT}/": {}}},
        {"nonce": "nonce"},
        {"nonce": None},
        {"sid": OUT, "sub": OUT},
        {"sid": None},
        {"sid": 1},
        {"sid": "a\x00b"},
        {"sub": ["pairwise"]},
        {"by": "stranger"},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "LOGOUT+JWT"}},
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"kid": "stranger"}},
        {"header": {"crit": ["exp"]}},
    ],
)
async def test_nothing_else_is_one(tokens: LogoutTokens, changes: dict[str, Any]) -> None:
    """OIDC Back-Channel Logout 1.0, section 2.6, and what every token of ours must be."""
    with pytest.raises(Unauthenticated):
        await tokens.verify(logout(**changes))


async def test_no_other_token_logs_anybody_out_and_a_logout_token_lets_nobody_in(
    world: World, tokens: LogoutTokens
) -> None:
    """An id_token and a bearer token are no logout tokens, nor the other way round, whatever type they claim to be."""
    for claims in (world.login_claims(), world.candidate_claims(), world.login_claims(nonce=OUT)):
        with pytest.raises(Unauthenticated):
            await tokens.verify(key("idporten").jwt(claims))
    for typ in ("logout+jwt", "JWT"):
        text = logout(nonce="nonce", acr="idporten-loa-high", pid="21879498012", header={"typ": typ})
        with pytest.raises(Unauthenticated):
            await world.login.verify(text, nonce="nonce")
        with pytest.raises(Unauthenticated):
            await world.bearer.candidate([f"Bearer {text}"])
