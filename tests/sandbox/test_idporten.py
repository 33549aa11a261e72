"""The local ID-porten demands what the real one demands, and its tokens have its shape."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jose import jws, jwt
from playwright.async_api import Page

from consent_service.clock import SECOND, SettableClock
from consent_service.sandbox.idporten import IdportenClient, IdportenConfig, idporten_app
from consent_service.sandbox.production import NotInProduction
from consent_service.settings import Environment
from tests.support.issuers import (
    IDPORTEN,
    KARI,
    OLA,
    OUR_AUDIENCE,
    OUR_CALLBACK,
    OUR_CLIENT,
    Flow,
    answered,
    idporten_config,
    key,
)
from tests.support.serving import calling, reserve, serving

NOON = 1_780_000_000 * SECOND


@dataclass
class Desk:
    """ID-porten without a socket, and our client's flow."""

    http: httpx.AsyncClient
    clock: SettableClock
    config: IdportenConfig
    flow: Flow

    async def code(self, **changes: str | None) -> str:
        """A code for Kari."""
        return answered(await self.flow.log_in(self.http, KARI.pid, **changes))["code"]


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


@pytest.fixture
async def desk(clock: SettableClock) -> AsyncIterator[Desk]:
    """The usual desk."""
    config = idporten_config(clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(idporten_app(config))) as http:
        yield Desk(http, clock, config, Flow(clock))


async def test_a_login_gives_tokens_of_the_documented_shape(desk: Desk) -> None:
    """Headers with kid and alg alone; exactly the claims of Digdir's pages; a short life."""
    tokens = await desk.flow.tokens(desk.http, KARI.pid, nonce="n" * 20)
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 600, "openid profile")
    for name in ("id_token", "access_token"):
        assert jws.get_unverified_header(tokens[name]) == {"kid": "idporten", "alg": "RS256"}
    id_token = jwt.get_unverified_claims(tokens["id_token"])
    access = jwt.get_unverified_claims(tokens["access_token"])
    now = NOON // SECOND
    for random in ("sub", "jti"):
        assert id_token.pop(random)
        assert access.pop(random)
    assert id_token.pop("sid")
    assert id_token == {
        "amr": ["TestID"],
        "iss": IDPORTEN,
        "pid": KARI.pid,
        "locale": "nb",
        "nonce": "n" * 20,
        "aud": OUR_CLIENT,
        "acr": "idporten-loa-high",
        "auth_time": now,
        "iat": now,
        "exp": now + 120,
    }
    assert access == {
        "acr": "idporten-loa-high",
        "scope": "openid profile",
        "iss": IDPORTEN,
        "client_amr": "private_key_jwt",
        "pid": KARI.pid,
        "iat": now,
        "exp": now + 600,
        "client_id": OUR_CLIENT,
        "aud": OUR_AUDIENCE,
    }


async def test_without_resource_the_audience_is_unspecified(desk: Desk) -> None:
    """A token for nobody in particular says so."""
    tokens = await desk.flow.tokens(desk.http, KARI.pid, resource=None)
    assert jwt.get_unverified_claims(tokens["access_token"])["aud"] == "unspecified"


async def test_a_subject_is_the_clients_own_and_stays(desk: Desk) -> None:
    """The same person is the same subject at each login, and another person another."""
    people = (KARI.pid, KARI.pid, OLA.pid)
    subjects = [
        jwt.get_unverified_claims((await desk.flow.tokens(desk.http, pid))["id_token"])["sub"] for pid in people
    ]
    assert subjects[0] == subjects[1] != subjects[2]


async def test_everything_is_found_from_the_metadata_over_http(clock: SettableClock) -> None:
    """Over a real socket: discovery, login, tokens, and their signature by the published key."""
    place = reserve()
    async with (
        serving(idporten_app(idporten_config(clock, issuer=place.base_url)), place),
        calling() as http,
    ):
        metadata = (await http.get(f"{place.base_url}/.well-known/openid-configuration")).json()
        assert metadata["issuer"] == place.base_url
        assert metadata["code_challenge_methods_supported"] == ["S256"]
        tokens = await Flow(clock, issuer=place.base_url).tokens(http, KARI.pid)
        jwks = (await http.get(metadata["jwks_uri"])).json()
        for name in ("id_token", "access_token"):
            assert jws.verify(tokens[name], jwks, ["RS256"])


async def test_a_person_picks_herself_in_a_browser(page: Page, clock: SettableClock) -> None:
    """The page names the test persons; a press on one sends the browser back with a code. Typing works as well."""
    place = reserve()
    back = f"{place.base_url}/back"
    client = IdportenClient(client_id=OUR_CLIENT, redirect_uris=frozenset({back}), keys=(key("ours").public_jwk,))
    app = idporten_app(idporten_config(clock, issuer=place.base_url, clients=(client,)))
    flow = Flow(clock, issuer=place.base_url)
    async with serving(app, place):
        url = str(httpx.URL(f"{place.base_url}/authorize", params=flow.request(redirect_uri=back)))
        await page.goto(url)
        await page.get_by_role("button", name=KARI.name).click()
        await page.wait_for_url(f"{back}?*")
        assert "code=" in page.url
        assert KARI.pid not in page.url
        await page.goto(f"{url}&prompt=login")
        field = page.get_by_label("Syntetisk fødselsnummer")
        await field.fill("12345678901")
        await field.press("Enter")
        assert "Se etter skrivefeil" in await page.get_by_role("alert").inner_text()
        await page.get_by_label("Syntetisk fødselsnummer").fill("25922947409")
        await page.get_by_role("button", name="Logg inn", exact=True).click()
        await page.wait_for_url(f"{back}?*code=*")
        await page.goto(f"{url}&prompt=login")
        await page.get_by_role("button", name="Avbryt").click()
        await page.wait_for_url(f"{back}?*error=access_denied*")


@pytest.mark.parametrize(("locale", "words"), [("nb", "Hvem vil du"), ("nn", "Kven vil du"), ("en", "Who do you")])
async def test_the_page_speaks_the_language_asked_for(desk: Desk, locale: str, words: str) -> None:
    """In its words and in its lang attribute; unknown languages are passed over."""
    asked = desk.flow.request(ui_locales=f"xx {locale}")
    page = await desk.http.get(f"{IDPORTEN}/authorize", params=asked)
    assert words in page.text
    assert f'<html lang="{locale}">' in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_the_page_repeats_nothing_as_html(desk: Desk) -> None:
    """What a client sends comes back as text in a hidden field, whatever it holds."""
    page = await desk.http.get(f"{IDPORTEN}/authorize", params=desk.flow.request(state='"><script>x</script>'))
    assert "<script" not in page.text


async def test_a_number_in_an_address_logs_nobody_in(desk: Desk) -> None:
    """The form is posted; the same in a query is a page to pick on."""
    page = await desk.http.get(f"{IDPORTEN}/authorize", params={**desk.flow.request(), "pid": KARI.pid})
    assert page.status_code == 200
    assert "Hvem vil du" in page.text


@pytest.mark.parametrize("pid", ["", "12345678901", "2187949801", "01010199999", "10068831950", "21879498012 "])
async def test_only_synthetic_numbers_log_in(desk: Desk, pid: str) -> None:
    """A mistyped number, or a real person's form of one, gets the page again."""
    page = await desk.flow.log_in(desk.http, pid)
    assert page.status_code == 422
    assert 'role="alert"' in page.text


REDIRECTED: dict[str, tuple[dict[str, str | None], str]] = {
    "response_type token": ({"response_type": "token"}, "unsupported_response_type"),
    "no response_type": ({"response_type": None}, "unsupported_response_type"),
    "response_mode fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "no openid": ({"scope": "profile"}, "invalid_scope"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "no state": ({"state": None}, "invalid_request"),
    "no nonce": ({"nonce": None}, "invalid_request"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "challenge padded": ({"code_challenge": "x" * 43 + "="}, "invalid_request"),
    "plain challenge": ({"code_challenge_method": "plain"}, "invalid_request"),
    "no challenge method": ({"code_challenge_method": None}, "invalid_request"),
    "unknown level": ({"acr_values": "Level9"}, "invalid_request"),
    "resource with a fragment": ({"resource": "https://a.example/#x"}, "invalid_target"),
    "resource relative": ({"resource": "a"}, "invalid_target"),
    "request object": ({"request": "e30.e30.AA"}, "request_not_supported"),
}


@pytest.mark.parametrize(("changes", "error"), [*REDIRECTED.values()], ids=[*REDIRECTED])
async def test_a_faulty_request_goes_back_to_its_client(desk: Desk, changes: dict[str, str | None], error: str) -> None:
    """With OAuth's error, state and issuer; before any page is shown, and however the form is posted."""
    asked = desk.flow.request(**changes)
    for response in (
        await desk.http.get(f"{IDPORTEN}/authorize", params=asked),
        await desk.http.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid}),
    ):
        answer = answered(response)
        assert answer["error"] == error
        assert answer["iss"] == IDPORTEN
        assert answer.get("state") == asked.get("state")
        assert "code" not in answer


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": f"{OUR_CALLBACK}/"},
        {"redirect_uri": f"{OUR_CALLBACK}?x=1"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": OUR_CALLBACK.upper()},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(desk: Desk, changes: dict[str, str | None]) -> None:
    """An unknown client or another address gets a page, even with an error to tell."""
    for more in ({}, {"response_type": "token"}):
        asked = desk.flow.request(**changes, **more)
        page = await desk.http.get(f"{IDPORTEN}/authorize", params=asked)
        assert page.status_code == 400
        assert "location" not in page.headers
        assert (await desk.http.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid})).status_code == 400


async def test_a_parameter_given_twice_is_refused(desk: Desk) -> None:
    """Which one counts is not left to luck."""
    url = str(httpx.URL(f"{IDPORTEN}/authorize", params=desk.flow.request()))
    assert (await desk.http.get(f"{url}&state=other")).status_code == 400
    assert (await desk.http.post(f"{IDPORTEN}/authorize", json={})).status_code == 400


async def test_the_state_comes_back_encoded_once_more(desk: Desk) -> None:
    """As on the real platform: only a state with nothing to encode comes back as it went."""
    answer = answered(await desk.flow.log_in(desk.http, KARI.pid, state="a b/c"))
    assert answer["state"] == quote("a b/c", safe="")


EXCHANGES: dict[str, tuple[dict[str, str | None], int, str]] = {
    "another grant type": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "another code": ({"code": "guessed"}, 400, "invalid_grant"),
    "no code": ({"code": None}, 400, "invalid_grant"),
    "another address": ({"redirect_uri": "https://evil.example/"}, 400, "invalid_grant"),
    "no address": ({"redirect_uri": None}, 400, "invalid_grant"),
    "another verifier": ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
    "a short verifier": ({"code_verifier": "v" * 42}, 400, "invalid_grant"),
    "no verifier": ({"code_verifier": None}, 400, "invalid_grant"),
    "no assertion": ({"client_assertion": None}, 401, "invalid_client"),
    "no assertion type": ({"client_assertion_type": None}, 401, "invalid_client"),
    "no client_id beside the assertion": ({"client_id": None}, 401, "invalid_client"),
    "another client_id": ({"client_id": "other"}, 401, "invalid_client"),
    "a secret in place of the assertion": (
        {"client_assertion": None, "client_assertion_type": None, "client_secret": ""},
        401,
        "invalid_client",
    ),
}


@pytest.mark.parametrize(("changes", "status", "error"), [*EXCHANGES.values()], ids=[*EXCHANGES])
async def test_a_code_is_exchanged_by_whom_it_was_given_to(
    desk: Desk, changes: dict[str, str | None], status: int, error: str
) -> None:
    """Client, address and verifier are those of the request, and the client proves to be itself."""
    code = await desk.code()
    answer = await desk.flow.exchange(desk.http, **{"code": code, **changes})  # type: ignore[arg-type]  # code is text
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"sub": "other"},
        {"sub": None},
        {"aud": "https://evil.example"},
        {"aud": f"{IDPORTEN}/"},
        {"jti": None},
        {"jti": 1},
        {"exp": NOON // SECOND + 121},
        {"exp": NOON // SECOND},
        {"exp": None},
        {"iat": None},
    ],
)
async def test_an_assertion_is_the_clients_own_for_this_issuer_and_short(desk: Desk, changes: dict[str, Any]) -> None:
    """One claim amiss, and the client is not authenticated."""
    code = await desk.code()
    answer = await desk.flow.exchange(desk.http, code, client_assertion=desk.flow.assertion(**changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_counts_once(desk: Desk) -> None:
    """Replayed with another code, it is refused."""
    assertion = desk.flow.assertion()
    assert (await desk.flow.exchange(desk.http, await desk.code(), client_assertion=assertion)).status_code == 200
    assert (await desk.flow.exchange(desk.http, await desk.code(), client_assertion=assertion)).status_code == 401


async def test_a_code_counts_once_whatever_comes_of_it(desk: Desk) -> None:
    """After a success, and after a failure with the wrong verifier."""
    used, spoilt = await desk.code(), await desk.code()
    assert (await desk.flow.exchange(desk.http, used)).status_code == 200
    assert (await desk.flow.exchange(desk.http, spoilt, code_verifier="w" * 43)).status_code == 400
    for code in (used, spoilt):
        assert (await desk.flow.exchange(desk.http, code)).json()["error"] == "invalid_grant"


async def test_a_code_lives_a_minute(desk: Desk) -> None:
    """After that it is nobody's, and it is swept when the next one is made."""
    code = await desk.code()
    desk.clock.advance(seconds=60)
    assert (await desk.flow.exchange(desk.http, code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post"])
async def test_a_client_with_a_secret_uses_the_way_it_registered(clock: SettableClock, way: Any) -> None:
    """The other way, another secret, and none are refused."""
    client = IdportenClient(
        client_id=OUR_CLIENT, redirect_uris=frozenset({OUR_CALLBACK}), authentication=way, secret="s:e c"
    )
    app = idporten_app(idporten_config(clock, clients=(client,)))
    flow = Flow(clock)

    def basic(secret: str) -> dict[str, str]:
        encoded = base64.b64encode(f"{OUR_CLIENT}:{quote(secret)}".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}

    async def exchange(http: httpx.AsyncClient, header: dict[str, str], secret: str | None) -> int:
        code = answered(await flow.log_in(http, KARI.pid))["code"]
        http.headers.pop("Authorization", None)
        http.headers.update(header)
        changes = {"client_assertion": None, "client_assertion_type": None, "client_secret": secret}
        return (await flow.exchange(http, code, **changes)).status_code

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        by_header, by_form = await exchange(http, basic("s:e c"), None), await exchange(http, {}, "s:e c")
        assert (by_header, by_form) == ((200, 401) if way == "client_secret_basic" else (401, 200))
        assert await exchange(http, basic("wrong"), None) == 401
        assert await exchange(http, {}, "wrong") == 401
        assert await exchange(http, {"Authorization": "Basic ???"}, None) == 401
        assert await exchange(http, {"Authorization": "Bearer x"}, None) == 401
        assert await exchange(http, {}, None) == 401


async def test_keys_rotate_and_the_last_one_stays_published(desk: Desk) -> None:
    """What was signed before can still be verified."""
    before = await desk.flow.tokens(desk.http, KARI.pid)
    rotated = (await desk.http.post(f"{IDPORTEN}/sandbox/keys/rotate")).json()["kid"]
    after = await desk.flow.tokens(desk.http, KARI.pid)
    jwks = (await desk.http.get(f"{IDPORTEN}/jwks.json")).json()
    assert jws.get_unverified_header(after["id_token"])["kid"] == rotated
    for tokens in (before, after):
        assert jws.verify(tokens["id_token"], jwks, ["RS256"])


def test_it_does_not_start_in_production(clock: SettableClock) -> None:
    """Nor with an issuer that ends with a slash, nor with a client that could never authenticate."""
    config = idporten_config(clock)
    with pytest.raises(NotInProduction):
        idporten_app(replace(config, environment=Environment.PRODUCTION))
    with pytest.raises(ValueError, match="slash"):
        idporten_app(replace(config, issuer=f"{IDPORTEN}/"))
    with pytest.raises(ValueError, match="keys or a secret"):
        IdportenClient(client_id="x", redirect_uris=frozenset())


def test_no_repr_shows_a_number_or_a_secret() -> None:
    """Test persons and clients print without what identifies or lets in."""
    client = IdportenClient(
        client_id="x", redirect_uris=frozenset(), authentication="client_secret_post", secret="hemmelig"
    )
    assert KARI.pid not in repr(KARI)
    assert "hemmelig" not in repr(client)
