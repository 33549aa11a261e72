"""The local Digipost's half of the signatures: checking requests, signing answers.

Written from Digipost's security page on its own, sharing no line with the adapter: two halves made from one
piece would agree about a mistake.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from consent_service.sandbox.digipost_refusals import Refused

_FORMAT = "%a, %d %b %Y %H:%M:%S GMT"
_WINDOW = timedelta(minutes=5)


@dataclass(frozen=True)
class Received:
    """A request as it came: ``path`` and ``query`` as on the wire, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def check_date(request: Received, now: datetime) -> None:
    """Refuse a request without a Date, with one that is none, or with one over five minutes off."""
    text = request.headers.get("date")
    if text is None:
        raise Refused(400, "MISSING_DATE_HEADER", "The Date header is missing.")
    try:
        sent = datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "INVALID_DATE_HEADER", "The Date header is not in the RFC 1123 format.") from None
    if abs(sent - now) > _WINDOW:
        raise Refused(
            400,
            "DATE_HEADER_OUTSIDE_ACCEPTED_INTERVAL",
            f"The Date header says {text}, the server's time is {now.strftime(_FORMAT)}.",
        )


def check_hash(request: Received) -> None:
    """Refuse a body without its hash, or with another's."""
    given = request.headers.get("x-content-sha256")
    if given is None and request.body:
        raise Refused(400, "MISSING_SHA256", "The X-Content-SHA256 header is missing.")
    if given is not None and given != _hash(request.body):
        raise Refused(400, "INVALID_SHA256", "The body is not the one that X-Content-SHA256 is the hash of.")


def check_signature(request: Received, certificate_pem: str) -> None:
    """Refuse a request whose signature is not the certificate's, and say what should have been signed."""
    text = request.headers.get("x-digipost-signature")
    if text is None:
        raise Refused(403, "MISSING_SIGNATURE", "The X-Digipost-Signature header is missing.")
    expected = expected_string(request)
    key = load_pem_x509_certificate(certificate_pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        signature = base64.b64decode(text, validate=True)
        key.verify(signature, expected.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        raise Refused(
            403,
            "INVALID_SIGNATURE",
            f"The signature is not that of the following string:\n===START===\n{expected}===SLUTT===",
        ) from None


def expected_string(request: Received) -> str:
    """What the request's signature must cover (security page 3.2)."""
    text = f"{request.method.upper()}\n{request.path.lower()}\n"
    for name in ("content-md5", "date", "x-content-sha256", "x-digipost-userid"):
        if name in request.headers:
            text += f"{name}: {request.headers[name]}\n"
    return text + request.query.lower() + "\n"


def signed_headers(key: rsa.RSAPrivateKey, status: int, path: str, body: bytes, now: datetime) -> dict[str, str]:
    """Date, hash and signature of an answer to a request for ``path`` (security page 4.1)."""
    headers = {"Date": now.strftime(_FORMAT)}
    text = f"{status}\n{path.lower()}\ndate: {headers['Date']}\n"
    if body:
        headers["X-Content-SHA256"] = _hash(body)
        text += f"x-content-sha256: {headers['X-Content-SHA256']}\n"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    headers["X-Digipost-Signature"] = base64.b64encode(signature).decode()
    return headers


def _hash(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
