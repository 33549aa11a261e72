"""Receipts checked offline: only the service's own key, only ES256, only what was signed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from jose import jws

from consent_clients.problems import ReceiptBroken
from consent_clients.receipts import Jwks, Receipt
from consent_service.consents.terms import commit
from consent_service.crypto.service_keys import ReceiptKey

CLAIMS = {"consent_id": "c-1", "state": "granted"}
SIGNING = ReceiptKey(bytes(31) + b"\x07")
OTHER = ReceiptKey(bytes(31) + b"\x08")


def receipt(key: ReceiptKey = SIGNING, claims: dict[str, Any] | None = None) -> Receipt:
    return Receipt.read({"jws": key.sign(json.dumps(CLAIMS).encode()), "receipt": claims or CLAIMS})


def published(*keys: ReceiptKey) -> Jwks:
    return {"keys": [dict(key.jwk) for key in keys]}


def test_what_the_service_signed_is_believed() -> None:
    """A receipt holds against the published keys, of which it needs its own only."""
    assert receipt().verify(published(OTHER, SIGNING)) == CLAIMS


def test_a_receipt_by_another_key_is_not() -> None:
    """Neither an unpublished key nor a published one under a borrowed name signs for the service."""
    borrowed = {**OTHER.jwk, "kid": SIGNING.kid}
    for keys in (published(OTHER), published(SIGNING, SIGNING), Jwks(keys=[dict(borrowed)])):
        with pytest.raises(ReceiptBroken):
            receipt().verify(keys)


def test_a_receipt_shown_otherwise_than_signed_is_not() -> None:
    """What is read must be what was signed."""
    with pytest.raises(ReceiptBroken, match="not the one that was signed"):
        receipt(claims={**CLAIMS, "state": "revoked"}).verify(published(SIGNING))


def test_only_es256_counts() -> None:
    """An HMAC under the published key, which everybody knows, is no signature (RFC 8725, 3.1)."""
    forged = jws.sign(json.dumps(CLAIMS).encode(), "known", headers={"kid": SIGNING.kid}, algorithm="HS256")
    with pytest.raises(ReceiptBroken):
        Receipt.read({"jws": forged, "receipt": CLAIMS}).verify(published(SIGNING))


def test_a_receipt_is_about_whom_and_what_its_salt_proves() -> None:
    """With the salt, number and content can be told from any other; with another salt, or none, nothing can."""
    salt, number, content = bytes(range(32)), "21879498012", hashlib.sha256(b"content").digest()
    made = receipt(
        claims={
            "data_subject_commitment": commit(salt, number.encode()),
            "content_commitment": commit(salt, content),
        }
    )
    assert made.about(number, salt.hex())
    assert made.covers(content.hex(), salt.hex())
    for other in (made.about("23886799519", salt.hex()), made.about(number, bytes(32).hex())):
        assert not other
    assert not made.covers(hashlib.sha256(b"other").hexdigest(), salt.hex())
    assert not receipt().about(number, salt.hex())


@pytest.mark.parametrize("garbage", ["", "a.b.c", "e30.e30.", "bm8.e30.e30", "eyJjcml0IjpbXX0.e30.e30"])
def test_garbage_is_refused_with_the_one_error(garbage: str) -> None:
    """Whatever stands where a receipt should stand, the error says that the receipt is broken."""
    with pytest.raises(ReceiptBroken):
        Receipt.read({"jws": garbage, "receipt": CLAIMS}).verify(published(SIGNING))
