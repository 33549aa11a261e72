"""Claiming: whoever brings the code gets the draft, once.

1. read the code; a mistyped one is told apart by its check character, and costs no try
2. outside a transaction: derive the draft's key, at the same cost whether or not the locator finds a draft
3. in a transaction: count the try for the person; then open the draft, or count the wrong try for it
4. the person becomes a candidate if she is not one yet: only now is there something to store for her
5. in a transaction: take the draft, destroy the service's half of its key, seal the content as the candidate's own

Wrong, used, withdrawn, locked and lapsed codes are all the same answer. The career centre never hears of a claim.
"""

from dataclasses import dataclass, field

import orjson

from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock
from consent_service.clock import HOUR, SECOND, Clock
from consent_service.crypto.envelope import SealBroken, new_key, open_sealed
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import TooManyRequests
from consent_service.notes import _store, codes
from consent_service.notes.codes import PickupCode
from consent_service.notes.content import NoteContent
from consent_service.notes.drafts import content_aad, draft_key, half_aad
from consent_service.notes.kept import Draft
from consent_service.persons.arrival import arrive
from consent_service.persons.lookup import find, lookup_of
from consent_service.persons.numbers import NationalId
from consent_service.persons.waiting import Receivers
from consent_service.storage.engine import Database, Row, Transaction
from consent_service.vault.keys import CandidateKey, Keys
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal

WRONG_TRIES_A_DRAFT = 10
"""With so many wrong secrets a draft is destroyed: chance of a hit 10 in 2**55."""

TRIES_A_PERSON = 10
TRIES_WITHIN = HOUR
"""So many codes may a person try in so long (µs)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The draft is the candidate's own."""

    candidate_id: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class NotClaimed:
    """The code opened nothing. ``mistyped``: it can't be anybody's code, so no try was counted."""

    mistyped: bool


@dataclass(frozen=True, slots=True)
class _Opened:
    draft_id: str
    unit_id: str
    handed_over_at: int
    content: NoteContent = field(repr=False)
    by: dict[str, str] = field(repr=False)


async def claim(
    db: Database,
    keys: Keys,
    clock: Clock,
    claimant: NationalId,
    code: str,
    *,
    held_for: str,
    receivers: Receivers,
) -> Claimed | NotClaimed:
    """Give the draft of ``code`` to ``claimant``, who becomes a candidate by it (``persons.arrival.arrive``).

    Raises TooManyRequests after 10 tries within an hour, KeyProviderDown with the draft still to be claimed.
    """
    typed = codes.parse(code)
    if typed is None:
        return NotClaimed(mistyped=True)
    opened = await _try_out(db, keys.service, clock, claimant, typed)
    if opened is None:
        return NotClaimed(mistyped=False)
    candidate_id = await arrive(db, keys, clock, claimant, held_for=held_for, receivers=receivers)
    key = await keys.candidate(candidate_id)
    async with db.transaction() as tx:
        draft = await _take(tx, keys.service, key, opened, now=clock.now())
    return Claimed(candidate_id, draft) if draft else NotClaimed(mistyped=False)


async def _try_out(
    db: Database, service: ServiceKeys, clock: Clock, claimant: NationalId, code: PickupCode
) -> _Opened | None:
    """Steps 2 and 3."""
    async with db.snapshot() as view:
        seen = await _store.find_open_draft(view, code.locator, clock.now())
        chain_id = await find(view, service.lookup, claimant) or SERVICE_CHAIN
    half = service.waiting.open(bytes(seen["service_half"]), half_aad(seen["id"])) if seen else new_key()
    key = await draft_key(half, code.secret, seen["id"] if seen else "no draft")
    async with db.transaction() as tx:
        now = clock.now()
        head = (await lock(tx, [chain_id]))[chain_id]
        await _count_try(tx, lookup_of(service.lookup, claimant), now)
        row = await _store.lock_open_draft(tx, code.locator, now)
        opened = _open(row, key) if row and seen and row["id"] == seen["id"] else None
        if opened is None:
            if row:
                await _count_wrong_try(tx, row["id"])
            await append(tx, service.log, head, Entry("draft.claim_refused", "candidate"), at=now)
    return opened


async def _count_try(tx: Transaction, lookup: str, now: int) -> None:
    tries, since = await _store.count_try(tx, lookup, now=now, cutoff=now - TRIES_WITHIN)
    if tries > TRIES_A_PERSON:
        raise TooManyRequests(retry_after=-((now - since - TRIES_WITHIN) // SECOND))


async def _count_wrong_try(tx: Transaction, draft_id: str) -> None:
    if await _store.count_wrong_try(tx, draft_id) >= WRONG_TRIES_A_DRAFT:
        await _store.delete_unclaimed_draft(tx, draft_id)
        tx.scrub_after_commit()


def _open(row: Row, key: bytes) -> _Opened | None:
    try:
        raw = open_sealed(key, bytes(row["sealed"]), content_aad(row["id"], row["unit_id"]))
    except SealBroken:
        return None
    carried = orjson.loads(raw)
    return _Opened(
        draft_id=row["id"],
        unit_id=row["unit_id"],
        handed_over_at=row["handed_over_at"],
        content=NoteContent.model_validate(carried["content"]),
        by=carried["by"],
    )


async def _take(tx: Transaction, service: ServiceKeys, key: CandidateKey, opened: _Opened, *, now: int) -> Draft | None:
    """Step 5; None if somebody was first, or the draft was withdrawn in between."""
    candidate_id = key.candidate_id
    head = (await lock(tx, [candidate_id]))[candidate_id]
    if not await _store.take_draft(tx, opened.draft_id, candidate_id, now):
        return None
    tx.scrub_after_commit()
    at = head.now(now)
    for name, content in opened.content.to_parts().items():
        ref = PartRef(candidate_id, "note_draft", opened.draft_id, 1, name)
        await seal(tx, key, ref, content, held_for=opened.unit_id, at=at)
    entry = Entry(
        "draft.claimed",
        "candidate",
        unit_id=opened.unit_id,
        resource_id=opened.draft_id,
        detail=opened.by,
    )
    await append(tx, service.log, head, entry, at=at)
    return Draft(opened.draft_id, opened.unit_id, opened.handed_over_at, opened.content)
