"""The local Maskinporten refuses what the real one refuses, with its codes, and its tokens have its shape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from jose import jws, jwt

from consent_service.clock import SECOND, SettableClock
from consent_service.sandbox.maskinporten import (
    GRANT_TYPE,
    Delegation,
    MaskinportenClient,
    MaskinportenConfig,
    maskinporten_app,
)
from consent_service.sandbox.production import NotInProduction
from consent_service.settings import Environment
from tests.support.issuers import (
    COUNTY,
    KARI,
    MASKINPORTEN,
    NAV,
    SUPPLIER,
    ask_maskinporten,
    grant_claims,
    key,
    maskinporten_config,
)
from tests.support.serving import calling, reserve, serving

NOON = 1_780_000_000 * SECOND


@dataclass
class Desk:
    """Maskinporten without a socket, and its one client."""

    http: httpx.AsyncClient
    clock: SettableClock
    config: MaskinportenConfig

    async def ask(self, signer: str = "nav", header: dict[str, Any] | None = None, **changes: Any) -> httpx.Response:
        """A grant with ``changes``, signed by the key of this name."""
        return await ask_maskinporten(self.http, key(signer).jwt(grant_claims(self.clock, **changes), header=header))

    async def token(self, **changes: Any) -> dict[str, Any]:
        """The claims of the token that a grant gives."""
        answer = await self.ask(**changes)
        assert answer.status_code == 200, answer.text
        return jwt.get_unverified_claims(answer.json()["access_token"])


def desk_of(clock: SettableClock, **more: Any) -> Desk:
    """A desk with more than the usual settings."""
    config = maskinporten_config(clock, **more)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(maskinporten_app(config)))
    return Desk(http, clock, config)


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still."""
    return SettableClock(NOON)


@pytest.fixture
async def desk(clock: SettableClock) -> AsyncIterator[Desk]:
    """The usual desk."""
    desk = desk_of(clock)
    yield desk
    await desk.http.aclose()


async def test_a_grant_gives_a_token_of_the_documented_shape(desk: Desk) -> None:
    """The answer, the header with kid and alg alone, and exactly the claims that Digdir documents."""
    answer = (await desk.ask()).json()
    token = answer.pop("access_token")
    assert answer == {"token_type": "Bearer", "expires_in": 599, "scope": "consent:consents.read"}
    assert jws.get_unverified_header(token) == {"kid": "maskinporten", "alg": "RS256"}
    claims = jwt.get_unverified_claims(token)
    assert claims.pop("jti")
    assert claims == {
        "iss": MASKINPORTEN,
        "client_amr": "private_key_jwt",
        "token_type": "Bearer",
        "aud": "unspecified",
        "client_id": "nav-client",
        "scope": "consent:consents.read",
        "iat": NOON // SECOND,
        "exp": NOON // SECOND + 599,
        "consumer": {"authority": "iso6523-actorid-upis", "ID": f"0192:{NAV}"},
    }


async def test_a_client_finds_everything_from_the_metadata_over_http(clock: SettableClock) -> None:
    """Over a real socket: metadata, keys, a token, and its signature by the published key."""
    place = reserve()
    issuer = f"{place.base_url}/"
    async with serving(maskinporten_app(maskinporten_config(clock, issuer=issuer)), place), calling() as http:
        metadata = (await http.get(f"{issuer}.well-known/oauth-authorization-server")).json()
        assert metadata["issuer"] == issuer
        assertion = key("nav").jwt(grant_claims(clock, aud=metadata["issuer"]))
        answer = await http.post(metadata["token_endpoint"], data={"grant_type": GRANT_TYPE, "assertion": assertion})
        jwks = (await http.get(metadata["jwks_uri"])).json()
        assert jws.verify(answer.json()["access_token"], jwks, ["RS256"])
        assert "d" not in jwks["keys"][0]


async def test_aud_is_left_out_by_a_switch_and_restricted_on_demand(desk: Desk) -> None:
    """Unspecified today, absent as announced, or what resource asks for."""
    assert "aud" not in await desk_of(desk.clock, audience="absent").token()
    assert (await desk.token(resource=["https://a.example"]))["aud"] == "https://a.example"
    assert (await desk.token(resource=["https://a.example", "https://b.example"]))["aud"] == [
        "https://a.example",
        "https://b.example",
    ]


async def test_a_person_may_be_named_without_having_logged_in(desk: Desk) -> None:
    """The token carries pid, and is for that reason refused where people are expected."""
    assert (await desk.token(pid=KARI.pid))["pid"] == KARI.pid


async def test_a_supplier_needs_a_delegation(desk: Desk) -> None:
    """With one, the token names the consumer and the supplier; without, MP-251."""
    scope = "consent:notes.draft"
    desk = desk_of(desk.clock, delegations=frozenset({Delegation(consumer=COUNTY, supplier=NAV, scope=scope)}))
    token = await desk.token(consumer_org=COUNTY, scope=scope)
    assert token["consumer"]["ID"] == f"0192:{COUNTY}"
    assert token["supplier"] == {"authority": "iso6523-actorid-upis", "ID": f"0192:{NAV}"}
    assert token["delegation_source"] == "https://tt02.altinn.no/"
    for consumer, wanted in ((SUPPLIER, scope), (COUNTY, f"{scope} consent:consents.read")):
        refused = await desk.ask(consumer_org=consumer, scope=wanted)
        assert "MP-251" in refused.json()["error_description"]


async def test_a_delegation_can_be_given_while_it_runs(desk: Desk) -> None:
    """A developer lets a supplier act, and its grant counts from then on."""
    scope = "consent:notes.draft"
    given = {"consumer": COUNTY, "supplier": NAV, "scope": scope}
    assert (await desk.ask(consumer_org=COUNTY, scope=scope)).status_code == 400
    assert (await desk.http.post(f"{MASKINPORTEN}sandbox/delegations", json=given)).status_code == 201
    assert (await desk.token(consumer_org=COUNTY, scope=scope))["supplier"]["ID"] == f"0192:{NAV}"
    wrong = {**given, "consumer": "0192:1"}
    assert (await desk.http.post(f"{MASKINPORTEN}sandbox/delegations", json=wrong)).status_code == 422


NOW = NOON // SECOND
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown client": ({"iss": "other"}, "invalid_grant", "MP-100"),
    "no iss": ({"iss": None}, "invalid_grant", "MP-100"),
    "another's key": ({"signer": "stranger", "header": {"alg": "RS256", "kid": "nav"}}, "invalid_grant", "MP-124"),
    "key not registered": ({"signer": "stranger"}, "invalid_grant", "MP-100"),
    "no kid": ({"header": {"alg": "RS256"}}, "invalid_grant", "MP-100"),
    "kid and x5c": ({"header": {"alg": "RS256", "kid": "nav", "x5c": ["AA"]}}, "invalid_grant", "MP-100"),
    "x5c": ({"header": {"alg": "RS256", "x5c": ["AA"]}}, "invalid_grant", "MP-123"),
    "alg none": ({"header": {"alg": "none", "kid": "nav"}}, "invalid_grant", "MP-100"),
    "aud without slash": ({"aud": MASKINPORTEN.rstrip("/")}, "invalid_grant", "MP-110"),
    "aud the token endpoint": ({"aud": f"{MASKINPORTEN}token"}, "invalid_grant", "MP-110"),
    "aud a list": ({"aud": [MASKINPORTEN]}, "invalid_grant", "MP-110"),
    "no aud": ({"aud": None}, "invalid_grant", "MP-100"),
    "iat 11 seconds ago": ({"iat": NOW - 11, "exp": NOW + 60}, "invalid_grant", "MP-100"),
    "iat 11 seconds ahead": ({"iat": NOW + 11, "exp": NOW + 60}, "invalid_grant", "MP-100"),
    "no iat": ({"iat": None}, "invalid_grant", "MP-100"),
    "lives 121 seconds": ({"exp": NOW + 121}, "invalid_grant", "MP-100"),
    "exp as text": ({"exp": str(NOW + 60)}, "invalid_grant", "MP-100"),
    "expired": ({"iat": NOW - 5, "exp": NOW}, "invalid_grant", "MP-130"),
    "a claim it does not know": ({"sub": "nav-client"}, "invalid_grant", "MP-100"),
    "nbf": ({"nbf": NOW}, "invalid_grant", "MP-100"),
    "scope not registered": ({"scope": "consent:plans.write"}, "invalid_scope", "MP-200"),
    "one of two scopes not registered": (
        {"scope": "consent:consents.read consent:plans.write"},
        "invalid_scope",
        "MP-200",
    ),
    "scope empty": ({"scope": " "}, "invalid_scope", "MP-200"),
    "scope a list": ({"scope": ["consent:consents.read"]}, "invalid_scope", "MP-200"),
    "resource a text": ({"resource": "https://a.example"}, "invalid_grant", "MP-011"),
    "resource empty": ({"resource": []}, "invalid_grant", "MP-011"),
    "pid short": ({"pid": "123"}, "invalid_grant", "MP-011"),
    "on behalf of oneself": ({"consumer_org": NAV}, "invalid_grant", "MP-011"),
    "on behalf of no organisation": ({"consumer_org": "123456789"}, "invalid_grant", "MP-011"),
    "no delegation": ({"consumer_org": COUNTY}, "invalid_grant", "MP-251"),
    "iss_onbehalfof": ({"iss_onbehalfof": "x"}, "invalid_grant", "MP-011"),
    "authorization_details": ({"authorization_details": [{"type": "x"}]}, "invalid_grant", "MP-301"),
}


@pytest.mark.parametrize(("changes", "error", "code"), [*REFUSED.values()], ids=[*REFUSED])
async def test_what_the_real_one_refuses_is_refused(desk: Desk, changes: dict[str, Any], error: str, code: str) -> None:
    """400 with OAuth's error and Maskinporten's code."""
    answer = await desk.ask(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["error_description"].startswith(f"{code}: ")
    assert answer.headers["cache-control"] == "no-store"


async def test_ten_seconds_off_and_two_minutes_of_life_are_accepted(desk: Desk) -> None:
    """The bounds themselves are inside."""
    for issued in (NOW - 10, NOW + 10):
        assert (await desk.ask(iat=issued, exp=issued + 120)).status_code == 200


async def test_a_grant_counts_once(desk: Desk) -> None:
    """By its jti, or by itself when it has none; another client's jti is another."""
    for changes in ({"jti": "one"}, {"jti": None}):
        assert (await desk.ask(**changes)).status_code == 200
        assert "MP-012" in (await desk.ask(**changes)).json()["error_description"]


async def test_a_grant_without_a_name_counts_once_however_it_is_spelt(desk: Desk) -> None:
    """Padding after the signature makes another text of the same grant, and not another grant."""
    assertion = key("nav").jwt(grant_claims(desk.clock, jti=None))
    assert (await ask_maskinporten(desk.http, assertion)).status_code == 200
    for again in (assertion, f"{assertion}==", f"{assertion}="):
        assert (await ask_maskinporten(desk.http, again)).status_code == 400


async def test_a_key_lives_a_year(desk: Desk) -> None:
    """After that, MP-121, until the client registers another."""
    desk.clock.advance(days=365)
    assert (await desk.ask()).status_code == 200
    desk.clock.advance(seconds=1)
    assert "MP-121" in (await desk.ask()).json()["error_description"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (f"grant_type={GRANT_TYPE}".encode(), "application/x-www-form-urlencoded"),
        (f"grant_type={GRANT_TYPE}&assertion=x.y.z".encode(), "application/x-www-form-urlencoded"),
        (f"grant_type={GRANT_TYPE}&assertion=e30.W10.AA".encode(), "application/x-www-form-urlencoded"),
        (f"grant_type={GRANT_TYPE}&assertion=a&assertion=b".encode(), "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b'{"grant_type": "x"}', "application/json"),
    ],
)
async def test_a_form_that_can_not_be_read_is_refused(desk: Desk, body: bytes, kind: str) -> None:
    """Always as an OAuth error, never a crash."""
    answer = await desk.http.post(f"{MASKINPORTEN}token", content=body, headers={"content-type": kind})
    assert answer.status_code in {400, 413}
    assert answer.json()["error"] in {"invalid_request", "unsupported_grant_type", "invalid_grant"}


async def test_the_signing_key_rotates_and_the_last_ones_stay_published(desk: Desk) -> None:
    """New tokens have the new kid, and what the earlier keys signed can be verified still."""
    before = await desk.ask()
    rotated = (await desk.http.post(f"{MASKINPORTEN}sandbox/keys/rotate")).json()["kid"]
    after = (await desk.ask()).json()["access_token"]
    jwks = (await desk.http.get(f"{MASKINPORTEN}jwk")).json()
    assert jws.get_unverified_header(after)["kid"] == rotated
    assert jws.verify(before.json()["access_token"], jwks, ["RS256"])
    assert [published["kid"] for published in jwks["keys"]] == [rotated, "maskinporten"]
    desk.config.keys.rotate(key("third"))
    assert [published["kid"] for published in desk.config.keys.jwks()["keys"]] == ["third", rotated, "maskinporten"]


async def test_a_client_can_be_registered_while_it_runs(desk: Desk) -> None:
    """A developer registers a client with its public key, and it gets its token."""
    registration = {
        "client_id": "county-client",
        "organisation_number": COUNTY,
        "scopes": ["consent:plans.write"],
        "jwks": {"keys": [key("county").public_jwk]},
    }
    url = f"{MASKINPORTEN}sandbox/clients"
    assert (await desk.http.post(url, json=registration)).status_code == 201
    token = await desk.token(signer="county", iss="county-client", scope="consent:plans.write")
    assert token["consumer"]["ID"] == f"0192:{COUNTY}"
    assert (await desk.http.post(url, json={**registration, "organisation_number": "1"})).status_code == 400
    assert (await desk.http.post(url, json={**registration, "more": 1})).status_code == 422


def test_it_does_not_start_in_production(clock: SettableClock) -> None:
    """Nor anywhere that is not known to be without real people; nor as an issuer without its slash."""
    for environment in ("production", "staging", ""):
        config = MaskinportenConfig(issuer=MASKINPORTEN, environment=environment, clock=clock)  # type: ignore[arg-type]  # a mistake
        with pytest.raises(NotInProduction):
            maskinporten_app(config)
    with pytest.raises(ValueError, match="slash"):
        maskinporten_app(MaskinportenConfig(issuer="http://127.0.0.1:1", environment=Environment.TEST, clock=clock))


def test_a_client_is_its_own_value() -> None:
    """Two registrations with the same content are one."""
    one, other = (
        MaskinportenClient(client_id="x", organisation_number=NAV, scopes=frozenset(), keys=()) for _ in range(2)
    )
    assert one == other
