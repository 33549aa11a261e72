"""Granting: the candidate's yes. It re-wraps the data keys of exactly the parts that were shown.

The grant names the hash of the preview; what is shared is composed anew in the granting transaction, and if it is
no longer those bytes, nothing is granted. A request can be narrowed, never widened.
"""

import json
from collections.abc import Sequence
from uuid import uuid4

from consent_service.audit.log import Appended, Entry, Head, append, append_all, lock
from consent_service.consents import _store, receipts
from consent_service.consents._store import Stored
from consent_service.consents.archives import archives_under
from consent_service.consents.desk import Desk
from consent_service.consents.drawing import Drawn, Keyring, Yes, draw_up, read
from consent_service.consents.preview import Choice
from consent_service.consents.requests import NOT_GRANTED, UNBOUND
from consent_service.consents.standing import stand, terms_of, verify
from consent_service.consents.states import State, step
from consent_service.consents.telling import tell
from consent_service.consents.terms import terms_mac
from consent_service.errors import Invalid, NotAnswerable, NotAvailable, Violation
from consent_service.events.feed import News, announce, retract
from consent_service.storage.engine import Transaction
from consent_service.vault.granting import share
from consent_service.vault.keys import MAILBOX, RecipientKey
from consent_service.vault.parts import ShareTerms
from consent_service.vault.seal import SealedPart, seal_each
from consent_service.vault.shares import share_parts

__all__ = ["Keyring", "Yes", "answer", "grant", "grant_each", "resume"]


async def grant(tx: Transaction, desk: Desk, yes: Yes, *, now: int) -> Stored:
    """Grant a consent that nobody asked for.

    Raises Invalid, NameMissing, NotAvailable (see ``preview``), PreviewChanged, StandingRefusalStands, Tampered.
    """
    head = (await lock(tx, [yes.candidate_id]))[yes.candidate_id]
    (granted,) = await grant_each(tx, desk, [(head, yes)], now=now)
    if isinstance(granted, Exception):
        raise granted
    return granted


async def grant_each(
    tx: Transaction, desk: Desk, yeses: Sequence[tuple[Head, Yes]], *, now: int
) -> list[Stored | Exception]:
    """The same for several candidates, whose heads are locked: to each her consent, or what ``grant`` raises.

    Of one that is not granted nothing is written.
    """
    basis = await read(tx, desk, yeses)
    drawn: list[Drawn | Exception] = []
    for head, yes in yeses:
        at = head.now(now)
        try:
            drawn.append(draw_up(basis, head, _unasked(yes, at), yes, at=at))
        except Exception as wrong:  # noqa: BLE001  # whatever is wrong with one yes keeps back no other
            drawn.append(wrong)
    granted = await _grant(tx, desk, [one for one in drawn if isinstance(one, Drawn)], now=now)
    await _store.add(tx, *granted)
    written = iter(granted)
    return [one if isinstance(one, Exception) else next(written) for one in drawn]


def _unasked(yes: Yes, at: int) -> Stored:
    """A consent that nobody asked for, as it stands before the yes."""
    return Stored(
        id=str(uuid4()),
        candidate_id=yes.candidate_id,
        recipient_id=yes.choice.recipient.id,
        requester_id=None,
        purpose=yes.choice.purpose.code,
        purpose_version=yes.choice.purpose.version,
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


async def answer(tx: Transaction, desk: Desk, consent_id: str, yes: Yes, *, now: int) -> Stored:
    """Say yes to a request, to all of what it asked for or less.

    Raises NotAvailable for somebody else's, NotAnswerable once it is answered, cancelled or past its reply-by date,
    Invalid if it would be widened, PreviewChanged, Tampered.
    """
    head = (await lock(tx, [yes.candidate_id]))[yes.candidate_id]
    at = head.now(now)
    consent = await _store.find(tx, consent_id)
    if consent is None or consent.candidate_id != head.chain_id:
        raise NotAvailable
    await verify(tx, desk.keys, consent)
    if State(consent.state) is not State.REQUESTED or (consent.reply_by is not None and at >= consent.reply_by):
        raise NotAnswerable
    _narrows(consent, yes.choice)
    drawn = draw_up(await read(tx, desk, [(head, yes)]), head, consent, yes, at=at)
    (granted,) = await _grant(tx, desk, [drawn], now=now)
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
    to_recipient = (terms.share_terms(terms.recipient.id), keyring.recipient)  # the mailbox kept its own
    shared = [*terms.parts, terms.salt_ref, *await archives_under(tx, terms)]
    await share(tx, keyring.owner, shared, [to_recipient])
    resumed = stand(desk.keys, consent, State.GRANTED, appended.position)
    await _store.change(tx, (consent, resumed))
    await announce(tx, News(terms.recipient.id, "consent", consent_id=consent.id, state=State.GRANTED.value, at=at))
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


async def _grant(tx: Transaction, desk: Desk, drawn: Sequence[Drawn], *, now: int) -> list[Stored]:
    """Seal the salts, share the parts, log, sign the receipts, tell the units; the consents as they stand then."""
    if not drawn:
        return []
    for one in drawn:
        step(State(one.before.state), State.GRANTED)
    contents = [(one.yes.keyring.owner, one.terms.salt_ref, one.salt) for one in drawn]
    salts = await seal_each(tx, contents, held_for=desk.controller.organisation_number, at=now)
    await share_parts(tx, [share for one, salt in zip(drawn, salts, strict=True) for share in _shares(desk, one, salt)])
    places = await append_all(tx, desk.keys.log, [(one.head, _entry(one)) for one in drawn], at=now)
    await receipts.issue_granted(tx, desk, *((one.terms, place) for one, place in zip(drawn, places, strict=True)))
    granted = [_granted(desk, one, place) for one, place in zip(drawn, places, strict=True)]
    await tell(tx, *((after, place.at) for after, place in zip(granted, places, strict=True)))
    return granted


def _shares(desk: Desk, one: Drawn, salt: SealedPart) -> list[tuple[SealedPart, ShareTerms, RecipientKey]]:
    """Parts and salt for the recipient, and the person's part for the mailbox if a plan may follow."""
    terms, keyring = one.terms, one.yes.keyring
    to_recipient, to_mailbox = terms.share_terms(terms.recipient.id), terms.share_terms(MAILBOX)
    shares = [(part, to_recipient, keyring.recipient) for part in (*one.preview.parts, salt)]
    if desk.purposes.get(terms.purpose, terms.purpose_version).delivers_to_mailbox:
        person = [part for part in one.preview.parts if part.ref.resource == "person"]
        shares += [(part, to_mailbox, keyring.mailbox) for part in person]
    return shares


def _entry(one: Drawn) -> Entry:
    return Entry(
        "consent.granted",
        "candidate",
        unit_id=one.terms.recipient.id,
        consent_id=one.terms.consent_id,
        changes_state=True,
        detail={"purpose": one.terms.purpose, "content_sha256": one.preview.sha256},
    )


def _granted(desk: Desk, one: Drawn, place: Appended) -> Stored:
    raw = one.terms.to_bytes()
    return stand(
        desk.keys,
        one.before,
        State.GRANTED,
        place.position,
        terms=raw,
        terms_mac=terms_mac(desk.keys.rows, raw),
        valid_until=one.terms.valid_until,
        granted_at=one.terms.valid_from,
    )
