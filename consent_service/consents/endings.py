"""Endings: revoke, refuse, pause, expire, use up. They only destroy and append, and need no key provider.

The shares go in the transaction that ends the consent. Ends are final. Whether a row is as we wrote it is asked before
any of its columns is believed; one that was changed keeps nobody from revoking: its shares are destroyed by their own
word of whose they are, the end is logged, and the row is left as evidence.
"""

from collections.abc import Sequence

from consent_service.audit.log import Actor, Entry, Head, append, append_all, lock, lock_to_end
from consent_service.consents import _store, receipts
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.ends import End, decide, decide_revokes
from consent_service.consents.standing import alarm, stand, terms_of, verify
from consent_service.consents.states import LETTERS_GO_ON, LIVING, WAITING, State, step
from consent_service.consents.telling import tell
from consent_service.errors import ConsentEnded, NotAnswerable, NotAvailable, Tampered, WrongState
from consent_service.events.feed import News, announce
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import MAILBOX
from consent_service.vault.shares import consents_of, destroy, destroy_of, holds, recipients


async def revoke(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> Stored | None:
    """The candidate takes a consent back. No release or dispatch that begins after this commits succeeds.

    None for one whose row, or whose chain, was changed or taken: what was shared under it is destroyed all the same.
    Raises NotAvailable for somebody else's, WrongState before it was granted, ConsentEnded.
    """
    try:
        head = await lock_to_end(tx, desk.keys.log, candidate_id)
    except NotAvailable:
        if not await destroy_of(tx, consent_id, candidate_id):
            raise
        alarm(consent_id)  # nobody is erased who shares: somebody took her chain, or closed it
        return None
    try:
        consent = await _hers(tx, desk, await _store.find(tx, consent_id), candidate_id, consent_id)
    except Tampered:
        await _end_changed(tx, desk, head, consent_id, "candidate", now=now)
        return None
    return await _end(tx, desk, head, consent, State.REVOKED, "candidate", now=now)


async def revoke_each(
    tx: Transaction, desk: Desk, asked: Sequence[tuple[Head, str]], *, now: int
) -> list[Stored | Exception | None]:
    """The same for consents (by id) of several candidates, whose heads are locked: to each what ``revoke`` answers.

    None for one whose row is not plainly as we wrote it, which is left as it is: it must be revoked by itself.
    """
    decided = await decide_revokes(tx, desk, asked, now=now)
    ended = iter(await _end_each(tx, desk, [one for one in decided if isinstance(one, End)], now=now))
    return [next(ended) if isinstance(one, End) else one for one in decided]


async def refuse(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> Stored:
    """The candidate says no to a request. The asker hears nothing before the reply-by date.

    Raises NotAvailable, NotAnswerable, Tampered.
    """
    head = await lock_to_end(tx, desk.keys.log, candidate_id)
    consent = await _hers(tx, desk, await _store.find(tx, consent_id), candidate_id, consent_id)
    at = head.now(now)
    if State(consent.state) not in WAITING or (consent.reply_by is not None and at >= consent.reply_by):
        raise NotAnswerable
    return await _refuse(tx, desk, head, consent, at=at, receipt=True)


async def pause(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> Stored:
    """Let nothing out for a time. The shares are destroyed, and made anew by ``grants.resume``.

    A letter that was accepted waits too. Raises NotAvailable, WrongState, ConsentEnded, Tampered.
    """
    head = await lock_to_end(tx, desk.keys.log, candidate_id)
    consent = await _hers(tx, desk, await _store.find(tx, consent_id), candidate_id, consent_id)
    at = head.now(now)
    if consent.valid_until is not None and at >= consent.valid_until:
        raise ConsentEnded
    if consent.recipient_id == MAILBOX:
        raise WrongState("What goes to your own mailbox is taken back, and not paused.")
    step(State(consent.state), State.PAUSED)
    entry = Entry("consent.paused", "candidate", consent.recipient_id, consent.id, changes_state=True)
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    await destroy(tx, consent.id, but=MAILBOX)
    paused = stand(desk.keys, consent, State.PAUSED, appended.position)
    await _store.change(tx, (consent, paused))
    await announce(tx, News(consent.recipient_id, "consent", consent_id=consent.id, state=State.PAUSED.value, at=at))
    return paused


async def invalidate(
    tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, granted_before: int, now: int
) -> Stored | None:
    """End a consent that the service can no longer vouch for, because the database was restored; as it stands then.

    None if it does not live, or was granted from ``granted_before`` on. An end that came in the meantime is written as
    what it is; under a changed row what is shared is destroyed, and None is the answer too.
    """
    head = await lock_to_end(tx, desk.keys.log, candidate_id)
    try:
        consent = await _hers(tx, desk, await _store.find(tx, consent_id), candidate_id, consent_id)
    except Tampered:
        await _end_changed(tx, desk, head, consent_id, "service", now=now)
        return None
    if State(consent.state) not in LIVING or consent.granted_at is None or consent.granted_at >= granted_before:
        return None
    return await _end(tx, desk, head, consent, State.INVALIDATED, "service", now=now)


async def end_for(
    tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, to: str, state: State, *, why: str | None, now: int
) -> bool:
    """End, as ``state``, a consent of the recipient ``to``, who gets nothing more under it; whether it lived.

    It goes to nobody else. An end that came in the meantime is written as what it is; under a changed row what is
    shared is destroyed.
    """
    head = await lock_to_end(tx, desk.keys.log, candidate_id)
    try:
        consent = await _hers(tx, desk, await _store.find(tx, consent_id), candidate_id, consent_id)
    except Tampered:
        return await _end_what_is_shared(tx, desk, head, consent_id, now=now)
    if State(consent.state) not in LIVING or consent.recipient_id != to:
        return False
    await _end(tx, desk, head, consent, state, "service", now=now, outcome=why)
    return True


async def end_in_time(tx: Transaction, desk: Desk, candidate_id: str, consent_id: str, *, now: int) -> bool:
    """Write down that a consent has expired, or was used up; whether it had not been written before."""
    head = await lock_to_end(tx, desk.keys.log, candidate_id)
    try:
        consent = await _hers(tx, desk, await _store.find(tx, consent_id), candidate_id, consent_id)
    except Tampered:
        return await _end_what_is_shared(tx, desk, head, consent_id, now=now)
    if State(consent.state) not in LIVING:
        return False
    expired = consent.valid_until is not None and head.now(now) >= consent.valid_until
    if not expired and consent.exhausted_at is None:
        return False
    await _end(tx, desk, head, consent, State.EXPIRED if expired else State.USED_UP, "service", now=now)
    return True


async def end_on_resource(
    tx: Transaction, desk: Desk, candidate_id: str, resource: str, resource_id: str, *, now: int
) -> list[str]:
    """End every consent under which a resource is shared, because the candidate deletes it; which they were."""
    await lock(tx, [candidate_id])  # what is being granted in this moment ends too
    ended, sound = await _end_all_changed(tx, desk, candidate_id, now=now)
    for consent in sound:
        if State(consent.state) in LIVING and any(
            (ref.resource, ref.resource_id) == (resource, resource_id) for ref in terms_of(consent).parts
        ):
            await revoke(tx, desk, candidate_id, consent.id, now=now)
            ended.append(consent.id)
    return ended


async def end_all(tx: Transaction, desk: Desk, candidate_id: str, *, now: int) -> list[str]:
    """End whatever consent of the candidate lives or waits, because the candidate is erased; which lived.

    To an asker, one who is erased looks like one who never answered.
    """
    await _store.forget_standing(tx, candidate_id)
    await lock(tx, [candidate_id])
    ended, sound = await _end_all_changed(tx, desk, candidate_id, now=now)
    for consent in sound:
        if State(consent.state) in LIVING:
            await revoke(tx, desk, candidate_id, consent.id, now=now)
            ended.append(consent.id)
        elif State(consent.state) in WAITING:
            head = await lock_to_end(tx, desk.keys.log, candidate_id)
            await _refuse(tx, desk, head, consent, at=head.now(now), receipt=False)
    return ended


async def _end_all_changed(
    tx: Transaction, desk: Desk, candidate_id: str, *, now: int
) -> tuple[list[str], list[Stored]]:
    """End what is shared under rows that were changed or taken; which, and the candidate's consents that are sound.

    What such a row shares can't be told, so it does not outlive what it may share.
    """
    rows = {consent.id: consent for consent in await _all_of(tx, candidate_id)}
    ended, sound = [], []
    for consent_id in sorted({*rows, *await consents_of(tx, candidate_id)}):
        row = rows.get(consent_id) or await _store.find(tx, consent_id)
        try:
            sound.append(await _hers(tx, desk, row, candidate_id, consent_id))
        except Tampered:
            if await recipients(tx, consent_id, candidate_id) or (row is not None and row.state in LIVING):
                head = await lock_to_end(tx, desk.keys.log, candidate_id)
                await _end_changed(tx, desk, head, consent_id, "candidate", now=now)
                ended.append(consent_id)
        except NotAvailable:
            continue  # another's consent, on which a share says to be hers: it goes with her parts
    return ended, sound


async def _all_of(tx: Transaction, candidate_id: str) -> list[Stored]:
    found: list[Stored] = []
    while page := await _store.of_candidate(tx, candidate_id, after=found[-1].id if found else "", limit=200):
        found += page
    return found


async def _hers(tx: Transaction, desk: Desk, consent: Stored | None, candidate_id: str, consent_id: str) -> Stored:
    """``consent``, if its row is as we wrote it and hers. Raises NotAvailable, and Tampered for a changed one.

    Whose a changed row is can't be read off it: it may be hers if it says so, or if shares of her parts hang on it.
    The same if it is gone, or nobody's again.
    """
    try:
        if consent is not None:
            await verify(tx, desk.keys, consent)
    except Tampered:
        if consent is not None and consent.candidate_id == candidate_id:
            raise
        if await recipients(tx, consent_id, candidate_id):
            raise
        raise NotAvailable from None
    if (consent is None or consent.candidate_id is None) and await recipients(tx, consent_id, candidate_id):
        alarm(consent_id)
        raise Tampered
    if consent is None or consent.candidate_id != candidate_id:
        raise NotAvailable
    return consent


async def _end(
    tx: Transaction,
    desk: Desk,
    head: Head,
    consent: Stored,
    wanted: State,
    actor: Actor,
    *,
    now: int,
    outcome: str | None = None,
) -> Stored:
    decided = decide(head, consent, wanted, actor, now=now, outcome=outcome)
    return (await _end_each(tx, desk, [decided], now=now))[0]


async def _end_each(tx: Transaction, desk: Desk, ends: Sequence[End], *, now: int) -> list[Stored]:
    """Log, destroy the shares, sign the receipts, tell the units; the consents as they stand then."""
    if not ends:
        return []
    places = await append_all(tx, desk.keys.log, [(one.head, one.entry()) for one in ends], at=now)
    going_on = {one.consent.id for one in ends if await _letters_go_on(tx, one.consent, one.state)}
    await destroy(tx, *({one.consent.id for one in ends} - going_on))
    await destroy(tx, *going_on, but=MAILBOX)
    done = [
        (one, place, stand(desk.keys, one.consent, one.state, place.position, ended_at=place.at))
        for one, place in zip(ends, places, strict=True)
    ]
    await _store.change(tx, *((one.consent, after) for one, _, after in done))
    await receipts.issue_ended(tx, desk, *((terms_of(after), one.state, place) for one, place, after in done))
    await tell(tx, *((after, place.at) for _, place, after in done))
    return [after for _, _, after in done]


async def _letters_go_on(tx: Transaction, consent: Stored, state: State) -> bool:
    """Whether a letter that was accepted stays on its way. What a candidate had paused stays where it is."""
    return state in LETTERS_GO_ON and consent.state == State.GRANTED and await holds(tx, consent.id, MAILBOX, "plan")


async def _end_changed(tx: Transaction, desk: Desk, head: Head, consent_id: str, actor: Actor, *, now: int) -> None:
    """End a consent whose row was changed or taken: destroy, log, tell; and write nothing over the row."""
    told = sorted(set(await recipients(tx, consent_id, head.chain_id)) - {MAILBOX})
    entry = Entry("consent.revoked", actor, consent_id=consent_id, outcome="row_changed", changes_state=True)
    at = (await append(tx, desk.keys.log, head, entry, at=now)).at
    await destroy_of(tx, consent_id, head.chain_id)
    await announce(
        tx, *(News(unit, "consent", consent_id=consent_id, state=State.REVOKED.value, at=at) for unit in told)
    )


async def _end_what_is_shared(tx: Transaction, desk: Desk, head: Head, consent_id: str, *, now: int) -> bool:
    """The same, if anything is shared under it still; whether there was."""
    held = bool(await recipients(tx, consent_id, head.chain_id))
    if held:
        await _end_changed(tx, desk, head, consent_id, "service", now=now)
    return held


async def _refuse(tx: Transaction, desk: Desk, head: Head, consent: Stored, *, at: int, receipt: bool) -> Stored:
    entry = Entry(
        "consent.refused", "candidate", unit_id=consent.requester_id, consent_id=consent.id, changes_state=True
    )
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    refused = stand(desk.keys, consent, State.REFUSED, appended.position, ended_at=at)
    await _store.change(tx, (consent, refused))
    if receipt:
        await receipts.issue_refused(tx, desk, refused, appended)
    return refused
