"""Receipts, checked offline: signed by the service, about this person, with nothing of hers in it.

A receipt is a compact JWS, ES256. The person stands in it as a salted commitment: only who holds the salt
(the recipient, with a release) and knows the identity number can tell whom it is about.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from jose import jws
from jose.exceptions import JOSEError

from consent_clients.problems import ReceiptBroken


class Jwks(TypedDict):
    """A set of public keys (RFC 7517)."""

    keys: list[dict[str, Any]]


@dataclass(frozen=True)
class Receipt:
    """A receipt as handed out: the signed form, and the same as JSON for reading."""

    jws: str = field(repr=False)
    claims: Mapping[str, Any]

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Receipt:
        """From the service's answer, unchecked: `verify` before believing it."""
        return cls(answer["jws"], answer["receipt"])

    def verify(self, keys: Jwks) -> Mapping[str, Any]:
        """What the service has signed. Raises `ReceiptBroken` unless one key of `keys` signed exactly this.

        The key is chosen by `kid` alone and must be an EC key on P-256; whatever else the header says, only
        ES256 is accepted (RFC 8725, 3.1).
        """
        key = _key(keys, _header(self.jws))
        try:
            signed = json.loads(jws.verify(self.jws, key, algorithms=["ES256"]))
        except (JOSEError, ValueError) as broken:
            raise ReceiptBroken("the receipt's signature does not hold") from broken
        if signed != self.claims:
            raise ReceiptBroken("the receipt shown is not the one that was signed")
        return self.claims

    def about(self, national_id: str, salt: str) -> bool:
        """True if the receipt commits to this identity number; `salt` (hex) comes with a release of the consent."""
        return self._commits("data_subject_commitment", salt, national_id.encode())

    def covers(self, content_sha256: str, salt: str) -> bool:
        """True if the receipt commits to exactly the content with this hash: that of the preview, and of a release."""
        return self._commits("content_commitment", salt, bytes.fromhex(content_sha256))

    def _commits(self, claim: str, salt: str, value: bytes) -> bool:
        commitment = hashlib.sha256(bytes.fromhex(salt) + value).hexdigest()
        return hmac.compare_digest(commitment, str(self.claims.get(claim)))


def _header(compact: str) -> Mapping[str, Any]:
    segment = compact.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError) as broken:
        raise ReceiptBroken("the receipt is no JWS") from broken
    if not isinstance(header, dict) or "crit" in header:
        raise ReceiptBroken("the receipt is no JWS that this client understands")
    return header


def _key(keys: Jwks, header: Mapping[str, Any]) -> dict[str, Any]:
    found = [key for key in keys["keys"] if key.get("kid") == header.get("kid")]
    if len(found) != 1 or (found[0].get("kty"), found[0].get("crv")) != ("EC", "P-256"):
        raise ReceiptBroken("no published key signed this receipt")
    return found[0]
