"""What does not belong together does not open: another schema, another master key, a keyring that is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_service.app.opening import Unready, init_keys, open_service
from consent_service.clock import SystemClock
from consent_service.errors import StorageUnavailable
from consent_service.settings import Misconfigured, Settings, read
from consent_service.storage.engine import Statement
from consent_service.storage.opening import open_database

CLOCK = SystemClock()


def local(url: str, folder: Path, **more: str) -> Settings:
    """Settings outside production."""
    return read(
        {
            "CONSENT_ENVIRONMENT": "test",
            "CONSENT_DATABASE_URL": url,
            "CONSENT_KEYRING": str(folder / "keyring.json"),
            **more,
        }
    )


def production(url: str, folder: Path) -> Settings:
    """Settings of production, with what it demands."""
    return local(
        url,
        folder,
        CONSENT_ENVIRONMENT="production",
        CONSENT_ERASURE_JOURNAL=str(folder / "erasures.jsonl"),
        CONSENT_PUBLIC_URL="https://samtykke.example.no",
        CONSENT_SCOPE_PREFIX="nav:consent/",
        CONSENT_CONTROLLER_NAME="Fylket",
        CONSENT_CONTROLLER_ORGANISATION_NUMBER="817920632",
        CONSENT_CONTROLLER_ADDRESS="Steinkjer",
        CONSENT_PRIVACY_CONTACTS="personvern@example.no",
        CONSENT_HOSTING_COUNTRIES="Norge",
        CONSENT_WITHDRAWAL_PHONE="74 17 40 00",
        CONSENT_WITHDRAWAL_ADDRESS="Steinkjer",
    )


async def _opens(settings: Settings) -> str:
    opened = await open_service(settings, CLOCK)
    await opened.db.close()
    return opened.keys.service.receipts.kid


async def test_the_embedded_default_sets_itself_up(tmp_path: Path) -> None:
    """An empty SQLite database outside production gets its schema and its keys, once."""
    settings = local(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path)
    first = await _opens(settings)
    assert (tmp_path / "keyring.json").stat().st_mode & 0o777 == 0o600
    assert await _opens(settings) == first


async def test_another_master_key_does_not_open(tmp_path: Path) -> None:
    """A keyring that is not the database's is refused before anything is written."""
    settings = local(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path)
    await _opens(settings)
    (tmp_path / "other").mkdir()
    other = local(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other")
    await _opens(other)
    mixed = local(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path / "other")
    with pytest.raises(Unready, match="not the one that this database was made with"):
        await _opens(mixed)


async def test_a_lost_keyring_is_not_replaced(tmp_path: Path) -> None:
    """A database with keys never gets a new keyring by itself, nor by ``keys init``: it could open nothing."""
    settings = local(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path)
    await _opens(settings)
    (tmp_path / "keyring.json").unlink()
    with pytest.raises(Unready, match="There is no keyring"):
        await _opens(settings)
    with pytest.raises(Unready, match="put back what belongs to it"):
        await init_keys(settings, CLOCK)
    assert not (tmp_path / "keyring.json").exists()


async def test_a_keyring_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The file is its owner's alone."""
    settings = local(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path)
    await _opens(settings)
    (tmp_path / "keyring.json").chmod(0o640)
    with pytest.raises(Unready, match="Others may read the keyring"):
        await _opens(settings)


async def test_production_makes_nothing_by_itself(tmp_path: Path) -> None:
    """Neither schema nor keys appear in production, on SQLite either."""
    settings = production(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path)
    with pytest.raises(Unready, match="consent-service migrate"):
        await _opens(settings)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_an_operator_sets_postgresql_up(database_url: str, migrated_url: str, tmp_path: Path) -> None:
    """Migrate, then make the keys, then open; in another order each step says what is missing."""
    with pytest.raises(Unready, match="consent-service migrate"):
        await _opens(local(database_url, tmp_path))
    settings = local(migrated_url, tmp_path)
    with pytest.raises(Unready, match="There is no keyring"):
        await _opens(settings)
    assert await init_keys(settings, CLOCK)
    assert not await init_keys(settings, CLOCK)
    assert await _opens(settings)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_an_older_versions_database_waits_for_its_new_keys(migrated_url: str, tmp_path: Path) -> None:
    """A use that came later gets its key from ``keys init``, at which nobody need stop; a lost key is never remade."""
    settings = local(migrated_url, tmp_path)
    await init_keys(settings, CLOCK)
    await _drop_key(migrated_url, "sessions")
    with pytest.raises(Unready, match=r"of its own: sessions\. Run: consent-service keys init"):
        await _opens(settings)
    assert await init_keys(settings, CLOCK)
    assert not await init_keys(settings, CLOCK)
    assert await _opens(settings)
    await _drop_key(migrated_url, "waiting")
    for attempt in (_opens(settings), init_keys(settings, CLOCK)):
        with pytest.raises(Unready, match=r"gone from the database: waiting\. Restore"):
            await attempt


async def test_the_embedded_default_makes_the_keys_that_came_later(tmp_path: Path) -> None:
    """As it makes its schema: by itself."""
    settings = local(f"sqlite:///{tmp_path / 'consent.db'}", tmp_path)
    first = await _opens(settings)
    await _drop_key(f"sqlite:///{tmp_path / 'consent.db'}", "sessions")
    assert await _opens(settings) == first


async def _drop_key(url: str, use: str) -> None:
    db = await open_database(url)
    async with db.transaction() as tx:
        await tx.run(Statement("DELETE FROM service_key WHERE use = :use"), use=use)
    await db.close()


async def test_a_database_that_is_down_is_said_to_be() -> None:
    """Nobody at the address is a sentence for the operator, not a traceback."""
    with pytest.raises(StorageUnavailable):
        await _opens(local("postgresql://nobody@127.0.0.1:9/consent", Path("/nowhere")))


async def test_a_database_must_be_named() -> None:
    """A scheme that nobody knows is a setting to mend."""
    with pytest.raises(Misconfigured, match="CONSENT_DATABASE_URL starts with"):
        await _opens(local("mysql://db/consent", Path("/nowhere")))
