"""Granting: the candidate's yes. It re-wraps the data keys of exactly the parts that were shown.

The grant names the hash of the preview; what is shared is composed anew in the granting transaction, and if it is
no longer those bytes, nothing is granted. A request can be narrowed, never widened.
"""

import json
import os
from dataclasses import dataclass
from uuid import uuid4

from consent_service.audit.log import Entry, Head, append, lock
from consent_service.clock import DAY
from consent_service.consents import _store, receipts
from consent_service.consents._store import Stored
from consent_service.consents.archives import archives_under
from consent_service.consents.desk import Desk
from consent_service.consents.preview import Choice, Preview, preview
from consent_service.consents.purposes import Language
from consent_service.consents.requests import NOT_GRANTED, UNBOUND
from consent_service.consents.standing import stand, terms_of, verify
from consent_service.consents.standing_refusals import stands
from consent_service.consents.states import State, step
from consent_service.consents.terms import SALT_BYTES, RecipientTerms, Terms, commit, terms_mac
from consent_service.errors import (
    Invalid,
    NotAnswerable,
    NotAvailable,
    PreviewChanged,
    StandingRefusalStands,
    Violation,
)
from consent_service.events.feed import announce, retract
from consent_service.identity.units import held_enabled
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import MAILBOX, CandidateKey, RecipientKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import seal
from consent_service.vault.shares import share


@dataclass(frozen=True)
class Keyring:
    """Whose keys a grant works with: the owner's, the recipient's, and the mailbox's. Had before the transaction."""

    owner: CandidateKey
    recipient: RecipientKey
    mailbox: RecipientKey


async def grant(
    tx: Transaction, desk: Desk, keyring: Keyring, choice: Choice, *, preview_sha256: str, language: Language, now: int
) -> Stored:
    """Grant a consent that nobody asked for.

    Raises Invalid, NameMissing, NotAvailable (see ``preview``), PreviewChanged.
    """
    head = (await lock(tx, [keyring.owner.candidate_id]))[keyring.owner.candidate_id]
    at = head.now(now)
    consent = Stored(
        id=str(uuid4()),
        candidate_id=head.chain_id,
        recipient_id=choice.recipient.id,
        requester_id=None,
        purpose=choice.purpose.code,
        purpose_version=choice.purpose.version,
        requested_kinds=json.dumps([]),
        mapping_request_id=None,
        state=State.REQUESTED.value,
        state_position=UNBOUND,
        row_mac=b"",
        terms=b"",
        terms_mac=b"",
        uses=0,
        valid_until=None,
        reply_by=None,
        requested_at=at,
        granted_at=None,
        ended_at=None,
    )
    shown = await _shown(tx, desk, keyring, choice, preview_sha256, at)
    granted = await _grant(tx, desk, keyring, head, consent, choice, shown, language=language, at=at)
    await _store.add(tx, granted)
    return granted


async def answer(
    tx: Transaction,
    desk: Desk,
    keyring: Keyring,
    consent_id: str,
    choice: Choice,
    *,
    preview_sha256: str,
    language: Language,
    now: int,
) -> Stored:
    """Say yes to a request, to all of what it asked for or less.

    Raises NotAvailable for somebody else's, NotAnswerable once it is answered, cancelled or past its reply-by date,
    Invalid if it would be widened, PreviewChanged, Tampered.
    """
    head = (await lock(tx, [keyring.owner.candidate_id]))[keyring.owner.candidate_id]
    at = head.now(now)
    consent = await _store.find(tx, consent_id)
    if consent is None or consent.candidate_id != head.chain_id:
        raise NotAvailable
    await verify(tx, desk.keys, consent)
    if State(consent.state) is not State.REQUESTED or (consent.reply_by is not None and at >= consent.reply_by):
        raise NotAnswerable
    _narrows(consent, choice)
    shown = await _shown(tx, desk, keyring, choice, preview_sha256, at)
    granted = await _grant(tx, desk, keyring, head, consent, choice, shown, language=language, at=at)
    await _store.answer(tx, consent, granted)
    if consent.requester_id is not None:
        await retract(tx, consent.id, state=NOT_GRANTED)
    return granted


async def resume(tx: Transaction, desk: Desk, keyring: Keyring, consent_id: str, *, now: int) -> Stored:
    """Let a paused consent be in force again, on the same terms: its shares are made anew.

    Raises NotAvailable, WrongState if it is not paused, ConsentEnded, Tampered.
    """
    head = (await lock(tx, [keyring.owner.candidate_id]))[keyring.owner.candidate_id]
    at = head.now(now)
    consent = await _store.find(tx, consent_id)
    if consent is None or consent.candidate_id != head.chain_id:
        raise NotAvailable
    await verify(tx, desk.keys, consent)
    terms = terms_of(await _in_time(consent, at))
    step(State(consent.state), State.GRANTED)
    entry = Entry("consent.resumed", "candidate", unit_id=terms.recipient.id, consent_id=consent.id, changes_state=True)
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    await _share_with_recipient(tx, keyring, terms, *await archives_under(tx, terms))  # the mailbox kept its own
    resumed = stand(desk.keys, consent, State.GRANTED, appended.position)
    await _store.change(tx, consent, resumed)
    await announce(tx, terms.recipient.id, "consent", consent_id=consent.id, state=State.GRANTED.value, at=at)
    return resumed


async def _in_time(consent: Stored, at: int) -> Stored:
    if consent.valid_until is None or at >= consent.valid_until:
        raise NotAvailable
    return consent


def _narrows(consent: Stored, choice: Choice) -> None:
    asked = set(json.loads(consent.requested_kinds))
    same = (consent.recipient_id, consent.purpose, consent.purpose_version) == (
        choice.recipient.id,
        choice.purpose.code,
        choice.purpose.version,
    )
    wider = [
        Violation(f"/parts/{index}", "This was not asked for. A request can be narrowed, never widened.")
        for index, ref in enumerate(choice.parts)
        if ref.kind not in asked or _of_another_request(consent, ref.resource, ref.resource_id)
    ]
    if not same or wider:
        raise Invalid("A yes is to what was asked, or to less of it.", tuple(wider))


def _of_another_request(consent: Stored, resource: str, resource_id: str) -> bool:
    return resource == "mapping_request" and resource_id != consent.mapping_request_id


async def _shown(
    tx: Transaction, desk: Desk, keyring: Keyring, choice: Choice, preview_sha256: str, at: int
) -> Preview:
    """What would be shared, composed in this transaction. Raises PreviewChanged if it is not what was shown."""
    if await stands(tx, desk.keys, keyring.owner.candidate_id, choice.recipient):
        raise StandingRefusalStands
    if await held_enabled(tx, desk.keys.rows, choice.recipient.id) is None:
        raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive now."),))
    if not at < choice.valid_until <= at + (choice.purpose.longest_days + 1) * DAY:
        longest = choice.purpose.longest_days
        raise Invalid(violations=(Violation("/valid_until", f"From today, and at most {longest} days ahead."),))
    shown = await preview(tx, keyring.owner, choice)
    if shown.sha256 != preview_sha256:
        raise PreviewChanged
    return shown


async def _grant(
    tx: Transaction,
    desk: Desk,
    keyring: Keyring,
    head: Head,
    consent: Stored,
    choice: Choice,
    shown: Preview,
    *,
    language: Language,
    at: int,
) -> Stored:
    """Seal the salt, write the terms, share the parts, log, sign the receipt, tell the units."""
    step(State(consent.state), State.GRANTED)
    salt = os.urandom(SALT_BYTES)
    terms = _terms(consent, choice, shown, salt, language=language, at=at)
    controller = desk.controller.organisation_number
    await seal(tx, keyring.owner, terms.salt_ref, salt, held_for=controller, at=at)
    await _share(tx, desk, keyring, terms)
    entry = Entry(
        "consent.granted",
        "candidate",
        unit_id=terms.recipient.id,
        consent_id=consent.id,
        changes_state=True,
        detail={"purpose": terms.purpose, "content_sha256": shown.sha256},
    )
    appended = await append(tx, desk.keys.log, head, entry, at=at)
    raw = terms.to_bytes()
    written = consent.but(
        terms=raw, terms_mac=terms_mac(desk.keys.rows, raw), valid_until=terms.valid_until, granted_at=at
    )
    await receipts.issue_granted(tx, desk, terms, appended)
    for unit in {terms.recipient.id, consent.requester_id} - {None}:
        assert unit is not None
        await announce(
            tx,
            unit,
            "consent",
            consent_id=consent.id,
            mapping_request_id=consent.mapping_request_id,
            state=State.GRANTED.value,
            at=at,
        )
    return stand(desk.keys, written, State.GRANTED, appended.position)


def _terms(consent: Stored, choice: Choice, shown: Preview, salt: bytes, *, language: Language, at: int) -> Terms:
    recipient = choice.recipient
    assert consent.candidate_id is not None
    return Terms(
        consent_id=consent.id,
        candidate_id=consent.candidate_id,
        data_subject_id=str(uuid4()),
        recipient=RecipientTerms(recipient.id, str(recipient.kind), recipient.name, recipient.organisation_number),
        requester_id=consent.requester_id,
        purpose=choice.purpose.code,
        purpose_version=choice.purpose.version,
        language=language,
        text_sha256=choice.purpose.text_sha256(language),
        parts=shown.parts,
        valid_from=at,
        valid_until=choice.valid_until,
        max_uses=choice.max_uses,
        mapping_request_id=consent.mapping_request_id,
        data_subject_commitment=commit(salt, _national_id(shown.person)),
        content_commitment=commit(salt, bytes.fromhex(shown.sha256)),
    )


def _national_id(person: bytes) -> bytes:
    """The identity number's eleven digits, out of the person's part."""
    number: str = json.loads(person)["national_id"]
    return number.encode()


async def _share(tx: Transaction, desk: Desk, keyring: Keyring, terms: Terms) -> None:
    """Wrap parts and salt for the recipient, and the person's part for the mailbox if a plan may follow."""
    await _share_with_recipient(tx, keyring, terms)
    if desk.purposes.get(terms.purpose, terms.purpose_version).delivers_to_mailbox:
        person = [ref for ref in terms.parts if ref.resource == "person"]
        await share(tx, keyring.owner, person, [(terms.share_terms(MAILBOX), keyring.mailbox)])


async def _share_with_recipient(tx: Transaction, keyring: Keyring, terms: Terms, *archives: PartRef) -> None:
    to_recipient = (terms.share_terms(terms.recipient.id), keyring.recipient)
    await share(tx, keyring.owner, [*terms.parts, terms.salt_ref, *archives], [to_recipient])
