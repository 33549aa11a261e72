"""The adapter against a local Digipost on loopback, and against answers that nobody honest would give."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from importlib import resources
from typing import Any

import httpx
import pytest
from lxml import etree

from consent_service.clock import DAY, HOUR, MINUTE, SettableClock
from consent_service.mailbox import digipost_signing as signing
from consent_service.mailbox import digipost_xml as xml
from consent_service.mailbox.digipost import multipart
from consent_service.mailbox.port import (
    Accepted,
    AuthenticationLevel,
    Duplicate,
    Failed,
    Held,
    Identification,
    NotAUser,
    NotHeld,
    OutgoingLetter,
    Paper,
    Parked,
    PostalAddress,
    Retry,
    Unanswered,
    Unknown,
    User,
)
from tests.support.digipost import (
    COUNTY,
    DEACTIVATED,
    NON_USER,
    USER,
    LocalDigipost,
    a4,
    intruder,
    local_digipost,
    posten,
    signer,
)

NOON = 1_780_000_000_000_000
LETTER = OutgoingLetter(
    message_id="5f0b8b1e-0d35-4f63-9f8e-2f0a1b7c9d11",
    document_uuid="7f0e9c1a-3b52-4e6d-8a41-5c2d9e8b7a60",
    national_id=USER,
    subject="Brev fra fagopplæringen æøå <&>",
    pdf=b"%PDF-1.7\r\n\x00\xff--boundary\r\n%%EOF",
    sender_organisation=COUNTY.organisation_number,
)

PAPER = Paper(
    PostalAddress("Ola Prøve <&>", ("c/o Hansen", "Storgata 1"), "7713", "Steinkjer"),
    PostalAddress("Fagopplæringen i Trøndelag", ("Postboks 2560",), "7735", "Steinkjer"),
)


@pytest.fixture
async def digipost() -> AsyncIterator[LocalDigipost]:
    """A local Digipost at a stopped hour."""
    async with local_digipost(clock=SettableClock(NOON)) as served:
        yield served


def schema() -> etree.XMLSchema:
    """Digipost's own."""
    return etree.XMLSchema(
        etree.fromstring(resources.files("consent_service.mailbox").joinpath("api_v8.xsd").read_bytes())
    )


async def test_a_letter_is_accepted_and_held(digipost: LocalDigipost) -> None:
    """The bytes arrive as they were, for the sender that was named, and the status says so."""
    mailbox = digipost.mailbox()
    assert await mailbox.send(LETTER) == Accepted(NOON)
    (taken,) = await digipost.letters()
    assert taken["sha256"] == hashlib.sha256(LETTER.pdf).hexdigest()
    assert (taken["subject"], taken["sender"]["id"]) == (LETTER.subject, COUNTY.user_id)
    assert await mailbox.status(LETTER.document_uuid, LETTER.sender_organisation) == Held(NOON)


async def test_the_accounts_own_letters_name_no_other_sender(digipost: LocalDigipost) -> None:
    """Without an organisation, the sender is the account itself, and so is whom the status is asked under."""
    mailbox = digipost.mailbox()
    own = replace(LETTER, sender_organisation=None)
    assert await mailbox.send(own) == Accepted(NOON)
    assert await mailbox.status(own.document_uuid) == Held(NOON)
    assert (await digipost.letters())[0]["sender"]["id"] != COUNTY.user_id


async def test_used_ids_are_refused_and_the_first_letter_stands(digipost: LocalDigipost) -> None:
    """The same message-id, or the same document, is a duplicate, never a second letter."""
    mailbox = digipost.mailbox()
    await mailbox.send(LETTER)
    assert await mailbox.send(LETTER) == Duplicate("DUPLICATE_MESSAGE")
    assert await mailbox.send(replace(LETTER, message_id="another")) == Duplicate("DUPLICATE_DOCUMENT_ID")
    assert len(await digipost.letters()) == 1


@pytest.mark.parametrize("national_id", [NON_USER, DEACTIVATED])
async def test_a_non_user_is_confirmed_as_such(digipost: LocalDigipost, national_id: str) -> None:
    """Only Digipost's own word for it, signed, means that."""
    assert await digipost.mailbox().send(replace(LETTER, national_id=national_id)) == NotAUser()


@pytest.mark.parametrize("national_id", [NON_USER, DEACTIVATED])
async def test_a_letter_that_may_be_printed_is_printed_for_a_non_user(
    digipost: LocalDigipost, national_id: str
) -> None:
    """The same letter under the same ids: to the address, with the sender's own to come back to."""
    mailbox = digipost.mailbox()
    letter = replace(LETTER, national_id=national_id, pdf=a4())
    assert await mailbox.send(letter) == NotAUser()
    assert await mailbox.send(replace(letter, paper=PAPER)) == Accepted(NOON, printed=True)
    assert await mailbox.status(LETTER.document_uuid, LETTER.sender_organisation) == Held(NOON, printed=True)
    assert await mailbox.send(replace(letter, paper=PAPER)) == Duplicate("DUPLICATE_MESSAGE")
    (taken,) = await digipost.letters()
    assert taken["printed"] == {
        "recipient": ["Ola Prøve <&>", "c/o Hansen", "Storgata 1", "7713 Steinkjer"],
        "return_address": ["Fagopplæringen i Trøndelag", "Postboks 2560", "7735 Steinkjer"],
    }


async def test_a_letter_that_may_be_printed_is_not_printed_for_a_user(digipost: LocalDigipost) -> None:
    """Who has an account by then gets it there."""
    assert await digipost.mailbox().send(replace(LETTER, pdf=a4(), paper=PAPER)) == Accepted(NOON)


async def test_an_unknown_document_is_denied(digipost: LocalDigipost) -> None:
    """A denial is an answer of its own."""
    assert await digipost.mailbox().status(LETTER.document_uuid) == NotHeld()


async def test_what_only_an_operator_can_put_right_is_parked(digipost: LocalDigipost) -> None:
    """A wrong key, a wrong account, a sender without an agreement."""
    assert await digipost.mailbox(sign=signer(intruder())).send(LETTER) == Parked("INVALID_SIGNATURE")
    assert await digipost.mailbox(user_id=9).send(LETTER) == Parked("UNKNOWN_USER_ID")
    foreign = replace(LETTER, sender_organisation="123456789")
    assert await digipost.mailbox().send(foreign) == Parked("BROKER_NOT_AUTHORIZED")
    assert await digipost.mailbox(pins=frozenset({"00" * 32})).send(LETTER) == Parked("entry-point-certificate")


async def test_a_pinned_certificate_is_trusted(digipost: LocalDigipost) -> None:
    """The pin is the SHA-256 of the certificate."""
    der = ssl.PEM_cert_to_DER_cert(posten().certificate_pem)
    mailbox = digipost.mailbox(pins=frozenset({hashlib.sha256(der).hexdigest()}))
    assert await mailbox.send(LETTER) == Accepted(NOON)


async def test_a_letter_that_will_never_be_taken_has_failed(digipost: LocalDigipost) -> None:
    """Its content is at fault."""
    assert await digipost.mailbox().send(replace(LETTER, pdf=b"no PDF")) == Failed("INVALID_PDF_CONTENT")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_before", "error_after", "wrong_signature"])
async def test_what_may_have_been_taken_is_unknown(digipost: LocalDigipost, fault: str) -> None:
    """No answer, a 500, or an answer that is not Digipost's: the letter may be there."""
    await digipost.order(fault)
    assert isinstance(await digipost.mailbox().send(LETTER), Unknown)


async def test_a_limit_is_waited_out_for_as_long_as_it_says(digipost: LocalDigipost) -> None:
    """429 was certainly not taken; Retry-After is in seconds."""
    await digipost.order("too_many")
    assert await digipost.mailbox().send(LETTER) == Retry("http-429", 1.0)


async def test_before_anything_was_sent_nothing_is_in_doubt(digipost: LocalDigipost) -> None:
    """An entry point that fails or can't be reached is a plain retry."""
    await digipost.order("error_before", calls="entry_point")
    assert isinstance(await digipost.mailbox().send(LETTER), Retry)
    assert isinstance(await digipost.mailbox(base_url="http://127.0.0.1:9").send(LETTER), Retry)


async def test_a_status_without_a_trustworthy_answer_says_nothing(digipost: LocalDigipost) -> None:
    """Neither a 500 nor a wrong signature is a denial."""
    mailbox = digipost.mailbox()
    for fault in ("error_before", "wrong_signature", "drop_before"):
        await digipost.order(fault, calls="status")
        assert isinstance(await mailbox.status(LETTER.document_uuid), Unanswered)


async def test_the_entry_point_is_kept_for_five_minutes(digipost: LocalDigipost) -> None:
    """In between it may be out of reach."""
    mailbox = digipost.mailbox()
    await mailbox.status(LETTER.document_uuid)
    await digipost.order("error_before", calls="entry_point", times=100)
    digipost.clock.advance(seconds=299)
    assert await mailbox.status(LETTER.document_uuid) == NotHeld()
    digipost.clock.advance(seconds=2)
    assert isinstance(await mailbox.status(LETTER.document_uuid), Unanswered)


@pytest.mark.parametrize(
    ("digits", "found"),
    [(USER, User()), (DEACTIVATED, NotAUser()), (NON_USER, NotAUser()), ("1234567890x", NotAUser(confirmed=False))],
)
async def test_who_has_a_mailbox_is_told_without_sending(
    digipost: LocalDigipost, digits: str, found: Identification
) -> None:
    """A user, one who closed the account, one who never had any, and a number that is none."""
    assert await digipost.mailbox().identify(digits) == found
    assert await digipost.letters() == []


@pytest.mark.parametrize("fault", ["unavailable", "drop_before", "drop_after", "wrong_signature", "error_before"])
async def test_a_mailbox_that_does_not_answer_has_named_no_non_user(digipost: LocalDigipost, fault: str) -> None:
    """Only its own word, signed, is a no: nobody is written off, or gets paper, because a call failed."""
    await digipost.order(fault, calls="others")
    assert isinstance(await digipost.mailbox().identify(NON_USER), Unanswered)


async def test_events_are_paged_through_and_each_is_told_once(digipost: LocalDigipost) -> None:
    """More than a page of openings, oldest first."""
    mailbox = digipost.mailbox()
    wanted = []
    for n in range(120):
        letter = replace(LETTER, message_id=f"m{n}", document_uuid=f"7f0e9c1a-3b52-4e6d-8a41-{n:012d}")
        await mailbox.send(letter)
        wanted.append(letter.document_uuid)
    for taken in await digipost.letters():
        await digipost.http.get(f"{digipost.base_url}/inbox/{taken['inbox']}/{taken['document_uuid']}.pdf")
        digipost.clock.advance(seconds=1)
    events = await mailbox.events(NOON - HOUR, NOON + DAY)
    assert not isinstance(events, Unanswered)
    assert [event.document_uuid for event in events] == wanted
    assert {event.kind for event in events} == {"OPENED"}
    assert await mailbox.events(NOON - HOUR, NOON - MINUTE) == ()


async def test_clocks_that_differ_by_more_than_five_minutes_send_nothing() -> None:
    """Digipost refuses the signature, and its answer's Date is not believed either."""
    ours = SettableClock(NOON)
    async with local_digipost(clock=ours, digiposts_clock=SettableClock(NOON + 6 * MINUTE)) as digipost:
        assert isinstance(await digipost.mailbox().send(LETTER), Retry)
        assert await digipost.letters() == []


class Dawdling(httpx.AsyncHTTPTransport):
    """A way to Digipost on which the first letter lies for six minutes."""

    def __init__(self, clock: SettableClock) -> None:
        super().__init__()
        self._clock, self._delay = clock, 360

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self._clock.advance(seconds=self._delay)
            self._delay = 0
        return await super().handle_async_request(request)


async def test_a_signature_that_was_too_old_is_made_anew_once(digipost: LocalDigipost) -> None:
    """A request that lay too long is signed again, with a fresh Date, in the same attempt."""
    async with httpx.AsyncClient(transport=Dawdling(digipost.clock)) as http:
        assert await digipost.mailbox(http=http).send(LETTER) == Accepted(NOON + 6 * MINUTE)


def test_every_message_is_valid_by_digiposts_schema() -> None:
    """In the schema's strict order, with and without a sender, at every level, with and without paper."""
    for sender in (None, COUNTY.organisation_number):
        for level in AuthenticationLevel:
            for paper in (None, PAPER):
                letter = replace(LETTER, authentication_level=level, paper=paper)
                schema().assertValid(etree.fromstring(xml.message(letter, sender)))


def test_the_same_letter_is_the_same_bytes() -> None:
    """A retry sends what was sent; and nothing inside can end a part."""
    one, two = multipart(LETTER, None), multipart(LETTER, None)
    assert one == two
    content_type, body = one
    boundary = content_type.partition("boundary=")[2].encode()
    assert body.count(boundary) == 3
    assert boundary not in LETTER.pdf
    assert LETTER.pdf in body
    assert f'filename="{LETTER.document_uuid}"'.encode() in body


def test_a_letters_repr_tells_nothing_of_the_person() -> None:
    """Neither number, content nor address, wherever it may be logged."""
    told = repr(replace(LETTER, paper=PAPER))
    assert not any(said in told for said in (USER, "%PDF", "Ola", "Storgata", "7713", "Steinkjer"))


def test_digipost_is_spoken_to_over_https_beyond_this_machine(digipost_calls: Callable[[str], object]) -> None:
    """In the clear only to loopback; never with a path or a user in the address."""
    for bad in ("http://api.digipost.no", "https://api.digipost.no/v8", "https://user@api.digipost.no", "digipost"):
        with pytest.raises(ValueError, match="Digipost"):
            digipost_calls(bad)
    digipost_calls("https://api.digipost.no")


@pytest.fixture
def digipost_calls() -> Callable[[str], object]:
    """Calls to a base URL, never made."""
    return lambda base_url: LocalDigipost("", httpx.AsyncClient(), SettableClock(NOON)).calls(base_url=base_url)


Answering = Callable[[httpx.Request], tuple[int, bytes]]


def forged(answer: Answering, *, date: int = NOON, delivered: bytes | None = None) -> httpx.AsyncClient:
    """A Digipost that signs whatever ``answer`` says, at ``date``; on the way its body may become ``delivered``."""
    entry = (
        f'<entrypoint xmlns="{xml.NAMESPACE}"><certificate>{posten().certificate_pem}</certificate>'
        '<link rel="https://elsewhere.example/relations/create_message" uri="https://elsewhere.example/messages"/>'
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
    assert await sent_to(lambda _: (404, b"")) == Parked("http-404")


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
