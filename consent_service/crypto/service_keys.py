"""The service's own keys, one use each, as values that can do nothing but that use.

``lookup``       finds a person by number without storing the number (keyed hash)
``rows``         proves that consent terms and states are as we wrote them (MAC)
``log``          seals the details beside log entries, and proves the heads of the chains (MAC)
``waiting``      seals what waits for people who have not come yet, and stored answers
``receipts``     signs receipts (JWS, ES256)
``checkpoints``  signs the log's heads (Ed25519)
``sessions``     seals the identity number in a person's session with our pages
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import new_key, open_sealed, seal

USES = ("lookup", "rows", "log", "waiting", "receipts", "sessions")
CHECKPOINTS = "checkpoints"
"""Apart from the others: it is changed while the service runs (``Signers``)."""
LATER = frozenset({"sessions"})
"""Uses that older databases lack. A key for one may still be made: nothing was ever sealed for it."""


class MacKey:
    """HMAC-SHA256 under one key."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Take the raw key (32 bytes)."""
        self._key = key

    def mac(self, message: bytes) -> bytes:
        """The 32-byte MAC of ``message``."""
        return hmac.digest(self._key, message, "sha256")

    def verify(self, message: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is that of ``message``, compared in constant time."""
        return hmac.compare_digest(self.mac(message), mac)


class SealKey:
    """Seals and opens envelopes under one key. ``beside`` makes MACs under a key of its own, derived from that one."""

    __slots__ = ("_key", "beside")

    def __init__(self, key: bytes) -> None:
        """Take the raw key (32 bytes)."""
        self._key = key
        self.beside = MacKey(hmac.digest(key, b"MAC beside what is sealed 1", hashlib.sha256))

    def seal(self, plaintext: bytes, authenticated: bytes) -> bytes:
        """See ``envelope.seal``."""
        return seal(self._key, plaintext, authenticated)

    def open(self, envelope: bytes, authenticated: bytes) -> bytes:
        """See ``envelope.open_sealed``. Raises SealBroken."""
        return open_sealed(self._key, envelope, authenticated)


class ReceiptKey:
    """Signs receipts as compact JWS with ES256 (RFC 7515, RFC 7518 3.4)."""

    __slots__ = ("_header", "_key", "_public", "jwk", "kid")

    def __init__(self, secret: bytes) -> None:
        """Take the private scalar (32 bytes)."""
        self._key = _p256(secret)
        self._public = self._key.public_key()
        numbers = self._public.public_numbers()
        point = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
        self.kid = _base64url(hashlib.sha256(canonical(point)).digest())  # RFC 7638 thumbprint
        self.jwk: dict[str, str] = {**point, "kid": self.kid, "alg": "ES256", "use": "sig"}
        self._header = canonical({"alg": "ES256", "kid": self.kid, "typ": "JWT"})

    def sign(self, payload: bytes) -> str:
        """``payload`` as a compact JWS."""
        signed = f"{_base64url(self._header)}.{_base64url(payload)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def verified(self, jws: str) -> bytes | None:
        """The payload of a compact JWS that this key signed, with this algorithm; None for any other text."""
        signed, _, signature = jws.rpartition(".")
        try:
            raw, header, payload = _raw(signature), *map(_raw, signed.split("."))
            if len(raw) != 64 or header != self._header:
                return None
            der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            self._public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return None
        return payload


def payload(jws: str) -> bytes:
    """The payload of a compact JWS whose signature has been verified, or that a MAC of ours covers."""
    return _raw(jws.split(".")[1])


class CheckpointKey:
    """Signs the log's checkpoints with Ed25519 (C2SP signed-note)."""

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        """Take the private seed (32 bytes)."""
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of ``message``."""
        return self._key.sign(message)


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is that of the key whose 32 public bytes are given, over exactly ``message``."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, repr=False)
class Signers:
    """Whose signatures on the log's heads count: ``signing`` signs them, ``leaving`` too while the one takes over from
    the other, and ``former`` are the public keys of those that did before.
    """

    signing: CheckpointKey
    leaving: CheckpointKey | None = None
    former: tuple[bytes, ...] = ()

    @property
    def publics(self) -> tuple[bytes, ...]:
        """Their public keys, the one that signs first."""
        leaving = () if self.leaving is None else (self.leaving.public,)
        return (self.signing.public, *leaving, *self.former)


@dataclass(frozen=True, repr=False)
class ServiceKeys:
    """All of them but ``checkpoints``, open. Built once at start, from what the key provider unwrapped."""

    lookup: MacKey
    rows: MacKey
    log: SealKey
    waiting: SealKey
    receipts: ReceiptKey
    sessions: SealKey


def new_secrets() -> dict[str, bytes]:
    """A fresh 32-byte secret for each use."""
    secrets = {use: new_key() for use in (*USES, CHECKPOINTS)}
    while not 0 < int.from_bytes(secrets["receipts"], "big") < _P256_ORDER:  # 1 in 2**32
        secrets["receipts"] = new_key()
    return secrets


def service_keys(secrets: dict[str, bytes]) -> ServiceKeys:
    """The keys of ``secrets``, which must name exactly ``USES``."""
    if set(secrets) != set(USES):
        raise ValueError("a secret for each use, and no other")
    return ServiceKeys(
        lookup=MacKey(secrets["lookup"]),
        rows=MacKey(secrets["rows"]),
        log=SealKey(secrets["log"]),
        waiting=SealKey(secrets["waiting"]),
        receipts=ReceiptKey(secrets["receipts"]),
        sessions=SealKey(secrets["sessions"]),
    )


_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _p256(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(32, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
