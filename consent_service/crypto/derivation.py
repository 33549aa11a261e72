"""Keys made from other secrets (HKDF-SHA256, RFC 5869)."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consent_service.crypto.envelope import KEY_BYTES


def derive_key(*halves: bytes, purpose: str) -> bytes:
    """A 256-bit key that needs every one of ``halves`` (each of them high-entropy) and serves ``purpose`` alone."""
    material = b"".join(len(half).to_bytes(4, "big") + half for half in halves)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(material)
