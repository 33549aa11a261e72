"""The service's own keys: one use each, verified by other implementations, and never shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from jose import jwk, jws
from jose.exceptions import JWSError

from consent_service.crypto.envelope import SealBroken, open_sealed
from consent_service.crypto.service_keys import (
    CHECKPOINTS,
    USES,
    CheckpointKey,
    MacKey,
    ReceiptKey,
    SealKey,
    new_secrets,
    service_keys,
)

SECRETS = {use: bytes([number + 1]) * 32 for number, use in enumerate(USES)}


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_mac_is_that_of_one_message(message: bytes, other: bytes) -> None:
    """HMAC-SHA256 (RFC 2104), and it verifies for the message it was made of."""
    key = MacKey(SECRETS["rows"])
    mac = key.mac(message)
    assert mac == hmac.new(SECRETS["rows"], message, hashlib.sha256).digest()
    assert key.verify(message, mac)
    assert key.verify(other, mac) == (other == message)


def test_a_mac_of_another_key_or_length_does_not_verify() -> None:
    """Cut short, empty or another's: each is just not the MAC."""
    key, mac = MacKey(bytes(32)), MacKey(bytes(32)).mac(b"message")
    for wrong in (MacKey(b"\x01" * 32).mac(b"message"), mac[:-1], mac[:16], b"", mac + b"\x00"):
        assert not key.verify(b"message", wrong)


def test_a_seal_key_seals_envelopes() -> None:
    """What it seals, it opens for the same purpose alone, and so does the envelope's own reader."""
    key = SealKey(SECRETS["log"])
    envelope = key.seal(b"content", b"for")
    assert key.open(envelope, b"for") == open_sealed(SECRETS["log"], envelope, b"for") == b"content"
    with pytest.raises(SealBroken):
        key.open(envelope, b"against")
    with pytest.raises(SealBroken):
        SealKey(SECRETS["waiting"]).open(envelope, b"for")


def test_a_receipt_verifies_with_its_published_key() -> None:
    """As a compact JWS with ES256, by another implementation that has the JWK alone."""
    key = ReceiptKey(SECRETS["receipts"])
    payload = json.dumps({"said": "yes", "til": "fylket"}).encode()
    token = key.sign(payload)
    assert jws.verify(token, jwk.construct(key.jwk), algorithms="ES256") == payload
    assert jws.get_unverified_header(token) == {"alg": "ES256", "kid": key.kid, "typ": "JWT"}


def test_a_receipt_that_was_changed_does_not_verify() -> None:
    """Another header, payload, signature or key."""
    key, other = ReceiptKey(SECRETS["receipts"]), ReceiptKey(SECRETS["rows"])
    header, payload, signature = key.sign(b'{"n":1}').split(".")
    _, another, another_signature = key.sign(b'{"n":2}').split(".")
    for token, public in [
        (f"{header}.{another}.{signature}", key),
        (f"{header}.{payload}.{another_signature}", key),
        (f"{header}.{payload}.", key),
        (f"{header}.{payload}.{signature}", other),
    ]:
        with pytest.raises(JWSError):
            jws.verify(token, jwk.construct(public.jwk), algorithms="ES256")


def test_only_a_receipt_is_one() -> None:
    """Whatever else was signed with the key, under another header, is none; nor is what was changed."""
    secret = SECRETS["receipts"]
    key = ReceiptKey(secret)
    pem = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    own = key.sign(b'{"n":1}')
    assert key.verified(own) == b'{"n":1}'
    for changed in ({"typ": "at+jwt"}, {"kid": "another"}, {"crit": ["b64"], "b64": False}):
        other = jws.sign(b'{"n":1}', pem.decode(), headers={"kid": key.kid, **changed}, algorithm="ES256")
        assert key.verified(other) is None
    for spoilt in ("", "a.b", own[:-1], own + "A", own.replace(".", "..", 1), ReceiptKey(SECRETS["rows"]).sign(b"{}")):
        assert key.verified(spoilt) is None


def test_a_receipt_key_publishes_its_public_half_alone() -> None:
    """The JWK has no private member, and is named by its thumbprint (RFC 7638)."""
    key = ReceiptKey(SECRETS["receipts"])
    assert set(key.jwk) == {"crv", "kty", "x", "y", "kid", "alg", "use"}
    members = f'{{"crv":"P-256","kty":"EC","x":"{key.jwk["x"]}","y":"{key.jwk["y"]}"}}'
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()
    assert key.kid == key.jwk["kid"] == thumbprint


def test_coordinates_have_their_full_length() -> None:
    """RFC 7518 6.2.1.2: 32 octets each, zeros in front included."""
    for number in range(1, 300):
        published = ReceiptKey(number.to_bytes(32, "big")).jwk
        assert {len(published["x"]), len(published["y"])} == {43}


def test_a_checkpoint_verifies_with_its_public_key() -> None:
    """Ed25519, 64 bytes, over the whole message."""
    key = CheckpointKey(bytes(range(32)))
    signature = key.sign(b"head")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    public.verify(signature, b"head")
    assert len(signature) == 64
    for wrong, message in [(signature, b"heads"), (bytes(64), b"head")]:
        with pytest.raises(InvalidSignature):
            public.verify(wrong, message)


def test_new_secrets_are_one_for_each_use() -> None:
    """32 bytes each, all different, and different the next time."""
    one, other = new_secrets(), new_secrets()
    assert set(one) == {*USES, CHECKPOINTS}
    assert {len(secret) for secret in one.values()} == {32}
    assert len({*one.values(), *other.values()}) == 2 * len(one)
    service_keys({use: one[use] for use in USES})


def test_a_use_without_a_secret_or_a_secret_without_a_use_is_refused() -> None:
    """Neither can be a service key."""
    for use in USES:
        with pytest.raises(ValueError, match="each use"):
            service_keys({name: secret for name, secret in SECRETS.items() if name != use})
    with pytest.raises(ValueError, match="each use"):
        service_keys({**SECRETS, "spare": bytes(32)})


def test_each_use_has_its_own_secret() -> None:
    """No key does another's work: what one made, no other verifies or opens."""
    keys = service_keys(SECRETS)
    assert keys.lookup.mac(b"m") != keys.rows.mac(b"m")
    with pytest.raises(SealBroken):
        keys.waiting.open(keys.log.seal(b"m", b""), b"")
    with pytest.raises(SealBroken):
        keys.log.open(keys.sessions.seal(b"m", b""), b"")
    assert keys.lookup.mac(b"m") == MacKey(SECRETS["lookup"]).mac(b"m")
    assert keys.receipts.kid == ReceiptKey(SECRETS["receipts"]).kid


def test_no_secret_is_shown() -> None:
    """Whatever is logged or raised with a key in it has no byte of the key."""
    keys = service_keys(SECRETS)
    shown = "".join(f"{value!r}{value!s}" for value in (keys, *(getattr(keys, use) for use in USES)))
    for secret in SECRETS.values():
        for form in (secret.hex(), repr(secret)[2:-1], base64.b64encode(secret).decode()):
            assert form not in shown
