"""Shares: a part's data key, wrapped anew for a recipient under one consent.

Granting makes them (``granting`` opens the data keys for it), and the end of the consent destroys them, each in the
transaction that changes the consent. Nothing is opened here.
"""

from collections.abc import Iterable

from consent_service.crypto.envelope import seal as seal_envelope
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault import _store
from consent_service.vault.keys import RecipientKey
from consent_service.vault.parts import ShareTerms
from consent_service.vault.seal import SealedPart


async def share_parts(tx: Transaction, shares: Iterable[tuple[SealedPart, ShareTerms, RecipientKey]]) -> None:
    """Share parts whose data keys are at hand. Raises ValueError if the terms name another recipient."""
    await _store.add_shares(tx, [_wrap(*one) for one in shares])


def _wrap(part: SealedPart, terms: ShareTerms, recipient: RecipientKey) -> dict[str, object]:
    if terms.recipient_id != recipient.recipient_id:
        raise ValueError("a share is wrapped for the recipient that its terms name")
    wrapped = seal_envelope(recipient.secret, part.data_key, terms.aad(part.ref))
    named = {"consent_id": terms.consent_id, "recipient_id": terms.recipient_id}
    return {**named, **part.ref._asdict(), "wrapped_key": wrapped}


async def holds(view: Snapshot, consent_id: str, recipient_id: str, resource: str) -> bool:
    """Whether a recipient holds a share of some ``resource`` under the consent."""
    return await _store.holds(view, consent_id, recipient_id, resource)


async def recipients(view: Snapshot, consent_id: str, candidate_id: str) -> list[str]:
    """Who holds shares of the candidate's parts under a consent, by the shares' own word."""
    return await _store.recipients(view, consent_id, candidate_id)


async def consents_of(view: Snapshot, candidate_id: str) -> list[str]:
    """Under which consents parts of the candidate are shared, by the shares' own word."""
    return await _store.consents_of(view, candidate_id)


async def destroy_of(tx: Transaction, consent_id: str, candidate_id: str) -> int:
    """Destroy every share of the candidate's parts under a consent whose own row can't be trusted; how many."""
    tx.scrub_after_commit()
    return await _store.destroy_shares_of(tx, consent_id, candidate_id)


async def destroy(tx: Transaction, *consent_ids: str, recipient_id: str | None = None, but: str | None = None) -> int:
    """Destroy consents' shares: all, one recipient's, or all ``but`` one recipient's; how many. Needs no key."""
    if not consent_ids:
        return 0
    tx.scrub_after_commit()
    return await _store.destroy_shares(tx, consent_ids, recipient_id=recipient_id, but=but)
