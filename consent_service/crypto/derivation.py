"""Keys made from other secrets (HKDF-SHA256, RFC 5869; scrypt, RFC 7914)."""

import hashlib

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consent_service.crypto.envelope import KEY_BYTES


def derive_key(*halves: bytes, purpose: str) -> bytes:
    """A 256-bit key that needs every one of ``halves`` (each of them high-entropy) and serves ``purpose`` alone."""
    material = b"".join(len(half).to_bytes(4, "big") + half for half in halves)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(material)


def stretched(typed: str, *, salt: bytes) -> bytes:
    """32 bytes from a secret short enough to be typed, at 16 MiB and some 50 ms for each guess: scrypt, N = 2**14.

    Blocks for as long, without Python's lock: call it in a thread, outside transactions. ``salt`` is unique to the
    secret.
    """
    return hashlib.scrypt(typed.encode(), salt=salt, n=2**14, r=8, p=1, maxmem=2**25, dklen=KEY_BYTES)
