"""The local Digipost refuses what the real one refuses, says so in its words, and signs everything it says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs12
from lxml import etree

from consent_service.clock import SettableClock
from consent_service.crypto.signatures import verify_rsa
from consent_service.sandbox.digipost import DigipostConfig, digipost_app, new_enterprise
from consent_service.sandbox.production import NotInProduction
from consent_service.settings import Environment
from tests.support.digipost import BROKER, NON_USER, USER, LocalDigipost, enterprise, intruder, local_digipost, posten

NOON = 1_780_000_000_000_000
DATE = "Thu, 28 May 2026 20:26:40 GMT"
NS = "http://api.digipost.no/schema/v8"
UUID = "7f0e9c1a-3b52-4e6d-8a41-5c2d9e8b7a60"
NUMBER = f"<personal-identification-number>{USER}</personal-identification-number>"
ENTITY = '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
MESSAGE = (
    f'<message xmlns="{NS}"><message-id>letter-1</message-id>'
    f"<recipient>{NUMBER}</recipient>"
    f"<primary-document><uuid>{UUID}</uuid><subject>Vedtak</subject><file-type>pdf</file-type>"
    "<authentication-level>TWO_FACTOR</authentication-level><sensitivity-level>SENSITIVE</sensitivity-level>"
    "</primary-document></message>"
)
SCHEMA = etree.XMLSchema(
    etree.fromstring(resources.files("consent_service.mailbox").joinpath("api_v8.xsd").read_bytes())
)


@pytest.fixture
async def digipost() -> AsyncIterator[LocalDigipost]:
    """A local Digipost at a stopped hour."""
    async with local_digipost(clock=SettableClock(NOON)) as served:
        yield served


async def call(
    digipost: LocalDigipost, method: str, target: str, body: bytes = b"", *, by: Any = None, **changed: str | None
) -> httpx.Response:
    """One call, signed here by hand from Digipost's page, with some headers changed or left out (None)."""
    path, _, query = target.partition("?")
    headers: dict[str, str | None] = {
        "date": DATE,
        "x-content-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode() if body else None,
        "x-digipost-userid": str(BROKER),
    }
    headers.update({name.replace("_", "-"): value for name, value in changed.items() if name != "content_type"})
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items() if value is not None)
    signed = f"{method}\n{path.lower()}\n{lines}{query.lower()}\n"
    key = (by or enterprise()).key
    headers["x-digipost-signature"] = base64.b64encode(
        key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    ).decode()
    if "x_digipost_signature" in changed:
        headers["x-digipost-signature"] = changed["x_digipost_signature"]
    headers["content-type"] = changed.get("content_type", 'multipart/vnd.digipost-v8+xml; boundary="b"')
    kept = {name: value for name, value in headers.items() if value is not None}
    return await digipost.http.request(method, digipost.base_url + target, content=body or None, headers=kept)


def body_of(
    message: str = MESSAGE, *, filename: str = UUID, content: bytes = b"%PDF-1.7", kind: str = "filename"
) -> bytes:
    """A multipart body as clients write it; the second filename is not quoted, as .NET's is not."""
    return (
        b'--b\r\nContent-Disposition: attachment; filename="message"\r\n'
        b"Content-Type: application/vnd.digipost-v8+xml\r\n\r\n"
        + message.encode()
        + f"\r\n--b\r\nContent-Disposition: attachment; {kind}={filename}\r\n\r\n".encode()
        + content
        + b"\r\n--b--\r\n"
    )


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and type of a refusal, which is valid and signed."""
    root = valid(answer)
    return answer.status_code, root.findtext("{*}error-code") or "", root.findtext("{*}error-type") or ""


def valid(answer: httpx.Response) -> etree._Element:
    """The answer's XML, which is valid by the schema, and whose hash and signature are Digipost's."""
    headers = answer.headers
    signed = f"{answer.status_code}\n{answer.request.url.path.lower()}\ndate: {headers['date']}\n"
    if answer.content:
        assert headers["x-content-sha256"] == base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        signed += f"x-content-sha256: {headers['x-content-sha256']}\n"
    signature = base64.b64decode(headers["x-digipost-signature"])
    assert verify_rsa(posten().certificate_pem, signature, signed.encode())
    root = etree.fromstring(answer.content)
    SCHEMA.assertValid(root)
    return root


async def test_the_entry_point_has_the_certificate_and_absolute_links(digipost: LocalDigipost) -> None:
    """The account's own, and that of a sender it sends for; nobody else's."""
    for path in ("/", f"/{BROKER}", "/2002"):
        root = valid(await call(digipost, "GET", path))
        assert (root.findtext("{*}certificate") or "").strip() == posten().certificate_pem.strip()
        links = {link.get("rel", "").rsplit("/", 1)[-1]: link.get("uri", "") for link in root.iterfind("{*}link")}
        assert links["create_message"] == f"{digipost.base_url}/messages"
    assert error(await call(digipost, "GET", "/77")) == (403, "BROKER_NOT_AUTHORIZED", "CONFIGURATION")


async def test_a_letter_is_delivered(digipost: LocalDigipost) -> None:
    """201, a location, a delivery that is valid by the schema; and a status."""
    answer = await call(digipost, "POST", "/messages", body_of())
    root = valid(answer)
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(f"{digipost.base_url}/messages/")
    assert root.findtext("{*}status") == "DELIVERED"
    status = valid(await call(digipost, "GET", f"/documents/{BROKER}/{UUID}/status"))
    assert (status.get("status"), status.get("channel")) == ("DELIVERED", "DIGIPOST")
    other = await call(digipost, "GET", f"/documents/2002/{UUID}/status")
    assert error(other) == (404, "DOCUMENT_NOT_FOUND", "CLIENT_TECHNICAL")


async def test_a_wrong_signature_is_told_what_to_sign(digipost: LocalDigipost) -> None:
    """The string that was expected stands between the marks, exactly."""
    answer = await call(digipost, "POST", "/messages?A=B", body_of(), by=intruder())
    assert error(answer) == (403, "INVALID_SIGNATURE", "CLIENT_TECHNICAL")
    message = valid(answer).findtext("{*}error-message") or ""
    hashed = base64.b64encode(hashlib.sha256(body_of()).digest()).decode()
    assert message.partition("===START===\n")[2].partition("===SLUTT===")[0] == (
        f"POST\n/messages\ndate: {DATE}\nx-content-sha256: {hashed}\nx-digipost-userid: {BROKER}\na=b\n"
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"date": None}, (400, "MISSING_DATE_HEADER")),
        ({"date": "2026-05-28T20:26:40Z"}, (400, "INVALID_DATE_HEADER")),
        ({"date": "Thu, 28 May 2026 20:21:39 GMT"}, (400, "DATE_HEADER_OUTSIDE_ACCEPTED_INTERVAL")),
        ({"date": "Thu, 28 May 2026 20:31:41 GMT"}, (400, "DATE_HEADER_OUTSIDE_ACCEPTED_INTERVAL")),
        ({"x_content_sha256": None}, (400, "MISSING_SHA256")),
        ({"x_content_sha256": "q1MKE+RZFJgrefm34/uplM/R8/si9xzqGvvwK0YMbR0="}, (400, "INVALID_SHA256")),
        ({"x_digipost_userid": None}, (400, "INVALID_USER_ID_HEADER")),
        ({"x_digipost_userid": "987654325"}, (403, "UNKNOWN_USER_ID")),
        ({"x_digipost_signature": None}, (403, "MISSING_SIGNATURE")),
        ({"x_digipost_signature": "not base64"}, (403, "INVALID_SIGNATURE")),
    ],
)
async def test_headers_that_are_missing_or_wrong_are_refused(
    digipost: LocalDigipost, changed: dict[str, str | None], expected: tuple[int, str]
) -> None:
    """Each with the code of its own, and nothing is taken."""
    assert error(await call(digipost, "POST", "/messages", body_of(), **changed))[:2] == expected
    assert await digipost.letters() == []


async def test_a_date_within_five_minutes_is_taken(digipost: LocalDigipost) -> None:
    """Either way."""
    for date in ("Thu, 28 May 2026 20:21:40 GMT", "Thu, 28 May 2026 20:31:40 GMT"):
        valid(await call(digipost, "GET", "/", date=date))


def without(text: str, piece: str, replacement: str = "") -> str:
    assert piece in text
    return text.replace(piece, replacement)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (without(MESSAGE, f' xmlns="{NS}"'), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, UUID, UUID.upper()), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, USER, USER[:-1]), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, "TWO_FACTOR", "THREE_FACTOR"), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, "</message>", "<later/></message>"), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, "<subject>Vedtak</subject><file-type>pdf</file-type>",
                 "<file-type>pdf</file-type><subject>Vedtak</subject>"), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, "</message>"), "SCHEMA_VALIDATION_ERROR"),
        (ENTITY + without(MESSAGE, "Vedtak", "&e;"), "SCHEMA_VALIDATION_ERROR"),
        (without(MESSAGE, NUMBER), "MISSING_RECIPIENT"),
        (without(MESSAGE, "<subject>Vedtak</subject>"), "MISSING_SUBJECT"),
        (without(MESSAGE, "Vedtak", "  "), "MISSING_SUBJECT"),
        (without(MESSAGE, f"<uuid>{UUID}</uuid>"), "DOCUMENTS_AND_FILES_MISMATCH"),
        (without(MESSAGE, "<file-type>pdf", "<file-type>exe"), "ILLEGAL_CONTENT_TYPE"),
        (without(MESSAGE, USER, NON_USER), "UNKNOWN_RECIPIENT"),
    ],
)  # fmt: skip
async def test_a_message_that_the_real_one_refuses_is_refused(digipost: LocalDigipost, message: str, code: str) -> None:
    """By the schema's strict order, and where the schema lets through what Digipost does not."""
    assert error(await call(digipost, "POST", "/messages", body_of(message)))[1] == code
    assert await digipost.letters() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (body_of(filename="other"), "DOCUMENTS_AND_FILES_MISMATCH"),
        (body_of(kind="name"), "MISSING_BODYPART_FILENAME"),
        (body_of(content=b""), "MISSING_CONTENT"),
        (body_of(content=b"<html>"), "INVALID_PDF_CONTENT"),
        (body_of().replace(b"Content-Disposition", b"X-Disposition"), "MISSING_BODYPART_CONTENT_DISPOSITION"),
        (body_of()[:-6], "PROBLEM_WITH_REQUEST"),
        (b"no parts", "PROBLEM_WITH_REQUEST"),
    ],
)
async def test_a_body_that_is_not_put_together_right_is_refused(
    digipost: LocalDigipost, body: bytes, code: str
) -> None:
    """Parts are matched by filename; the types of parts are not looked at."""
    assert error(await call(digipost, "POST", "/messages", body))[1] == code


async def test_used_ids_are_refused_and_a_refused_letter_uses_up_none(digipost: LocalDigipost) -> None:
    """A reused message-id does not give back the first delivery."""
    stranger = body_of(MESSAGE.replace(USER, NON_USER))
    assert error(await call(digipost, "POST", "/messages", stranger))[:2] == (404, "UNKNOWN_RECIPIENT")
    assert (await call(digipost, "POST", "/messages", body_of())).status_code == 201
    assert error(await call(digipost, "POST", "/messages", body_of()))[:2] == (400, "DUPLICATE_MESSAGE")
    other = body_of(MESSAGE.replace("letter-1", "letter-2"))
    assert error(await call(digipost, "POST", "/messages", other))[:2] == (400, "DUPLICATE_DOCUMENT_ID")


async def test_people_are_identified_as_the_real_one_does(digipost: LocalDigipost) -> None:
    """A user without the address, a closed account as known, a stranger as not found."""
    results = []
    for number in (USER, "05878098368", NON_USER, "1234567890x"):
        body = f'<identification xmlns="{NS}">{NUMBER.replace(USER, number)}</identification>'
        answer = await call(digipost, "POST", "/identification", body.encode(), content_type="application/xml")
        results.append(valid(answer).findtext("{*}result"))
    assert results == ["DIGIPOST", "IDENTIFIED", "UNIDENTIFIED", "INVALID"]


async def test_senders_are_told_apart(digipost: LocalDigipost) -> None:
    """A sender the account sends for has an id; others tell nothing."""
    known = valid(await call(digipost, "GET", "/sender-information?org_id=817920632"))
    assert (known.findtext("{*}sender-id"), known.findtext("{*}status")) == ("2002", "VALID_SENDER")
    unknown = valid(await call(digipost, "GET", "/sender-information?org_id=123"))
    assert unknown.findtext("{*}status") == "NO_INFO_AVAILABLE"


async def test_opening_a_letter_makes_one_event_that_lasts_thirty_days(digipost: LocalDigipost) -> None:
    """The page shows the letter as its owner sees it; opening it twice is one event."""
    await call(digipost, "POST", "/messages", body_of())
    (taken,) = await digipost.letters()
    page = await digipost.http.get(f"{digipost.base_url}/inbox/{taken['inbox']}")
    assert "Vedtak" in page.text
    assert USER not in page.text
    for _ in range(2):
        pdf = await digipost.http.get(f"{digipost.base_url}/inbox/{taken['inbox']}/{UUID}.pdf")
        assert (pdf.content, pdf.headers["content-type"]) == (b"%PDF-1.7", "application/pdf")
    target = "/documents/events?from=2026-05-28T22%3A00%3A00.000%2B02%3A00&to=2026-07-28T22%3A30%3A00.000%2B02%3A00"
    (event,) = valid(await call(digipost, "GET", target)).iterfind("{*}event")
    assert (event.get("uuid"), event.get("type")) == (UUID, "OPENED")
    assert not list(valid(await call(digipost, "GET", f"{target}&offset=1")).iterfind("{*}event"))
    digipost.clock.advance(days=30)
    later = "Sat, 27 Jun 2026 20:26:40 GMT"
    assert not list(valid(await call(digipost, "GET", target, date=later)).iterfind("{*}event"))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=yesterday&to=2026-05-28T22%3A00%3A00%2B02%3A00", "INVALID_DATE"),
        ("from=2026-05-28T22%3A00%3A00&to=2026-05-28T22%3A00%3A00", "INVALID_DATE"),
        ("from=2026-05-29T00%3A00%3A00Z&to=2026-05-28T00%3A00%3A00Z", "INVALID_DATE_RANGE"),
        ("from=2026-05-28T00%3A00%3A00Z&to=2026-05-29T00%3A00%3A00Z&offset=-1", "INVALID_QUERY_PARAMETER"),
    ],
)
async def test_windows_that_are_none_are_refused(digipost: LocalDigipost, query: str, code: str) -> None:
    """Each with the code of its own."""
    assert error(await call(digipost, "GET", f"/documents/events?{query}"))[1] == code


async def test_it_goes_wrong_on_order_and_as_often_as_ordered(digipost: LocalDigipost) -> None:
    """Twice a 500 that takes nothing, then it works; orders can be taken back."""
    await digipost.order("error_before", times=2)
    for _ in range(2):
        assert error(await call(digipost, "POST", "/messages", body_of()))[:2] == (500, "SERVER_ERROR")
    assert await digipost.letters() == []
    await digipost.order("drop_after")
    with pytest.raises(httpx.RemoteProtocolError):
        await call(digipost, "POST", "/messages", body_of())
    assert len(await digipost.letters()) == 1
    await digipost.order("error_before", times=100)
    await digipost.put_right()
    assert error(await call(digipost, "POST", "/messages", body_of()))[:2] == (400, "DUPLICATE_MESSAGE")


async def test_accounts_are_opened_and_closed_while_it_runs(digipost: LocalDigipost) -> None:
    """A stranger who opens an account can be written to."""
    await digipost.people(NON_USER, "user")
    body = body_of(MESSAGE.replace(USER, NON_USER))
    assert (await call(digipost, "POST", "/messages", body)).status_code == 201
    page = await digipost.http.get(f"{digipost.base_url}/inbox")
    assert page.text.count("<li>") == 2


def test_it_does_not_start_in_production() -> None:
    """Its inboxes stand open."""
    with pytest.raises(NotInProduction):
        digipost_app(DigipostConfig(environment=Environment.PRODUCTION, accounts=(), people=(), enterprise=posten()))


def test_an_enterprise_certificate_opens_with_its_password_alone() -> None:
    """It is what the service's settings take."""
    made = new_enterprise("Prøve", "999999999")
    raw = made.pkcs12("passord")
    assert pkcs12.load_pkcs12(raw, b"passord").cert is not None
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(raw, b"feil")
