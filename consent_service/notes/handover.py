"""Handing a draft over: the career centre seals it, gets a code for the candidate, and has no access from then on.

Nobody is named: no identity number is typed, and the draft belongs to whoever brings the code. This module opens
nothing, so the units' routes may come to it.
"""

import uuid
from dataclasses import dataclass, field

from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock
from consent_service.crypto.canonical import canonical
from consent_service.crypto.envelope import new_key, seal
from consent_service.crypto.service_keys import SealKey
from consent_service.identity.employee import Acting
from consent_service.notes import _store
from consent_service.notes.codes import PickupCode, new_code
from consent_service.notes.content import NoteContent
from consent_service.notes.drafts import LIFETIME, content_aad, draft_key, half_aad
from consent_service.storage.engine import Transaction

_LOCATORS = 50
"""How many locators are tried. A million exist, so that a second try is needed once in thousands of drafts."""


@dataclass(frozen=True, slots=True)
class ReadyDraft:
    """A draft that is sealed and not yet laid down. It holds the code, which the service does not keep."""

    id: str
    unit_id: str
    by: Acting
    code: PickupCode
    service_half: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The answer to the career centre: the only time that the code can be read."""

    draft_id: str
    code: PickupCode
    lapses_at: int


async def make_ready(waiting_key: SealKey, content: NoteContent, *, unit_id: str, by: Acting) -> ReadyDraft:
    """Seal a draft under a fresh code, with who hands it over. Slow on purpose (``crypto.derivation.stretched``):
    before the transaction.
    """
    draft_id, code, half = str(uuid.uuid4()), new_code(), new_key()
    carried = canonical({"content": content.wire(), "by": by.detail()})
    return ReadyDraft(
        id=draft_id,
        unit_id=unit_id,
        by=by,
        code=code,
        service_half=waiting_key.seal(half, half_aad(draft_id)),
        sealed=seal(await draft_key(half, code.secret, draft_id), carried, content_aad(draft_id, unit_id)),
    )


async def hand_over(tx: Transaction, log_key: SealKey, ready: ReadyDraft, *, at: int) -> HandedOver:
    """Lay the draft down for whoever brings its code within 14 days."""
    head = (await lock(tx, [SERVICE_CHAIN]))[SERVICE_CHAIN]
    code = await _lay_down(tx, ready, at)
    entry = Entry("draft.handed_over", "unit", unit_id=ready.unit_id, resource_id=ready.id, detail=ready.by.detail())
    await append(tx, log_key, head, entry, at=at)
    return HandedOver(ready.id, code, at + LIFETIME)


async def _lay_down(tx: Transaction, ready: ReadyDraft, at: int) -> PickupCode:
    """Store the draft, under another locator if another draft has its own; the key does not depend on it."""
    locator = ready.code.locator
    for _ in range(_LOCATORS):
        added = await _store.add_draft(
            tx,
            draft_id=ready.id,
            unit_id=ready.unit_id,
            handed_over_at=at,
            lapses_at=at + LIFETIME,
            locator=locator,
            service_half=ready.service_half,
            sealed=ready.sealed,
        )
        if added:
            return PickupCode(locator, ready.code.secret)
        locator = new_code().locator
    raise RuntimeError("no free locator among fifty: the drafts that have lapsed are not being swept away")


async def withdraw(tx: Transaction, log_key: SealKey, *, unit_id: str, draft_id: str, by: Acting, at: int) -> bool:
    """Take back, unread, a draft of this unit's that nobody has claimed yet.

    False for a claimed, foreign or unknown one: whether a draft has been claimed is the candidate's business, so the
    door answers both alike.
    """
    head = (await lock(tx, [SERVICE_CHAIN]))[SERVICE_CHAIN]
    withdrawn = await _store.withdraw_draft(tx, draft_id, unit_id)
    tx.scrub_after_commit()
    outcome = None if withdrawn else "not_there"
    entry = Entry("draft.withdrawn", "unit", unit_id=unit_id, resource_id=draft_id, outcome=outcome, detail=by.detail())
    await append(tx, log_key, head, entry, at=at)  # in either case, so that the time it takes says nothing
    return withdrawn
