"""A mailbox in front of another, for tests in which something happens on the way to it."""

from __future__ import annotations

from consent_service.mailbox.port import (
    DocumentEvent,
    DocumentStatus,
    Identification,
    Mailbox,
    Outcome,
    OutgoingLetter,
    Parked,
    Retry,
    Unanswered,
)


class InFront(Mailbox):
    """Passes every call on to ``inner``; a test says in a class of its own which one it does not."""

    def __init__(self, inner: Mailbox) -> None:
        self._inner = inner

    async def ready(self) -> Retry | Parked | None:
        return await self._inner.ready()

    async def send(self, letter: OutgoingLetter) -> Outcome:
        return await self._inner.send(letter)

    def sender_of(self, organisation: str | None) -> str:
        return self._inner.sender_of(organisation)

    async def status(
        self, document_uuid: str, sender_organisation: str | None = None, sent_as: str | None = None
    ) -> DocumentStatus:
        return await self._inner.status(document_uuid, sender_organisation, sent_as)

    async def identify(self, national_id: str) -> Identification:
        return await self._inner.identify(national_id)

    async def events(self, since: int, until: int) -> tuple[DocumentEvent, ...] | Unanswered:
        return await self._inner.events(since, until)
