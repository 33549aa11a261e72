"""Sharing: see exactly what would leave, and answer a request. The rest of it: ``candidate_granting``."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from consent_service.api import candidate_views
from consent_service.api.answers import json_answer, page_answer, raw_answer
from consent_service.api.candidate_door import Caller, CandidateDoor
from consent_service.api.candidate_shapes import Consent, ConsentPage, PreviewShape
from consent_service.api.consent_views import units_of, whole_json
from consent_service.api.contract import CANDIDATE, described
from consent_service.api.fields import Closed, Cursor, Day, Id, Limit, PathId, Sha256
from consent_service.api.json_bodies import StrictRoute
from consent_service.api.receipts import receipt_answer
from consent_service.api.shapes import Receipt
from consent_service.clock import end_of_day, rfc3339
from consent_service.consents import endings, grants, reading
from consent_service.consents.preview import Choice, preview
from consent_service.consents.purposes import Language, Purpose
from consent_service.errors import after_the_commit
from consent_service.identity.units import Unit
from consent_service.vault.parts import PartRef

MaxUses = Annotated[int, Field(ge=1, le=10_000)]


class Part(Closed):
    """One part of one version of one resource."""

    resource: Annotated[str, Field(pattern="^[a-z_]{1,40}$", examples=["note"])]
    resource_id: Id
    version: Annotated[int, Field(ge=1, le=10**9)]
    part: Annotated[str, Field(pattern="^[a-z_]{1,60}(:[a-z0-9-]{1,32})?$", examples=["interests"])]


Parts = Annotated[list[Part], Field(min_length=1, max_length=100)]


class Wanted(Closed):
    """What to show: with whom, why, which parts, the last day (Oslo). ``consent_id``: the request it would answer."""

    purpose: Annotated[str, Field(pattern="^[a-z][a-z_]{2,40}$", examples=["guidance_follow_up"])]
    recipient_id: Id
    parts: Parts
    valid_until: Day
    max_uses: MaxUses | None = None
    consent_id: Id | None = None


class Grant(Wanted):
    """What was shown, and the hash of it."""

    preview_sha256: Sha256
    language: Language = "nb"


class Yes(Closed):
    """An answer to a request: what was shown, and the hash of it. It may be less than was asked for."""

    parts: Parts
    valid_until: Day
    max_uses: MaxUses | None = None
    preview_sha256: Sha256
    language: Language = "nb"


class Empty(Closed):
    """An empty object."""


Status = Annotated[str, Query(pattern="^[a-z_]{1,30}$", description="Only consents in this state.")]


def routes(door: CandidateDoor) -> APIRouter:
    """``/v1/me/consents``."""
    router = APIRouter(route_class=StrictRoute, tags=["consents"])
    candidate = Depends(door.caller)
    _add_reading(router, door, candidate)
    _add_sharing(router, door, candidate)
    _add_answers(router, door, candidate)
    return router


def _add_reading(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    @router.get("/v1/me/consents", response_model=ConsentPage, **described(returns="own", security=CANDIDATE))
    async def consents(
        caller: Annotated[Caller, candidate],
        status: Status | None = None,
        after: Cursor = "",
        limit: Limit = 50,
    ) -> Response:
        """The candidate's consents, and the requests that wait for her answer."""
        candidate_id = await caller.welcomed()
        if candidate_id is None:
            return page_answer([], None)
        async with door.db.snapshot() as view:
            found = await reading.of_candidate(
                view, door.desk.keys, candidate_id, after=after, limit=limit, now=door.clock.now()
            )
            known = await units_of(view, door.desk.keys, found)
        following = found[-1].id if len(found) == limit else None
        wanted = [one for one in found if status is None or one.state == status]
        return page_answer([whole_json(one, known, door.desk.purposes) for one in wanted], following)

    @router.get(
        "/v1/me/consents/{consent_id}",
        response_model=Consent,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def one(consent_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """One of them."""
        candidate_id = await caller.known()
        async with door.db.snapshot() as view:
            return json_answer(await candidate_views.shown(view, door, candidate_id, consent_id))

    @router.get(
        "/v1/me/consents/{consent_id}/receipt",
        response_model=Receipt,
        **described(returns="own", security=CANDIDATE, problems=[404]),
    )
    async def receipt(consent_id: PathId, caller: Annotated[Caller, candidate]) -> Response:
        """The newest signed receipt: of the yes, the no, or the end."""
        candidate_id = await caller.known()
        async with door.db.snapshot() as view:
            seen = await candidate_views.find(view, door, candidate_id, consent_id)
            return await receipt_answer(view, door.desk.keys.receipts, seen, unit=False)


def _add_sharing(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    @router.post(
        "/v1/me/consents/preview",
        response_model=PreviewShape,
        **described(returns="own", security=CANDIDATE, body=True, problems=[404, 409]),
    )
    async def show(body: Wanted, caller: Annotated[Caller, candidate]) -> Response:
        """Exactly what the recipient would get, and its SHA-256. Nothing is stored, and nobody hears of it."""
        key = await caller.key()
        purpose = door.desk.purposes.get(body.purpose)
        recipient = await candidate_views.recipient(door, body.recipient_id)
        choice = choice_of(key.candidate_id, purpose, recipient, body)
        async with door.db.snapshot() as view:
            if body.consent_id is not None:
                await candidate_views.find(view, door, key.candidate_id, body.consent_id)
            shown = await preview(view, key, door.desk.keys.log, choice)
        about = orjson.dumps({"sha256": shown.sha256, "valid_until": rfc3339(choice.valid_until)})
        return raw_answer(b'{"content":' + shown.content + b"," + about[1:])


def _add_answers(router: APIRouter, door: CandidateDoor, candidate: Any) -> None:
    answers = described(returns="own", security=CANDIDATE, body=True, problems=[404, 409])

    @router.post("/v1/me/consents/{consent_id}/grant", response_model=Consent, **answers)
    async def answer(consent_id: PathId, body: Yes, caller: Annotated[Caller, candidate]) -> Response:
        """Say yes to a request: to what it asked for, or to less. Never to more."""
        candidate_id = await caller.known()
        async with door.db.snapshot() as view:
            asked = await candidate_views.find_whole(view, door, candidate_id, consent_id)
        purpose = door.desk.purposes.get(asked.purpose, asked.purpose_version)
        recipient = await candidate_views.recipient(door, asked.recipient_id)
        keyring = await candidate_views.keyring_for(door, await caller.key(), recipient)
        choice = choice_of(candidate_id, purpose, recipient, body)
        yes = grants.Yes(keyring, choice, body.preview_sha256, body.language)
        async with door.db.transaction() as tx:
            await grants.answer(tx, door.desk, consent_id, yes, now=door.clock.now())
            shown = await candidate_views.shown(tx, door, candidate_id, consent_id)
        return json_answer(shown)

    @router.post("/v1/me/consents/{consent_id}/refuse", response_model=Consent, **answers)
    async def refuse(consent_id: PathId, body: Empty, caller: Annotated[Caller, candidate]) -> Response:
        """Say no to a request. To the one who asked it looks like no answer until the reply-by date."""
        candidate_id = await caller.known()
        async with door.db.transaction() as tx:
            await endings.refuse(tx, door.desk, candidate_id, consent_id, now=door.clock.now())
        with after_the_commit():
            async with door.db.snapshot() as view:
                shown = await candidate_views.shown(view, door, candidate_id, consent_id)
        return json_answer(shown)


def choice_of(candidate_id: str, purpose: Purpose, recipient: Unit, chosen: Wanted | Yes) -> Choice:
    """What was chosen, as the verbs take it."""
    return Choice(
        purpose=purpose,
        recipient=recipient,
        parts=tuple(
            PartRef(candidate_id, one.resource, one.resource_id, one.version, one.part) for one in chosen.parts
        ),
        valid_until=end_of_day(chosen.valid_until),
        max_uses=chosen.max_uses,
    )
