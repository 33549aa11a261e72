"""The audit log's head as a client keeps it: once seen, never smaller, never another.

The service signs its log's head as a checkpoint in the C2SP formats `tlog-checkpoint` and `signed-note`:

    origin line                 which log
    decimal size                how many entries
    base64 SHA-256              the Merkle root (RFC 9162 hashing)

    — name base64(key hash ‖ Ed25519 signature)

Whoever keeps the newest head it has seen notices a log that was cut or rewritten: by a smaller size at
once, by another root of the same size at once, and by a larger log that is no continuation as soon as it
asks for the consistency proof. Give the verifier key out of band; without it sizes are compared, and
signatures are not.

When the service takes another key, both sign for a while, and each head names the new key above their
signatures (`next key name+hash+base64`, under the root). `Checkpoints` takes it over from the key it
trusts, and drops the old one once that signs no more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from consent_clients.problems import LogRolledBack, ProofBroken

ED25519 = b"\x01"
"""The signature type of signed-note that is Ed25519."""

NEXT_KEY = "next key "
"""Begins the line under a head's root that names the key which takes over."""


@dataclass(frozen=True)
class Checkpoint:
    """A log's head: `size` entries whose Merkle root is `root`."""

    origin: str
    size: int
    root: bytes
    note: str

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Reads a signed note. Raises `ProofBroken` if it is no checkpoint; the signature is not looked at."""
        text, separator, signatures = note.partition("\n\n")
        lines = text.split("\n")
        if not separator or not signatures.startswith("— ") or len(lines) < 3 or not lines[0]:
            raise ProofBroken("not a checkpoint")
        origin, size, root = lines[:3]
        if not (size.isascii() and size.isdecimal()) or (size != "0" and size.startswith("0")):
            raise ProofBroken("not a checkpoint: size")
        return cls(origin, int(size), _base64(root, length=32), note)

    @property
    def next_key(self) -> VerifierKey | None:
        """The key that takes over, if the head names one; believe it from a key that you trust alone."""
        for line in self.note.partition("\n\n")[0].split("\n")[3:]:
            if line.startswith(NEXT_KEY):
                named = VerifierKey.parse(line.removeprefix(NEXT_KEY))
                return named if named.name == self.origin else None
        return None

    def signed_by(self, key: VerifierKey) -> bool:
        """True if one of the note's signature lines is this key's and holds over the note's text."""
        text, _, signatures = self.note.partition("\n\n")
        for line in signatures.splitlines():
            name, _, encoded = line.removeprefix("— ").rpartition(" ")
            if name == key.name and key.verifies(_base64(encoded), f"{text}\n".encode()):
                return True
        return False


@dataclass(frozen=True)
class VerifierKey:
    """A signed-note verifier key: name, and 32 bytes of Ed25519."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Reads `name+hash+base64(type ‖ key)`, the form in which operators hand such keys out."""
        name, _, rest = text.partition("+")
        shown, _, encoded = rest.partition("+")
        raw = _base64(encoded, length=33)
        key = cls(name, raw[1:])
        if raw[:1] != ED25519 or key.hash.hex() != shown:
            raise ProofBroken("not a verifier key")
        return key

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> VerifierKey:
        """Reads the key as the service publishes it (RFC 8037; `kid` is the log's origin, `+` and the key's hash).

        Keep what was read the first time: a key fetched together with what it signs proves little.
        """
        if (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519"):
            raise ProofBroken("not an Ed25519 key")
        encoded = str(jwk["x"]).translate(str.maketrans("-_", "+/"))
        name, _, shown = str(jwk["kid"]).rpartition("+")
        key = cls(name, _base64(encoded + "=" * (-len(encoded) % 4), length=32))
        if key.hash.hex() != shown:
            raise ProofBroken("not the key that its name says")
        return key

    def __str__(self) -> str:
        """`name+hash+base64(type ‖ key)`, which `parse` reads."""
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @property
    def hash(self) -> bytes:
        """Four bytes that say which key a signature line is by."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def verifies(self, signature: bytes, text: bytes) -> bool:
        """True if `signature` (key hash first) is by this key over `text`."""
        if signature[:4] != self.hash:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature[4:], text)
        except InvalidSignature:
            return False
        return True


class Checkpoints:
    """Keeps the newest head seen, and the keys that sign it. One for each service, for as long as the party lives.

    Save `newest.note` and each `str(key)` of `keys`, the newest first, and begin with them again.
    """

    def __init__(self, *, keys: Iterable[VerifierKey] = (), newest: Checkpoint | None = None) -> None:
        self.keys = tuple(keys)
        self.newest = newest

    @property
    def size(self) -> int:
        """How many entries the newest head seen has; 0 when none was seen."""
        return 0 if self.newest is None else self.newest.size

    def see(self, note: str, *, held: int) -> Checkpoint:
        """Takes a head in; `held` is the `size` from when its call was *sent*.

        So heads that come back out of order are no roll-back, and a log that shrank is. Raises
        `LogRolledBack` if the log is smaller than `held`, has another root at the newest size, or is
        another log; `ProofBroken` if none of `keys` signed it.
        """
        seen = Checkpoint.parse(note)
        signers = tuple(key for key in self.keys if seen.signed_by(key))
        if self.keys and not signers:
            raise ProofBroken("the checkpoint is not signed by the log's key")
        if seen.size < held:
            raise LogRolledBack(f"the log had {held} entries and now shows {seen.size}")
        if self.newest is not None:
            _refuse_contradiction(self.newest, seen)
        if self.newest is None or seen.size > self.newest.size:
            self.newest = seen
            self._change_keys(seen, signers)
        return seen

    def _change_keys(self, seen: Checkpoint, signers: tuple[VerifierKey, ...]) -> None:
        """Takes over the key that a trusted one names and that signs itself; drops older ones that sign no more."""
        if not signers:
            return
        newest = self.keys.index(signers[0])
        self.keys = (*self.keys[:newest], *signers)
        named = seen.next_key
        if named is not None and named not in self.keys and seen.signed_by(named):
            self.keys = (named, *self.keys)


def _refuse_contradiction(held: Checkpoint, seen: Checkpoint) -> None:
    if held.origin != seen.origin:
        raise LogRolledBack("the checkpoint is of another log")
    if held.size == seen.size and held.root != seen.root:
        raise LogRolledBack(f"the log's first {seen.size} entries are other ones than before")


def verify_consistency(older: Checkpoint, newer: Checkpoint, proof: Sequence[bytes]) -> None:
    """Checks by RFC 9162, 2.1.4.2 that `newer` continues `older`. Raises `LogRolledBack` if it does not."""
    if not _consistent(older, newer, list(proof)):
        raise LogRolledBack(f"the log of {newer.size} entries does not continue the one of {older.size}")


def _consistent(older: Checkpoint, newer: Checkpoint, proof: list[bytes]) -> bool:
    if older.size == newer.size:
        return older.root == newer.root and not proof
    if older.size == 0:
        return not proof
    if older.size > newer.size or not proof:
        return False
    if older.size & (older.size - 1) == 0:
        proof.insert(0, older.root)
    first, second = older.size - 1, newer.size - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    old_root = new_root = proof[0]
    for node in proof[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            old_root, new_root = _parent(node, old_root), _parent(node, new_root)
            while first and not first & 1:
                first, second = first >> 1, second >> 1
        else:
            new_root = _parent(new_root, node)
        first, second = first >> 1, second >> 1
    return second == 0 and (old_root, new_root) == (older.root, newer.root)


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _base64(text: str, *, length: int | None = None) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as broken:
        raise ProofBroken("not base64") from broken
    if length is not None and len(raw) != length:
        raise ProofBroken(f"not {length} bytes")
    return raw
