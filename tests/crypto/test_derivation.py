import hashlib
import hmac

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from hypothesis import given
from hypothesis import strategies as st

from consent_service.crypto.derivation import derive_key, stretched


def test_a_derived_key_needs_every_half_and_its_purpose() -> None:
    """Another half, another order, other borders between the halves, or another purpose: another key."""
    key = derive_key(b"one", b"two", purpose="p")
    others = [
        derive_key(b"one", purpose="p"),
        derive_key(b"two", b"one", purpose="p"),
        derive_key(b"onet", b"wo", purpose="p"),
        derive_key(b"one", b"two", b"", purpose="p"),
        derive_key(b"one", b"two", purpose="q"),
    ]
    assert derive_key(b"one", b"two", purpose="p") == key
    assert len({key, *others}) == 6
    assert {len(each) for each in (key, *others)} == {32}


@given(st.lists(st.binary(max_size=6)), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_a_derived_key_is_hkdf_over_its_halves_with_their_lengths(halves: list[bytes], purpose: str) -> None:
    """RFC 5869 with SHA-256 and no salt, written a second time: one extraction and one expansion."""
    material = b"".join(len(half).to_bytes(4, "big") + half for half in halves)
    root = hmac.digest(bytes(32), material, hashlib.sha256)
    assert derive_key(*halves, purpose=purpose) == hmac.digest(root, purpose.encode() + b"\x01", hashlib.sha256)


def test_a_typed_secret_is_stretched_as_stated() -> None:
    """The bytes are scrypt's (RFC 7914) with N = 2**14, r = 8, p = 1, as a second implementation has them."""
    expected = Scrypt(salt=b"salt", length=32, n=2**14, r=8, p=1).derive(b"ABCDEFGHJKM")
    assert stretched("ABCDEFGHJKM", salt=b"salt") == expected
    assert stretched("ABCDEFGHJKM", salt=b"other") != expected
