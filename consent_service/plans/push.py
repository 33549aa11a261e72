"""Fagopplæring pushes a tentative plan, or that there is none, under the candidate's consent.

0. outside the transaction: find whom it is for, set the PDF (or rebuild fagopplæring's own), have her key, the
   mailbox's and the unit's
1. lock the candidate's chain
2. judge the consent, anew and in full; the plan answers the mapping request that the consent is about, and is the
   version that its PDF says
3. seal the plan's parts and the PDF under her key, and the copy for the unit's archive
4. put the letter in the outbox, mark the request answered, append to the log, tell the units
5. commit: all of it, or nothing

The bytes that were set are the bytes that are sealed and sent; their hashes stand in the log. A correction of a
delivered plan that comes after the end of its consent goes to the candidate alone: there is no letter, no copy, and no
unit hears of it but those that she shares an older version with, who hear that there is a newer one.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from uuid import uuid4

from consent_service.audit.log import Entry, Head, append, lock
from consent_service.clock import local_date
from consent_service.consents.archives import archive_ref, share_archive
from consent_service.consents.desk import Desk
from consent_service.consents.reading import find_for_unit
from consent_service.consents.terms import Terms
from consent_service.delivery import letters
from consent_service.delivery.letters import NewLetter, pdf_of
from consent_service.delivery.printing import address_part, address_ref
from consent_service.errors import NotAvailable, Unavailable
from consent_service.identity.employee import Acting
from consent_service.identity.units import Unit
from consent_service.mailbox.port import PostalAddress
from consent_service.plans import _store, own_pdf, postal, questions
from consent_service.plans._store import Plan
from consent_service.plans.answering import Answerable, answerable
from consent_service.plans.authority import record_refusal
from consent_service.plans.content import TrainingPlan
from consent_service.plans.newer import tell_of_newer
from consent_service.plans.parts import plan_parts, plan_ref
from consent_service.plans.pdf import ARCHIVE, render
from consent_service.plans.progress import tell_asker
from consent_service.plans.states import State
from consent_service.plans.texts import texts
from consent_service.plans.wording import Letterhead
from consent_service.storage.engine import Database, Transaction
from consent_service.vault.keys import MAILBOX, CandidateKey, Keys, RecipientKey
from consent_service.vault.seal import SealedPart, seal


class Overtaken(Unavailable):
    """Another version came in while this one's PDF was made, which says what it replaces."""


@dataclass(frozen=True)
class Incoming:
    """What a unit hands in. ``pdf`` is one that it made itself, None to have it set; ``correction`` if it says so.

    ``address`` is where the letter may go on paper, and ``printed`` whether letters of the unit are printed at all.
    """

    consent_id: str
    plan: TrainingPlan = field(repr=False)
    pdf: bytes | None = field(default=None, repr=False)
    correction: bool = False
    address: PostalAddress | None = None
    printed: bool = False


@dataclass(frozen=True)
class ReadyPlan:
    """A plan with its PDF, its copy for the archive and the keys it needs, and nothing stored yet."""

    incoming: Incoming
    unit: Unit
    by: Acting
    version: int
    pdf: bytes = field(repr=False)
    copy: bytes = field(repr=False)
    key: CandidateKey
    mailbox: RecipientKey
    archive: RecipientKey


@dataclass(frozen=True, slots=True)
class Pushed:
    """A plan as accepted: it is in the candidate's pages. Without a letter it is there alone."""

    plan_id: str
    version: int
    letter_id: str | None
    at: int


async def make_ready(
    db: Database, keys: Keys, desk: Desk, incoming: Incoming, *, unit: Unit, by: Acting, now: int
) -> ReadyPlan:
    """Step 0. It decides nothing but whether making a PDF is worth while.

    Raises NotAvailable (and writes the attempt down) without a consent in force, WrongState, Invalid, NotPrintable,
    NotTaken, PressBusy, KeyProviderDown.
    """
    try:
        async with db.snapshot() as view:
            # As much work for all: unknown, foreign and ended take as long.
            consent = await find_for_unit(view, desk.keys, unit.id, incoming.consent_id, now=now)
            if consent.state != "granted" and not incoming.correction:
                raise NotAvailable
            at = max(now, consent.granted_at or 0)  # her chain may be ahead of the clock
            found = await answerable(view, desk, incoming.consent_id, unit.id, correction=incoming.correction, at=at)
    except NotAvailable:
        await record_refusal(db, desk, "plan.refused", unit.id, incoming.consent_id, "not_in_force", by=by, now=now)
        raise
    _check_answers(desk, found, incoming)
    _check_address(desk, found, incoming)
    pdf, copy = await _printed(incoming, _letterhead(found, unit, now))
    key = await keys.candidate(found.terms.candidate_id)
    mailbox, archive = await keys.recipient(MAILBOX), await keys.recipient(unit.id)
    return ReadyPlan(incoming, unit, by, _version(found), pdf, copy, key, mailbox, archive)


def _letterhead(found: Answerable, unit: Unit, now: int) -> Letterhead:
    replaced = local_date(found.earlier.created_at) if found.earlier else None
    return Letterhead(
        sender=unit.name, date=local_date(now), version=_version(found), replaces=replaced, correction=found.alone
    )


async def _printed(incoming: Incoming, head: Letterhead) -> tuple[bytes, bytes]:
    """The PDF for the candidate, and the copy for the archive."""
    if incoming.pdf is not None:
        rebuilt = await own_pdf.rebuilt(incoming.pdf, incoming.plan, head)
        return rebuilt, rebuilt
    return await render(incoming.plan, head), await render(incoming.plan, head, standards=ARCHIVE)


def _version(found: Answerable) -> int:
    return found.earlier.version + 1 if found.earlier else 1


def _check_answers(desk: Desk, found: Answerable, incoming: Incoming) -> None:
    request = found.request
    questions.check(desk.keys.rows, request.id, request.questions, found.terms.parts, incoming.plan)


def _check_address(desk: Desk, found: Answerable, incoming: Incoming) -> None:
    purpose = desk.purposes.get(found.terms.purpose, found.terms.purpose_version)
    postal.check(incoming.address, purpose, printed=incoming.printed)


async def push(tx: Transaction, desk: Desk, ready: ReadyPlan, *, at: int) -> Pushed:
    """Steps 1 to 4; the caller commits.

    Raises NotAvailable without a consent in force, WrongState if the consent is about no mapping request, or about
    one that was declined, Overtaken.
    """
    # 1. Lock.
    head = (await lock(tx, [ready.key.candidate_id]))[ready.key.candidate_id]
    at = head.now(at)
    # 2. Judge.
    incoming = ready.incoming
    found = await answerable(tx, desk, incoming.consent_id, ready.unit.id, correction=incoming.correction, at=at)
    if found.terms.candidate_id != ready.key.candidate_id:
        raise NotAvailable
    if _version(found) != ready.version:
        raise Overtaken
    # 3. Seal.
    version = await _add_version(tx, ready, found, at)
    pdf = await _seal(tx, ready, version, at)
    if found.alone:
        # 4. She alone: what is older does not go to her any more; the log, and that what she has shared is out of date.
        await letters.supersede(tx, desk.keys, head, version.id, version.version, now=at)
        await _record(tx, desk, head, ready, version, at)
        await tell_of_newer(tx, desk.keys, version, at=at)
        return Pushed(version.id, version.version, None, at)
    # 4. Copy, letter, request, log, units.
    await _seal_copy(tx, ready, version, found.terms, at)
    letter_id = await letters.enqueue(
        tx,
        desk.keys.log,
        head,
        _letter(ready, version),
        pdf,
        found.terms.share_terms(MAILBOX),
        ready.mailbox,
        by=ready.by,
        now=at,
        address=await _seal_address(tx, ready, version, at),
    )
    answered = found.request.but(progress=State.ANSWERED.value, changed_at=at)
    await _store.change_progress(tx, answered)
    await _record(tx, desk, head, ready, version, at)
    await tell_asker(tx, answered, at=at)
    await tell_of_newer(tx, desk.keys, version, at=at)
    return Pushed(version.id, version.version, letter_id, at)


async def _add_version(tx: Transaction, ready: ReadyPlan, found: Answerable, at: int) -> Plan:
    plan = Plan(
        id=found.earlier.id if found.earlier else str(uuid4()),
        version=ready.version,
        candidate_id=ready.key.candidate_id,
        mapping_request_id=found.request.id,
        consent_id=ready.incoming.consent_id,
        unit_id=ready.unit.id,
        correction=int(found.alone),
        created_at=at,
    )
    await _store.add_plan(tx, plan)
    return plan


async def _seal(tx: Transaction, ready: ReadyPlan, version: Plan, at: int) -> SealedPart:
    """Seal the parts, and the PDF, which is what the mailbox gets. Fagopplæring holds them until delivery."""
    for name, part in plan_parts(ready.incoming.plan).items():
        ref = plan_ref(version.candidate_id, version.id, version.version, name)
        await seal(tx, ready.key, ref, part, held_for=ready.unit.id, at=at)
    ref = pdf_of(version.candidate_id, version.id, version.version)
    return await seal(tx, ready.key, ref, ready.pdf, held_for=ready.unit.id, at=at)


async def _seal_address(tx: Transaction, ready: ReadyPlan, version: Plan, at: int) -> SealedPart | None:
    """The address is the letter's alone: without a letter it is not kept."""
    address = ready.incoming.address
    if address is None:
        return None
    ref = address_ref(version.candidate_id, version.id, version.version)
    return await seal(tx, ready.key, ref, address_part(address), held_for=ready.unit.id, at=at)


async def _seal_copy(tx: Transaction, ready: ReadyPlan, version: Plan, terms: Terms, at: int) -> None:
    """The copy is fagopplæring's for good; under this consent alone it can be fetched."""
    ref = archive_ref(version.candidate_id, version.id, version.version, terms.consent_id)
    copy = await seal(tx, ready.key, ref, ready.copy, held_for=ready.unit.id, at=at)
    await share_archive(tx, copy, terms, ready.archive)


def _letter(ready: ReadyPlan, version: Plan) -> NewLetter:
    language = ready.incoming.plan.language
    say = texts(language)
    return NewLetter(
        plan_id=version.id,
        plan_version=version.version,
        consent_id=version.consent_id,
        unit_id=ready.unit.id,
        sender_organisation=ready.unit.organisation_number,
        subject=say.letter_subject if version.version == 1 else say.letter_subject_again,
        language=language,
    )


async def _record(tx: Transaction, desk: Desk, head: Head, ready: ReadyPlan, version: Plan, at: int) -> None:
    hashes = {"content_sha256": sha256(ready.pdf).hexdigest()}
    if not version.correction:
        hashes["archive_sha256"] = sha256(ready.copy).hexdigest()
    event = "plan.corrected" if version.correction else "plan.pushed"
    entry = Entry(
        event,
        "unit",
        unit_id=ready.unit.id,
        consent_id=version.consent_id,
        resource_id=version.id,
        detail={"outcome": ready.incoming.plan.outcome, "version": version.version, **hashes, **ready.by.detail()},
    )
    await append(tx, desk.keys.log, head, entry, at=at)
