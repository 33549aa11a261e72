"""A plan's copy for the archive of the unit that pushed it.

The rule: it is a part like any other, shared with that unit under the consent that the plan came in under, and opened
by the gate alone. So it can be fetched for as long as that consent is in force, and no longer. Which consent that is
stands in the part's name.
"""

from typing import Final

from consent_service.consents.terms import Terms
from consent_service.storage.engine import Snapshot, Transaction
from consent_service.vault.keys import RecipientKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import SealedPart, holdings
from consent_service.vault.shares import share_parts

ARCHIVE: Final = "plan.archive"
"""The kind of these parts. No purpose admits it: it is never among what is granted."""


def archive_ref(candidate_id: str, plan_id: str, version: int, consent_id: str) -> PartRef:
    """What the copy of a plan's version is called in the vault."""
    resource, part = ARCHIVE.split(".")
    return PartRef(candidate_id, resource, plan_id, version, f"{part}:{consent_id}")


async def share_archive(tx: Transaction, copy: SealedPart, terms: Terms, recipient: RecipientKey) -> None:
    """Share a copy that was sealed just now. Raises ValueError for another consent's copy, or another recipient."""
    if copy.ref != archive_ref(terms.candidate_id, copy.ref.resource_id, copy.ref.version, terms.consent_id):
        raise ValueError("a copy is shared under the consent that it is named after")
    await share_parts(tx, [(copy, terms.share_terms(terms.recipient.id), recipient)])


async def archives_under(view: Snapshot, terms: Terms) -> list[PartRef]:
    """The copies of plans that came in under a consent."""
    held = [holding.ref for holding in await holdings(view, terms.candidate_id)]
    return [ref for ref in held if ref == archive_ref(ref.candidate_id, ref.resource_id, ref.version, terms.consent_id)]
