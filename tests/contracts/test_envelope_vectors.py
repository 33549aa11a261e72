"""Known answers, frozen: what was written in format 1 opens for as long as anything written in it may exist.

A change that fails here is a change of a stored format. It takes a new version beside the old one, not a new vector.
"""

from __future__ import annotations

import pytest

from consent_service.audit.sequencer import signed_note
from consent_service.crypto.canonical import canonical
from consent_service.crypto.derivation import derive_key
from consent_service.crypto.envelope import SealBroken, aad, open_sealed
from consent_service.crypto.keyring import LocalKeyring
from consent_service.crypto.service_keys import USES, CheckpointKey, Signers, service_keys
from consent_service.vault.parts import PartRef, ShareTerms

KEY = bytes(range(32))
CONTENT = "Motorer og fjell, æøå".encode()
REF = PartRef("c", "note", "n", 3, "question_nav:q1")
FOR = aad("1", "part", "c")

EMPTY = bytes.fromhex(
    "435301ce1d3da60a58b37fd48eae6cc4423cfc1b795923f37d7bb3f660cecdf79a9f8b2463f067467af604d67b0afafab2839069ef46bebeb3"
    "8a28b23f6a1603dd361263096bf250174e11d495828c7b94fe36"
)
SEALED = bytes.fromhex(
    "4353014058639a5157ad88b69a845c71e9a0ff19410177392613bc5cf13ca0b9112b8f1890a40ce37d472bd19badb697c03079e08c15793fea"
    "00aa59a52708ab3deecdb5f19434113814e5cfbb530f7defcc800280ad15b11a554f34f56df452b6a6b315abb886222cd30b"
)
WRAPPED = bytes.fromhex(
    "00000007435301bc0cd126935e54a40bcb4dddf43a5927b00dae6fcad18d338612d68d5ed3a7b3f17c07db466dd92cd9d599aff680ffa0ff19"
    "299d3e23cb2609a521febb7177d043a7bf27499fbb32413cbcbf5a2b8f63b500de48c6fdf5529f6ebb207145064a05739207dab2465bdb2555"
    "d1e2b0418a"
)
PLACE = (
    "0000000163"  # c
    "000000046e6f7465"  # note
    "000000016e"  # n
    "0000000133"  # 3
    "0000000f7175657374696f6e5f6e61763a7131"  # question_nav:q1
)
NOTE = (
    "consent.example.no/log\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n"
    "— consent.example.no/log "
    "s73b180Id4qzZxnkJVVYA9826S7rwKVFJp06a4kmCbcPPXwOBYH55W9PI+dvB40a00v9qGKHPGFs2y63VdhrzwBJfwA=\n"
)


def test_envelopes_of_format_1_open() -> None:
    """With nothing in them, and with text."""
    assert open_sealed(KEY, EMPTY, b"") == b""
    assert open_sealed(KEY, SEALED, FOR) == CONTENT


@pytest.mark.parametrize(
    ("key", "envelope", "authenticated"),
    [
        (KEY, SEALED, b""),
        (KEY, SEALED, aad("1", "part", "d")),
        (bytes(32), SEALED, FOR),
        (KEY, b"CS\x00" + SEALED[3:], FOR),
        (KEY, b"CS\x02" + SEALED[3:], FOR),
        (KEY, SEALED[:35] + EMPTY[35:67] + SEALED[67:], FOR),
        (KEY, SEALED[:67] + EMPTY[67:], FOR),
        (KEY, SEALED[:-1], FOR),
        (KEY, EMPTY, b"\x00"),
    ],
    ids=["no aad", "other aad", "other key", "format 0", "format 2", "commitment", "body", "cut", "more aad"],
)
def test_what_is_not_quite_that_is_refused(key: bytes, envelope: bytes, authenticated: bytes) -> None:
    """The golden refusals beside the golden successes."""
    with pytest.raises(SealBroken):
        open_sealed(key, envelope, authenticated)


async def test_a_wrapped_key_unwraps() -> None:
    """Its version in four bytes, then an envelope that authenticates the version and what the key is for."""
    keyring = LocalKeyring({7: KEY})
    assert keyring.version_of(WRAPPED) == 7
    assert await keyring.unwrap(WRAPPED, aad("candidate key", "c")) == bytes(range(32, 64))


def test_what_parts_and_shares_are_bound_to() -> None:
    """Format, kind, candidate, resource, id, version and part; for a share the consent, recipient, purpose and end."""
    terms = ShareTerms("k", "u", "guidance_follow_up", 1_798_758_000_000_000)
    assert REF.content_aad().hex() == "0000000131" + "0000000470617274" + PLACE
    assert REF.key_aad().hex() == "0000000131" + "0000000864617461206b6579" + PLACE
    assert terms.aad(REF).hex() == (
        "0000000131"
        + "000000057368617265"
        + PLACE
        + "000000016b"  # k
        + "0000000175"  # u
        + "0000001267756964616e63655f666f6c6c6f775f7570"  # guidance_follow_up
        + "0000001031373938373538303030303030303030"  # 1798758000000000
    )


def test_derived_keys_and_macs() -> None:
    """A draft's key from its two halves; the keyed hash that finds a person by number."""
    assert derive_key(b"one", b"two", purpose="p").hex() == (
        "2022d455d732555ae8645ac760ebf909ebb96a4a2aac8fdda8e69119e482ba7f"
    )
    keys = service_keys({use: bytes([number + 1]) * 32 for number, use in enumerate(USES)})
    assert keys.lookup.mac(b"m").hex() == "57396a59edb35cb7926e4528a0fe73f1d3764c0d636c0ebb45c58fbf21ee06d9"


def test_the_keys_that_others_verify_with() -> None:
    """The JWK of receipts by its thumbprint, the public key of checkpoints, and a checkpoint's text."""
    keys = service_keys({use: bytes([number + 1]) * 32 for number, use in enumerate(USES)})
    assert keys.receipts.jwk == {
        "alg": "ES256",
        "crv": "P-256",
        "kid": "6uuEaX_87uMh4VKEtSDkENgjC0g7Evt6vliSnD7XSDE",
        "kty": "EC",
        "use": "sig",
        "x": "B4EOqXTOpXc-Y7iX83476aCeel_puXGkTRBlrCo6kxE",
        "y": "Y35HpPmUZKD9zkSojsfXA6kYPB0GVS2eLWt2BpSBxXc",
    }
    signing = CheckpointKey(bytes([6]) * 32)
    assert signing.public.hex() == "8a875fff1eb38451577acd5afee405456568dd7c89e090863a0557bc7af49f17"
    note = signed_note(Signers(signing), "consent.example.no/log", 3, KEY)
    assert note == NOTE


def test_canonical_bytes() -> None:
    """Sorted keys, no spaces, UTF-8."""
    value = {"valid_until": 1, "parts": ["æ", None, True], "": {"b": "\x1f\n", "a": -1}}
    assert canonical(value) == '{"":{"a":-1,"b":"\\u001f\\n"},"parts":["æ",null,true],"valid_until":1}'.encode()
