"""Fagopplæring pushes a tentative plan, or that there is none, under the candidate's consent.

0. outside the transaction: find whom it is for, set the PDF, have her key and the mailbox's
1. lock the candidate's chain
2. judge the consent, anew and in full; the plan answers the mapping request that the consent is about
3. seal the plan's parts and the PDF under her key, as the next version if the request was answered before
4. put the letter in the outbox, mark the request answered, append to the log, tell the units
5. commit: all of it, or nothing

The bytes that were set are the bytes that are sealed and sent; their hash stands in the log.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from consent_service.audit.log import Entry, Head, append, lock
from consent_service.clock import local_date
from consent_service.consents.desk import Desk
from consent_service.consents.judging import judge
from consent_service.consents.reading import find_for_unit, of_candidate
from consent_service.consents.terms import Terms
from consent_service.crypto.service_keys import ServiceKeys
from consent_service.delivery import letters
from consent_service.delivery.letters import NewLetter, pdf_of
from consent_service.errors import NotAvailable, WrongState
from consent_service.events.feed import announce
from consent_service.identity.units import Unit
from consent_service.plans import _store
from consent_service.plans._store import MappingRequest, Plan
from consent_service.plans.authority import mapping_request_of, record_refusal
from consent_service.plans.content import TrainingPlan
from consent_service.plans.parts import PLAN, plan_parts, plan_ref
from consent_service.plans.pdf import render
from consent_service.plans.progress import tell_asker
from consent_service.plans.states import State, may_follow
from consent_service.plans.texts import texts
from consent_service.plans.wording import Letterhead
from consent_service.storage.engine import Database, Transaction
from consent_service.vault.keys import MAILBOX, CandidateKey, Keys, RecipientKey
from consent_service.vault.seal import SealedPart, seal


@dataclass(frozen=True)
class ReadyPlan:
    """A plan with its PDF and the keys it needs, and nothing stored yet."""

    consent_id: str
    unit: Unit
    plan: TrainingPlan = field(repr=False)
    pdf: bytes = field(repr=False)
    key: CandidateKey
    mailbox: RecipientKey


@dataclass(frozen=True, slots=True)
class Pushed:
    """A plan as accepted: it is in the candidate's pages, and its letter is in the outbox."""

    plan_id: str
    version: int
    letter_id: str
    at: int


async def make_ready(
    db: Database, keys: Keys, desk: Desk, plan: TrainingPlan, *, consent_id: str, unit: Unit, now: int
) -> ReadyPlan:
    """Step 0. It decides nothing but whether setting a PDF is worth while.

    Raises NotAvailable (and writes the attempt down) without a consent in force, NotPrintable, PressBusy,
    KeyProviderDown.
    """
    candidate_id = await _addressee(db, desk.keys, consent_id, unit, now=now)
    if candidate_id is None:
        await record_refusal(db, desk, "plan.refused", unit.id, consent_id, "not_in_force", now=now)
        raise NotAvailable
    pdf = await render(plan, Letterhead(sender=unit.name, date=local_date(now)))
    key = await keys.candidate(candidate_id)
    return ReadyPlan(consent_id, unit, plan, pdf, key, await keys.recipient(MAILBOX))


async def push(tx: Transaction, desk: Desk, ready: ReadyPlan, *, at: int) -> Pushed:
    """Steps 1 to 4; the caller commits.

    Raises NotAvailable without a consent in force, WrongState if the consent is about no mapping request, or about
    one that was declined.
    """
    # 1. Lock.
    head = (await lock(tx, [ready.key.candidate_id]))[ready.key.candidate_id]
    at = head.now(at)
    # 2. Judge.
    terms = await judge(tx, desk, ready.consent_id, ready.unit.id, at=at)
    if not isinstance(terms, Terms) or terms.candidate_id != ready.key.candidate_id:
        raise NotAvailable
    request = await _answerable(tx, desk, terms)
    # 3. Seal.
    version = await _next_version(tx, ready, request, at)
    pdf = await _seal(tx, ready, version, at)
    # 4. Letter, request, log, units.
    letter_id = await letters.enqueue(
        tx, desk.keys.log, head, _letter(ready, version), pdf, terms.share_terms(MAILBOX), ready.mailbox, now=at
    )
    answered = request.but(progress=State.ANSWERED.value, changed_at=at)
    await _store.change_progress(tx, answered)
    await _record(tx, desk, head, ready, version, at)
    await tell_asker(tx, answered, at=at)
    if version.version > 1:
        await _tell_of_newer(tx, desk.keys, version, at)
    return Pushed(version.id, version.version, letter_id, at)


async def _addressee(db: Database, keys: ServiceKeys, consent_id: str, unit: Unit, *, now: int) -> str | None:
    """Whom the plan is for, if the unit's consent looks to be in force."""
    async with db.snapshot() as view:
        try:
            consent = await find_for_unit(view, keys, unit.id, consent_id, now=now)
        except NotAvailable:
            return None
    if consent.recipient_id != unit.id or consent.state != "granted" or consent.terms is None:
        return None
    return consent.terms.candidate_id


async def _answerable(tx: Transaction, desk: Desk, terms: Terms) -> MappingRequest:
    """The mapping request that the consent is about. Raises WrongState if a plan can't be the answer to it."""
    request_id = mapping_request_of(terms)
    request = await _store.find_request(tx, request_id) if request_id is not None else None
    purpose = desk.purposes.get(terms.purpose, terms.purpose_version)
    if request is None or not purpose.delivers_to_mailbox:
        raise WrongState("This consent is about no mapping request that a plan could answer.")
    if (request.candidate_id, request.recipient_id) != (terms.candidate_id, terms.recipient.id):
        raise NotAvailable
    if not may_follow(State(request.progress), State.ANSWERED):
        raise WrongState
    return request


async def _next_version(tx: Transaction, ready: ReadyPlan, request: MappingRequest, at: int) -> Plan:
    earlier = await _store.newest_answer(tx, request.id)
    plan = Plan(
        id=earlier.id if earlier else str(uuid4()),
        version=earlier.version + 1 if earlier else 1,
        candidate_id=ready.key.candidate_id,
        mapping_request_id=request.id,
        consent_id=ready.consent_id,
        unit_id=ready.unit.id,
        created_at=at,
    )
    await _store.add_plan(tx, plan)
    return plan


async def _seal(tx: Transaction, ready: ReadyPlan, version: Plan, at: int) -> SealedPart:
    """Seal the parts, and the PDF, which is what the mailbox gets. Fagopplæring holds them until delivery."""
    for name, part in plan_parts(ready.plan).items():
        ref = plan_ref(version.candidate_id, version.id, version.version, name)
        await seal(tx, ready.key, ref, part, held_for=ready.unit.id, at=at)
    return await seal(
        tx,
        ready.key,
        pdf_of(version.candidate_id, version.id, version.version),
        ready.pdf,
        held_for=ready.unit.id,
        at=at,
    )


def _letter(ready: ReadyPlan, version: Plan) -> NewLetter:
    return NewLetter(
        plan_id=version.id,
        plan_version=version.version,
        consent_id=ready.consent_id,
        unit_id=ready.unit.id,
        sender_organisation=ready.unit.organisation_number,
        subject=texts(ready.plan.language).letter_subject,
        language=ready.plan.language,
    )


async def _record(tx: Transaction, desk: Desk, head: Head, ready: ReadyPlan, version: Plan, at: int) -> None:
    entry = Entry(
        "plan.pushed",
        "unit",
        unit_id=ready.unit.id,
        consent_id=ready.consent_id,
        resource_id=version.id,
        detail={
            "outcome": ready.plan.outcome,
            "version": version.version,
            "content_sha256": sha256(ready.pdf).hexdigest(),
        },
    )
    await append(tx, desk.keys.log, head, entry, at=at)


async def _tell_of_newer(tx: Transaction, keys: ServiceKeys, version: Plan, at: int) -> None:
    """Tell the units that may read an older version that there is a newer one, which they may not."""
    after = ""
    while page := await of_candidate(tx, keys, version.candidate_id, after=after, limit=200, now=at):
        for consent in page:
            shared = consent.terms.parts if consent.terms is not None and consent.state == "granted" else ()
            if any((ref.resource, ref.resource_id) == (PLAN, version.id) for ref in shared):
                await announce(
                    tx,
                    consent.recipient_id,
                    "plan",
                    consent_id=consent.id,
                    plan_id=version.id,
                    state="superseded",
                    at=at,
                )
        after = page[-1].id
