"""What content is sealed with, and bound to."""

from __future__ import annotations

from tests.faults.fault import in_room

VAULT = "tests/vault"
SHARES = "tests/vault/test_shares.py"
ENVELOPE = "tests/crypto/test_envelope.py"

FAULTS = (
    in_room(
        "vault/parts",
        "a share is not bound to its consent",
        "aad(self.consent_id, self.recipient_id,",
        "aad(self.recipient_id,",
        VAULT,
    ),
    in_room(
        "vault/parts",
        "a share is not bound to its recipient",
        "aad(self.consent_id, self.recipient_id,",
        "aad(self.consent_id,",
        VAULT,
    ),
    in_room(
        "vault/parts",
        "a share is not bound to its purpose",
        "self.recipient_id, self.purpose,",
        "self.recipient_id,",
        VAULT,
    ),
    in_room("vault/parts", "a share is not bound to its end", ", str(self.valid_until))", ")", VAULT),
    in_room(
        "vault/parts",
        "a share is not bound to its part",
        "_SHARE + place + binding",
        "_SHARE + binding",
        SHARES,
    ),
    in_room(
        "vault/parts",
        "a part is not bound to its candidate",
        "aad(self.candidate_id, self.resource,",
        "aad(self.resource,",
        VAULT,
    ),
    in_room("vault/parts", "a part is not bound to what it is a part of", " self.resource_id, str(", " str(", VAULT),
    in_room("vault/parts", "a part is not bound to its version", "str(self.version), self.part)", "self.part)", VAULT),
    in_room(
        "vault/parts", "a part is not bound to its name", "str(self.version), self.part)", "str(self.version))", VAULT
    ),
    in_room(
        "vault/parts",
        "a data key is bound as a share is",
        '_KEY = aad(FORMAT, "data key")',
        '_KEY = aad(FORMAT, "share")',
        VAULT,
        "tests/contracts/test_envelope_vectors.py",
    ),
    in_room(
        "crypto/envelope",
        "the commitment to the key is not compared",
        "    if not hmac.compare_digest(commitment, ",
        "    if not commitment and hmac.compare_digest(commitment, ",
        ENVELOPE,
    ),
    in_room(
        "crypto/envelope",
        "fields run together",
        "_LENGTHS[len(field)] + field for",
        "field for",
        ENVELOPE,
    ),
    in_room(
        "crypto/envelope",
        "fields of other letters than ours run together",
        'len(raw).to_bytes(4, "big") + raw for',
        "raw for",
        ENVELOPE,
    ),
    in_room(
        "crypto/envelope",
        "a salt for all envelopes of a key",
        "    salt = os.urandom(_SALT)\n",
        "    salt = bytes(_SALT)\n",
        ENVELOPE,
    ),
    in_room(
        "crypto/envelope",
        "what belongs to an envelope is not authenticated",
        "_HEADER + authenticated)\n\n\ndef open_sealed",
        "_HEADER)\n\n\ndef open_sealed",
        ENVELOPE,
        also=(("_SEALED_FROM:], _HEADER + authenticated)", "_SEALED_FROM:], _HEADER)"),),
    ),
    in_room(
        "crypto/service_keys",
        "any MAC is the right one",
        "return hmac.compare_digest(self.mac(message), mac)",
        "return bool(mac)",
        "tests/crypto/test_service_keys.py",
    ),
    in_room(
        "crypto/service_keys",
        "a receipt says itself how it is signed",
        "len(raw) != 64 or header != self._header:",
        "len(raw) != 64:",
        "tests/crypto/test_service_keys.py",
    ),
    in_room(
        "crypto/keyring",
        "a wrapped key does not say under which version",
        "return named + seal(self._keys[version].secret, key, named + context)",
        "return named + seal(self._keys[version].secret, key, context)",
        "tests/crypto/test_keyring.py",
        also=(("wrapped[VERSION_BYTES:], wrapped[:VERSION_BYTES] + context)", "wrapped[VERSION_BYTES:], context)"),),
    ),
    in_room(
        "vault/wrapping",
        "a wrapped key is not bound to whose it is",
        'return aad(f"{owner} key", key_id)',
        'return aad(f"{owner} key")',
        VAULT,
    ),
    in_room(
        "vault/wrapping",
        "a key is stored under a version that is being destroyed",
        "    if any(provider.version_of(one) < oldest for one in wrapped):",
        "    if not wrapped:",
        VAULT,
    ),
    in_room(
        "vault/keys",
        "a key stays in memory for ever",
        "if kept is None or kept[0] < self._clock.now():",
        "if kept is None:",
        VAULT,
    ),
    in_room(
        "vault/keys",
        "an erased person's key stays in memory",
        '        self._cache.pop(("candidate", candidate_id), None)',
        "        pass",
        VAULT,
        "tests/rights/test_erasure.py",
    ),
    in_room(
        "vault/seal",
        "a part is sealed under somebody else's key",
        "    if ref.candidate_id != key.candidate_id:",
        "    if not ref.candidate_id:",
        VAULT,
    ),
    in_room(
        "vault/shares",
        "a share is wrapped for another than its terms name",
        "    if terms.recipient_id != recipient.recipient_id:",
        "    if not terms.recipient_id:",
        VAULT,
    ),
    in_room(
        "vault/rotation",
        "a master version is destroyed that a key needs",
        "    if broken is None:\n",
        "    if broken is None and version < 0:\n",
        VAULT,
    ),
    in_room(
        "vault/rotation",
        "a damaged key is given up without a word",
        "    if broken and not but_broken:",
        "    if broken and but_broken:",
        VAULT,
    ),
    in_room(
        "vault/rotation",
        "a damaged key holds up every rotation",
        "    if await _broken(db, provider, newest - 1) is None:",
        "    if found.through(newest - 1):",
        VAULT,
    ),
    in_room(
        "vault/rotation",
        "an old copy of the keyring gets a version of its own",
        "    if ahead and not but_broken:",
        "    if ahead and but_broken:",
        VAULT,
    ),
    in_room(
        "vault/_store",
        "a key that was stored anew meanwhile is overwritten",
        ' WHERE {key} = :id AND wrapped = :before")',
        ' WHERE {key} = :id AND :before = :before")',
        VAULT,
    ),
)
