"""What the database itself refuses: the log's tables only grow, and the service's role can't make them do otherwise."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from consent_service.app.migrate import is_current
from consent_service.audit.notes import verifier_keys
from consent_service.consents.asks import Refused, Released
from consent_service.consents.gate import Gate
from consent_service.storage.opening import open_database
from consent_service.vault.keys import Keys
from tests.audit.conftest import ORIGIN, Log
from tests.consents.conftest import Town, town

__all__ = ["town"]

ONLY_GROW = ("entry", "leaf", "node", "checkpoint")
ATTEMPTS = [
    statement
    for table in ONLY_GROW
    for statement in (
        f"DELETE FROM {table}",
        f"UPDATE {table} SET {'at = 1' if table in {'entry', 'checkpoint'} else 'digest = digest'}"
        if table != "leaf"
        else "UPDATE leaf SET position = position + 1",
    )
]
postgresql_alone = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
sqlite_alone = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
async def service_url(migrated_url: str) -> AsyncIterator[str]:
    """The database's URL for a login of its own that has the service's role and nothing else."""
    login = f"web_{secrets.token_hex(6)}"
    owner = await asyncpg.connect(migrated_url)
    await owner.execute(f"CREATE ROLE {login} LOGIN IN ROLE consent_service")
    parts = urlsplit(migrated_url)
    yield urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))
    await owner.execute(f"DROP ROLE {login}")
    await owner.close()


@postgresql_alone
async def test_the_services_role_can_only_add_to_the_log(log: Log, service_url: str) -> None:
    """UPDATE, DELETE and TRUNCATE of entries, leaves, nodes and checkpoints are refused, and so is undoing that."""
    await log.sign()
    service = await asyncpg.connect(service_url)
    own = [f"ALTER TABLE {table} ADD COLUMN more TEXT" for table in ONLY_GROW]
    other = ["UPDATE alembic_version SET version_num = '0'"]
    await service.execute("GRANT UPDATE ON entry TO consent_service")  # PostgreSQL warns, and grants nothing
    for statement in (*ATTEMPTS, *(f"TRUNCATE {table}" for table in ONLY_GROW), *own, *other):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    assert await service.fetchval("SELECT COUNT(*) FROM entry") == 31
    await service.close()
    assert (await log.verified()).findings == ()


@postgresql_alone
async def test_everything_works_under_the_services_role(town: Town, service_url: str) -> None:
    """A grant, a release, numbering, signing, a revoke and the refusal after it need no other privilege."""
    assert await is_current(service_url)
    db = await open_database(service_url)
    keys = Keys(db, town.keys._provider, town.keys.service, town.clock)
    served = Town(**{**vars(town), "db": db, "keys": keys, "gate": Gate(db, keys, town.desk, town.clock)})
    consent = await served.grant()
    assert isinstance(await served.release(consent.id), Released)
    log = Log(db, served.keys.service, await keys.checkpoints.current(), served.clock.now())
    assert await keys.checkpoints.begin(keys.service.log, served.clock, ORIGIN)
    await log.sign()
    await served.revoke(consent.id)
    assert isinstance(await served.release(consent.id), Refused)
    log.signers = await keys.checkpoints.current()
    await log.sign()
    assert await keys.checkpoints.end(keys.service.log, served.clock, ORIGIN, trusted=True)
    former = verifier_keys(await keys.checkpoints.current(), ORIGIN)
    assert (await log.verified(keys=tuple(former))).findings == ()
    await db.close()


@sqlite_alone
async def test_sqlite_refuses_the_same(log: Log, tmp_path: Path) -> None:
    """A statement of our own that changed the log would fail, whoever runs it."""
    await log.sign()
    connection = sqlite3.connect(tmp_path / "consent.sqlite")
    for statement in ATTEMPTS:
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            connection.execute(statement)
    connection.close()
    assert (await log.verified()).findings == ()
