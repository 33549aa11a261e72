"""Digipost's XML: the message that we write, and the answers that we read (``api_v8.xsd``).

The rule: what comes in is parsed without entities, without DTD, without network and without huge trees, and
only what we asked for is taken out of it; unknown elements, relations and event types are passed over,
since Digipost's two published schemas already differ.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from consent_service.mailbox.port import Accepted, DocumentEvent, Held, OutgoingLetter, Paper, PostalAddress

NAMESPACE = "http://api.digipost.no/schema/v8"
_Q = f"{{{NAMESPACE}}}"
_DEFAULT: dict[str | None, str] = {None: NAMESPACE}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODE = re.compile(r"[A-Z0-9_]{1,64}")
_ACCOUNT = re.compile(r"[0-9]{1,19}")


class Unreadable(Exception):
    """The answer is not the XML that was expected. Its text is not repeated: it may be about a person."""


@dataclass(frozen=True)
class EntryPoint:
    """Where things are: the certificate that answers are signed with, and links by relation (upper case)."""

    certificate_pem: str | None
    links: dict[str, str]


@dataclass(frozen=True)
class ErrorBody:
    """An ``<error>``, without its message: that may repeat what was sent."""

    code: str | None = None
    type: str | None = None


def message(letter: OutgoingLetter, sender_organisation: str | None) -> bytes:
    """The ``<message>`` of ``letter``: the same letter, the same bytes."""
    root = etree.Element(f"{_Q}message", nsmap=_DEFAULT)  # type: ignore[arg-type] # the stubs lack this key
    _text(root, "message-id", letter.message_id)
    if sender_organisation is not None:
        _text(etree.SubElement(root, f"{_Q}sender-organization"), "organization-id", sender_organisation)
    recipient = etree.SubElement(root, f"{_Q}recipient")
    _text(recipient, "personal-identification-number", letter.national_id)
    if letter.paper is not None:
        _print_details(recipient, letter.paper)
    document = etree.SubElement(root, f"{_Q}primary-document")
    _text(document, "uuid", letter.document_uuid)
    _text(document, "subject", letter.subject)
    _text(document, "file-type", "pdf")
    _text(document, "authentication-level", letter.authentication_level.value)
    _text(document, "sensitivity-level", letter.sensitivity_level.value)
    return _written(root)


def identification(national_id: str) -> bytes:
    """An ``<identification>`` by national identity number."""
    root = etree.Element(f"{_Q}identification", nsmap=_DEFAULT)  # type: ignore[arg-type] # the stubs lack this key
    _text(root, "personal-identification-number", national_id)
    return _written(root)


def is_user(body: bytes) -> bool | None:
    """Whether an ``<identification-result>`` names a user; None if it can't tell whom it was asked about.

    Raises Unreadable, also for a result that is none.
    """
    root = _parsed(body, "identification-result")
    result = root.findtext(f"{_Q}result")
    if result not in {"DIGIPOST", "IDENTIFIED", "UNIDENTIFIED", "INVALID"}:
        raise Unreadable("no result")
    if result == "INVALID" or root.findtext(f"{_Q}unidentified-reason") == "MULTIPLE_MATCHES":
        return None
    return result == "DIGIPOST"


def entry_point(body: bytes) -> EntryPoint:
    """An ``<entrypoint>``. Raises Unreadable."""
    root = _parsed(body, "entrypoint")
    links = {link.get("rel", "").rsplit("/", 1)[-1].upper(): link.get("uri", "") for link in root.iterfind(f"{_Q}link")}
    certificate = root.findtext(f"{_Q}certificate")
    return EntryPoint(certificate.strip() + "\n" if certificate else None, links)


def delivery(body: bytes, letter: OutgoingLetter, received_at: int) -> Accepted:
    """A ``<message-delivery>`` of ``letter``. Raises Unreadable, also if it names neither of its ids.

    The answer's signature does not cover what was asked, so only the ids tie the two together.
    """
    root = _parsed(body, "message-delivery")
    document = root.findtext(f"{_Q}primary-document/{_Q}uuid")
    if document != letter.document_uuid and root.findtext(f"{_Q}message-id") != letter.message_id:
        raise Unreadable("a delivery of another letter")
    printed = root.findtext(f"{_Q}delivery-method") == "PRINT"
    if root.findtext(f"{_Q}status") not in {"DELIVERED", "DELIVERED_TO_PRINT"}:
        return Accepted(None, printed)
    at = root.findtext(f"{_Q}delivery-time")
    return Accepted(received_at if at is None else _instant(at), printed)


def document_status(body: bytes, document_uuid: str, received_at: int) -> Held:
    """A ``<document-status>`` of ``document_uuid``. Raises Unreadable, also if it is another document's."""
    root = _parsed(body, "document-status")
    if root.get("uuid") != document_uuid:
        raise Unreadable("the status of another document")
    printed = root.get("channel") == "PRINT"
    if root.get("status") != "DELIVERED":
        return Held(None, printed)
    at = root.get("delivered")
    return Held(received_at if at is None else _instant(at), printed)


def document_events(body: bytes) -> list[DocumentEvent]:
    """The events of a ``<document-events>`` page, in its order. Raises Unreadable."""
    return [
        DocumentEvent(event.get("uuid", ""), event.get("type", ""), _instant(event.get("created")))
        for event in _parsed(body, "document-events").iterfind(f"{_Q}event")
    ]


def sender_id(body: bytes) -> str | None:
    """The account id of a ``<sender-information>``; None if Digipost knows no such sender. Raises Unreadable."""
    root = _parsed(body, "sender-information")
    return _account(root) if root.findtext(f"{_Q}status") == "VALID_SENDER" else None


def delivered_for(body: bytes) -> str | None:
    """The account id of the sender, as a ``<message-delivery>`` names it; None if it does not. Raises Unreadable."""
    return _account(_parsed(body, "message-delivery"))


def error_body(body: bytes) -> ErrorBody:
    """An ``<error>``; empty if there is none, which is allowed."""
    try:
        root = _parsed(body, "error")
    except Unreadable:
        return ErrorBody()
    code, kind = root.findtext(f"{_Q}error-code") or "", root.findtext(f"{_Q}error-type") or ""
    return ErrorBody(
        code if _CODE.fullmatch(code) else None,
        kind if _CODE.fullmatch(kind) else None,
    )


def time_parameter(instant: int) -> str:
    """``instant`` as the events call takes it: ``yyyy-MM-dd'T'HH:mm:ss.SSSxxx``."""
    return (_EPOCH + timedelta(microseconds=instant)).isoformat(timespec="milliseconds")


def _print_details(recipient: etree._Element, paper: Paper) -> None:
    details = etree.SubElement(recipient, f"{_Q}print-details")
    _address(details, "recipient", paper.to)
    _address(details, "return-address", paper.back_to)
    _text(details, "color", "MONOCHROME")
    _text(details, "nondeliverable-handling", "RETURN_TO_SENDER")


def _address(parent: etree._Element, name: str, address: PostalAddress) -> None:
    whole = etree.SubElement(parent, f"{_Q}{name}")
    _text(whole, "name", address.name)
    place = etree.SubElement(whole, f"{_Q}norwegian-address")
    for number, line in enumerate(address.lines, start=1):
        _text(place, f"addressline{number}", line)
    _text(place, "zip-code", address.postal_code)
    _text(place, "city", address.city)


def _text(parent: etree._Element, name: str, value: str) -> None:
    etree.SubElement(parent, f"{_Q}{name}").text = value


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _parsed(body: bytes, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as broken:
        raise Unreadable("not XML") from broken
    about: Any = root.getroottree().docinfo  # the stubs lack ``doctype``
    if about.doctype:  # entities would stand in the tree as nodes of their own
        raise Unreadable("a document type")
    if root.tag != f"{_Q}{name}":
        raise Unreadable(f"no <{name}>")
    return root


def _account(root: etree._Element) -> str | None:
    found = root.findtext(f"{_Q}sender-id") or ""
    return found if _ACCOUNT.fullmatch(found) else None


def _instant(text: str | None) -> int:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError as broken:
        raise Unreadable("a time that is none") from broken
    if moment.tzinfo is None:
        raise Unreadable("a time without a zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)
