"""Checkpoints as text: the C2SP formats ``tlog-checkpoint`` and ``signed-note``, written and read.

::

    origin line                 which log
    decimal size                how many leaves
    base64 SHA-256              the Merkle root (RFC 9162)

    — name base64(key id | Ed25519 signature)

There may be several signature lines: after a new key took over, one checkpoint carries the old signature and the new.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from consent_service.crypto.service_keys import CheckpointKey, verify_ed25519

_ED25519 = b"\x01"  # signed-note's number for the algorithm
_SIGNATURE = "— "


@dataclass(frozen=True)
class VerifierKey:
    """Who may sign a checkpoint: a name, and the 32 bytes of an Ed25519 public key."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """C2SP signed-note: the first four bytes of SHA-256(name, newline, algorithm, key)."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """``name+id+base64(algorithm | key)``, the form in which operators hand such keys out."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True)
class Note:
    """A checkpoint that was read. ``text`` is what its signatures are over."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def signed_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Whether one of ``keys``, by its name and id, signed exactly this text."""
        return any(
            name == key.name and signature[:4] == key.id and verify_ed25519(key.public, signature[4:], self.text)
            for key in keys
            for name, signature in self.signatures
        )


def signed_note(key: CheckpointKey, origin: str, size: int, root: bytes, *others: CheckpointKey) -> str:
    """A checkpoint, signed in ``origin``'s name by ``key`` and by each of ``others``."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    lines = [
        f"{_SIGNATURE}{origin} {base64.b64encode(key_id(origin, one.public) + one.sign(text.encode())).decode()}\n"
        for one in (key, *others)
    ]
    return f"{text}\n{''.join(lines)}"


def key_id(name: str, public: bytes) -> bytes:
    """How a signature line says which key it is by."""
    return VerifierKey(name, public).id


def read_note(note: str) -> Note | None:
    """The checkpoint that ``note`` is, or None if it is none. Its signatures are not looked at."""
    text, separator, lines = note.partition("\n\n")
    parts = text.split("\n")
    if not separator or len(parts) < 3 or not parts[0]:
        return None
    try:
        size, root = int(parts[1]), base64.b64decode(parts[2], validate=True)
        signatures = tuple(_signature(line) for line in lines.splitlines())
    except (ValueError, binascii.Error):
        return None
    if str(size) != parts[1] or size < 0 or len(root) != 32:
        return None
    return Note(parts[0], size, root, f"{text}\n".encode(), signatures)


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(_SIGNATURE):
        raise ValueError
    name, _, encoded = line.removeprefix(_SIGNATURE).rpartition(" ")
    return name, base64.b64decode(encoded, validate=True)


def read_verifier_key(text: str) -> VerifierKey | None:
    """The key that ``str`` of one says, or None."""
    name, _, rest = text.partition("+")
    shown, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return None
    key = VerifierKey(name, raw[1:])
    return key if len(raw) == 33 and raw[:1] == _ED25519 and key.id.hex() == shown else None
