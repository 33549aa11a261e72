"""Who can receive under a consent: a unit, or the mailbox, for a letter that the candidate sends to herself.

The mailbox is no unit: nobody calls as it, it has no feed, and what it is to have leaves by ``Gate.dispatch`` alone.
"""

from dataclasses import dataclass

from consent_service.identity.units import Unit
from consent_service.vault.keys import MAILBOX


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The mailbox as terms, receipts and pages name it. The organisation is Digipost's."""

    id: str = MAILBOX
    kind: str = MAILBOX
    name: str = "Digipost"
    organisation_number: str = "984661185"
    enabled: bool = True


THE_MAILBOX = Mailbox()

Recipient = Unit | Mailbox
