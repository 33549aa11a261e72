"""Checkpoints as text: the C2SP formats ``tlog-checkpoint`` and ``signed-note``, written and read.

::

    origin line                 which log
    decimal size                how many leaves
    base64 SHA-256              the Merkle root (RFC 9162)

    — name base64(key id | Ed25519 signature)

While a new key takes over, a checkpoint carries the new signature and the old, and under the root, in an extension line
that both sign, the new key: ``next key name+id+base64``. So whoever trusts the old key learns the new one from nobody
but the old.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from consent_service.crypto.service_keys import Signers, verify_ed25519

_ED25519 = b"\x01"  # signed-note's number for the algorithm
_SIGNATURE = "— "
_NEXT = "next key "


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

    @property
    def next_key(self) -> "VerifierKey | None":
        """The key that takes over, by the word of whoever signed this."""
        lines = self.text.decode().split("\n")[3:]
        named = [read_verifier_key(line.removeprefix(_NEXT)) for line in lines if line.startswith(_NEXT)]
        return named[0] if named and named[0] is not None and named[0].name == self.origin else None

    def signed_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Whether one of ``keys``, by its name and id, signed exactly this text."""
        return any(
            name == key.name and signature[:4] == key.id and verify_ed25519(key.public, signature[4:], self.text)
            for key in keys
            for name, signature in self.signatures
        )


def signed_note(signers: Signers, origin: str, size: int, root: bytes) -> str:
    """A checkpoint, signed in ``origin``'s name; by both keys while one takes over from the other."""
    signing = VerifierKey(origin, signers.signing.public)
    text, keys = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n", [signers.signing]
    if signers.leaving is not None:
        text, keys = f"{text}{_NEXT}{signing}\n", [*keys, signers.leaving]
    lines = []
    for key in keys:
        signature = VerifierKey(origin, key.public).id + key.sign(text.encode())
        lines.append(f"{_SIGNATURE}{origin} {base64.b64encode(signature).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def verifier_keys(signers: Signers, origin: str) -> list[VerifierKey]:
    """Whose signatures on ``origin``'s checkpoints count, the key that signs first."""
    return [VerifierKey(origin, public) for public in signers.publics]


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
