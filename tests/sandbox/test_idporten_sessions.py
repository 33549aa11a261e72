"""Pushed requests, single sign-on and single sign-out at the local ID-porten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from jose import jws, jwt

from consent_service.clock import MINUTE, SECOND, SettableClock
from consent_service.sandbox.idporten import IdportenClient, idporten_app
from tests.support.issuers import (
    IDPORTEN,
    KARI,
    OLA,
    OUR_CALLBACK,
    OUR_CLIENT,
    Flow,
    answered,
    idporten_config,
    key,
)

NOON = 1_780_000_000 * SECOND
HOME = "https://consent.example.org/"
OTHER_CALLBACK = "https://other.example/back"


@dataclass
class Town:
    """ID-porten without a socket, two clients of it, and what reaches their back channels."""

    clock: SettableClock
    flow: Flow
    app: FastAPI
    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def browser(self) -> httpx.AsyncClient:
        """Somebody's browser, which has not been there before."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app))

    def at_the_other(self, **changes: str | None) -> dict[str, str]:
        """The other client's request."""
        return self.flow.request(**{"client_id": "other", "redirect_uri": OTHER_CALLBACK, **changes})

    async def push(self, http: httpx.AsyncClient, **changes: str | None) -> httpx.Response:
        """Push our client's request, with our proof."""
        proof: dict[str, str | None] = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.flow.assertion(),
            **changes,
        }
        form = {**self.flow.request(), **proof}
        return await http.post(f"{IDPORTEN}/par", data={name: value for name, value in form.items() if value})


def clients(**ours: Any) -> tuple[IdportenClient, IdportenClient]:
    """Ours, and another's."""
    return (
        IdportenClient(
            client_id=OUR_CLIENT,
            redirect_uris=frozenset({OUR_CALLBACK}),
            post_logout_redirect_uris=frozenset({HOME}),
            frontchannel_logout_uri="https://consent.example.org/logout/frontchannel",
            backchannel_logout_uri="https://consent.example.org/logout/backchannel",
            keys=(key("ours").public_jwk,),
            **ours,
        ),
        IdportenClient(
            client_id="other",
            redirect_uris=frozenset({OTHER_CALLBACK}),
            post_logout_redirect_uris=frozenset({"https://other.example/"}),
            frontchannel_logout_uri="https://other.example/out?from=idporten",
            keys=(key("stranger").public_jwk,),
        ),
    )


def town_of(clock: SettableClock, **more: Any) -> Town:
    """A town with more than the usual settings."""
    back_channels = FastAPI(openapi_url=None)
    config = idporten_config(clock, **{"clients": clients(), "reaching": httpx.ASGITransport(back_channels), **more})
    town = Town(clock, Flow(clock), idporten_app(config))

    @back_channels.post("/{path:path}")
    async def hear(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        town.told.append((str(request.url), {name: values[0] for name, values in form.items()}))
        return Response(status_code=400)

    return town


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


@pytest.fixture
def town(clock: SettableClock) -> Town:
    """The usual town."""
    return town_of(clock)


async def test_a_pushed_request_has_a_name_that_is_good_once(town: Town) -> None:
    """RFC 9126: 201 with a name and its life; the browser carries the name alone; then a code as ever."""
    async with town.browser() as http:
        pushed = await town.push(http, state="s" * 30)
        assert (pushed.status_code, pushed.headers["cache-control"]) == (201, "no-store")
        assert pushed.json()["expires_in"] == 120
        named = {"client_id": OUR_CLIENT, "request_uri": pushed.json()["request_uri"]}
        answer = answered(await http.post(f"{IDPORTEN}/authorize", data={**named, "pid": KARI.pid}))
        assert answer["state"] == "s" * 30
        assert (await town.flow.exchange(http, answer["code"])).status_code == 200
        assert (await http.post(f"{IDPORTEN}/authorize", data={**named, "pid": KARI.pid})).status_code == 400


@pytest.mark.parametrize("later", [0, 119, 120])
async def test_a_pushed_request_waits_two_minutes(town: Town, later: int) -> None:
    """For the browser; a person on the page may take longer."""
    async with town.browser() as http:
        named = {"client_id": OUR_CLIENT, "request_uri": (await town.push(http)).json()["request_uri"]}
        town.clock.advance(seconds=later)
        page = await http.get(f"{IDPORTEN}/authorize", params=named)
        assert page.status_code == (200 if later < 120 else 400)
        assert "code_challenge" not in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"request_uri": "urn:idporten:guessed"},
        {"state": "another"},
        {"redirect_uri": OUR_CALLBACK},
    ],
)
async def test_a_pushed_request_is_its_clients_and_whole(town: Town, changes: dict[str, str | None]) -> None:
    """Another client, another name, or a parameter beside it: nobody is sent anywhere, and the name is spent."""
    async with town.browser() as http:
        named = {"client_id": OUR_CLIENT, "request_uri": (await town.push(http)).json()["request_uri"]}
        asked = {name: value for name, value in {**named, **changes}.items() if value is not None}
        refused = await http.get(f"{IDPORTEN}/authorize", params=asked)
        assert (refused.status_code, "location" in refused.headers) == (400, False)


async def test_the_name_on_a_page_is_for_its_form(town: Town) -> None:
    """The login page's form has a name of its own, which is none in an address."""
    async with town.browser() as http:
        named = {"client_id": OUR_CLIENT, "request_uri": (await town.push(http)).json()["request_uri"]}
        page = (await http.get(f"{IDPORTEN}/authorize", params=named)).text
        shown = page.partition('name="request_uri" value="')[2].partition('"')[0]
        assert shown != named["request_uri"]
        assert (await http.get(f"{IDPORTEN}/authorize", params={**named, "request_uri": shown})).status_code == 400


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_assertion": None}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"redirect_uri": "https://evil.example/"}, 400, "invalid_request"),
        ({"request_uri": "urn:idporten:x"}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"nonce": None}, 400, "invalid_request"),
        ({"scope": "profile"}, 400, "invalid_scope"),
    ],
)
async def test_what_is_no_request_is_not_kept(
    town: Town, changes: dict[str, str | None], status: int, error: str
) -> None:
    """The client hears at once what its browser would have come back with."""
    async with town.browser() as http:
        refused = await town.push(http, **changes)
        assert (refused.status_code, refused.json()["error"]) == (status, error)


async def test_pushed_requests_can_be_demanded(clock: SettableClock) -> None:
    """Then the metadata says so, and a request in the open goes back with an error, however it is sent."""
    town = town_of(clock, demands_pushed=True)
    async with town.browser() as http:
        metadata = (await http.get(f"{IDPORTEN}/.well-known/openid-configuration")).json()
        assert metadata["require_pushed_authorization_requests"] is True
        asked = town.flow.request()
        for refused in (
            await http.get(f"{IDPORTEN}/authorize", params=asked),
            await http.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid}),
        ):
            assert answered(refused)["error"] == "invalid_request"
        named = {"client_id": OUR_CLIENT, "request_uri": (await town.push(http)).json()["request_uri"]}
        assert "code" in answered(await http.post(f"{IDPORTEN}/authorize", data={**named, "pid": KARI.pid}))


async def test_who_is_logged_in_at_one_client_is_at_the_next(town: Town) -> None:
    """No page in between: one session, one level, when she proved who she is; her subject is each client's own."""
    async with town.browser() as http:
        first = await town.flow.tokens(http, KARI.pid)
        town.clock.advance(seconds=60)
        assert "code" in answered(await http.get(f"{IDPORTEN}/authorize", params=town.at_the_other()))
        again = answered(await http.get(f"{IDPORTEN}/authorize", params=town.flow.request()))
        second = (await town.flow.exchange(http, again["code"])).json()
    said, later = (jwt.get_unverified_claims(tokens["id_token"]) for tokens in (first, second))
    assert said["sid"] == later["sid"]
    assert (said["auth_time"], later["auth_time"], later["iat"]) == (
        NOON // SECOND,
        NOON // SECOND,
        NOON // SECOND + 60,
    )


@pytest.mark.parametrize(
    ("changes", "minutes", "asked_again"),
    [
        ({}, 29, False),
        ({}, 30, True),
        ({"prompt": "login"}, 0, True),
        ({"acr_values": "idporten-loa-high"}, 0, True),
    ],
)
async def test_a_session_is_not_enough_for_everything(
    town: Town, changes: dict[str, str], minutes: int, *, asked_again: bool
) -> None:
    """Half an hour later, for a higher level, or where the client wants a new proof, the person is asked again."""
    async with town.browser() as http:
        await town.flow.log_in(http, KARI.pid, acr_values="idporten-loa-substantial")
        town.clock.advance(seconds=minutes * 60)
        asked = town.flow.request(**{"acr_values": "idporten-loa-substantial", **changes})
        assert ((await http.get(f"{IDPORTEN}/authorize", params=asked)).status_code == 200) is asked_again


async def test_two_hours_are_the_longest(town: Town) -> None:
    """However often she logs in at clients meanwhile; and whoever may not be asked gets an error."""
    async with town.browser() as http:
        await town.flow.log_in(http, KARI.pid)
        for _ in range(5):
            town.clock.advance(seconds=20 * MINUTE / SECOND)
            assert "code" in answered(await http.get(f"{IDPORTEN}/authorize", params=town.flow.request(prompt="none")))
        town.clock.advance(seconds=20 * MINUTE / SECOND)
        late = answered(await http.get(f"{IDPORTEN}/authorize", params=town.flow.request(prompt="none")))
        assert late["error"] == "login_required"


async def test_who_logs_out_at_one_client_is_out_at_all(town: Town) -> None:
    """The front channels in frames of a page, with issuer and session; the back channel with a token of ours."""
    async with town.browser() as http:
        given = await town.flow.tokens(http, KARI.pid)
        sid = jwt.get_unverified_claims(given["id_token"])["sid"]
        await http.get(f"{IDPORTEN}/authorize", params=town.at_the_other())
        asked = {"client_id": "other", "post_logout_redirect_uri": "https://other.example/", "state": "a b"}
        page = await http.post(f"{IDPORTEN}/logout", data=asked)
        again = await http.get(f"{IDPORTEN}/authorize", params=town.flow.request())
        jwks = (await http.get(f"{IDPORTEN}/jwks.json")).json()
    assert again.status_code == 200, "she is asked who she is"
    frames = [urlsplit(url.replace("&amp;", "&")) for url in page.text.split('<iframe src="')[1:]]
    assert [frame.path for frame in frames] == ["/logout/frontchannel", "/out"]
    for frame in frames:
        sent = parse_qs(frame.query.partition('"')[0])
        assert (sent["iss"], sent["sid"]) == ([IDPORTEN], [sid])
    assert "frame-src https://consent.example.org https://other.example" in page.headers["content-security-policy"]
    assert "2;url=https://other.example/?state=a%2520b" in page.text
    ((called, form),) = town.told
    assert called == "https://consent.example.org/logout/backchannel"
    assert jws.get_unverified_header(form["logout_token"])["typ"] == "logout+jwt"
    told = jwt.decode(form["logout_token"], jwks, ["RS256"], options={"verify_exp": False, "verify_aud": False})
    assert told.keys() == {"iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"}
    assert (told["aud"], told["sid"]) == (OUR_CLIENT, sid)
    assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}


async def test_only_the_clients_of_that_session_hear_of_it(town: Town) -> None:
    """Another person's session, in another browser, goes on; a client that she was not at is not told."""
    async with town.browser() as hers, town.browser() as his:
        await hers.post(f"{IDPORTEN}/authorize", data={**town.at_the_other(), "pid": KARI.pid})
        await town.flow.log_in(his, OLA.pid)
        await hers.post(f"{IDPORTEN}/logout", data={"client_id": "other"})
        assert not town.told
        assert (await his.get(f"{IDPORTEN}/authorize", params=town.flow.request())).status_code == 303


async def test_a_client_that_wants_no_session_is_told_without(clock: SettableClock) -> None:
    """Its id_tokens name none, and its front channel is opened as it was registered."""
    town = town_of(clock, clients=clients(logout_session_required=False))
    async with town.browser() as http:
        given = await town.flow.tokens(http, KARI.pid)
        page = await http.get(f"{IDPORTEN}/logout")
    assert "sid" not in jwt.get_unverified_claims(given["id_token"])
    assert '<iframe src="https://consent.example.org/logout/frontchannel"' in page.text
    assert "sid" not in jwt.get_unverified_claims(town.told[0][1]["logout_token"])


async def test_logging_out_leads_to_registered_addresses_only(town: Town) -> None:
    """Back to ours, to a page of its own without one, nowhere else; the client by its id or by an id_token."""
    async with town.browser() as http:
        given = await town.flow.tokens(http, KARI.pid)
        good = {"client_id": OUR_CLIENT, "post_logout_redirect_uri": HOME}
        hinted = {"id_token_hint": given["id_token"], "post_logout_redirect_uri": HOME}
        wrong = (
            {**good, "post_logout_redirect_uri": "https://evil.example/"},
            {**good, "client_id": "other"},
            {**hinted, "client_id": "other"},
            {**hinted, "id_token_hint": given["id_token"][:-8] + "AAAAAAAA"},
            {"post_logout_redirect_uri": HOME},
        )
        for asked in wrong:
            refused = await http.post(f"{IDPORTEN}/logout", data=asked)
            assert (refused.status_code, "location" in refused.headers) == (400, False)
        town.clock.advance(seconds=600)
        assert f"2;url={HOME}" in (await http.get(f"{IDPORTEN}/logout", params=hinted)).text


async def test_without_the_cookie_there_is_nothing_to_log_out_of(town: Town) -> None:
    """As at the real one: a page that says so, and nobody is sent on."""
    async with town.browser() as http:
        asked = {"client_id": OUR_CLIENT, "post_logout_redirect_uri": HOME}
        assert (await http.get(f"{IDPORTEN}/logout", params=asked)).status_code == 400
        await town.flow.log_in(http, KARI.pid)
        town.clock.advance(seconds=3600)
        assert (await http.get(f"{IDPORTEN}/logout", params=asked)).headers["location"] == HOME


async def test_a_client_can_be_registered_while_it_runs(town: Town) -> None:
    """A developer registers a client in OpenID Connect's own words, and it is like any other."""
    registration = {
        "client_id": "theirs",
        "redirect_uris": ["https://theirs.example/back"],
        "frontchannel_logout_uri": "https://theirs.example/out",
        "jwks": {"keys": [key("stranger").public_jwk]},
    }
    asked = town.flow.request(client_id="theirs", redirect_uri="https://theirs.example/back")
    async with town.browser() as http:
        assert (await http.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid})).status_code == 400
        assert (await http.post(f"{IDPORTEN}/sandbox/clients", json=registration)).status_code == 201
        assert "code" in answered(await http.post(f"{IDPORTEN}/authorize", data={**asked, "pid": KARI.pid}))
        assert '<iframe src="https://theirs.example/out?' in (await http.get(f"{IDPORTEN}/logout")).text
        for unfit, status in (({"jwks": None}, 400), ({"redirect_uris": []}, 422), ({"name": "Theirs"}, 422)):
            refused = await http.post(f"{IDPORTEN}/sandbox/clients", json={**registration, **unfit})
            assert refused.status_code == status
