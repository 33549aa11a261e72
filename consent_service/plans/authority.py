"""Under which consent fagopplæring may act on a mapping request, if under any."""

from dataclasses import dataclass, field

from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock, lock_known
from consent_service.consents.desk import Desk
from consent_service.consents.judging import NotInForce, concerned, judge
from consent_service.consents.reading import in_force
from consent_service.consents.terms import Terms
from consent_service.errors import NotAvailable
from consent_service.plans import _store
from consent_service.plans._store import MappingRequest
from consent_service.plans.parts import MAPPING_REQUEST
from consent_service.storage.engine import Database, Transaction
from consent_service.vault.keys import CandidateKey, Keys

__all__ = ["Addressee", "addressee_of", "mapping_request_of", "over", "record_refusal"]


@dataclass(frozen=True)
class Addressee:
    """The candidate that a request concerns, with the key to seal for her: had before the transaction."""

    mapping_request_id: str
    key: CandidateKey = field(repr=False)


async def addressee_of(db: Database, keys: Keys, mapping_request_id: str, unit_id: str, *, now: int) -> Addressee:
    """Step 0 of acting on a request: the candidate's key. Decides nothing; ``over`` does, in the transaction.

    Raises NotAvailable where nothing is the unit's to act on, KeyProviderDown.
    """
    async with db.snapshot() as view:
        request = await _store.find_request(view, mapping_request_id)
        if request is None or request.candidate_id is None or request.recipient_id != unit_id:
            raise NotAvailable
        if not await in_force(view, unit_id, request.candidate_id, now=now):
            raise NotAvailable
    return Addressee(mapping_request_id, await keys.candidate(request.candidate_id))


async def over(tx: Transaction, desk: Desk, request: MappingRequest, unit_id: str, *, at: int) -> Terms | NotInForce:
    """The terms of the consent under which the unit may act on ``request`` now.

    The one that was asked for with the request, or a later one (a renewal) that shares parts of it.
    """
    judged = await judge(tx, desk, request.consent_id, unit_id, at=at)
    if isinstance(judged, Terms) or request.candidate_id is None:
        return judged
    for consent in await in_force(tx, unit_id, request.candidate_id, now=at):
        if consent.terms is not None and mapping_request_of(consent.terms) == request.id:
            renewed = await judge(tx, desk, consent.id, unit_id, at=at)
            if isinstance(renewed, Terms):
                return renewed
    return judged


def mapping_request_of(terms: Terms) -> str | None:
    """Which mapping request a consent is about: the one it was asked for with, or whose parts it shares."""
    if terms.mapping_request_id is not None:
        return terms.mapping_request_id
    shared = {ref.resource_id for ref in terms.parts if ref.resource == MAPPING_REQUEST}
    return shared.pop() if len(shared) == 1 else None


async def record_refusal(
    db: Database, desk: Desk, event: str, unit_id: str, consent_id: str, reason: str, *, now: int
) -> None:
    """Write down that the unit tried: in the candidate's own log, or the service's when it names nobody known."""
    async with db.snapshot() as view:
        candidate_id = await concerned(view, consent_id)
    async with db.transaction() as tx:
        heads = await lock_known(tx, [candidate_id]) if candidate_id is not None else {}
        head = next(iter(heads.values()), None) or (await lock(tx, [SERVICE_CHAIN]))[SERVICE_CHAIN]
        entry = Entry(event, "unit", unit_id=unit_id, consent_id=consent_id, outcome=reason)
        await append(tx, desk.keys.log, head, entry, at=now)
