"""Asking for competence mapping: by NAV, for a person who may never have been here, or by the candidate herself.

A mapping request and the consent that it asks for are made together, and stand or fall together. The rule this
module keeps: what NAV writes is sealed at once, with the waiting key, for known and unknown people alike; under the
candidate's own key it comes when she does. Nothing here opens a part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import orjson

from consent_service.audit.log import Entry, append, lock
from consent_service.clock import DAY
from consent_service.consents import requests
from consent_service.consents.desk import Desk
from consent_service.consents.purposes import Purpose
from consent_service.consents.reading import find_for_candidate
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.errors import Invalid, NotAvailable, Violation
from consent_service.identity.employee import Acting
from consent_service.identity.units import Unit
from consent_service.persons import waiting
from consent_service.persons.numbers import NationalId
from consent_service.persons.waiting import Receiver, WaitingItem
from consent_service.plans import _store, questions
from consent_service.plans._store import MappingRequest
from consent_service.plans.content import MappingRequestContent
from consent_service.plans.parts import MAPPING_REQUEST, request_parts, request_ref
from consent_service.plans.states import State
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import CandidateKey
from consent_service.vault.seal import seal

PURPOSE: Final = "competence_mapping"
LONGEST_WAIT: Final = 180 * DAY


@dataclass(frozen=True, slots=True)
class Asked:
    """A mapping request as accepted; its words wait for the candidate's yes."""

    id: str
    consent_id: str
    reply_by: int


async def ask(
    tx: Transaction,
    desk: Desk,
    national_id: NationalId,
    content: MappingRequestContent,
    *,
    requester: Unit,
    by: Acting,
    recipient: Unit,
    note_sections: Sequence[str],
    reply_by: int,
    lapses_at: int,
    at: int,
) -> Asked:
    """NAV asks the unit ``recipient`` to map a person's competence. The same for known and unknown people.

    ``note_sections`` names the kinds of note parts (``strengths``, ``question_vocational_training``) that NAV proposes
    to go along. ``reply_by`` is the instant from which silence counts as no; what waits lapses at ``lapses_at``, or
    then. Raises Invalid if the purpose does not admit what is asked, or the reply-by time is past or too far off.
    """
    parts = request_parts(content)
    asked = await _ask(
        tx,
        desk,
        content,
        requester=requester,
        recipient=recipient,
        note_sections=note_sections,
        reply_by=reply_by,
        at=at,
    )
    told = {
        "mapping_request_id": asked.id,
        "consent_id": asked.consent_id,
        "parts": {name: orjson.loads(part) for name, part in parts.items()},
        "by": by.detail(),
    }
    await waiting.leave(
        tx,
        desk.keys.waiting,
        desk.keys.lookup,
        national_id,
        kind="mapping_request",
        item_id=asked.consent_id,  # so that cancelling the consent takes the item back too
        payload=canonical(told),
        from_unit=requester.id,
        at=at,
        lapses_at=min(reply_by, lapses_at),
    )
    return asked


async def ask_for_herself(
    tx: Transaction,
    desk: Desk,
    key: CandidateKey,
    content: MappingRequestContent,
    *,
    recipient: Unit,
    reply_by: int,
    at: int,
) -> Asked:
    """The candidate asks. Any section of her note may go along: she chooses when she grants.

    Raises Invalid as ``ask`` does, NotAvailable if she was erased meanwhile.
    """
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    at = head.now(at)
    parts = request_parts(content)
    purpose = desk.purposes.get(PURPOSE)
    notes = [kind.removeprefix("note.") for kind in purpose.part_kinds if kind.startswith("note.")]
    asked = await _ask(
        tx, desk, content, requester=None, recipient=recipient, note_sections=notes, reply_by=reply_by, at=at
    )
    await requests.bind(tx, desk.keys, head, asked.consent_id, by=None, at=at)
    await _store.bind(tx, asked.id, key.candidate_id)
    await _seal(tx, key, asked.id, parts, held_for=desk.controller.organisation_number, at=at)
    return asked


async def ask_under(tx: Transaction, request_id: str, consent_id: str) -> None:
    """Let a request be answered under another consent, which is asked for in place of one that was invalidated."""
    await _store.ask_under(tx, request_id, consent_id)


def receiver(keys: ServiceKeys) -> Receiver:
    """What takes a waiting ``mapping_request`` over: binds it and its consent, and seals it under the person's key."""

    async def receive(tx: Transaction, candidate_id: str, key: CandidateKey, item: WaitingItem, at: int) -> None:
        told = orjson.loads(item.payload)
        request_id, consent_id, by = told["mapping_request_id"], told["consent_id"], told["by"]
        head = (await lock(tx, [candidate_id]))[candidate_id]
        at = head.now(at)
        await requests.bind(tx, keys, head, consent_id, by=by, at=at)
        hers = await _is_hers(tx, keys, candidate_id, consent_id, at)
        if not hers or not await _store.bind(tx, request_id, candidate_id):
            return  # cancelled or lapsed in the same moment: there is nothing left to answer
        parts = {name: canonical(part) for name, part in told["parts"].items()}
        await _seal(tx, key, request_id, parts, held_for=item.from_unit, at=at)
        entry = Entry(
            "mapping_request.received",
            "unit",
            unit_id=item.from_unit,
            consent_id=consent_id,
            resource_id=request_id,
            detail=by,
        )
        await append(tx, keys.log, head, entry, at=at)

    return receive


async def _ask(
    tx: Transaction,
    desk: Desk,
    content: MappingRequestContent,
    *,
    requester: Unit | None,
    recipient: Unit,
    note_sections: Sequence[str],
    reply_by: int,
    at: int,
) -> Asked:
    """Write the request and the consent that it asks for, bound to nobody yet."""
    purpose = desk.purposes.get(PURPOSE)
    _check(purpose, note_sections, reply_by, at)
    request_id = str(uuid4())
    consent_id = await requests.ask(
        tx,
        desk,
        purpose,
        recipient=recipient,
        requester=requester,
        part_kinds=[
            *(f"{MAPPING_REQUEST}.{part}" for part in request_parts(content)),
            *(f"note.{section}" for section in note_sections),
        ],
        reply_by=reply_by,
        at=at,
        mapping_request_id=request_id,
    )
    row = MappingRequest(
        id=request_id,
        candidate_id=None,
        consent_id=consent_id,
        requester_id=requester.id if requester else None,
        recipient_id=recipient.id,
        progress=State.RECEIVED.value,
        messages=0,
        questions=questions.marks(desk.keys.rows, request_id, content.questions),
        reply_by=reply_by,
        created_at=at,
        changed_at=at,
    )
    await _store.add_request(tx, row)
    return Asked(request_id, consent_id, reply_by)


def _check(purpose: Purpose, note_sections: Sequence[str], reply_by: int, at: int) -> None:
    violations = [
        Violation(f"/note_sections/{index}", "Name sections or questions of a note that this purpose admits.")
        for index, section in enumerate(note_sections)
        if not purpose.admits_kind(f"note.{section}")
    ]
    if not at < reply_by <= at + LONGEST_WAIT:
        violations.append(Violation("/reply_by", "From today, and at most 180 days ahead."))
    if violations:
        raise Invalid(violations=tuple(violations))


async def _is_hers(tx: Transaction, keys: ServiceKeys, candidate_id: str, consent_id: str, at: int) -> bool:
    try:
        await find_for_candidate(tx, keys, candidate_id, consent_id, now=at)
    except NotAvailable:
        return False
    return True


async def _seal(
    tx: Transaction, key: CandidateKey, request_id: str, parts: Mapping[str, bytes], *, held_for: str, at: int
) -> None:
    for name, part in parts.items():
        await seal(tx, key, request_ref(key.candidate_id, request_id, name), part, held_for=held_for, at=at)
