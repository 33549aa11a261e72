"""Forgetting who a person is: the part of an erasure that is this room's."""

from consent_service.persons import _store
from consent_service.storage.engine import Transaction


async def forget(tx: Transaction, candidate_id: str) -> None:
    """Delete the candidate, the hashes that find her, and unread what waits for her.

    The caller holds the lock on her chain, and destroys her key and parts in the same transaction
    (``vault.seal.erase``).
    """
    tx.scrub_after_commit()
    await _store.delete_items(tx, await _store.lookups_of(tx, candidate_id))
    await _store.delete_candidate(tx, candidate_id)
