"""A receipt as an answer: signed, and readable."""

import base64
from typing import Any

import orjson
from fastapi import Response

from consent_service.api.answers import raw_answer
from consent_service.audit import proofs
from consent_service.consents import receipts
from consent_service.consents.reading import ConsentView
from consent_service.crypto.service_keys import ReceiptKey
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Snapshot


async def receipt_answer(view: Snapshot, key: ReceiptKey, seen: ConsentView, *, unit: bool) -> Response:
    """The newest receipt of a consent, with its place in the log.

    ``seen`` is what the asker may see of it. A unit gets receipts of grants and their ends; a refusal's is the
    candidate's alone. Raises NotAvailable, and Tampered for a receipt that is not as we signed it.
    """
    if unit and seen.terms is None:
        raise NotAvailable
    found = await receipts.shown(view, key, seen.id, granted=seen.granted_at is not None)
    if unit:
        found = [row for row in found if row["type"] != "refused"]
    if not found:
        raise NotAvailable
    jws: str = found[-1]["jws"]
    said = payload(jws)
    shown = b'{"jws":' + orjson.dumps(jws) + b',"receipt":' + said
    return raw_answer(shown + b',"inclusion":' + orjson.dumps(await _inclusion(view, said)) + b"}")


async def _inclusion(view: Snapshot, receipt: bytes) -> dict[str, Any] | None:
    """The proof that the receipt's entry is under the newest signed head; None until there is one that covers it."""
    said = orjson.loads(receipt)
    evidence = said["evidence"]
    digest = bytes.fromhex(evidence["entry_hash"])
    proof = await proofs.inclusion_about(view, said["record_id"], evidence["chain_position"], digest)
    return None if proof is None else proof.wire()


def payload(jws: str) -> bytes:
    """The JSON inside a compact JWS."""
    segment = jws.split(".")[1]
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
