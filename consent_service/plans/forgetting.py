"""Forgetting: what this room does for the verbs about a whole person."""

from consent_service.plans import _store
from consent_service.storage.engine import Transaction


async def forget(tx: Transaction, candidate_id: str) -> None:
    """Delete the candidate's plans and messages, and unbind her mapping requests.

    What a unit asked stays as ids that lead to nobody: to the asker it looks as if it was never opened. The caller
    holds the lock on her chain, and destroys key, parts and letters in the same transaction.
    """
    tx.scrub_after_commit()
    await _store.forget(tx, candidate_id)
