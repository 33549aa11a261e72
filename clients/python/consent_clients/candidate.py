"""The candidate: owns the note, sees before sharing, grants, refuses, revokes, reads who read.

For programs that act for a person who has logged in herself. In the browser the service's own pages do the
same through the same doors.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, Self, cast

import httpx

from consent_clients.connection import Connection, Tokens, if_match
from consent_clients.content import check_hash
from consent_clients.mapping import MappingAsked, MappingQuestion, MyMappingRequest, WishedTrade
from consent_clients.models import Consent, LogEntry, PartRef, Preview, Revoked, StandingRefusal
from consent_clients.notes import Draft, Note, NoteContent, NoteSummary
from consent_clients.receipts import Jwks, Receipt
from consent_clients.recipient import pages
from consent_clients.training_plan import MyPlan, MyPlanLine


class Candidate:
    """One person's client. `tokens` must hold tokens made for this service, by her own login."""

    def __init__(self, service: str, tokens: Tokens, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._connection = Connection(service, tokens, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def introduce(self, name: str) -> None:
        """Says what she is called: the name goes with the identity number to those she shares with."""
        await self._connection.put("/v1/me", {"name": name})

    async def name(self) -> str | None:
        """What she has said she is called, if she has."""
        return cast(str | None, (await self._connection.get("/v1/me")).json()["name"])

    # --- the note ---------------------------------------------------------------------------------

    async def claim(self, code: str) -> Draft:
        """Takes a draft by its pick-up code. Wrong, used, lapsed and withdrawn codes look alike."""
        return cast(Draft, (await self._connection.post("/v1/me/note-drafts/claim", {"code": code})).json())

    async def drafts(self) -> list[Draft]:
        """Drafts claimed and not yet accepted."""
        return cast(list[Draft], [item async for item in pages(self._connection, "/v1/me/note-drafts")])

    async def accept(
        self,
        draft_id: str,
        *,
        content: NoteContent | None = None,
        note_id: str | None = None,
        version: int | None = None,
    ) -> Note:
        """Makes a draft her own: a new note, or the next version after `version` of note `note_id`.

        `content` is what she made of it; without it the draft is taken word for word.
        """
        response = await self._connection.post(
            f"/v1/me/note-drafts/{draft_id}/accept",
            {"note_id": note_id, "content": content},
            headers=if_match(version),
        )
        return cast(Note, response.json())

    async def notes(self) -> AsyncIterator[NoteSummary]:
        """Her notes, newest version of each, without the words."""
        async for item in pages(self._connection, "/v1/me/notes"):
            yield cast(NoteSummary, item)

    async def note(self, note_id: str) -> Note:
        """The newest version of a note."""
        return cast(Note, (await self._connection.get(f"/v1/me/notes/{note_id}")).json())

    async def write(self, content: NoteContent) -> Note:
        """A new note of her own."""
        return cast(Note, (await self._connection.post("/v1/me/notes", _document(content))).json())

    async def rewrite(self, note_id: str, content: NoteContent, *, version: int) -> Note:
        """The next version. Raises `PreconditionFailed` if `version` is no longer the newest."""
        response = await self._connection.put(f"/v1/me/notes/{note_id}", _document(content), version=version)
        return cast(Note, response.json())

    async def delete(self, note_id: str) -> None:
        """Deletes a note, all versions, and ends every consent on it."""
        await self._connection.delete(f"/v1/me/notes/{note_id}")

    # --- sharing ----------------------------------------------------------------------------------

    async def preview(
        self,
        *,
        purpose: str,
        recipient_id: str,
        parts: Sequence[PartRef],
        valid_until: date,
        max_uses: int | None = None,
        consent_id: str | None = None,
    ) -> Preview:
        """Exactly what the recipient would get. Nothing is stored, nobody hears of it.

        `valid_until` is the last day, Oslo time. With `consent_id` it is the answer to that request. Raises
        `ProofBroken` if the hash to be granted is not that of the content to be read.
        """
        terms = {
            "purpose": purpose,
            "recipient_id": recipient_id,
            "parts": list(parts),
            "valid_until": valid_until.isoformat(),
            "max_uses": max_uses,
            "consent_id": consent_id,
        }
        answer = (await self._connection.post("/v1/me/consents/preview", terms)).json()
        check_hash(answer["content"], answer["sha256"])
        return Preview(terms, answer["content"], answer["sha256"], answer["valid_until"])

    async def grant(self, preview: Preview) -> Consent:
        """Grants exactly what `preview` showed: a consent of her own making, or her yes to a request.

        Raises `Conflict` if what would be shared is no longer what was shown: look again first.
        """
        body = {**preview.terms, "preview_sha256": preview.sha256}
        if preview.terms["consent_id"] is None:
            return cast(Consent, (await self._connection.post("/v1/me/consents", body)).json())
        answer = {name: body[name] for name in ("parts", "valid_until", "max_uses", "preview_sha256")}
        path = f"/v1/me/consents/{preview.terms['consent_id']}/grant"
        return cast(Consent, (await self._connection.post(path, answer)).json())

    async def refuse(self, consent_id: str) -> Consent:
        """Says no to a request. Until its reply-by date the asker can't tell this from no answer."""
        return cast(Consent, (await self._connection.post(f"/v1/me/consents/{consent_id}/refuse", {})).json())

    async def revoke(self, consent_id: str) -> Revoked:
        """Ends a consent now. The answer names letters that had left already and can't be called back."""
        return cast(Revoked, (await self._connection.post(f"/v1/me/consents/{consent_id}/revoke", {})).json())

    async def pause(self, consent_id: str) -> Consent:
        """Lets nothing out under a consent until `resume`; a letter that was accepted waits too."""
        return cast(Consent, (await self._connection.post(f"/v1/me/consents/{consent_id}/pause", {})).json())

    async def resume(self, consent_id: str) -> Consent:
        """Lets a paused consent be in force again, on the same terms."""
        return cast(Consent, (await self._connection.post(f"/v1/me/consents/{consent_id}/resume", {})).json())

    async def refuse_always(self, against: str) -> None:
        """Lets nothing go to a unit (its id) or a kind of units, whatever is asked, until `lift_refusal`."""
        await self._connection.put(f"/v1/me/standing-refusals/{against}", {})

    async def lift_refusal(self, against: str) -> None:
        """Lifts it; consents that are still in force count again."""
        await self._connection.delete(f"/v1/me/standing-refusals/{against}")

    async def standing_refusals(self) -> list[StandingRefusal]:
        """Whom she refuses once and for all, and since when."""
        return cast(list[StandingRefusal], (await self._connection.get("/v1/me/standing-refusals")).json()["items"])

    async def consents(self, *, status: str | None = None) -> list[Consent]:
        """Her consents and the requests that wait for her, all of them or those in one state."""
        params = {} if status is None else {"status": status}
        return cast(list[Consent], [item async for item in pages(self._connection, "/v1/me/consents", **params)])

    async def consent(self, consent_id: str) -> Consent:
        """One of them."""
        return cast(Consent, (await self._connection.get(f"/v1/me/consents/{consent_id}")).json())

    async def receipt(self, consent_id: str) -> Receipt:
        """The signed proof of a consent, of its end, or of a refusal."""
        return Receipt.read((await self._connection.get(f"/v1/me/consents/{consent_id}/receipt")).json())

    async def jwks(self) -> Jwks:
        """The public keys that receipts are checked against."""
        return cast(Jwks, (await self._connection.get("/.well-known/jwks.json")).json())

    # --- competence mapping and plans -------------------------------------------------------------

    async def ask_mapping(
        self,
        recipient_id: str,
        *,
        wished_trades: Sequence[WishedTrade],
        questions: Sequence[MappingQuestion],
        reply_by: date,
        schooling_and_practice: str | None = None,
        background: str | None = None,
    ) -> MappingAsked:
        """Asks a vocational training unit to map her competence, without NAV. She grants it as any other."""
        body: dict[str, Any] = {
            "recipient_id": recipient_id,
            "wished_trades": list(wished_trades),
            "questions": list(questions),
            "reply_by": reply_by.isoformat(),
        }
        if schooling_and_practice is not None:
            body["schooling_and_practice"] = schooling_and_practice
        if background is not None:
            body["background"] = background
        return cast(MappingAsked, (await self._connection.post("/v1/me/mapping-requests", body)).json())

    async def mapping_requests(self) -> list[MyMappingRequest]:
        """The mapping requests that concern her, with their words."""
        found = [item async for item in pages(self._connection, "/v1/me/mapping-requests")]
        return cast(list[MyMappingRequest], found)

    async def plans(self) -> list[MyPlanLine]:
        """Her tentative plans, with where their letters are."""
        return cast(list[MyPlanLine], [item async for item in pages(self._connection, "/v1/me/plans")])

    async def plan(self, plan_id: str) -> MyPlan:
        """One plan in full. She can read it here whatever happens to the letter."""
        return cast(MyPlan, (await self._connection.get(f"/v1/me/plans/{plan_id}")).json())

    async def plan_pdf(self, plan_id: str) -> bytes:
        """The plan as the letter in her mailbox has it."""
        return (await self._connection.get(f"/v1/me/plans/{plan_id}/pdf")).content

    async def preview_sending(self, plan_id: str) -> Preview:
        """Exactly what her mailbox would get if she had the plan sent anyway, after her revoke stopped its letter.

        Raises `Conflict` if there is nothing to be sent.
        """
        answer = (await self._connection.get(f"/v1/me/plans/{plan_id}/sending")).json()
        check_hash(answer["content"], answer["sha256"])
        return Preview({"plan_id": plan_id}, answer["content"], answer["sha256"], answer["valid_until"])

    async def send(self, preview: Preview) -> Consent:
        """Says yes to what `preview_sending` showed: a consent to her mailbox alone, for one letter."""
        path = f"/v1/me/plans/{preview.terms['plan_id']}/sending"
        return cast(Consent, (await self._connection.post(path, {"preview_sha256": preview.sha256})).json())

    # --- her rights -------------------------------------------------------------------------------

    async def log(self) -> list[LogEntry]:
        """Who asked, who read, who was refused: every entry about her."""
        return cast(list[LogEntry], [item async for item in pages(self._connection, "/v1/me/access-log")])

    async def export(self) -> dict[str, Any]:
        """Everything about her in one machine-readable bundle (GDPR art. 20)."""
        return cast(dict[str, Any], (await self._connection.get("/v1/me/export")).json())

    async def erase(self) -> Receipt:
        """Erases her from the service (GDPR art. 17); it can't be undone.

        The answer is the service's signed statement of what was destroyed: `verify` it as any receipt.
        """
        answer = (await self._connection.delete("/v1/me")).json()
        return Receipt(answer["jws"], answer["statement"])


def _document(content: NoteContent) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], content)
