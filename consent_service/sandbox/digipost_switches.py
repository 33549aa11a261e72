"""The local Digipost's switches, for those who develop against it: faults, accounts, and what was taken.

``POST /sandbox/faults`` ``{"kind", "calls", "times", "seconds"}``   goes wrong so many times
``DELETE /sandbox/faults``                                           stops going wrong
``PUT /sandbox/people`` ``{"national_id", "name", "standing"}``      opens, closes or removes an account
``GET /sandbox/letters``                                             every letter taken, in order
``POST /sandbox/printed`` ``{"document_uuid", "event"}``             says what became of a letter on paper
"""

import hashlib
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from consent_service.sandbox.digipost_counter import Counter
from consent_service.sandbox.digipost_faults import Calls, Fault, Order
from consent_service.sandbox.digipost_post_office import DigipostPerson, Posted, Standing, StoredLetter


class FaultBody(BaseModel):
    """An order to go wrong."""

    model_config = ConfigDict(extra="forbid")

    kind: Fault
    calls: Calls = Calls.MESSAGES
    times: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0


class PersonBody(BaseModel):
    """Somebody, and how they stand."""

    model_config = ConfigDict(extra="forbid")

    national_id: Annotated[str, Field(pattern=r"^[0-9]{11}$")]
    name: str
    standing: Standing


class PostedBody(BaseModel):
    """What became of a letter on paper."""

    model_config = ConfigDict(extra="forbid")

    document_uuid: str
    event: Posted


def add_switches(app: FastAPI, counter: Counter) -> None:
    """Add the switches to ``app``."""

    @app.post("/sandbox/faults", status_code=204)
    async def add_fault(body: FaultBody) -> None:
        counter.faults.add(Order(body.kind, body.calls, body.times, body.seconds))

    @app.delete("/sandbox/faults", status_code=204)
    async def clear_faults() -> None:
        counter.faults.clear()

    @app.put("/sandbox/people", status_code=204)
    async def put_person(body: PersonBody) -> None:
        known = counter.office.people.get(body.national_id)
        if known is None:
            counter.office.people[body.national_id] = DigipostPerson(body.national_id, body.name, body.standing)
        else:
            known.name, known.standing = body.name, body.standing

    @app.get("/sandbox/letters")
    async def letters() -> list[dict[str, Any]]:
        return [_described(letter) for letter in counter.office.letters.values()]

    @app.post("/sandbox/printed", status_code=204)
    async def tell_of_printed(body: PostedBody) -> None:
        letter = next((one for one in counter.office.printed() if one.document_uuid == body.document_uuid), None)
        if letter is None:
            raise HTTPException(404)
        counter.office.tell(letter, body.event, counter.now())


def _described(letter: StoredLetter) -> dict[str, Any]:
    return {
        "message_id": letter.message_id,
        "document_uuid": letter.document_uuid,
        "sender": {"id": letter.sender.user_id, "name": letter.sender.name},
        "inbox": letter.recipient.inbox if letter.recipient else None,
        "printed": asdict(letter.cover) if letter.cover else None,
        "subject": letter.subject,
        "authentication_level": letter.authentication_level,
        "sensitivity_level": letter.sensitivity_level,
        "sha256": hashlib.sha256(letter.content).hexdigest(),
        "size": len(letter.content),
        "created": letter.created.isoformat(),
        "delivered": letter.delivered.isoformat(),
        "opened": letter.opened.isoformat() if letter.opened else None,
    }
