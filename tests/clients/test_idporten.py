"""A test person logs in: every leg of the flow, against the sandbox as a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from jose import jwt

from consent_clients.idporten import Form, IdPortenSession, Login
from consent_clients.problems import TokenRefused
from consent_service.sandbox.idporten import idporten_app
from consent_service.sandbox.idporten_registry import IdportenClient, IdportenConfig
from consent_service.sandbox.keys import SigningKey
from consent_service.settings import Environment
from tests.support.serving import reserve, serving

CALLBACK = "http://127.0.0.1/program"
KEY = SigningKey.generate("program-1")


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    """A running sandbox, and what its registered client logs in with."""
    place = reserve()
    config = IdportenConfig(
        issuer=place.base_url,
        environment=Environment.LOCAL,
        clients=(IdportenClient(client_id="program", redirect_uris=frozenset({CALLBACK}), keys=(KEY.public_jwk,)),),
        persons=(),
    )
    async with serving(idporten_app(config), place) as issuer:
        yield Login(
            issuer=issuer,
            client_id="program",
            redirect_uri=CALLBACK,
            resource="https://service.example.org",
            key=KEY.private_jwk,
            national_id="21879498012",
        )


async def refused(login: Login) -> str:
    """The reason for which a login is refused."""
    session = IdPortenSession(login)
    try:
        with pytest.raises(TokenRefused) as raised:
            await session.bearer()
        return str(raised.value)
    finally:
        await session.close()


async def test_a_login_gives_a_token_made_for_the_service(login: Login) -> None:
    """The token says who logged in, how surely, and that it is meant for the service; it is kept for the next call."""
    session = IdPortenSession(login)
    token = await session.bearer()
    claims = jwt.get_unverified_claims(token)
    assert (claims["pid"], claims["acr"]) == ("21879498012", "idporten-loa-high")
    assert claims["aud"] == "https://service.example.org"
    assert await session.bearer() == token
    await session.close()


async def test_a_number_that_is_none_leads_nowhere(login: Login) -> None:
    """A page that asks again is not a login."""
    assert "422" in await refused(replace(login, national_id="21879498011"))


async def test_an_unregistered_client_or_address_is_refused(login: Login) -> None:
    """The issuer's own page says no; nothing is taken for a token."""
    for wrong in (replace(login, client_id="other"), replace(login, redirect_uri="http://127.0.0.1/other")):
        assert "400" in await refused(wrong)


async def test_a_client_with_another_key_is_refused(login: Login) -> None:
    """The code alone is not enough: the client must prove itself with the key it registered."""
    other = SigningKey.generate("program-1").private_jwk
    assert "invalid_client" in await refused(replace(login, key=other))


async def test_an_error_in_the_answer_is_reported(login: Login) -> None:
    """What the issuer sends back to the client's address in place of a code is the reason given."""
    assert "invalid_request" in await refused(replace(login, acr="no-such-level"))


def test_the_number_is_in_no_repr(login: Login) -> None:
    """A traceback that shows a login shows neither whose it is nor the key."""
    assert "21879498012" not in repr(login)
    assert login.key["d"] not in repr(login)


def test_a_page_without_a_form_is_no_login_page() -> None:
    """Some other page in between is reported as such."""
    with pytest.raises(TokenRefused, match="no form"):
        Form.on("<p>Maintenance</p>")
