"""Receipts that somebody kept: signed by us, each names an entry; an entry that is gone, or another, shows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from consent_service.audit.verification import _store
from consent_service.audit.verification.attacks import UNHEARD, UNSPOKEN_OF, Findings
from consent_service.crypto.service_keys import ReceiptKey
from consent_service.storage.engine import Snapshot


@dataclass(frozen=True)
class Witness:
    """The entry that a receipt names, and what to call the receipt."""

    name: str
    consent_id: str
    position: int
    digest: bytes


def read_witness(key: ReceiptKey, jws: str, *, name: str) -> Witness | None:
    """What the receipt says, or None if it is none of ours."""
    payload = key.verified(jws)
    if payload is None:
        return None
    said = json.loads(payload)
    try:
        evidence = said["evidence"]
        return Witness(name, said["record_id"], evidence["chain_position"], bytes.fromhex(evidence["entry_hash"]))
    except (KeyError, TypeError):
        return None


async def hear(view: Snapshot, witnesses: Iterable[Witness], found: Findings) -> None:
    """Look for the entry that each names."""
    for witness in witnesses:
        digests = await _store.about_consent(view, witness.consent_id, witness.position)
        if witness.digest not in digests:
            what = f"the entry at position {witness.position} about consent {witness.consent_id} is not here"
            spoken_of = await _store.is_spoken_of(view, witness.consent_id)
            found.add(UNHEARD if spoken_of else UNSPOKEN_OF, what, at=witness.name)
