"""The naive service's tables."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


def new_id() -> str:
    """A random UUID."""
    return str(uuid4())


class Table(SQLModel, registry=registry()):
    """Apart from the service's own tables, which are loaded with its settings for uvicorn."""


class Unit(Table, table=True):
    id: str = Field(primary_key=True)
    organisation_number: str = Field(index=True)


class Candidate(Table, table=True):
    id: str = Field(default_factory=new_id, primary_key=True)
    national_id: str = Field(index=True)


class Note(Table, table=True):
    id: str = Field(primary_key=True)
    candidate_id: str = Field(foreign_key="candidate.id")
    nonce: bytes
    sealed: bytes


class Consent(Table, table=True):
    id: str = Field(default_factory=new_id, primary_key=True)
    candidate_id: str = Field(foreign_key="candidate.id", index=True)
    unit_id: str = Field(foreign_key="unit.id")
    note_id: str = Field(foreign_key="note.id")
    purpose: str
    state: str
    valid_from: datetime
    valid_until: datetime


class AccessLog(Table, table=True):
    id: str = Field(default_factory=new_id, primary_key=True)
    candidate_id: str | None = Field(default=None, index=True)
    consent_id: str
    event: str
    employee: str | None = None
    at: datetime
