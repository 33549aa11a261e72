"""The candidate's own consents as her routes find and show them, and the keys that a grant of hers works with."""

from typing import Any

from consent_service.api.candidate_door import CandidateDoor
from consent_service.api.consent_views import units_of, whole_json
from consent_service.consents import reading
from consent_service.consents.grants import Keyring
from consent_service.consents.recipients import Recipient
from consent_service.errors import Invalid, Tampered, Violation
from consent_service.identity.units import Unit
from consent_service.storage.engine import Snapshot
from consent_service.vault.keys import MAILBOX, CandidateKey


async def recipient(door: CandidateDoor, recipient_id: str) -> Unit:
    """The unit to share with, enabled or not. Raises Invalid if there is none."""
    known = await door.units.of(recipient_id)
    if known is None:
        raise Invalid(violations=(Violation("/recipient_id", "This unit can't receive for this purpose."),))
    return known[recipient_id]


async def keyring_for(door: CandidateDoor, owner: CandidateKey, recipient: Recipient) -> Keyring:
    """The keys that a grant works with. Raises KeyProviderDown."""
    return Keyring(owner, await door.keys.recipient(recipient.id), await door.keys.recipient(MAILBOX))


async def find_whole(view: Snapshot, door: CandidateDoor, candidate_id: str, consent_id: str) -> reading.ConsentView:
    """One of the candidate's consents, to act on what it says. Raises NotAvailable, Tampered for a changed row."""
    found = await find(view, door, candidate_id, consent_id)
    if found.state == reading.UNAVAILABLE:
        raise Tampered
    return found


async def find(view: Snapshot, door: CandidateDoor, candidate_id: str, consent_id: str) -> reading.ConsentView:
    """One of the candidate's consents. Raises NotAvailable."""
    return await reading.find_for_candidate(view, door.desk.keys, candidate_id, consent_id, now=door.clock.now())


async def shown(view: Snapshot, door: CandidateDoor, candidate_id: str, consent_id: str) -> dict[str, Any]:
    """One of the candidate's consents as she sees it. Raises NotAvailable."""
    found = await find(view, door, candidate_id, consent_id)
    return whole_json(found, await units_of(view, door.desk.keys, [found]), door.desk.purposes)
