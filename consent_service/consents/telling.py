"""Telling the units that a consent names where it stands now: as ids and a state."""

from consent_service.consents._store import Stored
from consent_service.events.feed import News, announce
from consent_service.storage.engine import Transaction
from consent_service.vault.keys import MAILBOX


async def tell(tx: Transaction, *stood: tuple[Stored, int]) -> None:
    """Tell the recipient, and the asker, of each consent the state that it came to at an instant.

    The mailbox hears nothing, and of what is shared with it alone nobody does.
    """
    await announce(tx, *(news for consent, at in stood for news in _news(consent, at)))


def _news(consent: Stored, at: int) -> list[News]:
    return [
        News(
            unit,
            "consent",
            consent_id=consent.id,
            mapping_request_id=consent.mapping_request_id,
            state=consent.state,
            at=at,
        )
        for unit in sorted({consent.recipient_id, consent.requester_id or consent.recipient_id} - {MAILBOX})
    ]
