"""Letters in and out of the outbox: taken in with the plan, sealed for the mailbox, forgotten with the person.

The rule: a letter is written down in the transaction that accepts its plan, with the ids it will be sent under, before
any of it leaves. Both ids follow from the letter's own id, so that no attempt can ever invent another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4, uuid5

from consent_service.audit.log import Entry, Head, append_all
from consent_service.consents.archives import ARCHIVE
from consent_service.consents.reading import ConsentView, find_under
from consent_service.consents.states import LETTERS_GO_ON
from consent_service.crypto.service_keys import SealKey, ServiceKeys
from consent_service.delivery import _store
from consent_service.delivery._store import Letter
from consent_service.delivery.history import _store as history
from consent_service.delivery.printing import address_ref
from consent_service.delivery.states import FINAL, Status
from consent_service.identity.employee import Acting
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault import shares
from consent_service.vault.keys import MAILBOX, RecipientKey
from consent_service.vault.parts import PartRef, ShareTerms, Version
from consent_service.vault.seal import SealedPart, hold_for

_MESSAGES = UUID("0f6f1b1e-9a0c-5f58-9f0a-5d0a3f5c2d11")
_DOCUMENTS = UUID("5c0c1f8e-53a7-5a0e-8f3e-1f4f7b7a9e02")

SUPERSEDED = "superseded"
"""Why an unsent letter is cancelled when a newer version of its plan is accepted."""


@dataclass(frozen=True)
class NewLetter:
    """A plan's version on its way to its candidate. ``sender_organisation`` is the one that she sees as the sender.

    ``subject`` may be seen in a notification and stands in the open in our database: it says nothing private.
    """

    plan_id: str
    plan_version: int
    consent_id: str
    unit_id: str
    sender_organisation: str
    subject: str
    language: str


async def enqueue(
    tx: Transaction,
    log_key: SealKey,
    head: Head,
    letter: NewLetter,
    pdf: SealedPart,
    terms: ShareTerms,
    mailbox: RecipientKey,
    *,
    by: Acting,
    now: int,
    address: SealedPart | None = None,
) -> str:
    """Take ``letter`` in, sealed for the mailbox under ``terms`` (its consent's); its id. Older ones of the plan that
    have not been sent are cancelled. ``address`` is where it may go on paper.

    The caller holds the lock on the candidate's chain (``head``), has sealed ``pdf`` and ``address`` in this
    transaction, and has found that the consent lets the plan in. Raises ValueError if the pieces are not about one
    candidate and consent.
    """
    about = head.chain_id, letter.plan_id, letter.plan_version
    if pdf.ref != pdf_of(*about) or terms.consent_id != letter.consent_id:
        raise ValueError("a letter, its PDF and its consent belong together")
    if address is not None and address.ref != address_ref(*about):
        raise ValueError("a letter and its address belong together")
    at = head.now(now)
    letter_id = str(uuid4())
    message_id, document_uuid = ids_of(letter_id)
    taken = Letter(
        id=letter_id,
        candidate_id=head.chain_id,
        message_id=message_id,
        document_uuid=document_uuid,
        printable=int(address is not None),
        status=Status.ACCEPTED.value,
        attempts=0,
        next_attempt_at=now,  # the clock's, which the claims go by; the chain's may be ahead of it
        doubt_until=None,
        sent_as=None,
        leased_by=None,
        leased_until=None,
        fence=0,
        superseded=0,
        created_at=at,
        updated_at=at,
        **vars(letter),
    )
    await shares.share_parts(tx, [(part, terms, mailbox) for part in (pdf, address) if part is not None])
    await _store.add(tx, taken)
    await history.add(tx, taken, Status.ACCEPTED.value, at=at, note=None)
    accepted = Entry(
        "letter.accepted",
        "unit",
        unit_id=letter.unit_id,
        consent_id=letter.consent_id,
        resource_id=letter_id,
        detail=by.detail(),
    )
    entries = [accepted, *await _supersede(tx, letter.plan_id, letter.plan_version, at=at)]
    await append_all(tx, log_key, [(head, entry) for entry in entries], at=at)
    return letter_id


def ids_of(letter_id: str) -> tuple[str, str]:
    """The message's id and the document's: what the mailbox knows the letter by, at every attempt."""
    return str(uuid5(_MESSAGES, letter_id)), str(uuid5(_DOCUMENTS, letter_id))


async def supersede(
    tx: Transaction, keys: ServiceKeys, head: Head, plan_id: str, plan_version: int, *, now: int
) -> None:
    """Stop the letters with older versions of a plan, whose newer one goes without a letter: to her pages alone.

    The caller holds the lock on the candidate's chain (``head``).
    """
    at = head.now(now)
    stopped = await _supersede(tx, plan_id, plan_version, at=at)
    await append_all(tx, keys.log, [(head, entry) for entry in stopped], at=at)
    for consent_id in {entry.consent_id for entry in stopped if entry.consent_id is not None}:
        await release_shares(tx, keys, consent_id, head, now=now)


async def _supersede(tx: Transaction, plan_id: str, plan_version: int, *, at: int) -> list[Entry]:
    """Cancel what is older and certainly not out; what the log says of it. What may be out is for its next attempt to
    stop.
    """
    await _store.supersede(tx, plan_id, plan_version)
    cancelled = []
    for older in await _store.of_plan(tx, plan_id):
        if not older.superseded or older.doubt_until is not None or Status(older.status) in FINAL:
            continue
        status = Status.CANCELLED.value
        if await _store.change(tx, older, status=status, attempts=older.attempts, next_attempt_at=None, at=at):
            await history.add(tx, older, status, at=at, note=SUPERSEDED)
            cancelled.append(entry_of(older, Status.CANCELLED, SUPERSEDED))
    return cancelled


def entry_of(letter: Letter, status: Status, outcome: str | None) -> Entry:
    """What the log says of a letter's step that the service took by itself."""
    return Entry(
        f"letter.{status.value}",
        "service",
        unit_id=letter.unit_id,
        consent_id=letter.consent_id,
        resource_id=letter.id,
        outcome=outcome,
    )


def pdf_of(candidate_id: str, plan_id: str, plan_version: int) -> PartRef:
    """What a letter's PDF is called in the vault."""
    return PartRef(candidate_id, "plan", plan_id, plan_version, "pdf")


async def consents_of(
    view: Snapshot, keys: ServiceKeys, asked: Sequence[tuple[Head, Letter]], *, now: int
) -> dict[str, ConsentView]:
    """The consents that let letters in, by id, as their candidates see them, whose heads (locked) stand beside them.

    One that is gone is not among them; one that was changed is in no state of ours.
    """
    return await find_under(view, keys, [(head, letter.consent_id) for head, letter in asked], now=now)


async def release_shares(tx: Transaction, keys: ServiceKeys, consent_id: str, head: Head, *, now: int) -> bool:
    """``let_go``, of a consent by its id. The caller holds the lock on the candidate's chain (``head``)."""
    consents = await find_under(tx, keys, [(head, consent_id)], now=now)
    return consent_id in consents and await let_go(tx, consents[consent_id])


async def let_go(tx: Transaction, consent: ConsentView) -> bool:
    """Destroy the mailbox's shares under a consent that is over, once no letter under it is open; whether it did.

    The other ends destroy them themselves: only after ``expired`` and ``used_up`` did they stay, for letters on
    their way. The caller holds the lock on the candidate's chain.
    """
    if consent.ended_at is None or consent.state not in LETTERS_GO_ON or await _store.open_under(tx, consent.id):
        return False
    await shares.destroy(tx, consent.id, recipient_id=MAILBOX)
    await _store.shares_gone(tx, consent.id)
    return True


async def hand_over(tx: Transaction, delivered: Sequence[Letter], controller: str) -> None:
    """Plans are delivered: from now on their parts are held for the ``controller``. The copies stay their sender's."""
    versions = [Version(one.candidate_id, "plan", one.plan_id, one.plan_version) for one in delivered]
    await hold_for(tx, versions, controller, but=ARCHIVE)


async def that_left(view: Snapshot, candidate_id: str) -> int:
    """How many of a candidate's letters have left for the mailbox, or may have: what is there stays there."""
    taken = {Status.DISPATCHED, Status.DELIVERED}
    found = await _store.of_candidate(view, candidate_id)
    return sum(one.doubt_until is not None or Status(one.status) in taken for one in found)


async def forget(tx: Transaction, candidate_id: str) -> int:
    """Delete a candidate's letters, on their way or not, because the candidate is erased; how many.

    The caller holds the lock on her chain, and destroys keys and shares in the same transaction.
    """
    tx.scrub_after_commit()
    await history.forget(tx, candidate_id)
    return await _store.forget(tx, candidate_id)
