"""Receipts: the signed proof of a consent, its end, or a refusal (ISO/IEC TS 27560, as a JWS with ES256).

A receipt can be checked by anyone with the key in ``/.well-known/jwks.json`` and without us. The person stands in
it as a random id for this consent alone and a salted commitment to the identity number; who holds the salt (the
person, and the recipient with each release) can prove whom it is about, and nobody else can guess it.
"""

from typing import Any
from uuid import uuid4

import orjson
import structlog
from prometheus_client import Counter

from consent_service.audit.log import Appended
from consent_service.clock import rfc3339
from consent_service.consents import _store
from consent_service.consents._store import Stored
from consent_service.consents.desk import Desk
from consent_service.consents.states import State
from consent_service.consents.terms import Terms, wire
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey, ReceiptKey, payload
from consent_service.errors import Tampered
from consent_service.storage.engine import Row, Snapshot, Transaction

TAMPERED = Counter("consent_receipts_tampered_total", "Receipts that were changed or taken behind the service's back")

_log = structlog.get_logger()

SCHEMA_VERSION = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr; consent-service-receipt/1"

_ROW = ("id", "consent_id", "candidate_id", "type", "jws", "at")

# What belongs to one receipt alone, and is not carried over from the grant's to the end's.
_OF_THE_RECEIPT = frozenset({"schema_version", "receipt_id", "receipt_type", "receipt_created", "evidence"})

# Our states in the terms of the W3C Data Privacy Vocabulary. What the candidate calls revoking, DPV calls withdrawing.
DPV_STATES = {
    State.GRANTED: "dpv:ConsentGiven",
    State.REFUSED: "dpv:ConsentRefused",
    State.REVOKED: "dpv:ConsentWithdrawn",
    State.EXPIRED: "dpv:ConsentExpired",
    State.USED_UP: "dpv:ConsentExpired",
    State.INVALIDATED: "dpv:ConsentInvalidated",
}


async def issue_granted(tx: Transaction, desk: Desk, *grants: tuple[Terms, Appended]) -> None:
    """Sign and keep the receipts of grants, in the transaction that grants."""
    await _store.add_receipts(
        tx,
        [
            _signed(desk, "given", terms.candidate_id, _granted(desk, terms, appended), appended)
            for terms, appended in grants
        ],
    )


async def issue_ended(tx: Transaction, desk: Desk, *ends: tuple[Terms, State, Appended]) -> None:
    """Sign and keep the receipts of ends, in the transaction that ends.

    Each says what the receipt of its grant said. Of one that is not ours nothing is signed again: the alarm goes, and
    the terms speak for themselves. An end must not depend on anything else.
    """
    rows = await _store.receipts(tx, [terms.consent_id for terms, _, _ in ends])
    await _store.add_receipts(tx, [_ended(desk, rows[end[0].consent_id], *end) for end in ends])


def _ended(desk: Desk, rows: list[Row], terms: Terms, state: State, appended: Appended) -> dict[str, object]:
    given = _said(desk.keys.rows, rows, terms)
    said = {
        **(_terms(terms) if given is None else given),
        "record_id": terms.consent_id,
        "events": [_event(state, appended)],
        "ended_at": rfc3339(appended.at),
    }
    return _signed(desk, "termination", terms.candidate_id, said, appended)


def _said(key: MacKey, rows: list[Row], terms: Terms) -> dict[str, Any] | None:
    """What our receipt of the grant says of it, None after the alarm if there is none, or one beside it is not ours.

    Its row's MAC tells, which takes a tenth of the time that its signature takes.
    """
    given = [row for row in rows if row["type"] == "given"]
    if len(given) != 1 or not _is_ours(key, given[0]):
        TAMPERED.inc()
        _log.error("receipt tampered with", consent_id=terms.consent_id)
        return None
    said: dict[str, Any] = orjson.loads(payload(given[0]["jws"]))
    return {name: value for name, value in said.items() if name not in _OF_THE_RECEIPT}


def _is_ours(key: MacKey, row: Row) -> bool:
    try:
        return key.verify(_covered(row), row["mac"])
    except (TypeError, ValueError):  # a column of another type: SQLite takes anything
        return False


def _covered(row: Row) -> bytes:
    """What the MAC over a receipt's row covers: all else that stands in it."""
    return canonical(["receipt 1", *(row[column] for column in _ROW)])


def content(key: ReceiptKey, jws: object) -> dict[str, Any] | None:
    """What a receipt says, if it is of our own signing; None for anything else that stands in its place."""
    verified = key.verified(jws) if isinstance(jws, str) else None
    if verified is None:
        return None
    said: dict[str, Any] = orjson.loads(verified)
    return said


async def issue_refused(tx: Transaction, desk: Desk, consent: Stored, appended: Appended) -> None:
    """Sign and keep the receipt of a refusal. It names what was asked for, and no data."""
    assert consent.candidate_id is not None
    said = {
        "record_id": consent.id,
        "purpose": {"code": consent.purpose, "version": consent.purpose_version},
        "recipient_id": consent.recipient_id,
        "events": [_event(State.REFUSED, appended)],
    }
    await _store.add_receipts(tx, [_signed(desk, "refused", consent.candidate_id, said, appended)])


def _signed(desk: Desk, kind: str, candidate_id: str, said: dict[str, Any], appended: Appended) -> dict[str, object]:
    """A receipt with its signature, as it is kept."""
    receipt_id = str(uuid4())
    whole = {
        "schema_version": SCHEMA_VERSION,
        "receipt_id": receipt_id,
        "receipt_type": kind,
        "receipt_created": rfc3339(appended.at),
        "evidence": {"chain_position": appended.position, "entry_hash": appended.digest.hex()},
        **said,
    }
    row: dict[str, Any] = {
        "id": receipt_id,
        "consent_id": said["record_id"],
        "candidate_id": candidate_id,
        "type": kind,
        "jws": desk.keys.receipts.sign(canonical(whole)),
        "at": appended.at,
    }
    return {**row, "mac": desk.keys.rows.mac(_covered(row))}


def _event(state: State, appended: Appended) -> dict[str, Any]:
    return {
        "event_time": rfc3339(appended.at),
        "event_type": "dpv:ExplicitlyExpressedConsent",
        "event_state": DPV_STATES[state],
        "state": state.value,
        "indication_method": "logged_in_at_id_porten",
    }


def _terms(terms: Terms) -> dict[str, Any]:
    """What the terms alone say of a consent."""
    return {
        "record_id": terms.consent_id,
        "data_subject_id": terms.data_subject_id,
        "data_subject_commitment": terms.data_subject_commitment,
        "language": terms.language,
        "privacy_notice": {"purpose_version": terms.purpose_version, "text_sha256": terms.text_sha256},
        "purpose": {"code": terms.purpose, "version": terms.purpose_version},
        "pii_information": [wire(ref) for ref in terms.parts],
        "content_commitment": terms.content_commitment,
        "recipient_third_parties": [terms.recipient.id],
        "max_uses": terms.max_uses,
        "validity_duration": {
            "valid_from": rfc3339(terms.valid_from),
            "valid_until": rfc3339(terms.valid_until),
        },
    }


def _granted(desk: Desk, terms: Terms, appended: Appended) -> dict[str, Any]:
    purpose = desk.purposes.get(terms.purpose, terms.purpose_version)
    controller = desk.controller
    texts = purpose.text(terms.language)  # type: ignore[arg-type]  # the terms hold one of the languages
    return {
        **_terms(terms),
        "purpose": {"code": terms.purpose, "version": terms.purpose_version, "text": texts.why},
        "purpose_type": purpose.dpv.purpose,
        "lawful_basis": [ground.model_dump(mode="json") for ground in purpose.grounds],
        "legal_effect": purpose.secrecy,
        "pii_controllers": [controller.organisation_number],
        "processing_method": list(purpose.dpv.processing),
        "storage_locations": list(controller.hosting_countries),
        "retention_period": {"valid_until": rfc3339(terms.valid_until), "after_the_end": purpose.duty_after_end.code},
        "jurisdiction": "NO",
        "onward_sharing": "forbidden",
        "withdrawal_method": {
            "url": controller.withdrawal_url,
            "phone": controller.withdrawal_phone,
            "address": controller.withdrawal_address,
        },
        "withdrawal_effect": texts.withdrawal,
        "voluntariness": texts.saying_no,
        "privacy_rights": ["access", "rectification", "erasure", "portability", "complaint"],
        "authority_party": controller.authority,
        "parties": [
            {
                "party_id": controller.organisation_number,
                "party_name": controller.name,
                "party_role": "controller",
                "party_address": controller.address,
                "party_contact": controller.privacy_contact,
            },
            {
                "party_id": terms.recipient.organisation_number,
                "party_name": terms.recipient.name,
                "party_role": "recipient",
                "party_type": terms.recipient.kind,
                "unit_id": terms.recipient.id,
            },
        ],
        "events": [_event(State.GRANTED, appended)],
    }


def evidence(key: ReceiptKey, jws: str) -> tuple[int, str] | None:
    """The entry that a receipt of our own names: its position in the person's chain, and its hash."""
    said = content(key, jws)
    return None if said is None else (said["evidence"]["chain_position"], said["evidence"]["entry_hash"])


async def shown(view: Snapshot, key: ReceiptKey, consent_id: str, *, granted: bool) -> list[Row]:
    """The receipts of a consent as ``of_consent``, to be shown to somebody who may see them.

    ``granted``: it was, so that there is a receipt of that. Raises Tampered, after the alarm, if one is missing or is
    not what we signed for this consent: nobody is handed another as the newest, or one that is called otherwise.
    """
    found = await of_consent(view, consent_id)
    said = [content(key, row["jws"]) for row in found]
    ours = all(
        one is not None and (one.get("receipt_type"), one.get("record_id")) == (row["type"], consent_id)
        for row, one in zip(found, said, strict=True)
    )
    if not ours or (granted and "given" not in {row["type"] for row in found}):
        TAMPERED.inc()
        _log.error("receipt tampered with", consent_id=consent_id)
        raise Tampered
    return found


async def of_consent(view: Snapshot, consent_id: str) -> list[Row]:
    """The receipts of a consent, oldest first: id, type, jws, at."""
    return (await _store.receipts(view, [consent_id]))[consent_id]
