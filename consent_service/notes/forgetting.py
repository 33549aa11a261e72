"""Forgetting and lapsing: what this room does for the verbs about a whole person and for the sweep."""

from consent_service.notes import _store
from consent_service.notes.claiming import TRIES_WITHIN
from consent_service.persons.lookup import lookups_of
from consent_service.storage.engine import Transaction


async def forget(tx: Transaction, candidate_id: str) -> None:
    """Delete the candidate's drafts, notes and counted tries.

    Before ``persons.forgetting.forget``, which deletes what finds them; the caller holds the lock on her chain and
    destroys key and parts in the same transaction (``vault.seal.erase``).
    """
    tx.scrub_after_commit()
    await _store.delete_all_of(tx, candidate_id, await lookups_of(tx, candidate_id))


async def lapse(tx: Transaction, *, now: int) -> int:
    """Destroy, unread, the drafts whose time is out, and forget tries that no longer count; how many drafts."""
    await _store.forget_old_tries(tx, now - TRIES_WITHIN)
    lapsed = await _store.delete_lapsed_drafts(tx, now)
    if lapsed:
        tx.scrub_after_commit()
    return lapsed
