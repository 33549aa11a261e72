"""Asking: a unit, or the candidate herself, asks for a consent. Asking never grants, and reaches nothing that does.

A unit's request is bound to nobody at first. It waits under the keyed hash of the number, for known and unknown people
alike, and is bound when the person comes (``bind``). Until the reply-by date the asker sees the same, whatever happens.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from consent_service.audit.log import SERVICE_CHAIN, Entry, Head, append, lock, lock_concerned
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.purposes import IDENTITY, Purpose
from consent_service.consents.standing import stand, verify
from consent_service.consents.standing_refusals import stands
from consent_service.consents.states import ENDS, UNIT_CLOSED, State
from consent_service.consents.terms import terms_mac
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import Invalid, NotAvailable, StorageUnavailable, Tampered, Violation
from consent_service.events.feed import News, announce, retract
from consent_service.identity.employee import Acting
from consent_service.identity.units import Unit, held_enabled
from consent_service.identity.units import find as find_unit
from consent_service.persons.waiting import WaitingItem, withdraw
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal

NOT_GRANTED = "not_granted"
UNBOUND = -1  # the chain position of a request that is in nobody's chain yet

_NOTHING = b""  # the terms of what has not been granted


def check(purpose: Purpose, recipient: Unit, requester: Unit | None, kinds: Sequence[str]) -> None:
    """Raises Invalid if ``purpose`` does not admit this recipient, asker (None: the candidate) or these part kinds."""
    violations = []
    if not (recipient.enabled and purpose.admits_recipient(recipient.kind)):
        violations.append(Violation("/recipient_id", "This unit can't receive for this purpose."))
    if requester is not None and not purpose.admits_requester(requester.kind):
        violations.append(Violation("/purpose", "Your unit can't ask for this purpose."))
    if not kinds or any(not purpose.admits_kind(kind) for kind in kinds):
        violations.append(Violation("/part_kinds", "Name kinds of parts that the purpose admits."))
    if violations:
        raise Invalid(violations=tuple(violations))


async def ask(
    tx: Transaction,
    desk: Desk,
    purpose: Purpose,
    *,
    recipient: Unit,
    requester: Unit | None,
    part_kinds: Sequence[str],
    reply_by: int,
    at: int,
    mapping_request_id: str | None = None,
) -> str:
    """Record a request that is not yet bound to anybody; its consent id. Raises Invalid (see ``check``).

    ``reply_by`` is the instant from which silence counts as no. ``requester`` is None when the candidate asks.
    """
    check(purpose, recipient, requester, part_kinds)
    parties = sorted({recipient.id} | ({requester.id} if requester else set()))
    if len(await held_enabled(tx, desk.keys, parties)) < len(parties):
        raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive for this purpose."),))
    if reply_by <= at:
        raise Invalid(violations=(Violation("/reply_by", "The date must be in the future."),))
    mac = terms_mac(desk.keys.rows, _NOTHING)
    consent = Stored(
        id=str(uuid4()),
        candidate_id=None,
        recipient_id=recipient.id,
        requester_id=requester.id if requester else None,
        purpose=purpose.code,
        purpose_version=purpose.version,
        requested_kinds=json.dumps(sorted({*part_kinds, IDENTITY})),
        mapping_request_id=mapping_request_id,
        state=State.REQUESTED.value,
        state_position=UNBOUND,
        row_mac=b"",
        terms=_NOTHING,
        terms_mac=mac,
        uses=0,
        valid_until=None,
        reply_by=reply_by,
        requested_at=at,
        granted_at=None,
        ended_at=None,
    )
    await _store.add(tx, stand(desk.keys, consent, State.REQUESTED, UNBOUND))
    if requester is not None:
        # Laid down now, for the reply-by date, and taken back only by a grant or a cancellation: so a refusal, a
        # lapse and a request that was never opened reach the asker in the same moment, as the same words.
        await announce(
            tx,
            News(
                requester.id,
                "consent",
                consent_id=consent.id,
                mapping_request_id=mapping_request_id,
                state=NOT_GRANTED,
                at=reply_by,
                not_before=reply_by,
            ),
        )
    return consent.id


async def bind(
    tx: Transaction,
    keys: ServiceKeys,
    head: Head,
    consent_id: str,
    *,
    by: Mapping[str, str] | None,
    at: int,
) -> None:
    """Bind a request to the person who has come (or who asks herself), in whose chain it now stands.

    ``by``: who asked for the unit, as the log says it (``Acting.detail``); None where no unit acts.
    One for a unit that she refuses once and for all is refused for her. One that was cancelled or has lapsed
    meanwhile stays as it is. Raises Tampered, NotAvailable.
    """
    consent = await _store.find(tx, consent_id)
    if consent is None:
        raise NotAvailable
    await verify(tx, keys, consent)
    if consent.candidate_id is not None or State(consent.state) in ENDS:
        return
    entry = Entry(
        "consent.requested",
        "unit" if consent.requester_id else "candidate",
        unit_id=consent.requester_id,
        consent_id=consent.id,
        changes_state=True,
        detail=dict(by or {}),
    )
    appended = await append(tx, keys.log, head, entry, at=at)
    bound = consent.but(candidate_id=head.chain_id)
    state = State.REQUESTED
    recipient = await find_unit(tx, keys, consent.recipient_id)
    if recipient is not None and await _refused_for_good(tx, keys, head.chain_id, recipient):
        refused = Entry(
            "consent.refused", "service", consent_id=consent.id, outcome="standing_refusal", changes_state=True
        )
        appended = await append(tx, keys.log, head, refused, at=at)
        bound, state = bound.but(ended_at=appended.at), State.REFUSED
    await _store.answer(tx, consent, stand(keys, bound, state, appended.position))


async def _refused_for_good(view: Snapshot, keys: ServiceKeys, candidate_id: str, recipient: Unit) -> bool:
    try:
        return await stands(view, keys, candidate_id, recipient)
    except Tampered:
        return True  # whom she refuses can't be told, and to the asker she is as silent as ever


def message_ref(candidate_id: str, consent_id: str) -> PartRef:
    """Where the asker's words to the candidate are sealed."""
    return PartRef(candidate_id, "consent", consent_id, 1, "message")


def payload(consent_id: str, message: str, by: Acting) -> bytes:
    """What waits for the person: which request it is, the asker's words, and who acted for the asker."""
    return canonical({"consent_id": consent_id, "message": message, "by": by.detail()})


def receiver(keys: ServiceKeys) -> Callable[[Transaction, str, CandidateKey, WaitingItem, int], Awaitable[None]]:
    """What takes a waiting ``consent_request`` over: binds it, and seals the asker's words under the person's key."""

    async def receive(tx: Transaction, candidate_id: str, key: CandidateKey, item: WaitingItem, at: int) -> None:
        content = json.loads(item.payload)
        consent_id = content["consent_id"]
        head = (await lock(tx, [candidate_id]))[candidate_id]
        await bind(tx, keys, head, consent_id, by=content["by"], at=at)
        words = canonical({"text": content["message"]})
        await seal(tx, key, message_ref(candidate_id, consent_id), words, held_for=item.from_unit, at=at)

    return receive


async def cancel(tx: Transaction, desk: Desk, consent_id: str, unit: Unit, *, by: Acting, at: int) -> None:
    """Take a request of the unit's own back, before its reply-by date and unless it was granted.

    Whether it was refused or lies unopened is not said, by answer, view, feed or cost: the asker's withdrawal is
    written down in each case. Raises NotAvailable for anybody else's, and for one that was granted.
    """
    first = await _store.find(tx, consent_id)
    if first is None or first.requester_id != unit.id:
        raise NotAvailable
    head, consent = await _locked(tx, desk, first)
    if consent.granted_at is not None:
        raise NotAvailable
    if is_open(consent, at):
        entry = Entry("consent.cancelled", "unit", unit_id=unit.id, consent_id=consent.id, detail=by.detail())
        await _withdraw(tx, desk, head, consent, entry, at=at)


async def fall_away(tx: Transaction, desk: Desk, consent_id: str, unit_id: str, *, at: int) -> bool:
    """Take a request back because ``unit_id``, which asked or was to receive, is closed; whether there was one.

    To an asker who goes on, all look the same: unopened, refused and lapsed. Raises StorageUnavailable, Tampered.
    """
    first = await _store.find(tx, consent_id)
    if first is None or unit_id not in {first.requester_id, first.recipient_id}:
        return False
    head, consent = await _locked(tx, desk, first)
    if consent.granted_at is not None or not is_open(consent, at):
        return False
    entry = Entry("consent.cancelled", "service", unit_id=unit_id, consent_id=consent.id, outcome=UNIT_CLOSED)
    await _withdraw(tx, desk, head, consent, entry, at=at)
    return True


async def _locked(tx: Transaction, desk: Desk, first: Stored) -> tuple[Head, Stored]:
    """The request as it is under the lock of the chain that it stands in: the service's own while it is nobody's."""
    heads, _ = await lock_concerned(tx, [first.candidate_id], wait=True)
    head = heads.get(first.candidate_id or SERVICE_CHAIN) or heads[SERVICE_CHAIN]
    consent = await _store.find(tx, first.id)
    if consent is None or consent.candidate_id != first.candidate_id:
        raise StorageUnavailable  # bound while we waited: asked again, it is locked where it is now
    return head, await verify(tx, desk.keys, consent)


def is_open(consent: Stored, at: int) -> bool:
    """Whether the asker could still get an answer, for all that it knows."""
    return consent.withdrawn_at is None and consent.reply_by is not None and at < consent.reply_by


async def _withdraw(tx: Transaction, desk: Desk, head: Head, consent: Stored, entry: Entry, *, at: int) -> None:
    waited, hers = State(consent.state) is State.REQUESTED, head.chain_id == consent.candidate_id
    appended = await append(tx, desk.keys.log, head, replace(entry, changes_state=waited and hers), at=at)
    withdrawn = consent.but(withdrawn_at=at, ended_at=at if waited else consent.ended_at)
    state = State.CANCELLED if waited else State(consent.state)
    position = appended.position if waited and hers else consent.state_position
    await _store.change(tx, (consent, stand(desk.keys, withdrawn, state, position)))
    if consent.requester_id is None:
        return  # her own request: no unit has asked, and nothing waits
    await withdraw(tx, consent.id, consent.requester_id)
    await retract(tx, consent.id, state=NOT_GRANTED)
    await announce(tx, News(consent.requester_id, "consent", consent_id=consent.id, state=State.CANCELLED.value, at=at))


async def lapse(tx: Transaction, desk: Desk, consent_id: str, candidate_id: str | None, *, at: int) -> bool:
    """Let a request lapse whose reply-by date has passed; whether it did."""
    head = (await lock(tx, [candidate_id]))[candidate_id] if candidate_id is not None else None
    consent = await _store.find(tx, consent_id)
    if consent is None or State(consent.state) not in {State.REQUESTED, State.PENDING_CONFIRMATION}:
        return False
    if consent.reply_by is None or consent.reply_by > at or consent.candidate_id != candidate_id:
        return False
    await verify(tx, desk.keys, consent)
    position = UNBOUND
    if head is not None:
        entry = Entry("consent.lapsed", "service", consent_id=consent.id, changes_state=True)
        position = (await append(tx, desk.keys.log, head, entry, at=at)).position
    await _store.change(tx, (consent, stand(desk.keys, consent, State.LAPSED, position, ended_at=at)))
    return True
