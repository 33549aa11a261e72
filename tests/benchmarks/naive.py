"""The obvious honest implementation: what a good developer writes in a week, from FastAPI's and SQLModel's own guides.

It does what the service does where the benchmarks look: a release checks token, unit and consent, opens the content
with AES-GCM and logs before it answers; a grant checks that the hash is that of what would be shared; a revoke ends.
python-jose verifies each request's token, an ORM session reads and writes, one commit a request makes it durable.
It has no keys per person, no chained log and no receipts.

``python -m tests.benchmarks.naive PORT`` takes ``Seeds`` as JSON on standard input.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any

import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.security import HTTPAuthorizationCredentials as Token
from fastapi.security import HTTPBearer
from jose import JWTError, jwt
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from consent_service.app.serving import server_for
from tests.benchmarks.naive_seeds import Seeds
from tests.benchmarks.naive_tables import AccessLog, Candidate, Consent, Note, Table, Unit, new_id

BEARER = HTTPBearer()


class Part(BaseModel):
    resource: str
    resource_id: str
    version: int
    part: str


class Grant(BaseModel):
    purpose: str
    recipient_id: str
    parts: list[Part]
    valid_until: date
    preview_sha256: str


class Release(BaseModel):
    release_id: str
    consent_id: str
    released_at: datetime
    content_sha256: str
    content: dict[str, Any]


class Callers:
    """Who is calling: a session for the request, and what its token says."""

    def __init__(self, seeds: Seeds, engine: AsyncEngine) -> None:
        self._seeds, self._engine = seeds, engine

    async def session(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._engine, expire_on_commit=False) as one:
            yield one

    async def unit(self, token: Token, db: AsyncSession) -> Unit:
        said = _claims(token.credentials, self._seeds.maskinporten, None)
        number = said["consumer"]["ID"].removeprefix("0192:")
        unit = (await db.exec(select(Unit).where(Unit.organisation_number == number))).first()
        if unit is None or self._seeds.scope not in said["scope"].split():
            raise HTTPException(403)
        return unit

    async def candidate(self, token: Token, db: AsyncSession) -> Candidate:
        said = _claims(token.credentials, self._seeds.idporten, self._seeds.audience)
        candidate = (await db.exec(select(Candidate).where(Candidate.national_id == said["pid"]))).first()
        if candidate is None:
            raise HTTPException(404)
        return candidate


def _claims(token: str, issuer: tuple[str, dict[str, Any]], audience: str | None) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            issuer[1],
            algorithms=["RS256"],
            issuer=issuer[0],
            audience=audience,
            options={"verify_aud": audience is not None, "require_exp": True},
        )
    except JWTError as wrong:
        raise HTTPException(401) from wrong


def naive_app(seeds: Seeds, engine: AsyncEngine, key: bytes) -> FastAPI:
    """The routes, by the service's own paths."""
    app, callers = FastAPI(), Callers(seeds, engine)
    _add_release(app, callers, key)
    _add_grant(app, callers, key)
    _add_revoke(app, callers)
    return app


def _add_release(app: FastAPI, callers: Callers, key: bytes) -> None:
    @app.post("/v1/consents/{consent_id}/releases")
    async def release(
        consent_id: str,
        token: Annotated[Token, Depends(BEARER)],
        db: Annotated[AsyncSession, Depends(callers.session)],
        acting_employee: Annotated[str, Header()],
    ) -> Release:
        unit, now = await callers.unit(token, db), datetime.now(UTC)
        consent = await db.get(Consent, consent_id)
        if consent is None or not _in_force(consent, unit, now):
            db.add(AccessLog(consent_id=consent_id, event="refused", employee=acting_employee, at=now))
            await db.commit()
            raise HTTPException(404)
        note = await db.get_one(Note, consent.note_id)
        content = _opened(note, key)
        db.add(
            AccessLog(
                candidate_id=consent.candidate_id,
                consent_id=consent_id,
                event="released",
                employee=acting_employee,
                at=now,
            )
        )
        await db.commit()
        return Release(
            release_id=new_id(),
            consent_id=consent_id,
            released_at=now,
            content_sha256=sha256(content).hexdigest(),
            content=json.loads(content),
        )


def _add_grant(app: FastAPI, callers: Callers, key: bytes) -> None:
    @app.post("/v1/me/consents", status_code=201)
    async def grant(
        body: Grant,
        token: Annotated[Token, Depends(BEARER)],
        db: Annotated[AsyncSession, Depends(callers.session)],
    ) -> Consent:
        candidate, now = await callers.candidate(token, db), datetime.now(UTC)
        note = await db.get(Note, body.parts[0].resource_id)
        unit = await db.get(Unit, body.recipient_id)
        if note is None or unit is None or note.candidate_id != candidate.id:
            raise HTTPException(404)
        if sha256(_opened(note, key)).hexdigest() != body.preview_sha256:
            raise HTTPException(409)
        consent = Consent(
            candidate_id=candidate.id,
            unit_id=unit.id,
            note_id=note.id,
            purpose=body.purpose,
            state="granted",
            valid_from=now,
            valid_until=datetime.combine(body.valid_until + timedelta(days=1), datetime.min.time(), UTC),
        )
        db.add(consent)
        db.add(AccessLog(candidate_id=candidate.id, consent_id=consent.id, event="granted", at=now))
        await db.commit()
        return consent


def _add_revoke(app: FastAPI, callers: Callers) -> None:
    @app.post("/v1/me/consents/{consent_id}/revoke")
    async def revoke(
        consent_id: str,
        token: Annotated[Token, Depends(BEARER)],
        db: Annotated[AsyncSession, Depends(callers.session)],
    ) -> Consent:
        candidate, now = await callers.candidate(token, db), datetime.now(UTC)
        consent = await db.get(Consent, consent_id, with_for_update=True)
        if consent is None or consent.candidate_id != candidate.id:
            raise HTTPException(404)
        if consent.state != "granted":
            raise HTTPException(409)
        consent.state = "revoked"
        db.add(consent)
        db.add(AccessLog(candidate_id=candidate.id, consent_id=consent.id, event="revoked", at=now))
        await db.commit()
        return consent


def _in_force(consent: Consent, unit: Unit, now: datetime) -> bool:
    mine = consent.unit_id == unit.id and consent.state == "granted"
    return mine and _utc(consent.valid_from) <= now < _utc(consent.valid_until)


def _opened(note: Note, key: bytes) -> bytes:
    return AESGCM(key).decrypt(note.nonce, note.sealed, note.id.encode())


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def naive_engine(database_url: str) -> AsyncEngine:
    """SQLAlchemy's own pool with its defaults; SQLite with the durability that the service has."""
    engine = create_async_engine(
        database_url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    )
    if database_url.startswith("sqlite:"):

        @event.listens_for(engine.sync_engine, "connect")
        def durable(connection: Any, _record: Any) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


async def sow(seeds: Seeds, engine: AsyncEngine, key: bytes) -> None:
    """Make the tables, and put in what there is in the beginning."""
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    now = datetime.now(UTC)
    async with AsyncSession(engine) as db:
        db.add(Unit(id=seeds.unit_id, organisation_number=seeds.organisation_number))
        for person in seeds.people:
            candidate = Candidate(national_id=person.national_id)
            db.add(candidate)
            await db.flush()
            nonce = os.urandom(12)
            sealed = AESGCM(key).encrypt(nonce, person.content.encode(), person.note_id.encode())
            db.add(Note(id=person.note_id, candidate_id=candidate.id, nonce=nonce, sealed=sealed))
            await db.flush()
            db.add(
                Consent(
                    id=person.consent_id,
                    candidate_id=candidate.id,
                    unit_id=seeds.unit_id,
                    note_id=person.note_id,
                    purpose="guidance_follow_up",
                    state="granted",
                    valid_from=now,
                    valid_until=now + timedelta(days=20),
                )
            )
        await db.commit()


async def main(seeds: Seeds, port: int) -> None:
    """Serve until killed."""
    engine, key = naive_engine(seeds.database_url), AESGCM.generate_key(256)
    await sow(seeds, engine, key)
    await server_for(naive_app(seeds, engine, key), "127.0.0.1", port).serve()


if __name__ == "__main__":
    uvloop.run(main(TypeAdapter(Seeds).validate_json(sys.stdin.buffer.read()), int(sys.argv[1])))
