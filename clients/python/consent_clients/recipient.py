"""What every unit that may receive content can do: hear, ask, look, fetch.

`Nav` and `VocationalTraining` are recipients and add their own verbs. A recipient sees content in one way
only: `release`, which the service decides anew each time and writes into the candidate's log first.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self, cast

import httpx

from consent_clients.checkpoints import Checkpoint, Checkpoints, verify_consistency
from consent_clients.connection import Connection, Tokens
from consent_clients.content import check_hash
from consent_clients.mapping import MappingRequest
from consent_clients.models import MACHINE, Consent, ConsentAsked, Employee, Event, Release, acting
from consent_clients.receipts import Jwks, Receipt

PAGE = 100
"""How many lines a page of a list or of the feed has at most."""


class Recipient:
    """A unit that consents can name. Use it as a context manager, so that its sockets are closed.

    `employee` acts in each call that names nobody else. `checkpoints` keeps the newest head of the audit log; hand
    in a saved one to go on where an earlier process stopped.
    """

    def __init__(
        self,
        service: str,
        tokens: Tokens,
        *,
        employee: Employee = MACHINE,
        checkpoints: Checkpoints | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection(service, tokens, headers=employee.headers, transport=transport)
        self.checkpoints = checkpoints or Checkpoints()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def events(self, *, after: int = 0, limit: int = PAGE) -> list[Event]:
        """The feed past number `after`: ids and states, without gap or double. Keep the last number.

        Raises `Gone` when `after` is older than the service keeps: then read `consents()` anew; `LogRolledBack`
        as `release` does.
        """
        held = self.checkpoints.size
        response = await self._connection.get("/v1/events", after=after, limit=limit)
        self._look_at_log(response, held)
        return cast(list[Event], response.json()["items"])

    async def search(self, national_id: str, *, employee: Employee | None = None) -> list[Consent]:
        """The consents in force that this unit holds for a person; empty also when nobody is known."""
        body = {"national_id": national_id}
        response = await self._connection.post("/v1/consents/search", body, headers=acting(employee))
        return cast(list[Consent], response.json()["items"])

    async def consents(self) -> AsyncIterator[Consent]:
        """Every consent that names this unit as recipient or requester, ended ones too, without content."""
        async for item in pages(self._connection, "/v1/consents"):
            yield cast(Consent, item)

    async def consent(self, consent_id: str) -> Consent:
        """One consent's metadata. Raises `NotAvailable` for any that is not this unit's business."""
        return cast(Consent, (await self._connection.get(f"/v1/consents/{consent_id}")).json())

    async def receipt(self, consent_id: str) -> Receipt:
        """The signed receipt; check it offline with `Receipt.verify` and a release's salt."""
        return Receipt.read((await self._connection.get(f"/v1/consents/{consent_id}/receipt")).json())

    async def jwks(self) -> Jwks:
        """The service's public keys for receipts. Keep them: checking needs no network afterwards."""
        return cast(Jwks, (await self._connection.get("/.well-known/jwks.json")).json())

    async def release(self, consent_id: str, employee: Employee, *, idempotency_key: str | None = None) -> Release:
        """**Fetches the content of a consent**, on behalf of the employee who needs it now.

        The candidate can read of it before this returns. Repeating a key passes the gate again, spends no
        use and is logged as a repeat. Raises `NotAvailable` for every reason there is to refuse, and
        `LogRolledBack` if the log shown with the answer is smaller than the one held when asking, `ProofBroken` if
        the content is not what its hash says.
        """
        held = self.checkpoints.size
        response = await self._connection.create(
            f"/v1/consents/{consent_id}/releases",
            {},
            key=idempotency_key,
            headers=employee.headers,
        )
        note = self._look_at_log(response, held)
        release = Release(**response.json(), checkpoint=note)
        check_hash(release.content, release.content_sha256)
        return release

    async def ask(
        self,
        national_id: str,
        *,
        purpose: str,
        part_kinds: Sequence[str],
        message: str,
        reply_by: str,
        recipient_id: str | None = None,
        employee: Employee | None = None,
        idempotency_key: str | None = None,
    ) -> ConsentAsked:
        """Asks a candidate for consent to kinds of parts; the candidate picks which versions, if any.

        Waits for people who have never been here too, and answers alike. `reply_by` is a date; until then
        a refusal looks like no answer.
        """
        body: dict[str, Any] = {
            "national_id": national_id,
            "purpose": purpose,
            "part_kinds": list(part_kinds),
            "message": message,
            "reply_by": reply_by,
        }
        if recipient_id is not None:
            body["recipient_id"] = recipient_id
        response = await self._connection.create(
            "/v1/consent-requests", body, key=idempotency_key, headers=acting(employee)
        )
        return cast(ConsentAsked, response.json())

    async def cancel(self, consent_id: str, *, employee: Employee | None = None) -> None:
        """Takes back a request for consent that has not been answered; saying it twice is fine."""
        await self._connection.delete(f"/v1/consent-requests/{consent_id}", headers=acting(employee))

    async def mapping_requests(self, *, employee: Employee | None = None) -> AsyncIterator[MappingRequest]:
        """The mapping requests this unit has asked for or been asked: states and times, never content."""
        async for item in pages(self._connection, "/v1/mapping-requests", acting(employee)):
            yield cast(MappingRequest, item)

    async def mapping_request(self, mapping_request_id: str, *, employee: Employee | None = None) -> MappingRequest:
        """Where one mapping request stands."""
        path = f"/v1/mapping-requests/{mapping_request_id}"
        return cast(MappingRequest, (await self._connection.get(path, acting(employee))).json())

    async def check_log(self) -> Checkpoint:
        """Asks for the log's head and proves that it continues the newest one held.

        Raises `LogRolledBack` when the service cannot prove it: somebody has cut or rewritten the log.
        """
        before = self.checkpoints.newest
        held = self.checkpoints.size
        note = (await self._connection.get("/v1/audit/checkpoint")).text
        now = Checkpoint.parse(note)
        if before is not None and 0 < before.size < now.size:  # every log continues the empty one
            verify_consistency(before, now, await self._consistency(before.size, now.size))
        return self.checkpoints.see(note, held=held)

    def _look_at_log(self, response: httpx.Response, held: int) -> str | None:
        """Takes in the log's head that came with an answer, if one did, and refuses one smaller than was held."""
        encoded = response.headers.get("audit-checkpoint")
        if encoded is None:
            return None
        note = base64.b64decode(encoded).decode()
        self.checkpoints.see(note, held=held)
        return note

    async def _consistency(self, older: int, newer: int) -> list[bytes]:
        response = await self._connection.get("/v1/audit/consistency", **{"from": older, "to": newer})
        return proof_nodes(response.json())


async def pages(
    connection: Connection, path: str, headers: Mapping[str, str] | None = None, /, **params: str
) -> AsyncIterator[Mapping[str, Any]]:
    """Every item of a cursor-paged list, one page fetched at a time."""
    after: str | None = None
    while True:
        page = (await connection.get(path, headers, after=after, limit=PAGE, **params)).json()
        for item in page["items"]:
            yield item
        after = page.get("next")
        if after is None:
            return


def proof_nodes(answer: Mapping[str, Any]) -> list[bytes]:
    """The hashes of a consistency proof, decoded."""
    return [base64.b64decode(node) for node in answer["proof"]]
