"""Envelopes: they open with one key, for one purpose, unchanged; everything else is one and the same error."""

from __future__ import annotations

from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from consent_service.crypto.envelope import SealBroken, aad, new_key, open_sealed, seal

KEYS = st.binary(min_size=32, max_size=32)
HEADER, SALT, COMMITMENT, TAG = 3, 32, 32, 16
OVERHEAD = HEADER + SALT + COMMITMENT + TAG


def refused(key: bytes, envelope: bytes, authenticated: bytes = b"for") -> str:
    """What an envelope that must not open is refused with."""
    with pytest.raises(SealBroken) as raised:
        open_sealed(key, envelope, authenticated)
    assert raised.value.__cause__ is None
    return repr(raised.value)


def second_reading(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """The inner key and the commitment, by the library's own HKDF."""
    derived = HKDF(SHA256(), length=64, salt=salt, info=b"consent-service envelope 1").derive(key)
    return derived[:32], derived[32:]


@given(KEYS, st.binary(max_size=2_000), st.binary(max_size=200))
def test_what_is_sealed_opens(key: bytes, plaintext: bytes, authenticated: bytes) -> None:
    """For the same key and the same purpose it is the same bytes again, at a fixed cost in length."""
    envelope = seal(key, plaintext, authenticated)
    assert open_sealed(key, envelope, authenticated) == plaintext
    assert len(envelope) == len(plaintext) + OVERHEAD


@given(KEYS, st.binary(max_size=100), st.binary(max_size=100))
def test_the_format_is_what_its_page_says(key: bytes, plaintext: bytes, authenticated: bytes) -> None:
    """Whoever reads the module's first lines can write a reader in another language."""
    envelope = seal(key, plaintext, authenticated)
    header, salt, commitment = envelope[:3], envelope[3:35], envelope[35:67]
    inner, expected = second_reading(key, salt)
    assert (header, commitment) == (b"CS\x01", expected)
    assert AESGCM(inner).decrypt(bytes(12), envelope[67:], header + authenticated) == plaintext


def test_every_flipped_bit_is_refused_with_the_same_error() -> None:
    """Header, salt, commitment, ciphertext and tag: which of them was changed can't be told."""
    key = new_key()
    envelope = seal(key, b"small", b"for")
    errors = set()
    for position in range(len(envelope)):
        for bit in range(8):
            changed = bytearray(envelope)
            changed[position] ^= 1 << bit
            errors.add(refused(key, bytes(changed)))
    errors.add(refused(new_key(), envelope))
    errors.add(refused(key, envelope, b"against"))
    assert len(errors) == 1


def test_every_truncation_and_extension_is_refused() -> None:
    """To any length, from either end."""
    key = new_key()
    envelope = seal(key, b"small", b"for")
    for length in range(len(envelope)):
        refused(key, envelope[:length])
        refused(key, envelope[len(envelope) - length :])
    refused(key, envelope + b"\x00")
    refused(key, b"\x00" + envelope)


@pytest.mark.parametrize("header", [b"CS\x00", b"CS\x02", b"CS\xff", b"cs\x01", b"\x00\x00\x01"])
def test_another_format_is_refused(header: bytes) -> None:
    """There is no reader to be downgraded to."""
    key = new_key()
    refused(key, header + seal(key, b"small", b"for")[HEADER:])


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(noise: bytes) -> None:
    """With or without the right first bytes."""
    refused(bytes(32), noise)
    refused(bytes(32), b"CS\x01" + noise)


def test_no_envelope_opens_under_two_keys() -> None:
    """AES-GCM lets whoever knows two keys make one ciphertext for both; the commitment names one of them.

    Put the second key's commitment in: the first no longer opens, and the second meets a tag that is not its own.
    """
    first, second = new_key(), new_key()
    envelope = seal(first, b"small", b"for")
    salt = envelope[HEADER : HEADER + SALT]
    swapped = envelope[: HEADER + SALT] + second_reading(second, salt)[1] + envelope[HEADER + SALT + COMMITMENT :]
    refused(first, swapped)
    refused(second, swapped)
    refused(second, envelope)


def test_the_commitment_is_checked_and_not_only_the_tag() -> None:
    """A tag that is right under the key does not help an envelope whose commitment is another's."""
    key = new_key()
    envelope = seal(key, b"small", b"for")
    body = envelope[HEADER + SALT + COMMITMENT :]
    refused(key, envelope[: HEADER + SALT] + bytes(COMMITMENT) + body)


def test_the_same_content_is_never_sealed_alike() -> None:
    """Neither salt nor ciphertext tells that two parts are equal."""
    key = new_key()
    envelopes = [seal(key, b"small", b"for") for _ in range(100)]
    assert len({envelope[HEADER : HEADER + SALT] for envelope in envelopes}) == 100
    assert len({envelope[-TAG:] for envelope in envelopes}) == 100


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_has_32_bytes(length: int) -> None:
    """Another length is a mistake of ours, not a broken seal."""
    with pytest.raises(ValueError, match="32 bytes"):
        seal(bytes(length), b"small", b"for")
    with pytest.raises(ValueError, match="32 bytes"):
        open_sealed(bytes(length), seal(bytes(32), b"small", b"for"), b"for")


def test_new_keys_are_new() -> None:
    """32 bytes, never the same."""
    keys = [new_key() for _ in range(100)]
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == 100


FIELDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=5)


@given(FIELDS, FIELDS)
def test_no_two_lists_of_fields_look_alike(one: list[str], other: list[str]) -> None:
    """Where one field ends and the next begins is in the bytes: ("ab", "c") is not ("a", "bc")."""
    assert (aad(*one) == aad(*other)) == (one == other)


def test_fields_that_were_moved_along_look_different() -> None:
    """The same letters cut elsewhere, an empty field more, or a length written as text."""
    lists = [("abc",), ("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), (), ("",), ("\x00\x00\x00\x01a",), ("a",)]
    assert all(one != other for one, other in pairwise(sorted(aad(*fields) for fields in lists)))


@pytest.mark.parametrize("letters", ["abc", "æøå", "\U0001f5dd\ufe0fé", "x" * 70_000])
def test_a_field_is_its_bytes_with_their_number_before_them(letters: str) -> None:
    """Whatever its letters, and however long: four bytes of length, big end first, then UTF-8."""
    raw = letters.encode()
    assert aad("a", letters) == b"\x00\x00\x00\x01a" + len(raw).to_bytes(4, "big") + raw
    assert aad(letters, "") != aad(letters)
    assert aad(letters[:1], letters[1:]) != aad(letters)
