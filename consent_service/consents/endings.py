"""Endings: revoke, refuse, pause, expire, use up, invalidate. They only destroy and append, and need no key provider.

The shares go in the transaction that ends the consent. Ends are final. A consent whose row was tampered with can
still be ended: destroying is never refused to the one whose data it is.
"""

from consent_service.audit.log import Entry, Head, append, lock
from consent_service.consents import _store, receipts
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.standing import stand, terms_of, verify
from consent_service.consents.states import ENDS, LETTERS_GO_ON, LIVING, WAITING, State, step
from consent_service.consents.terms import Tampered
from consent_service.errors import ConsentEnded, NotAnswerable, NotAvailable, WrongState
from consent_service.events.feed import announce
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import MAILBOX
from consent_service.vault.shares import consents_on, destroy


async def revoke(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> Stored:
    """The candidate takes a consent back. No release or dispatch that begins after this commits succeeds.

    Raises NotAvailable for somebody else's, WrongState before it was granted, ConsentEnded.
    """
    head, consent = await _locked(tx, candidate_id, consent_id)
    return await _end(tx, desk, head, consent, State.REVOKED, "candidate", now=now)


async def refuse(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> Stored:
    """The candidate says no to a request. The asker hears nothing before the reply-by date.

    Raises NotAvailable, NotAnswerable.
    """
    head, consent = await _locked(tx, candidate_id, consent_id)
    at = head.now(now)
    late = consent.reply_by is not None and at >= consent.reply_by
    if State(consent.state) not in WAITING or late:
        raise NotAnswerable
    await verify(tx, desk.keys.rows, consent)
    entry = Entry(
        "consent.refused", "candidate", unit_id=consent.requester_id, consent_id=consent.id, changes_state=True
    )
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    refused = stand(desk.keys, consent.but(ended_at=at), State.REFUSED, appended.position)
    await _store.change(tx, refused)
    await receipts.issue_refused(tx, desk, refused, appended)
    return refused


async def pause(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> Stored:
    """Let nothing out for a time. The shares are destroyed, and made anew by ``grants.resume``.

    A letter that was accepted waits too. Raises NotAvailable, WrongState, ConsentEnded.
    """
    head, consent = await _locked(tx, candidate_id, consent_id)
    at = head.now(now)
    if consent.valid_until is not None and at >= consent.valid_until:
        raise ConsentEnded
    step(State(consent.state), State.PAUSED)
    await verify(tx, desk.keys.rows, consent)
    entry = Entry(
        "consent.paused", "candidate", unit_id=consent.recipient_id, consent_id=consent.id, changes_state=True
    )
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    await destroy(tx, consent.id, but=MAILBOX)
    paused = stand(desk.keys, consent, State.PAUSED, appended.position)
    await _store.change(tx, paused)
    await announce(tx, consent.recipient_id, "consent", consent_id=consent.id, state=State.PAUSED.value, at=at)
    return paused


async def expire(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> bool:
    """Write down that a consent's end has come; whether it had not been written before."""
    head, consent = await _locked(tx, candidate_id, consent_id)
    due = consent.valid_until is not None and head.now(now) >= consent.valid_until
    if not due or State(consent.state) not in LIVING:
        return False
    await verify(tx, desk.keys.rows, consent)
    await _end(tx, desk, head, consent, State.EXPIRED, "service", now=now)
    return True


async def use_up(tx: Transaction, desk: Desk, head: Head, consent: Stored, *, now: int) -> Stored:
    """End a consent whose last use has just been spent, in the transaction that spent it."""
    return await _end(tx, desk, head, consent, State.USED_UP, "service", now=now)


async def end_on_resource(
    tx: Transaction, desk: Desk, candidate_id: str, resource: str, resource_id: str, *, now: int
) -> list[str]:
    """End every consent under which a resource is shared, because the candidate deletes it; which they were."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    ended = []
    for consent_id in await consents_on(tx, candidate_id, resource, resource_id):
        consent = await _store.find(tx, consent_id)
        if consent is not None and State(consent.state) in LIVING:
            await _end(tx, desk, head, consent, State.REVOKED, "candidate", now=now)
            ended.append(consent.id)
    return ended


async def end_all(tx: Transaction, desk: Desk, candidate_id: str, *, now: int) -> list[str]:
    """End whatever consent of the candidate lives or waits, because the candidate is erased; which they were."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    ended: list[str] = []
    after = ""
    while page := await _store.of_candidate(tx, candidate_id, after=after, limit=200):
        for consent in page:
            if State(consent.state) in LIVING:
                await _end(tx, desk, head, consent, State.REVOKED, "candidate", now=now)
                ended.append(consent.id)
            elif State(consent.state) in WAITING:
                # No receipt and no word to the asker: an erased person looks like one who never answered.
                at = head.now(now)
                entry = Entry("consent.refused", "candidate", consent_id=consent.id, changes_state=True)
                appended = await append(tx, desk.keys.log, head, entry, at=at)
                refused = stand(desk.keys, consent.but(ended_at=at), State.REFUSED, appended.position)
                await _store.change(tx, refused)
        after = page[-1].id
    return ended


async def _locked(tx: Transaction, candidate_id: str, consent_id: str) -> tuple[Head, Stored]:
    """The chain head, locked first, and then the consent. Raises NotAvailable for somebody else's."""
    head = (await lock(tx, [candidate_id]))[candidate_id]
    consent = await _store.find(tx, consent_id)
    if consent is None or consent.candidate_id != candidate_id:
        raise NotAvailable
    return head, consent


async def _end(
    tx: Transaction, desk: Desk, head: Head, consent: Stored, wanted: State, actor: str, *, now: int
) -> Stored:
    at = head.now(now)
    state = wanted
    if State(consent.state) in ENDS:
        raise ConsentEnded
    if State(consent.state) not in LIVING:
        raise WrongState
    if consent.valid_until is not None and at >= consent.valid_until and wanted is not State.INVALIDATED:
        state, actor = State.EXPIRED, "service"  # the first writer to meet an end that has come writes that end
    entry = Entry(
        f"consent.{state.value}",
        "candidate" if actor == "candidate" else "service",
        unit_id=consent.recipient_id,
        consent_id=consent.id,
        changes_state=True,
    )
    untouched = await _untouched(tx, desk, consent)
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    await destroy(tx, consent.id, but=MAILBOX if state in LETTERS_GO_ON else None)
    ended = stand(desk.keys, consent.but(ended_at=at), state, appended.position)
    if untouched:
        await _store.change(tx, ended)
        await receipts.issue_ended(tx, desk, terms_of(ended), state, appended)
    for unit in {consent.recipient_id, consent.requester_id} - {None}:
        assert unit is not None
        await announce(
            tx,
            unit,
            "consent",
            consent_id=consent.id,
            mapping_request_id=consent.mapping_request_id,
            state=state.value,
            at=at,
        )
    return ended


async def _untouched(tx: Transaction, desk: Desk, consent: Stored) -> bool:
    """Whether the row is as we wrote it. If not, its shares go all the same, and the row is left as evidence."""
    try:
        await verify(tx, desk.keys.rows, consent)
    except Tampered:
        return False
    return True
