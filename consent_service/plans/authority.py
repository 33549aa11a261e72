"""Under which consent fagopplæring may act on a mapping request, if under any."""

from dataclasses import dataclass, field

from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock_concerned
from consent_service.consents.desk import Desk
from consent_service.consents.judging import NotInForce, concerned, judge
from consent_service.consents.reading import ConsentView, in_force
from consent_service.consents.terms import Terms
from consent_service.errors import NotAvailable
from consent_service.identity.employee import Acting
from consent_service.plans import _store
from consent_service.plans._store import MappingRequest
from consent_service.plans.parts import MAPPING_REQUEST
from consent_service.storage.engine import Database, Transaction
from consent_service.vault.keys import CandidateKey, Keys

__all__ = ["Addressee", "addressee_of", "mapping_request_of", "over", "record_refusal", "record_refused_report"]

_NOBODY = ""  # no candidate's id


@dataclass(frozen=True)
class Addressee:
    """The candidate that a request concerns, with the key to seal for her: had before the transaction."""

    mapping_request_id: str
    key: CandidateKey = field(repr=False)


async def addressee_of(db: Database, keys: Keys, mapping_request_id: str, unit_id: str, *, now: int) -> Addressee:
    """Step 0 of acting on a request: the candidate's key. Decides nothing; ``over`` does, in the transaction.

    Raises NotAvailable where nothing is the unit's to act on, after the same reads whatever there is; KeyProviderDown.
    """
    async with db.snapshot() as view:
        request = await _store.find_request(view, mapping_request_id)
        candidate_id = request.candidate_id if request is not None else None
        consents = await in_force(view, keys.service, unit_id, candidate_id or _NOBODY, now=now)
    if request is None or candidate_id is None or request.recipient_id != unit_id:
        raise NotAvailable
    if not any(one.id == request.consent_id or _about(one, request) for one in consents):
        raise NotAvailable
    return Addressee(mapping_request_id, await keys.candidate(candidate_id))


async def over(tx: Transaction, desk: Desk, request: MappingRequest, unit_id: str, *, at: int) -> Terms | NotInForce:
    """The terms of the consent under which the unit may act on ``request`` now.

    The one that was asked for with the request, or a later one (a renewal) that shares parts of it.
    """
    judged = await judge(tx, desk, request.consent_id, unit_id, at=at)
    if isinstance(judged, Terms) or request.candidate_id is None:
        return judged
    for consent in await in_force(tx, desk.keys, unit_id, request.candidate_id, now=at):
        if _about(consent, request):
            renewed = await judge(tx, desk, consent.id, unit_id, at=at)
            if isinstance(renewed, Terms):
                return renewed
    return judged


def _about(consent: ConsentView, request: MappingRequest) -> bool:
    return consent.terms is not None and mapping_request_of(consent.terms) == request.id


def mapping_request_of(terms: Terms) -> str | None:
    """Which mapping request a consent is about: the one it was asked for with, or whose parts it shares."""
    if terms.mapping_request_id is not None:
        return terms.mapping_request_id
    shared = {ref.resource_id for ref in terms.parts if ref.resource == MAPPING_REQUEST}
    return shared.pop() if len(shared) == 1 else None


async def record_refusal(
    db: Database, desk: Desk, event: str, unit_id: str, consent_id: str, reason: str, *, by: Acting, now: int
) -> None:
    """Write down that the unit tried: in the candidate's own log, or the service's when it names nobody known."""
    async with db.snapshot() as view:
        candidate_id = await concerned(view, desk.keys, consent_id)
    entry = Entry(event, "unit", unit_id=unit_id, consent_id=consent_id, outcome=reason, detail=by.detail())
    await _record(db, desk, candidate_id, entry, now=now)


async def record_refused_report(
    db: Database, desk: Desk, unit_id: str, mapping_request_id: str, *, by: Acting, now: int
) -> None:
    """Write down that the unit tried to act on a request: where, as ``record_refusal`` says."""
    async with db.snapshot() as view:
        request = await _store.find_request(view, mapping_request_id)
    candidate_id = request.candidate_id if request is not None else None
    entry = Entry(
        "mapping_request.refused",
        "unit",
        unit_id=unit_id,
        resource_id=mapping_request_id,
        outcome="not_in_force",
        detail=by.detail(),
    )
    await _record(db, desk, candidate_id, entry, now=now)


async def _record(db: Database, desk: Desk, candidate_id: str | None, entry: Entry, *, now: int) -> None:
    async with db.transaction() as tx:
        heads, _ = await lock_concerned(tx, [candidate_id], wait=True)
        head = heads.get(candidate_id or SERVICE_CHAIN) or heads[SERVICE_CHAIN]
        await append(tx, desk.keys.log, head, entry, at=now)
