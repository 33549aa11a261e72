"""Tokens as their issuers make them are accepted; whatever differs from that in any way is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from jose import jwk as jose_jwk

from consent_service.clock import SECOND
from consent_service.errors import Unauthenticated, Unavailable
from consent_service.identity.issuers import Issuer
from consent_service.identity.levels import levels_from
from consent_service.identity.tokens import BearerTokens, IdportenTokens, LoginTokens, MaskinportenTokens
from consent_service.sandbox.keys import SigningKey
from tests.identity.conftest import OUT, World
from tests.support.issuers import (
    IDPORTEN,
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

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bearer(token: str) -> list[str]:
    """The header fields of a call with ``token``."""
    return [f"Bearer {token}"]


def organisation(number: str) -> dict[str, str]:
    """An organisation as Maskinporten names it."""
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"}


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
    claims = world.unit_claims(supplier=organisation(SUPPLIER), delegation_source="https://tt02.altinn.no/")
    token = await world.bearer.unit(bearer(key("maskinporten").jwt(claims)))
    assert (token.organisation_number, token.supplier) == (NAV, SUPPLIER)


@pytest.mark.parametrize("aud", ["unspecified", OUT])
async def test_an_unrestricted_token_says_unspecified_or_nothing(world: World, aud: Any) -> None:
    """Maskinporten's unrestricted tokens are accepted in their present and in their announced form."""
    token = key("maskinporten").jwt(world.unit_claims(aud=aud))
    assert (await world.bearer.unit(bearer(token))).organisation_number == NAV


@pytest.mark.parametrize(
    "header", [{"typ": "JWT"}, {"typ": "at+jwt"}, {"x5c": ["AAAA"], "jku": "https://evil.example"}]
)
async def test_headers_that_change_nothing_are_accepted_and_ignored(world: World, header: dict[str, Any]) -> None:
    """Known types, and headers that point to keys, neither help nor hurt."""
    token = key("maskinporten").jwt(world.unit_claims(), header={"alg": "RS256", "kid": "maskinporten", **header})
    await world.bearer.unit(bearer(token))


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


# --- what is not -----------------------------------------------------------------------------------

ANYBODYS_CLAIMS: dict[str, dict[str, Any]] = {
    "no exp": {"exp": OUT},
    "exp in the past": {"exp": 1_779_999_000, "iat": 1_779_998_000},
    "exp as text": {"exp": "99999999999"},
    "exp as float": {"exp": 1_780_000_100.5},
    "exp null": {"exp": None},
    "exp true": {"exp": True},
    "exp list": {"exp": [1_780_000_100]},
    "exp dict": {"exp": {}},
    "exp negative": {"exp": -1},
    "exp beyond all time": {"exp": 10**30},
    "lives for years": {"exp": 1_900_000_000},
    "no iat": {"iat": OUT},
    "iat in the future": {"iat": 1_780_000_060},
    "iat null": {"iat": None},
    "iat true": {"iat": True},
    "iat as text": {"iat": "1780000000"},
    "iat dict": {"iat": {}},
    "ends before it begins": {"exp": 1_780_000_005, "iat": 1_780_000_006},
    "nbf in the future": {"nbf": 1_780_000_060},
    "nbf as text": {"nbf": "0"},
    "nbf null": {"nbf": None},
    "nbf list": {"nbf": []},
    "nbf false": {"nbf": False},
    "no iss": {"iss": OUT},
    "iss of nobody": {"iss": "https://evil.example"},
    "iss list": {"iss": [MASKINPORTEN, IDPORTEN]},
    "iss dict": {"iss": {"is": MASKINPORTEN}},
    "iss number": {"iss": 1},
    "no jti": {"jti": OUT},
    "jti number": {"jti": 7},
    "jti empty": {"jti": ""},
    "jti with a null byte": {"jti": "a\x00b"},
    "jti endless": {"jti": "j" * 256},
    "aud null": {"aud": None},
    "aud number": {"aud": 1},
    "aud empty list": {"aud": []},
    "aud of numbers": {"aud": [1, 2]},
    "aud dict": {"aud": {"a": OUR_AUDIENCE}},
    "aud another's": {"aud": "https://other.example"},
    "bound to a key (DPoP)": {"cnf": {"jkt": "x"}},
    "a logout token's events": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    "an id_token's nonce": {"nonce": "n"},
    "no client_id": {"client_id": OUT},
    "client_id number": {"client_id": 5},
    "client_id with a space": {"client_id": "nav client"},
    "client_id with a surrogate": {"client_id": "\ud800"},
    "client_id list": {"client_id": ["nav-client"]},
    "no scope": {"scope": OUT},
    "scope list": {"scope": ["consent:consents.read"]},
    "scope empty": {"scope": ""},
    "scope with tabs": {"scope": "a\tb"},
    "scope with a newline": {"scope": "a\nb"},
    "scope with two spaces": {"scope": "a  b"},
}
UNIT_CLAIMS: dict[str, dict[str, Any]] = {
    "iss without its slash": {"iss": MASKINPORTEN.rstrip("/")},
    "a person's number": {"pid": KARI.pid},
    "authorization_details": {"authorization_details": [{"type": "urn:altinn:systemuser"}]},
    "no token_type": {"token_type": OUT},
    "token_type lower case": {"token_type": "bearer"},
    "token_type list": {"token_type": ["Bearer"]},
    "aud ours and unspecified": {"aud": ["unspecified", "https://other.example"]},
    "no consumer": {"consumer": OUT},
    "consumer text": {"consumer": f"0192:{NAV}"},
    "consumer list": {"consumer": [organisation(NAV)]},
    "consumer null": {"consumer": None},
    "consumer of another register": {"consumer": {"authority": "iso6523-actorid-upis", "ID": f"9908:{NAV}"}},
    "consumer with more elements": {"consumer": {"authority": "iso6523-actorid-upis", "ID": f"0192:{NAV}:1"}},
    "consumer with a bad check digit": {"consumer": organisation("889640783")},
    "consumer too short": {"consumer": organisation("88964078")},
    "consumer in other digits": {"consumer": organisation("٨٨٩٦٤٠٧٨٢")},
    "consumer with a newline": {"consumer": organisation(f"{NAV}\n")},
    "consumer ID number": {"consumer": {"authority": "iso6523-actorid-upis", "ID": int(NAV)}},
    "consumer without ID": {"consumer": {"authority": "iso6523-actorid-upis"}},
    "consumer in the old spelling": {"consumer": {"Authority": "iso6523-actorid-upis", "ID": f"0192:{NAV}"}},
    "consumer of another authority": {"consumer": {"authority": "me", "ID": f"0192:{NAV}"}},
    "supplier text": {"supplier": f"0192:{SUPPLIER}"},
    "supplier empty": {"supplier": {}},
    "supplier with a bad check digit": {"supplier": organisation("910753615")},
}
CANDIDATE_CLAIMS: dict[str, dict[str, Any]] = {
    "iss with a slash": {"iss": f"{IDPORTEN}/"},
    "no aud": {"aud": OUT},
    "aud unspecified": {"aud": "unspecified"},
    "aud the client": {"aud": "another-application"},
    "aud ours with a slash": {"aud": f"{OUR_AUDIENCE}/"},
    "aud ours in capitals": {"aud": OUR_AUDIENCE.upper()},
    "no acr": {"acr": OUT},
    "acr low": {"acr": "idporten-loa-low"},
    "acr substantial": {"acr": "idporten-loa-substantial"},
    "acr unknown": {"acr": "idporten-loa-highest"},
    "acr list": {"acr": ["idporten-loa-high"]},
    "no pid": {"pid": OUT},
    "pid number": {"pid": int(KARI.pid)},
    "pid short": {"pid": KARI.pid[:10]},
    "pid with a newline": {"pid": f"{KARI.pid}\n"},
    "pid in other digits": {"pid": "٢١٨٧٩٤٩٨٠١٢"},
    "pid list": {"pid": [KARI.pid]},
    "an id_token's at_hash": {"at_hash": "x"},
}


@pytest.mark.parametrize("changes", [*(ANYBODYS_CLAIMS | UNIT_CLAIMS).values()], ids=[*(ANYBODYS_CLAIMS | UNIT_CLAIMS)])
async def test_no_other_claims_make_an_organisation(world: World, changes: dict[str, Any]) -> None:
    """A token rightly signed by Maskinporten with one claim amiss is refused."""
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(bearer(key("maskinporten").jwt(world.unit_claims(**changes))))


CANDIDATES = ANYBODYS_CLAIMS | CANDIDATE_CLAIMS


@pytest.mark.parametrize("changes", [*CANDIDATES.values()], ids=[*CANDIDATES])
async def test_no_other_claims_make_a_person(world: World, changes: dict[str, Any]) -> None:
    """A token rightly signed by ID-porten with one claim amiss is refused."""
    with pytest.raises(Unauthenticated):
        await world.bearer.candidate(bearer(key("idporten").jwt(world.candidate_claims(**changes))))


def _segments(token: str) -> tuple[str, str, str]:
    header, payload, signature = token.split(".")
    return header, payload, signature


def _loose_tail(segment: str) -> str:
    """The same bytes with other unused bits at the end: what a lax decoder also takes."""
    return segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) ^ 1]


def _hs256(secret: bytes) -> Callable[[dict[str, Any]], str]:
    def forge(claims: dict[str, Any]) -> str:
        header = b64(json.dumps({"alg": "HS256", "kid": "maskinporten"}).encode())
        signed = f"{header}.{b64(json.dumps(claims).encode())}"
        return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    return forge


def _es256(claims: dict[str, Any]) -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(numbers.x.to_bytes(32, "big")),
        "y": b64(numbers.y.to_bytes(32, "big")),
    }
    header = b64(json.dumps({"alg": "ES256", "kid": "maskinporten", "jwk": jwk}).encode())
    signed = f"{header}.{b64(json.dumps(claims).encode())}"
    r, s = utils.decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _public(encoding: serialization.Encoding) -> bytes:
    pem: bytes = jose_jwk.construct(key("maskinporten").public_jwk, "RS256").to_pem()
    return serialization.load_pem_public_key(pem).public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _headed(**header: Any) -> Callable[[dict[str, Any]], str]:
    """The right key, under another header; a change to None leaves the member out."""

    def forge(claims: dict[str, Any]) -> str:
        head = {"alg": "RS256", "kid": "maskinporten", **header}
        return key("maskinporten").jwt(claims, header={name: v for name, v in head.items() if v is not None})

    return forge


def _raw(header: bytes | None = None, payload: Callable[[bytes], bytes] = lambda raw: raw) -> Callable[..., str]:
    """The right key over any bytes."""

    def forge(claims: dict[str, Any]) -> str:
        head = header if header is not None else b'{"alg":"RS256","kid":"maskinporten"}'
        return key("maskinporten").jws(head, payload(json.dumps(claims).encode()))

    return forge


def _respelt(change: Callable[[str, str, str], str]) -> Callable[[dict[str, Any]], str]:
    """A good token, spelt otherwise."""
    return lambda claims: change(*_segments(key("maskinporten").jwt(claims)))


def _signed_by(other: SigningKey) -> Callable[[dict[str, Any]], str]:
    return lambda claims: other.jwt(claims, header={"alg": "RS256", "kid": "maskinporten"})


DEEP = b"[" * 3000
FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "empty": lambda claims: "",
    "one segment": lambda claims: "abc",
    "two segments": _respelt(lambda h, p, s: f"{h}.{p}"),
    "no signature": _respelt(lambda h, p, s: f"{h}.{p}."),
    "four segments": _respelt(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
    "five segments, as a JWE": _respelt(lambda h, p, s: f"{h}.{p}.{s}.{s}.{s}"),
    "signature of something else": _respelt(lambda h, p, s: f"{h}.{p}.{b64(bytes(256))}"),
    "signature cut short": _respelt(lambda h, p, s: f"{h}.{p}.{s[:-4]}"),
    "signature padded": _respelt(lambda h, p, s: f"{h}.{p}.{s}=="),
    "signature with a newline": _respelt(lambda h, p, s: f"{h}.{p}.{s}\n"),
    "signature with junk inside": _respelt(lambda h, p, s: f"{h}.{p}.{s[:4]}!!!!{s[4:]}"),
    "signature in the other alphabet": _respelt(lambda h, p, s: f"{h}.{p}.{s.replace('-', '+').replace('_', '/')}+"),
    "signature with loose bits": _respelt(lambda h, p, s: f"{h}.{p}.{_loose_tail(s)}"),
    "payload padded": _respelt(lambda h, p, s: f"{h}.{p}=.{s}"),
    "longer than we read": lambda claims: key("maskinporten").jwt({**claims, "more": "x" * 9000}),
    "alg none": lambda claims: f"{b64(b'{}')}.{b64(json.dumps(claims).encode())}.AAAA",
    "alg none, unsigned": lambda claims: (
        f"{b64(json.dumps({'alg': 'none', 'kid': 'maskinporten'}).encode())}.{b64(json.dumps(claims).encode())}."
    ),
    "alg none, signed": _headed(alg="none"),
    "alg NONE": _headed(alg="NONE"),
    "alg missing": _headed(alg=None),
    "alg number": _headed(alg=1),
    "alg list": _headed(alg=["RS256"]),
    "alg part of RS256": _headed(alg="RS"),
    "alg empty": _headed(alg=""),
    "alg RS384, not configured": _headed(alg="RS384"),
    "alg PS256 over an RS256 signature": _headed(alg="PS256"),
    "HS256 with the public key as PEM": _hs256(_public(serialization.Encoding.PEM)),
    "HS256 with the public key as DER": _hs256(_public(serialization.Encoding.DER)),
    "HS256 with the public key as DER in base64": _hs256(base64.b64encode(_public(serialization.Encoding.DER))),
    "HS256 with no secret": _hs256(b""),
    "ES256 with its own key in the header": _es256,
    "kid missing": _headed(kid=None),
    "kid number": _headed(kid=1),
    "kid unknown": _headed(kid="other"),
    "kid a path": _headed(kid="../../../dev/null"),
    "kid with an injection": _headed(kid="x' OR '1'='1"),
    "kid endless": _headed(kid="k" * 129),
    "another's key under the right kid": _signed_by(key("stranger")),
    "ID-porten's key under Maskinporten's name": lambda claims: key("idporten").jwt(claims),
    "own key in the header": lambda claims: key("stranger").jwt(
        claims, header={"alg": "RS256", "kid": "maskinporten", "jwk": key("stranger").public_jwk}
    ),
    "own key by address": lambda claims: key("stranger").jwt(
        claims, header={"alg": "RS256", "kid": "stranger", "jku": "http://127.0.0.1:2/jwks.json"}
    ),
    "crit": _headed(crit=["exp"]),
    "crit empty": _headed(crit=[]),
    "b64 false": _headed(b64=False),
    "zip": _headed(zip="DEF"),
    "typ dpop": _headed(typ="dpop+jwt"),
    "typ logout": _headed(typ="logout+jwt"),
    "typ number": _headed(typ=1),
    "typ null": _raw(b'{"alg":"RS256","kid":"maskinporten","typ":null}'),
    "header names alg twice": _raw(b'{"alg":"none","alg":"RS256","kid":"maskinporten"}'),
    "header no object": _raw(b'["RS256"]'),
    "header no JSON": _raw(b"RS256"),
    "header null": _raw(b"null"),
    "header in UTF-16": _raw('{"alg":"RS256","kid":"maskinporten"}'.encode("utf-16")),
    "header with a byte order mark": _raw(b'\xef\xbb\xbf{"alg":"RS256","kid":"maskinporten"}'),
    "header deep": _raw(DEEP),
    "header deep inside": _raw(b'{"alg":"RS256","kid":"maskinporten","x":' + b"[" * 20 + b"]" * 20 + b"}"),
    "payload names iss twice": _raw(payload=lambda raw: b'{"iss":"https://evil.example",' + raw[1:]),
    "payload names a member twice within": _raw(payload=lambda raw: raw[:-1] + b',"x":{"a":1,"a":2}}'),
    "payload with NaN": _raw(payload=lambda raw: raw[:-1] + b',"x":NaN}'),
    "payload with Infinity": _raw(payload=lambda raw: raw[:-1] + b',"nbf":-Infinity}'),
    "payload with a number beyond all": _raw(payload=lambda raw: raw.replace(b'"exp": ', b'"exp": 1e400, "y": ')),
    "payload with an endless integer": _raw(payload=lambda raw: raw[:-1] + b',"x":' + b"9" * 5000 + b"}"),
    "payload a list": _raw(payload=lambda raw: b"[" + raw + b"]"),
    "payload no JSON": _raw(payload=lambda raw: raw[:-1]),
    "payload with more behind": _raw(payload=lambda raw: raw + b"{}"),
    "payload not UTF-8": _raw(payload=lambda raw: raw[:-1] + b',"x":"\xff"}'),
    "payload in UTF-16": _raw(payload=lambda raw: raw.decode().encode("utf-16")),
    "payload with a byte order mark": _raw(payload=lambda raw: b"\xef\xbb\xbf" + raw),
    "payload deep": _raw(payload=lambda raw: DEEP),
}


@pytest.mark.parametrize("forge", [*FORGERIES.values()], ids=[*FORGERIES])
async def test_no_forgery_is_accepted(world: World, forge: Callable[[dict[str, Any]], str]) -> None:
    """The claims are right, and the token is not: refused, always with the same words."""
    with pytest.raises(Unauthenticated) as refused:
        await world.bearer.unit(bearer(forge(world.unit_claims())))
    assert refused.value.detail == Unauthenticated.detail


@pytest.mark.parametrize(
    "make", [_headed(), _raw(), _respelt(lambda h, p, s: f"{h}.{p}.{s}"), _signed_by(key("maskinporten"))]
)
async def test_the_forgers_tools_leave_a_good_token_good(world: World, make: Callable[[dict[str, Any]], str]) -> None:
    """Without their one change, the forgeries above would have been accepted: nothing else was refused in them."""
    await world.bearer.unit(bearer(make(world.unit_claims())))


HEADERS: dict[str, Callable[[str], list[str]]] = {
    "none": lambda token: [],
    "empty": lambda token: [""],
    "twice": lambda token: [f"Bearer {token}", f"Bearer {token}"],
    "two in one": lambda token: [f"Bearer {token}, Bearer {token}"],
    "Basic": lambda token: [f"Basic {token}"],
    "DPoP": lambda token: [f"DPoP {token}"],
    "without scheme": lambda token: [token],
    "two spaces": lambda token: [f"Bearer  {token}"],
    "trailing space": lambda token: [f"Bearer {token} "],
    "a tab": lambda token: [f"Bearer\t{token}"],
    "in quotes": lambda token: [f'Bearer "{token}"'],
    "other letters": lambda token: [f"Bearer {token}é"],
    "endless": lambda token: ["Bearer " + "a" * 100_000],
}


@pytest.mark.parametrize("spell", [*HEADERS.values()], ids=[*HEADERS])
async def test_the_header_has_one_form(world: World, spell: Callable[[str], list[str]]) -> None:
    """A good token in anything but one well-formed field is refused."""
    token = key("maskinporten").jwt(world.unit_claims())
    await world.bearer.unit([f"bearer {token}"])
    with pytest.raises(Unauthenticated):
        await world.bearer.unit(spell(token))


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
    header, payload, signature = _segments(good)
    for other in (f"{good}=", f"{header}.{payload}.{_loose_tail(signature)}", f"{header}.{payload}.{signature[:-1]}"):
        with pytest.raises(Unauthenticated):
            await world.bearer.unit(bearer(other))


async def test_only_so_many_tokens_are_remembered(world: World) -> None:
    """Memory is bounded: the oldest goes first, and is verified anew when it comes again."""
    small = BearerTokens([MaskinportenTokens(maskinporten_issuer(world.http, world.clock))], world.clock, remembered=2)
    tokens = [bearer(key("maskinporten").jwt(world.unit_claims(jti=str(number)))) for number in range(3)]
    first, second, _third = [await small.unit(token) for token in tokens]
    assert await small.unit(tokens[1]) is second
    again = await small.unit(tokens[0])
    assert again == first
    assert again is not first


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
        await tokens.unit(bearer(_headed(alg="RS256")(world.unit_claims())))
        for alg in ("RS384", "RS512"):
            with pytest.raises(Unauthenticated):
                await tokens.unit(bearer(_headed(alg=alg)(world.unit_claims())))


def test_levels_are_ranked_in_both_vocabularies() -> None:
    """High is not reached by substantial; a level we do not know is equal to itself alone."""
    assert levels_from("idporten-loa-high") == {"idporten-loa-high", "Level4"}
    assert levels_from("idporten-loa-substantial") >= {"idporten-loa-high", "Level3", "idporten-loa-substantial"}
    assert levels_from("gold") == {"gold"}


# --- id_token --------------------------------------------------------------------------------------


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
