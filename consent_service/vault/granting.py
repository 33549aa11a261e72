"""Opening the owner's data keys, to share them with whom a grant names. Only the module that grants imports this.

No unit's route, and nothing that sends anything, reaches it: without a grant there is nothing for them to open.
"""

from collections.abc import Iterable, Sequence

from consent_service.crypto.envelope import open_sealed
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Transaction
from consent_service.vault import _store
from consent_service.vault.keys import CandidateKey, RecipientKey
from consent_service.vault.parts import PartRef, ShareTerms
from consent_service.vault.seal import SealedPart
from consent_service.vault.shares import share_parts


async def share(
    tx: Transaction,
    owner: CandidateKey,
    refs: Iterable[PartRef],
    recipients: Sequence[tuple[ShareTerms, RecipientKey]],
) -> None:
    """Wrap the data keys of exactly ``refs`` for each of ``recipients``.

    Raises NotAvailable if a part is not the owner's or does not exist.
    """
    wanted = list(refs)
    rows = await _store.parts(tx, wanted)
    if any(ref not in rows or ref.candidate_id != owner.candidate_id for ref in wanted):
        raise NotAvailable
    parts = [SealedPart(ref, open_sealed(owner.secret, rows[ref]["wrapped_key"], ref.key_aad())) for ref in wanted]
    await share_parts(tx, [(part, *recipient) for part in parts for recipient in recipients])
