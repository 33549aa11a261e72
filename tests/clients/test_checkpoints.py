"""The audit log's head, watched: a log that shrinks or changes is noticed by whoever looked before."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from consent_clients.checkpoints import Checkpoint, Checkpoints, VerifierKey, verify_consistency
from consent_clients.problems import LogRolledBack, ProofBroken
from consent_service.app.published import checkpoint_jwk
from consent_service.audit.notes import signed_note, verifier_keys
from consent_service.crypto.service_keys import CheckpointKey, Signers

ORIGIN = "consent.example.org/log"
SIGNING = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey(ORIGIN, SIGNING.public_key().public_bytes_raw())


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, written from its recursive definition."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = largest_power_below(len(leaves))
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def largest_power_below(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def consistency(older: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 9162, 2.1.4.1, SUBPROOF, written from its recursive definition."""
    if older == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = largest_power_below(len(leaves))
    if older <= split:
        return [*consistency(older, leaves[:split], whole=whole), root_of(leaves[split:])]
    return [*consistency(older - split, leaves[split:], whole=False), root_of(leaves[:split])]


def note(size: int, root: bytes, *, origin: str = ORIGIN, signing: Ed25519PrivateKey = SIGNING) -> str:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = KEY.hash + signing.sign(text.encode())
    return f"{text}\n— {ORIGIN} {base64.b64encode(signature).decode()}\n"


def head(leaves: list[bytes]) -> Checkpoint:
    return Checkpoint.parse(note(len(leaves), root_of(leaves)))


ONE, OTHER = hashlib.sha256(b"1").digest(), hashlib.sha256(b"2").digest()


def test_a_larger_head_replaces_a_smaller_one() -> None:
    """The newest head is kept; one that comes late, from a call sent before, is taken without complaint."""
    seen = Checkpoints(keys=[KEY])
    seen.see(note(3, ONE), held=0)
    seen.see(note(5, OTHER), held=3)
    seen.see(note(4, ONE), held=3)
    assert seen.size == 5


def test_a_smaller_head_than_was_held_when_asking_is_a_roll_back() -> None:
    """A log that was cut is refused, and the newest head seen stays."""
    seen = Checkpoints()
    seen.see(note(5, ONE), held=0)
    with pytest.raises(LogRolledBack, match="5 entries and now shows 4"):
        seen.see(note(4, OTHER), held=5)
    assert seen.size == 5


def test_another_root_or_another_log_is_refused() -> None:
    """The same number of entries with another root, or a head of another log, is tampering."""
    seen = Checkpoints(newest=Checkpoint.parse(note(5, ONE)))
    with pytest.raises(LogRolledBack, match="other ones"):
        seen.see(note(5, OTHER), held=5)
    with pytest.raises(LogRolledBack, match="another log"):
        seen.see(note(6, OTHER, origin="elsewhere"), held=5)


def test_with_a_key_the_signature_must_hold() -> None:
    """A head that somebody else signed, or whose text was changed after signing, is refused."""
    forged = note(5, ONE, signing=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    for bad in (forged, note(5, ONE).replace("\n5\n", "\n6\n"), note(5, ONE).replace(f"— {ORIGIN}", "— other")):
        with pytest.raises(ProofBroken, match="not signed"):
            Checkpoints(keys=[KEY]).see(bad, held=0)


def test_verifier_keys_read_back_as_written() -> None:
    """A key in its signed-note form is taken; with a wrong hash or type it is not."""
    encoded = base64.b64encode(b"\x01" + KEY.public).decode()
    assert VerifierKey.parse(f"{ORIGIN}+{KEY.hash.hex()}+{encoded}") == KEY
    other = base64.b64encode(b"\x02" + KEY.public).decode()
    for bad in (f"{ORIGIN}+00000000+{encoded}", f"{ORIGIN}+{KEY.hash.hex()}+{other}", "nothing"):
        with pytest.raises(ProofBroken):
            VerifierKey.parse(bad)


def test_the_published_key_is_the_key_that_signs() -> None:
    """The log's key is read as the service publishes it, and checks what the service signs; no other kind is taken."""
    ours = Signers(CheckpointKey(bytes(range(32))))
    (published,) = map(checkpoint_jwk, verifier_keys(ours, ORIGIN))
    key = VerifierKey.from_jwk(published)
    assert VerifierKey.parse(str(key)) == key
    assert Checkpoint.parse(signed_note(ours, ORIGIN, 5, ONE)).signed_by(key)
    for wrong in ({"kty": "EC", "crv": "P-256"}, {"kid": ORIGIN}, {"kid": published["kid"].replace("org", "com")}):
        with pytest.raises(ProofBroken):
            VerifierKey.from_jwk({**published, **wrong})


OLD, NEW, STRANGER = (CheckpointKey(bytes([number]) * 32) for number in (1, 2, 3))
OLD_KEY, NEW_KEY, STRANGERS_KEY = (VerifierKey(ORIGIN, key.public) for key in (OLD, NEW, STRANGER))


def test_a_new_key_is_learnt_from_the_one_that_is_trusted() -> None:
    """While both sign, whoever holds the old key goes on, and takes the new one over; then the old one is dropped."""
    seen = Checkpoints(keys=[OLD_KEY])
    seen.see(signed_note(Signers(OLD), ORIGIN, 5, ONE), held=0)
    assert list(seen.keys) == [OLD_KEY]
    seen.see(signed_note(Signers(NEW, OLD), ORIGIN, 6, ONE), held=5)
    assert list(seen.keys) == [NEW_KEY, OLD_KEY]
    seen.see(signed_note(Signers(NEW), ORIGIN, 7, ONE), held=6)
    assert list(seen.keys) == [NEW_KEY]
    with pytest.raises(ProofBroken, match="not signed"):
        seen.see(signed_note(Signers(OLD), ORIGIN, 8, ONE), held=7)
    assert seen.size == 7


def test_a_head_that_an_unknown_key_alone_signed_is_refused() -> None:
    """Whoever slept through the time when both signed has to be told the new key; nothing is taken over by itself."""
    seen = Checkpoints(keys=[OLD_KEY])
    seen.see(signed_note(Signers(OLD), ORIGIN, 5, ONE), held=0)
    for unknown in (Signers(NEW), Signers(STRANGER), Signers(STRANGER, NEW)):
        with pytest.raises(ProofBroken, match="not signed"):
            seen.see(signed_note(unknown, ORIGIN, 6, ONE), held=5)
    assert (seen.size, seen.keys) == (5, (OLD_KEY,))


def test_nobody_else_introduces_a_key() -> None:
    """A line that was added without the old key's signature over it, or that names a key which did not sign: no."""
    honest = signed_note(Signers(OLD), ORIGIN, 5, ONE)
    introduced = signed_note(Signers(STRANGER, OLD), ORIGIN, 5, ONE)
    text, lines = introduced.split("\n\n")
    unsigned = f"{text}\n\n{lines.splitlines()[1]}\n"  # by the old key alone
    forged = f"{text}\n\n{honest.partition(chr(10) * 2)[2]}{lines.splitlines()[0]}\n"
    seen = Checkpoints(keys=[OLD_KEY])
    with pytest.raises(ProofBroken, match="not signed"):
        seen.see(forged, held=0)
    seen.see(unsigned, held=0)
    assert seen.keys == (OLD_KEY,)


def test_a_key_that_was_told_beforehand_is_kept_until_it_signs() -> None:
    """Somebody put the coming key in front by hand: a head that only the old one signs does not drop it."""
    seen = Checkpoints(keys=[NEW_KEY, OLD_KEY, STRANGERS_KEY])
    seen.see(signed_note(Signers(OLD), ORIGIN, 5, ONE), held=0)
    assert seen.keys == (NEW_KEY, OLD_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "o\n1\nAAAA\n\n— o AAAA\n",
        note(5, ONE).replace("\n5\n", "\n05\n"),
        note(5, ONE).replace("\n5\n", "\n-5\n"),
        note(5, ONE).replace("\n5\n", "\n٥\n"),
        note(5, ONE).replace("—", "-"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """A malformed head raises the one error that says so."""
    with pytest.raises(ProofBroken):
        Checkpoint.parse(text)


@given(st.integers(0, 40), st.integers(0, 40))
def test_an_appended_log_proves_itself(first: int, more: int) -> None:
    """For every size and every later size the RFC's proof is accepted."""
    leaves = [str(number).encode() for number in range(first + more)]
    proof = consistency(first, leaves) if first else []
    verify_consistency(head(leaves[:first]), head(leaves), proof)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_a_rewritten_log_cannot(first: int, more: int, data: st.DataObject) -> None:
    """If one entry that was there is another one now, no honest proof of the new log satisfies the old head."""
    leaves = [str(number).encode() for number in range(first + more)]
    rewritten = list(leaves)
    rewritten[data.draw(st.integers(0, first - 1))] = b"rewritten"
    with pytest.raises(LogRolledBack):
        verify_consistency(head(leaves[:first]), head(rewritten), consistency(first, rewritten))


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_a_proof_with_a_node_changed_left_out_or_added_is_refused(first: int, more: int, data: st.DataObject) -> None:
    """Each node of a proof counts, and none may be added."""
    leaves = [str(number).encode() for number in range(first + more)]
    proof = consistency(first, leaves)
    place = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:place], ONE, *proof[place + 1 :]]
    for bad in (changed, proof[:place] + proof[place + 1 :], [*proof, ONE]):
        with pytest.raises(LogRolledBack):
            verify_consistency(head(leaves[:first]), head(leaves), bad)


def test_a_smaller_log_continues_nothing() -> None:
    """No proof makes a smaller log the continuation of a larger one."""
    leaves = [b"a", b"b", b"c"]
    with pytest.raises(LogRolledBack):
        verify_consistency(head(leaves), head(leaves[:2]), consistency(2, leaves))
