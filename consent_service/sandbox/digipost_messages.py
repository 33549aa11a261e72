"""Reading what is sent to the local Digipost: the multipart body, the message in it, and every rule it must keep.

The schema is Digipost's own, in strict order; what it lets through though the real one does not (an empty
recipient, a document without uuid, an empty subject) is refused here by hand.
"""

import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from lxml import etree

from consent_service.sandbox.digipost_printing import Cover, cover
from consent_service.sandbox.digipost_refusals import Refused

NAMESPACE = "http://api.digipost.no/schema/v8"
LARGEST_FILE = 30 * 1024 * 1024

_Q = f"{{{NAMESPACE}}}"
_FILE_TYPES = frozenset({"pdf"})
_NOT_DONE_HERE = ("attachment", "batch", "delivery-time", "print-if-unread", "request-for-registration")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))')
_FILENAME = re.compile(r'filename=(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
_SCHEMA = etree.XMLSchema(
    etree.fromstring(resources.files("consent_service.mailbox").joinpath("api_v8.xsd").read_bytes())
)


@dataclass(frozen=True)
class Message:
    """One letter that may be sent: read, whole and in order. ``cover`` is for paper, if it may be printed."""

    message_id: str | None
    sender_id: int | None
    sender_organisation: str | None
    national_id: str | None = field(repr=False)
    cover: Cover | None
    document_uuid: str
    subject: str
    authentication_level: str
    sensitivity_level: str
    content: bytes = field(repr=False)


def read(content_type: str, body: bytes) -> Message:
    """The message in a multipart body. Raises Refused."""
    parts = _parts(content_type, body)
    if "message" not in parts:
        raise Refused(400, "MISSING_CONTENT", "There is no part with the filename message.")
    root = validated(parts.pop("message"), "message")
    for name in _NOT_DONE_HERE:
        if root.find(f"{_Q}{name}") is not None:
            raise Refused(400, "PROBLEM_WITH_REQUEST", f"This local Digipost does not do <{name}>.")
    document = root.find(f"{_Q}primary-document")
    assert document is not None
    uuid, subject = document.findtext(f"{_Q}uuid"), document.findtext(f"{_Q}subject")
    if not subject or not subject.strip():
        raise Refused(400, "MISSING_SUBJECT", "The subject is missing or blank.")
    if uuid is None or set(parts) != {uuid}:
        raise Refused(400, "DOCUMENTS_AND_FILES_MISMATCH", "The uuids of documents and the filenames differ.")
    sender_id = root.findtext(f"{_Q}sender-id")
    national_id, details = _recipient(root)
    return Message(
        message_id=root.findtext(f"{_Q}message-id"),
        sender_id=int(sender_id) if sender_id else None,
        sender_organisation=root.findtext(f"{_Q}sender-organization/{_Q}organization-id"),
        national_id=national_id,
        cover=None if details is None else cover(details),
        document_uuid=uuid,
        subject=subject,
        authentication_level=document.findtext(f"{_Q}authentication-level") or "PASSWORD",
        sensitivity_level=document.findtext(f"{_Q}sensitivity-level") or "NORMAL",
        content=_checked_content(document, parts[uuid]),
    )


def validated(body: bytes, name: str) -> etree._Element:
    """The root of ``body``, which must be a ``<name>`` that Digipost's schema admits. Raises Refused."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise Refused(400, "SCHEMA_VALIDATION_ERROR", "The XML is not well-formed.") from None
    about: Any = root.getroottree().docinfo  # the stubs lack ``doctype``
    if about.doctype:
        raise Refused(400, "SCHEMA_VALIDATION_ERROR", "A document type is not admitted.")
    if root.tag != f"{_Q}{name}":
        raise Refused(400, "SCHEMA_VALIDATION_ERROR", f"A <{name}> of {NAMESPACE} was expected.")
    for wrapped in list(root.iter(f"{_Q}data-type")):  # another schema's content, and its wildcard is strict
        parent = wrapped.getparent()
        assert parent is not None
        parent.remove(wrapped)
    if not _SCHEMA.validate(root):
        raise Refused(400, "SCHEMA_VALIDATION_ERROR", f"The XML is not valid: {_complaint()}")
    return root


def _complaint() -> str:
    """The validator's last complaint by kind and place only: its text would repeat the value."""
    errors: Any = _SCHEMA.error_log  # the stubs know nothing of it
    return f"{errors.last_error.type_name} at {errors.last_error.path}."


def _recipient(root: etree._Element) -> tuple[str | None, etree._Element | None]:
    recipient = root.find(f"{_Q}recipient")
    assert recipient is not None
    details = recipient.find(f"{_Q}print-details")
    if len(recipient) == 0:
        raise Refused(400, "MISSING_RECIPIENT", "The recipient is not identified.")
    if details is not None and len(recipient) == 1:
        raise Refused(403, "NOT_APPROVED_FOR_DIRECT_PRINT", "The account is not approved for direct print.")
    return recipient.findtext(f"{_Q}personal-identification-number"), details


def _checked_content(document: etree._Element, content: bytes) -> bytes:
    if document.findtext(f"{_Q}file-type") not in _FILE_TYPES:
        raise Refused(400, "ILLEGAL_CONTENT_TYPE", "The file type is not supported.")
    if document.find(f"{_Q}encrypted") is not None:
        raise Refused(403, "NOT_APPROVED_FOR_PREENCRYPT", "The account is not approved for pre-encryption.")
    if not content:
        raise Refused(400, "MISSING_CONTENT", "The document is empty.")
    if len(content) > LARGEST_FILE:
        raise Refused(400, "FILE_TOO_LARGE", f"A document is at most {LARGEST_FILE} bytes.")
    if not content.startswith(b"%PDF-"):
        raise Refused(400, "INVALID_PDF_CONTENT", "The document is not a PDF.")
    return content


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts by filename (RFC 2046 5.1). A filename may be quoted or not; a part's type is not looked at."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/vnd.digipost-v8+xml") or boundary is None:
        raise Refused(400, "ILLEGAL_CONTENT_TYPE", "The body must be multipart/vnd.digipost-v8+xml.")
    mark = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    _, *parts = (b"\r\n" + body).split(mark)
    if not parts or not parts[-1].startswith(b"--"):
        raise Refused(400, "PROBLEM_WITH_REQUEST", "The multipart body does not end.")
    found: dict[str, bytes] = {}
    for part in parts[:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _filename(head.decode("latin-1"))
        if name in found:
            raise Refused(400, "DOCUMENTS_AND_FILES_MISMATCH", "Two parts have the same filename.")
        found[name] = content
    return found


def _filename(head: str) -> str:
    for line in head.split("\r\n"):
        if line.lower().startswith("content-disposition:"):
            name = _FILENAME.search(line)
            if name is None:
                raise Refused(400, "MISSING_BODYPART_FILENAME", "A part has no filename.")
            return name[1] if name[1] is not None else name[2]
    raise Refused(400, "MISSING_BODYPART_CONTENT_DISPOSITION", "A part has no Content-Disposition.")
