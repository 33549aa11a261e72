"""The detail beside an entry: who acted, from which office, the hash of what was shown; salted, and sealed.

It is sealed with the log key for the entry's own hash and place: whoever has no log key can't make an entry, or change
or move one, and have a detail beside it that opens. So the seal tells which entries are ours.
"""

from hashlib import sha256

from consent_service.crypto.envelope import SealBroken, aad
from consent_service.crypto.service_keys import SealKey
from consent_service.storage.engine import Row

__all__ = ["SealBroken", "is_sealed", "leaf_hash", "open_detail", "seal_detail"]


def leaf_hash(body: bytes) -> bytes:
    """RFC 9162, 2.1.1: SHA-256(0x00 || body)."""
    return sha256(b"\x00" + body).digest()


def seal_detail(key: SealKey, chain_id: str, position: int, digest: bytes, detail: bytes) -> bytes:
    """``detail`` (the salt, and then what is canonical) as it stands beside the entry of this hash at this place."""
    return key.seal(detail, _aad(chain_id, position, digest))


def open_detail(key: SealKey, chain_id: str, row: Row) -> tuple[bytes, bytes] | None:
    """The (salt, canonical detail) beside an entry, or None if erased. Raises SealBroken if either was changed."""
    if row["sealed"] is None:
        return None
    opened = key.open(row["sealed"], _aad(chain_id, row["position"], leaf_hash(row["body"])))
    return opened[:32], opened[32:]


def is_sealed(key: SealKey, chain_id: str, row: Row) -> bool:
    """Whether the entry is what was written: its detail is there, and was sealed for it with the log key."""
    try:
        return open_detail(key, chain_id, row) is not None
    except (SealBroken, TypeError, ValueError):
        return False


def _aad(chain_id: str, position: int, digest: bytes) -> bytes:
    return aad("2", "log detail", chain_id, str(position), digest.hex())
