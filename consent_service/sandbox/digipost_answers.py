"""The local Digipost's answers as XML. ``tests/sandbox/test_digipost.py`` holds each to Digipost's schema."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from lxml import etree

from consent_service.sandbox.digipost_messages import NAMESPACE
from consent_service.sandbox.digipost_post_office import DigipostSender, Event, StoredLetter
from consent_service.sandbox.digipost_refusals import Refused

_Q = f"{{{NAMESPACE}}}"
_DEFAULT: dict[str | None, str] = {None: NAMESPACE}
_RELATIONS = "https://api.digipost.no/relations/"
_XML = "application/vnd.digipost-v8+xml"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
# What is told beside an event: the type, an attribute, and its value (None: the event's own time).
_METADATA = {
    "POSTMARKED": ("postmarked-metadata", "postmarked-date", None),
    "PRINT_FAILED": ("failed-print-metadata", "error-code", "UNKNOWN"),
}


def entry_point(certificate_pem: str, links: Mapping[str, str]) -> bytes:
    """An ``<entrypoint>`` with ``links`` by relation, absolute."""
    root = _root("entrypoint")
    _text(root, "certificate", certificate_pem)
    for relation, uri in links.items():
        etree.SubElement(root, f"{_Q}link", {"rel": _RELATIONS + relation.lower(), "uri": uri, "media-type": _XML})
    return _written(root)


def delivery(letter: StoredLetter, now: datetime) -> bytes:
    """A ``<message-delivery>``."""
    root = _root("message-delivery")
    if letter.message_id is not None:
        _text(root, "message-id", letter.message_id)
    printed = letter.recipient is None
    _text(root, "delivery-method", "PRINT" if printed else "DIGIPOST")
    _text(root, "sender-id", str(letter.sender.user_id))
    done = "DELIVERED_TO_PRINT" if printed else "DELIVERED"
    _text(root, "status", done if letter.is_delivered(now) else "COMPLETE")
    if letter.is_delivered(now):
        _text(root, "delivery-time", _time(letter.delivered))
    document = etree.SubElement(root, f"{_Q}primary-document")
    _text(document, "uuid", letter.document_uuid)
    _text(document, "subject", "N/A" if printed else letter.subject)
    _text(document, "file-type", "pdf")
    _text(document, "authentication-level", letter.authentication_level)
    _text(document, "sensitivity-level", letter.sensitivity_level)
    content_hash = etree.SubElement(document, f"{_Q}content-hash", {"hash-algorithm": "SHA256"})
    content_hash.text = _hash(letter)
    return _written(root)


def status(letter: StoredLetter, now: datetime) -> bytes:
    """A ``<document-status>``."""
    root = _root("document-status")
    given = {
        "uuid": letter.document_uuid,
        "sender-id": str(letter.sender.user_id),
        "status": "DELIVERED" if letter.is_delivered(now) else "NOT_DELIVERED",
        "created": _time(letter.created),
        **({"delivered": _time(letter.delivered)} if letter.is_delivered(now) else {}),
        "channel": "PRINT" if letter.recipient is None else "DIGIPOST",
        "is-primary-document": "true",
        "content-hash": _hash(letter),
        "content-hash-algorithm": "SHA256",
    }
    for name, value in given.items():
        root.set(name, value)
    return _written(root)


def events(page: Iterable[Event]) -> bytes:
    """A ``<document-events>``."""
    root = _root("document-events")
    for event in page:
        told = etree.SubElement(
            root,
            f"{_Q}event",
            {
                "uuid": event.document_uuid,
                "type": event.kind,
                "created": _time(event.created),
                "document-created": _time(event.document_created),
            },
        )
        if event.kind in _METADATA:
            kind, attribute, value = _METADATA[event.kind]
            given = {_TYPE: kind, attribute: value or _time(event.created)}
            etree.SubElement(told, f"{_Q}metadata", given)
    return _written(root)


def identified(result: str, reason: tuple[str, str] | None = None) -> bytes:
    """An ``<identification-result>``; ``reason`` is the element and the code in it."""
    root = _root("identification-result")
    _text(root, "result", result)
    if reason is not None:
        _text(root, *reason)
    return _written(root)


def sender_information(sender: DigipostSender | None) -> bytes:
    """A ``<sender-information>``."""
    root = _root("sender-information")
    if sender is not None:
        _text(root, "sender-id", str(sender.user_id))
    _text(root, "status", "VALID_SENDER" if sender else "NO_INFO_AVAILABLE")
    return _written(root)


def error(refused: Refused) -> bytes:
    """An ``<error>``."""
    root = _root("error")
    _text(root, "error-code", refused.code)
    _text(root, "error-message", refused.message)
    _text(root, "error-type", refused.type)
    return _written(root)


def _root(name: str) -> etree._Element:
    return etree.Element(f"{_Q}{name}", nsmap=_DEFAULT)  # type: ignore[arg-type] # the stubs lack this key


def _text(parent: etree._Element, name: str, value: str) -> None:
    etree.SubElement(parent, f"{_Q}{name}").text = value


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _hash(letter: StoredLetter) -> str:
    return base64.b64encode(hashlib.sha256(letter.content).digest()).decode()
