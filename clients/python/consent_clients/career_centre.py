"""The career centre: hands a note over, and has no access from then on.

It writes the summary together with the candidate. No identity number is typed: whoever holds the pick-up
code and logs in is the one the note was written with. Show the code, or read it out; it is the half of the
draft's key that the service does not keep.
"""

from __future__ import annotations

from typing import Self, cast

import httpx

from consent_clients.connection import Connection, Tokens
from consent_clients.models import MACHINE, Employee, PickUpCode, acting
from consent_clients.notes import NoteContent


class CareerCentre:
    """A career centre's client. There is no method here that reads a note, and no endpoint for one.

    `employee` acts in each call that names nobody else.
    """

    def __init__(
        self,
        service: str,
        tokens: Tokens,
        *,
        employee: Employee = MACHINE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection(service, tokens, headers=employee.headers, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def hand_over(
        self, note: NoteContent, employee: Employee, *, idempotency_key: str | None = None
    ) -> PickUpCode:
        """Hands a draft over to whoever holds the code in the answer. It lapses unread after `lapses_at`."""
        response = await self._connection.create(
            "/v1/note-drafts",
            cast(dict[str, object], note),
            key=idempotency_key,
            headers=employee.headers,
        )
        answer = response.json()
        return PickUpCode(answer["id"], answer["code"], answer["claim_url"], answer["lapses_at"])

    async def withdraw(self, draft_id: str, *, employee: Employee | None = None) -> None:
        """Takes a draft back, unread, unless it is claimed. Says nothing about which of the two it was."""
        await self._connection.delete(f"/v1/note-drafts/{draft_id}", headers=acting(employee))
