"""An id_token for our client with our nonce tells who logged in; nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from consent_service.errors import Unauthenticated
from tests.identity.attacks.ground import OUT
from tests.identity.conftest import World
from tests.support.issuers import KARI, MASKINPORTEN, OUR_CLIENT, Flow, key


async def test_an_id_token_tells_who_logged_in(world: World) -> None:
    """The id_token of a flow with our nonce is accepted, and its number stays out of the repr."""
    nonce = "n" * 32
    tokens = await Flow(world.clock).tokens(world.http, KARI.pid, nonce=nonce)
    person = await world.login.verify(tokens["id_token"], nonce=nonce)
    assert (person.pid, person.acr) == (KARI.pid, "idporten-loa-high")
    assert person.sid
    assert KARI.pid not in repr(person)


ID_TOKENS: dict[str, dict[str, Any]] = {
    "another's nonce": {"nonce": "other"},
    "no nonce": {"nonce": OUT},
    "aud another client": {"aud": "other"},
    "aud two clients": {"aud": [OUR_CLIENT, "other"]},
    "no aud": {"aud": OUT},
    "azp another client": {"azp": "other"},
    "iss of Maskinporten": {"iss": MASKINPORTEN},
    "no sub": {"sub": OUT},
    "no pid": {"pid": OUT},
    "no acr": {"acr": OUT},
    "sid number": {"sid": 1},
    "expired": {"exp": 1_779_999_000, "iat": 1_779_998_900},
    "no exp": {"exp": OUT},
    "a logout token": {"events": {}},
}


@pytest.mark.parametrize("changes", [*ID_TOKENS.values()], ids=[*ID_TOKENS])
async def test_no_other_token_proves_a_login(world: World, changes: dict[str, Any]) -> None:
    """An id_token with one claim amiss logs nobody in."""
    with pytest.raises(Unauthenticated):
        await world.login.verify(key("idporten").jwt(world.login_claims(**changes)), nonce="nonce")


async def test_an_access_token_proves_no_login(world: World) -> None:
    """An access token, or one of its type, is not an id_token; nor is one that another key signed."""
    tokens = await Flow(world.clock).tokens(world.http, KARI.pid)
    typed = key("idporten").jwt(world.login_claims(), header={"alg": "RS256", "kid": "idporten", "typ": "at+jwt"})
    stranger = key("stranger").jwt(world.login_claims(), header={"alg": "RS256", "kid": "idporten"})
    for token in (tokens["access_token"], typed, stranger, "", "a.b.c"):
        with pytest.raises(Unauthenticated):
            await world.login.verify(token, nonce="nonce")
