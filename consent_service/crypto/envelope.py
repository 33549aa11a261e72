"""The envelope: what every ciphertext in the service looks like.

Format 1::

    b"CS" | 0x01 | salt (32) | commitment (32) | ciphertext | tag (16)

    key ‖ commitment = HKDF-SHA256(ikm = the key given, salt = salt, info = b"consent-service envelope 1", 64 bytes)
    ciphertext ‖ tag = AES-256-GCM(key, nonce = 12 zero bytes, plaintext, aad = header ‖ aad)

The salt is random for each envelope, hence so is the derived key, and one nonce is enough: it never meets the
same key twice. The commitment makes the envelope open under one key only, which GCM alone does not promise. The
reader of a format stays for as long as anything written in it may exist.

Each way in which an envelope can be wrong is the same ``SealBroken``: the difference would be an oracle.
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consent_service.errors import Tampered

KEY_BYTES = 32

_HEADER = b"CS\x01"
HEADER_BYTES = len(_HEADER)
_SALT = 32
_COMMITMENT = 32
_COMMITMENT_FROM = HEADER_BYTES + _SALT
_SEALED_FROM = _COMMITMENT_FROM + _COMMITMENT
_TAG = 16
_INFO = b"consent-service envelope 1"
_NONCE = bytes(12)
_SHA256 = SHA256()
_LENGTHS = tuple("\0\0\0" + chr(length) for length in range(128))
"""Lengths in four bytes, as text: for what is put together as text and made bytes at once."""


class SealBroken(Tampered):
    """The envelope does not open with this key for this purpose. Which part is wrong is not said."""


def format_of(envelope: bytes) -> int | None:
    """The format that an envelope says it is of, from its first ``HEADER_BYTES``; None for what is no envelope."""
    return 1 if envelope.startswith(_HEADER) else None


def new_key() -> bytes:
    """A fresh 256-bit key from the operating system."""
    return os.urandom(KEY_BYTES)


def aad(*fields: str) -> bytes:
    """``fields`` as bytes to authenticate: each with its length before it, so that no two lists look alike."""
    if max(map(len, fields), default=0) < len(_LENGTHS):
        text = "".join([_LENGTHS[len(field)] + field for field in fields])
        if text.isascii():  # then a character is a byte: ids and words, which is nearly all there ever is
            return text.encode("ascii")
    return b"".join([len(raw).to_bytes(4, "big") + raw for raw in (field.encode() for field in fields)])


def seal(key: bytes, plaintext: bytes, authenticated: bytes) -> bytes:
    """Seal ``plaintext`` under ``key`` (32 bytes) so that it opens only for the same ``authenticated`` bytes."""
    salt = os.urandom(_SALT)
    inner, commitment = _derive(key, salt)
    return _HEADER + salt + commitment + AESGCM(inner).encrypt(_NONCE, plaintext, _HEADER + authenticated)


def open_sealed(key: bytes, envelope: bytes, authenticated: bytes) -> bytes:
    """The plaintext. Raises SealBroken for any other key, other ``authenticated`` bytes, or a changed envelope."""
    if len(envelope) < _SEALED_FROM + _TAG or not envelope.startswith(_HEADER):
        raise SealBroken
    inner, commitment = _derive(key, envelope[HEADER_BYTES:_COMMITMENT_FROM])
    if not hmac.compare_digest(commitment, envelope[_COMMITMENT_FROM:_SEALED_FROM]):
        raise SealBroken
    try:
        return AESGCM(inner).decrypt(_NONCE, envelope[_SEALED_FROM:], _HEADER + authenticated)
    except InvalidTag:
        raise SealBroken from None


def _derive(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """The key that seals, and the commitment to the key given."""
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    both = HKDF(_SHA256, KEY_BYTES + _COMMITMENT, salt, _INFO).derive(key)
    return both[:KEY_BYTES], both[KEY_BYTES:]
