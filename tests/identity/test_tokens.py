"""Tokens as their issuers make them are accepted; whatever differs from that in any way is not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from consent_service.clock import SECOND
from consent_service.errors import Unauthenticated, Unavailable
from consent_service.identity.candidate_tokens import IdportenTokens, TokenXTokens
from consent_service.identity.issuers import Issuer
from consent_service.identity.levels import levels_from
from consent_service.identity.tokens import BearerTokens, LoginTokens
from consent_service.identity.unit_tokens import MaskinportenTokens
from consent_service.sandbox.keys import SigningKey
from tests.identity.attacks.ground import KINDS, OUT, UNIT, Kind, supplied
from tests.identity.attacks.headers import headed
from tests.identity.attacks.spelling import loose_tail, segments
from tests.identity.conftest import World
from tests.support.issuers import (
    KARI,
    MASKINPORTEN,
    NAV,
    OUR_AUDIENCE,
    OUR_CLIENT,
    SUPPLIER,
    Flow,
    ask_maskinporten,
    grant_claims,
    idporten_issuer,
    key,
    maskinporten_issuer,
)
from tests.support.tokenx import CALLER, TOKEN_X, exchanged, tokenx_issuer


def bearer(token: str) -> list[str]:
    """The header fields of a call with ``token``."""
    return [f"Bearer {token}"]


# --- what is accepted ------------------------------------------------------------------------------


async def test_a_token_from_maskinporten_names_the_organisation_the_client_and_its_scopes(world: World) -> None:
    """A grant's token is accepted, and says consumer, client and scopes; there is no supplier."""
    assertion = key("nav").jwt(grant_claims(world.clock))
    answer = (await ask_maskinporten(world.http, assertion)).json()
    token = await world.bearer.unit(bearer(answer["access_token"]))
    assert (token.organisation_number, token.client_id, token.supplier) == (NAV, "nav-client", None)
    assert token.scopes == {"consent:consents.read"}


async def test_a_token_that_a_person_got_for_us_names_her_and_her_level(world: World) -> None:
    """ID-porten's access token with our audience is accepted; the number stays out of its repr."""
    tokens = await Flow(world.clock).tokens(world.http, KARI.pid)
    token = await world.bearer.candidate(bearer(tokens["access_token"]))
    assert (token.pid, token.acr) == (KARI.pid, "idporten-loa-high")
    assert KARI.pid not in repr(token)


async def test_a_supplier_is_named_beside_the_consumer(world: World) -> None:
    """A delegated token acts for its consumer, and tells who calls on its behalf."""
    claims = world.unit_claims(**supplied())
    token = await world.bearer.unit(bearer(key("maskinporten").jwt(claims)))
    assert (token.organisation_number, token.supplier) == (NAV, SUPPLIER)


@pytest.mark.parametrize("aud", ["unspecified", OUT])
async def test_an_unrestricted_token_says_unspecified_or_nothing(world: World, aud: Any) -> None:
    """Maskinporten's unrestricted tokens are accepted in their present and in their announced form."""
    token = key("maskinporten").jwt(world.unit_claims(aud=aud))
    assert (await world.bearer.unit(bearer(token))).organisation_number == NAV


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "at+jwt"}, {"x5c": ["AAAA"]}, {"x5t": "AAAA"}])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_headers_that_change_nothing_are_accepted(world: World, kind: Kind, header: dict[str, Any]) -> None:
    """Known types are taken; a certificate in the header, as ID-porten sends it, is not looked at."""
    await world.shown_to(kind.door, headed(**header)(kind, world.ground))


@pytest.mark.parametrize("acr", ["idporten-loa-high", "Level4"])
async def test_a_token_that_was_exchanged_for_us_names_the_person(world: World, acr: str) -> None:
    """TokenX's token with our name is accepted, whether it has ID-porten's level as it was or in its own word."""
    first = await Flow(world.clock).tokens(world.http, KARI.pid, resource="https://another.example")
    subject = world.read(first["access_token"])
    claims = exchanged(subject, issuer=TOKEN_X, audience=world.ground.our_name, now=world.clock.now() // SECOND)
    token = await world.bearer.candidate(bearer(key("token-x").jwt({**claims, "acr": acr}, header=_TYPED)))
    assert (token.pid, token.acr, token.client_id) == (KARI.pid, acr, CALLER)


async def test_a_token_may_be_exchanged_twice(world: World) -> None:
    """Of an application behind an application TokenX's token says that TokenX itself vouched for the person."""
    claims = world.ground.exchanged_claims(idp=TOKEN_X)
    token = await world.bearer.candidate(bearer(key("token-x").jwt(claims)))
    assert token.pid == KARI.pid


_TYPED = {"kid": "token-x", "typ": "JWT", "alg": "RS256"}


async def test_a_restricted_audience_can_be_demanded(world: World) -> None:
    """With an audience configured, only tokens that name it are accepted."""
    strict = BearerTokens(
        [MaskinportenTokens(maskinporten_issuer(world.http, world.clock), audience=OUR_AUDIENCE)], world.clock
    )
    ours = key("maskinporten").jwt(world.unit_claims(aud=[OUR_AUDIENCE]))
    await strict.unit(bearer(ours))
    for aud in ("unspecified", OUT, "https://other.example", f"{OUR_AUDIENCE}/"):
        with pytest.raises(Unauthenticated):
            await strict.unit(bearer(key("maskinporten").jwt(world.unit_claims(aud=aud))))


# --- what is not: see attacks -----------------------------------------------------------------------


async def test_each_door_takes_its_own_issuer_only(world: World) -> None:
    """A person's token opens no organisation's door, an organisation's no person's, each otherwise good."""
    unit = key("maskinporten").jwt(world.unit_claims())
    candidate = key("idporten").jwt(world.candidate_claims())
    await world.bearer.unit(bearer(unit))
    await world.bearer.candidate(bearer(candidate))
    with pytest.raises(Unauthenticated):
        await world.bearer.candidate(bearer(unit))
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(bearer(candidate))


async def test_a_token_with_a_person_in_it_is_nobody_logged_in(world: World) -> None:
    """Maskinporten's token with pid opens neither door: nobody has logged in."""
    assertion = key("nav").jwt(grant_claims(world.clock, pid=KARI.pid))
    token = (await ask_maskinporten(world.http, assertion)).json()["access_token"]
    for door in (world.bearer.unit, world.bearer.candidate):
        with pytest.raises(Unauthenticated):
            await door(bearer(token))


async def test_an_id_token_is_not_a_bearer_token(world: World) -> None:
    """What proves a login to us opens no call to us, even where its audience were ours."""
    tokens = await Flow(world.clock).tokens(world.http, KARI.pid)
    with pytest.raises(Unauthenticated):
        await world.bearer.candidate(bearer(tokens["id_token"]))
    with pytest.raises(Unauthenticated):
        await world.bearer.candidate(bearer(key("idporten").jwt(world.login_claims(aud=OUR_AUDIENCE))))


async def test_a_token_made_for_nobody_in_particular_is_not_for_us(world: World) -> None:
    """Without our resource in the request, ID-porten's token says unspecified, and is refused."""
    tokens = await Flow(world.clock).tokens(world.http, KARI.pid, resource=None)
    with pytest.raises(Unauthenticated):
        await world.bearer.candidate(bearer(tokens["access_token"]))


async def test_a_token_at_a_lower_level_is_refused(world: World) -> None:
    """A person who logged in at substantial has no token for what demands high."""
    tokens = await Flow(world.clock).tokens(world.http, KARI.pid, acr_values="idporten-loa-substantial")
    with pytest.raises(Unauthenticated):
        await world.bearer.candidate(bearer(tokens["access_token"]))


# --- time and memory -------------------------------------------------------------------------------


async def test_a_token_ends_on_its_second_and_the_leeway(world: World) -> None:
    """With 10 seconds of leeway, a token of 120 seconds is good until 130 and no longer, remembered or not."""
    token = bearer(key("maskinporten").jwt(world.unit_claims()))
    await world.bearer.unit(token)
    world.clock.advance(seconds=129.999)
    await world.bearer.unit(token)
    world.clock.advance(seconds=0.001)
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(token)


async def test_a_clock_a_little_behind_the_issuers_is_forgiven(world: World) -> None:
    """An iat 10 seconds ahead is accepted, 11 is not."""
    now = world.clock.now() // SECOND
    await world.bearer.unit(bearer(key("maskinporten").jwt(world.unit_claims(iat=now + 10))))
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(bearer(key("maskinporten").jwt(world.unit_claims(iat=now + 11))))


async def test_what_is_remembered_is_the_text_that_was_verified(world: World) -> None:
    """After a good token was seen, no other spelling of it is taken for it."""
    good = key("maskinporten").jwt(world.unit_claims())
    assert await world.bearer.unit(bearer(good)) is await world.bearer.unit(bearer(good))
    header, payload, signature = segments(good)
    for other in (f"{good}=", f"{header}.{payload}.{loose_tail(signature)}", f"{header}.{payload}.{signature[:-1]}"):
        with pytest.raises(Unauthenticated):
            await world.bearer.unit(bearer(other))


async def test_only_so_many_tokens_are_remembered(world: World) -> None:
    """Memory is bounded: the oldest goes first, and is verified anew when it comes again."""
    small = BearerTokens(
        [MaskinportenTokens(maskinporten_issuer(world.http, world.clock))], world.clock, most_remembered=2
    )
    tokens = [bearer(key("maskinporten").jwt(world.unit_claims(jti=str(number)))) for number in range(3)]
    first, second, _third = [await small.unit(token) for token in tokens]
    assert await small.unit(tokens[1]) is second
    again = await small.unit(tokens[0])
    assert again == first
    assert again is not first


async def test_what_has_ended_is_not_remembered(world: World) -> None:
    """A token is remembered until it ends, and then goes with the next one that comes; its number goes with it."""
    early = bearer(key("idporten").jwt(world.candidate_claims(jti="early")))
    first = await world.bearer.candidate(early)
    world.clock.advance(seconds=121)
    assert await world.bearer.candidate(early) is not first
    await world.bearer.candidate(bearer(key("idporten").jwt(world.candidate_claims(jti="late"))))
    assert world.bearer.remembered == 1


async def test_a_key_of_1024_bits_signs_nothing(world: World) -> None:
    """A weak key that the issuer itself publishes is passed over."""
    weak = SigningKey.generate("weak", bits=1024)
    world.maskinporten.keys.rotate(weak)
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(bearer(weak.jwt(world.unit_claims())))


async def test_an_issuer_that_was_never_reached_is_a_failure_of_ours(world: World) -> None:
    """Without keys nobody can be told from a forger: the answer is unavailable, not unauthenticated."""
    unreachable = maskinporten_issuer(world.http, world.clock, "http://127.0.0.1:3/")
    tokens = BearerTokens([MaskinportenTokens(unreachable)], world.clock)
    with pytest.raises(Unavailable):
        await tokens.unit(bearer(key("maskinporten").jwt(world.unit_claims(iss="http://127.0.0.1:3/"))))


# --- configuration ---------------------------------------------------------------------------------


def test_what_would_weaken_verification_can_not_be_configured(world: World) -> None:
    """No shared secrets, no wide leeway, no two rules for one issuer, no audience that everybody has."""
    issuer = maskinporten_issuer(world.http, world.clock)
    for algorithms in (frozenset({"HS256"}), frozenset({"RS256", "none"}), frozenset[str]()):
        with pytest.raises(ValueError, match="algorithms"):
            BearerTokens([MaskinportenTokens(issuer, algorithms=algorithms)], world.clock)
        with pytest.raises(ValueError, match="algorithms"):
            LoginTokens(issuer, client_id=OUR_CLIENT, clock=world.clock, algorithms=algorithms)
    with pytest.raises(ValueError, match="leeway"):
        BearerTokens([MaskinportenTokens(issuer)], world.clock, leeway=31 * SECOND)
    with pytest.raises(ValueError, match="one validator"):
        BearerTokens([MaskinportenTokens(issuer), MaskinportenTokens(issuer)], world.clock)
    for audience in ("", "unspecified"):
        with pytest.raises(ValueError, match="audience"):
            IdportenTokens(idporten_issuer(world.http, world.clock), audience=audience, acr=frozenset())
        with pytest.raises(ValueError, match="audience"):
            TokenXTokens(
                tokenx_issuer(world.http, world.clock), audience=audience, acr=frozenset(), providers=frozenset()
            )
        with pytest.raises(ValueError, match="audience"):
            MaskinportenTokens(issuer, audience=audience)


async def test_algorithms_come_from_configuration(world: World) -> None:
    """RS512 is accepted where it is configured, and then RS256 is not; a key serves the one it is published for."""
    issuer = maskinporten_issuer(world.http, world.clock)
    tokens = BearerTokens([MaskinportenTokens(issuer, algorithms=frozenset({"RS512"}))], world.clock)
    longer = SigningKey.generate("longer", alg="RS512")
    world.maskinporten.keys.rotate(longer)
    await tokens.unit(bearer(longer.jwt(world.unit_claims())))
    for header in ({"alg": "RS256", "kid": "longer"}, {"alg": "RS512", "kid": "maskinporten"}):
        signer = longer if header["kid"] == "longer" else key("maskinporten")
        with pytest.raises(Unauthenticated):
            await tokens.unit(bearer(signer.jwt(world.unit_claims(), header=header)))


async def test_a_key_that_names_no_algorithm_is_used_for_the_configured_ones(world: World) -> None:
    """Without ``alg`` in the published key, the configuration alone says what may be signed with it."""
    jwk = {name: value for name, value in key("maskinporten").public_jwk.items() if name != "alg"}
    jwks = httpx.MockTransport(lambda request: httpx.Response(200, json={"keys": [jwk]}))
    async with httpx.AsyncClient(transport=jwks) as http:
        issuer = Issuer(MASKINPORTEN, http, world.clock, jwks_uri="http://127.0.0.1:1/jwk")
        tokens = BearerTokens([MaskinportenTokens(issuer)], world.clock)
        await tokens.unit(bearer(headed(alg="RS256")(UNIT, world.ground)))
        for alg in ("RS384", "RS512"):
            with pytest.raises(Unauthenticated):
                await tokens.unit(bearer(headed(alg=alg)(UNIT, world.ground)))


def test_levels_are_ranked_in_both_vocabularies() -> None:
    """High is not reached by substantial; a level we do not know is equal to itself alone."""
    assert levels_from("idporten-loa-high") == {"idporten-loa-high", "Level4"}
    assert levels_from("idporten-loa-substantial") >= {"idporten-loa-high", "Level3", "idporten-loa-substantial"}
    assert levels_from("gold") == {"gold"}
