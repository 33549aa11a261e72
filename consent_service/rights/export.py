"""Portability and access: everything that is held about a person, in one document (GDPR art. 15 and 20)."""

import base64
import json
from pathlib import Path
from typing import Any, Final

from consent_service.audit.log import Entry, append, lock
from consent_service.audit.notes import read_note, verifier_keys
from consent_service.audit.reading import Line, lines
from consent_service.audit.sequencer import inclusion, newest_note
from consent_service.clock import rfc3339
from consent_service.consents import receipts
from consent_service.consents.archives import ARCHIVE
from consent_service.consents.reading import of_candidate
from consent_service.consents.terms import wire
from consent_service.crypto.service_keys import SealKey, ServiceKeys, Signers
from consent_service.rights import check_export
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault.candidate import open_parts
from consent_service.vault.keys import CandidateKey
from consent_service.vault.seal import Holding, holdings

FORMAT = 1
_PDFS: Final = frozenset({"plan.pdf", ARCHIVE})
_PAGE = 500
_SCRIPT = Path(check_export.__file__).read_text(encoding="utf-8")


async def export(
    tx: Transaction, key: CandidateKey, keys: ServiceKeys, signers: Signers, *, now: int
) -> dict[str, Any]:
    """Everything: each part in every version, consents with their receipts, and the log with what proves it.

    ``signers`` sign the log's heads. The export itself is in the log before it is answered.
    Raises NotAvailable for an erased candidate.
    """
    head = (await lock(tx, [key.candidate_id]))[key.candidate_id]
    at = head.now(now)
    await append(tx, keys.log, head, Entry("export.made", "candidate"), at=at)
    consents = await _consents(tx, keys, key.candidate_id, at)
    log = await _log(tx, keys.log, key.candidate_id)
    return {
        "format": FORMAT,
        "exported_at": rfc3339(at),
        "parts": await _parts(tx, key),
        "consents": consents,
        "access_log": log,
        "verification": await _verification(tx, keys, signers, consents, log),
    }


async def _verification(
    view: Snapshot, keys: ServiceKeys, signers: Signers, consents: list[dict[str, Any]], log: list[dict[str, Any]]
) -> dict[str, Any]:
    """What proves all that without us: a program, the keys, the log's signed head, and proofs of entries under it.

    The entries that receipts name are proved, and the last one that is covered: the chain leads from there to the rest.
    """
    note = await newest_note(view)
    head = None if note is None else read_note(note)
    size = 0 if head is None else head.size
    covered = [line for line in log if line["leaf_index"] is not None and line["leaf_index"] < size]
    signed = [receipts.evidence(keys.receipts, jws) for consent in consents for jws in consent["receipts"]]
    named = {place[0] for place in signed if place is not None}
    inclusions = []
    for line in covered:
        if line["position"] in named or line is covered[-1]:
            path = await inclusion(view, line["leaf_index"], size)
            assert path is not None
            shown = [base64.b64encode(node).decode() for node in path]
            about = {"position": line["position"], "leaf_index": line["leaf_index"], "size": size}
            inclusions.append({**about, "path": shown})
    return {
        "how": "Save script as check_export.py, and run: python3 check_export.py export.json",
        "script": _SCRIPT,
        "keys": [keys.receipts.jwk],
        "checkpoint_keys": [] if head is None else [str(one) for one in verifier_keys(signers, head.origin)],
        "checkpoint": note,
        "inclusions": inclusions,
    }


async def _parts(view: Snapshot, key: CandidateKey) -> list[dict[str, Any]]:
    held = await holdings(view, key.candidate_id)
    opened = await open_parts(view, key, [holding.ref for holding in held])
    return [_part(holding, opened[holding.ref]) for holding in held]


def _part(holding: Holding, content: bytes) -> dict[str, Any]:
    about = {**wire(holding.ref), "held_for": holding.held_for, "created_at": rfc3339(holding.created_at)}
    if holding.ref.kind in _PDFS:
        return {**about, "media_type": "application/pdf", "content_base64": base64.b64encode(content).decode()}
    if holding.ref.kind == "consent.salt":
        return {**about, "salt": content.hex()}
    return {**about, "content": json.loads(content)}


async def _consents(view: Snapshot, keys: ServiceKeys, candidate_id: str, now: int) -> list[dict[str, Any]]:
    exported, after = [], ""
    while page := await of_candidate(view, keys, candidate_id, after=after, limit=_PAGE, now=now):
        for consent in page:
            signed = [row["jws"] for row in await receipts.of_consent(view, consent.id)]
            exported.append(
                {
                    "id": consent.id,
                    "purpose": consent.purpose or None,
                    "purpose_version": consent.purpose_version or None,
                    "recipient_id": consent.recipient_id or None,
                    "requester_id": consent.requester_id,
                    "state": consent.state,
                    "requested_at": rfc3339(consent.requested_at) if consent.requested_at else None,
                    "receipts": signed,
                }
            )
        after = page[-1].id
    return exported


async def _log(view: Snapshot, log_key: SealKey, candidate_id: str) -> list[dict[str, Any]]:
    exported: list[dict[str, Any]] = []
    while page := await lines(view, log_key, candidate_id, after=len(exported), limit=_PAGE):
        exported += [_line(line) for line in page]
    return exported


def _line(line: Line) -> dict[str, Any]:
    return {
        "position": line.position,
        "entry": line.body.decode(),
        "hash": line.digest.hex(),
        "salt": line.salt.hex(),
        "detail": line.detail,
        "leaf_index": line.leaf_index,
    }
