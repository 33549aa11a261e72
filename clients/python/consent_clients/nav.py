"""A NAV office: reads what the candidate shares, and asks vocational training to map competence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from consent_clients.mapping import Contact, MappingAsked, MappingQuestion, WishedTrade
from consent_clients.models import Employee, acting
from consent_clients.recipient import Recipient


class Nav(Recipient):
    """A NAV office's client: everything a `Recipient` does, and the mapping request."""

    async def ask_mapping(
        self,
        national_id: str,
        recipient_id: str,
        *,
        wished_trades: Sequence[WishedTrade],
        questions: Sequence[MappingQuestion],
        contact: Contact,
        reply_by: str,
        schooling_and_practice: str | None = None,
        background: str | None = None,
        note_sections: Sequence[str] = (),
        employee: Employee | None = None,
        idempotency_key: str | None = None,
    ) -> MappingAsked:
        """Asks the vocational training unit `recipient_id` to map a person's competence.

        Nothing reaches that unit before the candidate has read these words and said yes; she may leave out
        any part. `note_sections` names the kinds of note parts NAV proposes to go along. The answer is the
        same whether or not anybody with this number has ever been here.
        """
        body: dict[str, Any] = {
            "national_id": national_id,
            "recipient_id": recipient_id,
            "wished_trades": list(wished_trades),
            "questions": list(questions),
            "contact": contact,
            "reply_by": reply_by,
            "note_sections": list(note_sections),
        }
        if schooling_and_practice is not None:
            body["schooling_and_practice"] = schooling_and_practice
        if background is not None:
            body["background"] = background
        response = await self._connection.create(
            "/v1/mapping-requests", body, key=idempotency_key, headers=acting(employee)
        )
        return cast(MappingAsked, response.json())
