"""Fagopplæring says how its work on a mapping request goes, with words for the candidate.

The words are sealed as a part of the request (``message:<n>``), under her own key; the units hear of the state alone.
"""

from dataclasses import dataclass

from consent_service.audit.log import Entry, append, lock
from consent_service.consents.desk import Desk
from consent_service.consents.terms import Terms
from consent_service.errors import NotAvailable, WrongState
from consent_service.events.feed import News, announce
from consent_service.identity.employee import Acting
from consent_service.identity.units import Unit
from consent_service.plans import _store
from consent_service.plans.authority import Addressee, over
from consent_service.plans.parts import MESSAGE, Message, message_part, request_ref
from consent_service.plans.states import REPORTED, State, may_follow
from consent_service.storage.engine import Transaction
from consent_service.vault.seal import seal


@dataclass(frozen=True, slots=True)
class Reported:
    """What was said, and when."""

    mapping_request_id: str
    state: State
    at: int


async def report(
    tx: Transaction,
    desk: Desk,
    addressee: Addressee,
    state: State,
    message: Message,
    *,
    unit: Unit,
    by: Acting,
    at: int,
) -> Reported:
    """Move the work to ``state`` (one of ``REPORTED``), and leave ``message`` for the candidate.

    Raises NotAvailable without a consent in force, WrongState if the work is not where this can follow.
    """
    if state not in REPORTED:
        raise ValueError("only what is reported with words is reported here")
    key = addressee.key
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    at = head.now(at)
    request = await _store.find_request(tx, addressee.mapping_request_id)
    if request is None or (request.candidate_id, request.recipient_id) != (key.candidate_id, unit.id):
        raise NotAvailable
    terms = await over(tx, desk, request, unit.id, at=at)
    if not isinstance(terms, Terms):
        raise NotAvailable
    if not may_follow(State(request.progress), state):
        raise WrongState
    moved = request.but(progress=state.value, messages=request.messages + 1, changed_at=at)
    await _store.change_progress(tx, moved)
    await _store.add_message(tx, request.id, moved.messages, candidate_id=key.candidate_id, state=state.value, at=at)
    ref = request_ref(key.candidate_id, request.id, f"{MESSAGE}:{moved.messages}")
    await seal(tx, key, ref, message_part(message), held_for=unit.id, at=at)
    entry = Entry(
        f"mapping_request.{state.value}",
        "unit",
        unit_id=unit.id,
        consent_id=terms.consent_id,
        resource_id=request.id,
        detail=by.detail(),
    )
    await append(tx, desk.keys.log, head, entry, at=at)
    await tell_asker(tx, moved, at=at)
    return Reported(request.id, state, at)


async def tell_asker(tx: Transaction, request: _store.MappingRequest, *, at: int) -> None:
    """Tell the unit that asked where the work stands: the state, and no word."""
    if request.requester_id is not None:
        await announce(
            tx,
            News(
                request.requester_id,
                "mapping_request",
                consent_id=request.consent_id,
                mapping_request_id=request.id,
                state=request.progress,
                at=at,
            ),
        )
