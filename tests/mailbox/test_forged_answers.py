"""The adapter against answers that nobody honest would give."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from consent_service.clock import MINUTE, SettableClock
from consent_service.mailbox import digipost_signing as signing
from consent_service.mailbox import digipost_xml as xml
from consent_service.mailbox.port import Accepted, Failed, NotAUser, NotHeld, Parked, Retry, Unknown
from tests.mailbox.letters import LETTER, NOON
from tests.support.digipost import USER, LocalDigipost, posten, signer

Answering = Callable[[httpx.Request], tuple[int, bytes]]


def forged(
    answer: Answering,
    *,
    date: int = NOON,
    delivered: bytes | None = None,
    said: dict[str, str] | None = None,
    link: str = "https://elsewhere.example/messages",
) -> httpx.AsyncClient:
    """A Digipost that signs whatever ``answer`` says, at ``date``; on the way its body may become ``delivered``, and
    header fields what is ``said``.
    """
    entry = (
        f'<entrypoint xmlns="{xml.NAMESPACE}"><certificate>{posten().certificate_pem}</certificate>'
        f'<link rel="https://elsewhere.example/relations/create_message" uri="{link}"/>'
        "</entrypoint>"
    ).encode()

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "digipost.example"
        path = request.url.raw_path.decode().partition("?")[0]
        status, body = (200, entry) if path == "/" else answer(request)
        at = NOON if path == "/" else date
        headers = {"Date": signing.http_date(at), "X-Content-SHA256": signing.content_hash(body)}
        signed = signing.response_string(status, path, headers)
        headers["X-Digipost-Signature"] = base64.b64encode(signer(posten())(signed)).decode()
        if path != "/":
            headers.update(said or {})
        arrives = body if delivered is None or path == "/" else delivered
        return httpx.Response(status, headers=headers, content=arrives)

    return httpx.AsyncClient(transport=httpx.MockTransport(respond))


async def sent_to(answer: Answering, **wrong: Any) -> object:
    """What comes of a send to a forged Digipost."""
    digipost = LocalDigipost("https://digipost.example", forged(answer, **wrong), SettableClock(NOON))
    return await digipost.mailbox().send(LETTER)


TAKEN = (
    f'<message-delivery xmlns="{xml.NAMESPACE}"><message-id>{LETTER.message_id}</message-id>'
    "<delivery-method>DIGIPOST</delivery-method><sender-id>1</sender-id><status>DELIVERED</status>"
    "<primary-document><file-type>pdf</file-type></primary-document></message-delivery>"
).encode()


async def test_an_answer_is_believed_if_its_date_hash_and_signature_are_digiposts() -> None:
    """An old answer, and one whose body was exchanged on the way, are as good as none, however well signed."""
    assert await sent_to(lambda _: (201, TAKEN)) == Accepted(NOON)
    assert await sent_to(lambda _: (201, TAKEN), date=NOON - 6 * MINUTE) == Unknown("answer-date")
    assert await sent_to(lambda _: (201, TAKEN), date=NOON + 6 * MINUTE) == Unknown("answer-date")
    assert await sent_to(lambda _: (201, TAKEN), delivered=TAKEN + b" ") == Unknown("answer-hash")
    assert await sent_to(lambda _: (201, b""), delivered=TAKEN) == Unknown("answer-hash")


async def test_links_lead_nowhere_but_to_the_configured_host() -> None:
    """The entry point is not signed, so only its paths are followed."""
    assert await sent_to(lambda _: (403, b"")) == Parked("http-403")


async def test_a_plain_not_found_is_the_mailboxs_word_and_names_no_non_user() -> None:
    """Its body may be empty: of a document it is a denial; of a letter it says that somebody must ask who she is."""
    http = forged(lambda _: (404, b""))
    mailbox = LocalDigipost("https://digipost.example", http, SettableClock(NOON)).mailbox()
    assert await mailbox.status(LETTER.document_uuid) == NotHeld()
    assert await mailbox.send(LETTER) == NotAUser(confirmed=False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, b"<message-delivery/>"),
        (201, b"not XML"),
        (201, b'<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>'),
        (201, f'<message-delivery xmlns="{xml.NAMESPACE}"><message-id>other</message-id></message-delivery>'.encode()),
        (500, b""),
        (503, b"<html>"),
        (408, b""),
    ],
)
async def test_an_answer_that_can_t_be_read_is_no_answer(status: int, body: bytes) -> None:
    """Signed or not: what does not say what became of this letter leaves it in doubt."""
    assert isinstance(await sent_to(lambda _: (status, body)), Unknown)


async def test_an_error_says_its_code_and_never_its_words() -> None:
    """Free text may repeat what was sent, so it is not even kept."""
    body = (
        f'<error xmlns="{xml.NAMESPACE}"><error-code>VALIDATION_FAILED</error-code>'
        f"<error-message>{USER} is wrong</error-message><error-type>CLIENT_DATA</error-type></error>"
    ).encode()
    outcome = await sent_to(lambda _: (400, body))
    assert outcome == Failed("VALIDATION_FAILED")
    odd = body.replace(b"VALIDATION_FAILED", b"Kari &lt;script&gt;")
    assert await sent_to(lambda _: (400, odd)) == Failed("http-400")


async def test_a_redirect_is_not_followed() -> None:
    """Digipost does not redirect, so somebody else does."""
    assert await sent_to(lambda _: (302, b"")) == Parked("http-302")


async def test_entities_and_huge_trees_are_not_expanded() -> None:
    """A signed answer that tries is unreadable, and costs nothing."""
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
    with pytest.raises(xml.Unreadable):
        xml.document_events(bomb.encode())
    deep = b"<a>" * 5000 + b"</a>" * 5000
    with pytest.raises(xml.Unreadable):
        xml.document_events(deep)


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 07 Jul 99999999999999999999 12:00:02 GMT",
        "Mon, 07 Jul 2014 12:00:02 +99999999999999",
        "Mon, 07 Jul 2014 12:00:99999999999999999999 GMT",
        "Mon, 07 Jul 0001 00:00:00 +2359",
    ],
)
async def test_a_date_that_is_none_is_no_answer(date: str) -> None:
    """However absurd: it is no fault of ours, and raises nothing."""
    assert await sent_to(lambda _: (201, TAKEN), said={"Date": date}) == Unknown("answer-date")


async def test_a_link_that_is_no_address_is_no_link() -> None:
    """Nothing is sent, and an operator has a look."""
    assert await sent_to(lambda _: (201, TAKEN), link="https://[x/messages") == Parked("no-link-create-message")


@pytest.mark.parametrize(("said", "after"), [("nan", None), ("inf", 3600.0), ("-1", 0.0), ("soon", None)])
async def test_a_wait_that_is_no_number_of_seconds_is_not_heeded(said: str, after: float | None) -> None:
    """What is named is waited for, within an hour."""
    assert await sent_to(lambda _: (429, b""), said={"Retry-After": said}) == Retry("http-429", after)
