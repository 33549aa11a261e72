"""What was consented to: canonical bytes that a MAC covers. They are written once and never change.

The columns of a consent are copies to search by; whoever decides reads the bytes, and only after the MAC agreed.
The person stands in the terms as a random id and two salted commitments (to the identity number, and to the content
that the preview showed); the salt is a sealed part of its own, shared with the recipient.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey
from consent_service.errors import Tampered
from consent_service.vault.parts import PartRef, ShareTerms

SALT_BYTES = 32


@dataclass(frozen=True)
class RecipientTerms:
    """The recipient, frozen as it was at the time."""

    id: str
    kind: str
    name: str
    organisation_number: str


@dataclass(frozen=True)
class Terms:
    """One candidate, one recipient, one purpose, exact parts, one end."""

    consent_id: str
    candidate_id: str
    data_subject_id: str
    recipient: RecipientTerms
    requester_id: str | None
    purpose: str
    purpose_version: int
    language: str
    text_sha256: str
    parts: tuple[PartRef, ...]
    valid_from: int
    valid_until: int
    max_uses: int | None
    mapping_request_id: str | None
    data_subject_commitment: str
    content_commitment: str

    @property
    def salt_ref(self) -> PartRef:
        """Where the salt of the commitments is sealed."""
        return salt_ref(self.candidate_id, self.consent_id)

    def share_terms(self, recipient_id: str) -> ShareTerms:
        """What shares under this consent are bound to."""
        return ShareTerms(self.consent_id, recipient_id, self.purpose, self.valid_until)

    def to_bytes(self) -> bytes:
        """The canonical bytes (RFC 8785), format 1."""
        return canonical(
            {
                "format": 1,
                "consent_id": self.consent_id,
                "candidate_id": self.candidate_id,
                "data_subject_id": self.data_subject_id,
                "recipient": vars(self.recipient),
                "requester_id": self.requester_id,
                "purpose": self.purpose,
                "purpose_version": self.purpose_version,
                "language": self.language,
                "text_sha256": self.text_sha256,
                "parts": [wire(ref) for ref in self.parts],
                "valid_from": self.valid_from,
                "valid_until": self.valid_until,
                "max_uses": self.max_uses,
                "mapping_request_id": self.mapping_request_id,
                "data_subject_commitment": self.data_subject_commitment,
                "content_commitment": self.content_commitment,
            }
        )


def salt_ref(candidate_id: str, consent_id: str) -> PartRef:
    """Where the salt of a consent's commitments is sealed."""
    return PartRef(candidate_id, "consent", consent_id, 1, "salt")


def wire(ref: PartRef) -> dict[str, Any]:
    """A part reference as it stands in terms, receipts and answers: without the candidate's id."""
    return {"resource": ref.resource, "resource_id": ref.resource_id, "version": ref.version, "part": ref.part}


def from_bytes(raw: bytes) -> Terms:
    """The terms in ``raw``, whose MAC has been checked."""
    content = orjson.loads(raw)
    if content.pop("format") != 1:
        raise Tampered
    candidate = content["candidate_id"]
    content["recipient"] = RecipientTerms(**content["recipient"])
    content["parts"] = tuple(PartRef(candidate_id=candidate, **part) for part in content["parts"])
    return Terms(**content)


def terms_mac(key: MacKey, raw: bytes) -> bytes:
    """The MAC over a consent's terms."""
    return key.mac(b"consent terms 1\x00" + raw)


def row_mac(key: MacKey, row: Sequence[Any]) -> bytes:
    """The MAC over everything else in a consent's row: where it stands, what was asked, and its terms' MAC."""
    return key.mac(b"consent row 1\x00" + canonical([value.hex() if type(value) is bytes else value for value in row]))


def commit(salt: bytes, value: bytes) -> str:
    """A salted commitment, in hexadecimal: SHA-256(salt || value)."""
    return sha256(salt + value).hexdigest()


def kinds(refs: Iterable[PartRef]) -> list[str]:
    """The kinds among ``refs``, each once, in order."""
    return sorted({ref.kind for ref in refs})
