"""The adapter against a local Digipost on loopback."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest

from consent_service.clock import DAY, HOUR, MINUTE, SettableClock
from consent_service.mailbox.port import (
    Accepted,
    Duplicate,
    Failed,
    Held,
    Identification,
    NotAUser,
    NotHeld,
    Parked,
    Retry,
    Unanswered,
    Unknown,
    User,
)
from tests.mailbox.letters import LETTER, NOON, PAPER
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


@pytest.fixture
async def digipost() -> AsyncIterator[LocalDigipost]:
    """A local Digipost at a stopped hour."""
    async with local_digipost(clock=SettableClock(NOON)) as served:
        yield served


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


async def test_a_signature_that_was_too_old_is_made_anew_by_whoever_may_send_again(digipost: LocalDigipost) -> None:
    """A request that lay too long was not taken, and is not sent again unasked: the next one has a fresh Date."""
    async with httpx.AsyncClient(transport=Dawdling(digipost.clock)) as http:
        mailbox = digipost.mailbox(http=http)
        assert await mailbox.send(LETTER) == Retry("DATE_HEADER_OUTSIDE_ACCEPTED_INTERVAL")
        assert await mailbox.send(LETTER) == Accepted(NOON + 6 * MINUTE)


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
