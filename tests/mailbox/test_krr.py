"""The contact register over the wire: with a token of our own, one person a call, and no more asked than is used."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from consent_service.clock import SECOND, SettableClock
from consent_service.mailbox.krr import Krr
from consent_service.mailbox.port import Unanswered
from consent_service.mailbox.register import NotReserved, Reserved, Standing
from consent_service.sandbox.keys import IssuerKeys
from consent_service.sandbox.krr import KrrConfig, krr_app
from consent_service.sandbox.production import NotInProduction
from consent_service.settings import Environment
from tests.support.krr import LocalKrr, local_krr

NOON = 1_780_000_000 * SECOND
KARI, OLA = "21879498012", "20914695016"
E_BOKS = "922020175"


@pytest.fixture
async def krr() -> AsyncIterator[LocalKrr]:
    """A register where nobody has said anything."""
    async with local_krr(SettableClock(NOON)) as served:
        yield served


async def test_how_somebody_stands_is_told(krr: LocalKrr) -> None:
    """Reserved, not reserved with or without a digital mailbox, and never heard of: nobody is mistaken for another."""
    await krr.stands(KARI, reserved=True, supplier=E_BOKS)
    register = krr.register()
    assert await register.look_up(KARI) == Reserved()
    assert await register.look_up(OLA) == NotReserved(None)
    await krr.stands(KARI, supplier=E_BOKS)
    assert await register.look_up(KARI) == NotReserved(E_BOKS)
    assert await krr.looked_up() == [KARI, OLA, KARI]


async def test_no_contact_details_are_asked_for(krr: LocalKrr) -> None:
    """The scope that is used gives her mailbox's address and her reservation; another one gives her e-mail address."""
    await krr.stands(KARI, supplier=E_BOKS)
    told = {}
    for scope in ("krr:global/digitalpost.read", "krr:global/kontaktinformasjon.read"):
        bearer = {"Authorization": f"Bearer {await krr.tokens(scope=scope).token()}"}
        answer = await krr.http.post(krr.url, json={"personidentifikatorer": [KARI]}, headers=bearer)
        told[scope] = set(answer.json()["personer"][0])
    ours, other = told.values()
    assert "kontaktinformasjon" not in ours
    assert "kontaktinformasjon" in other


async def test_a_token_serves_until_shortly_before_its_end(krr: LocalKrr) -> None:
    """It is asked for once, and again only when it has half a minute left."""
    clock, tokens = krr.clock, krr.tokens()
    assert isinstance(clock, SettableClock)
    first = await tokens.token()
    clock.advance(seconds=560)
    assert await tokens.token() == first
    clock.advance(seconds=10)
    assert await tokens.token() not in {first, None}


async def test_without_a_token_nobody_is_asked(krr: LocalKrr) -> None:
    """A key that is not registered, or a scope that was not given, is no answer, and no look-up."""
    assert await krr.register(signer="nobody's").look_up(KARI) == Unanswered("no-token")
    assert await krr.register(scope="krr:user/digitalpost.read").look_up(KARI) == Unanswered("no-token")
    assert await krr.looked_up() == []


async def test_what_does_not_answer_is_no_answer(krr: LocalKrr) -> None:
    """A register that is down, refuses, or is not there says nothing about anybody."""
    await krr.goes_down()
    assert await krr.register().look_up(KARI) == Unanswered("http-503")
    await krr.goes_down(False)
    assert await krr.register(scope="consent:consents.read").look_up(KARI) == Unanswered("http-403")
    elsewhere = Krr(krr.http, "http://127.0.0.1:1/rest/v2/personer", krr.tokens().token)
    assert await elsewhere.look_up(KARI) == Unanswered("no-answer-ConnectError")


@pytest.mark.parametrize(
    ("body", "standing"),
    [
        (b"", Unanswered("answer-unreadable")),
        (b"[]", Unanswered("answer-unreadable")),
        (b'{"personer":[]}', Unanswered("answer-unreadable")),
        (b'{"personer":[null]}', Unanswered("answer-unreadable")),
        (b'{"personer":[{"personidentifikator":"20914695016","reservasjon":"JA"}]}', Unanswered("answer-unreadable")),
        (b'{"personer":[{"personidentifikator":"21879498012"}]}', Unanswered("answer-unreadable")),
        (
            b'{"personer":[{"personidentifikator":"21879498012","reservasjon":"kanskje"}]}',
            Unanswered("answer-unreadable"),
        ),
        (b'{"personer":[{"personidentifikator":"21879498012","status":"SLETTET"}]}', NotReserved(None)),
        (b'{"personer":[{"personidentifikator":"21879498012","reservasjon":"JA"}]}', Reserved()),
        (
            b'{"personer":[{"personidentifikator":"21879498012","reservasjon":"NEI","digital_post":{}}]}',
            NotReserved(None),
        ),
        (b'{"personer":[' + b" " * 70_000 + b"]}", Unanswered("answer-unreadable")),
    ],
)
async def test_only_a_plain_word_about_her_counts(body: bytes, standing: Standing) -> None:
    """What is empty, too long, about somebody else, or says something else is no answer."""

    async def token() -> str:
        return "token"

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with httpx.AsyncClient(transport=transport) as http:
        assert await Krr(http, "http://krr.test/rest/v2/personer", token).look_up(KARI) == standing


async def test_the_local_register_takes_the_local_maskinportens_living_tokens_alone(krr: LocalKrr) -> None:
    """None, another's, and one that has run out are 401; a number that is none is not looked up."""
    clock, asked = krr.clock, {"personidentifikatorer": [KARI]}
    assert isinstance(clock, SettableClock)
    token = await krr.tokens().token()
    async with local_krr(clock) as other:
        foreign = await other.tokens().token()
    for bearer in ("", f"Bearer {foreign}", f"Basic {token}", "Bearer x.y.z"):
        answer = await krr.http.post(krr.url, json=asked, headers={"Authorization": bearer})
        assert answer.status_code == 401
    bad = {"personidentifikatorer": ["1"]}
    assert (await krr.http.post(krr.url, json=bad, headers={"Authorization": f"Bearer {token}"})).status_code == 422
    clock.advance(seconds=600)
    answer = await krr.http.post(krr.url, json=asked, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert await krr.looked_up() == []


def test_the_local_register_is_not_for_production() -> None:
    """Where real people's data is, it refuses to start."""
    with pytest.raises(NotInProduction):
        krr_app(KrrConfig(issuer="http://127.0.0.1:1/", keys=IssuerKeys(), environment=Environment.PRODUCTION))
