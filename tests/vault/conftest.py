"""A vault with a keyring in a file, service keys, and a few candidates' and recipients' keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

from consent_service.clock import SettableClock
from consent_service.crypto.keyring import create_keyring, read_keyring
from consent_service.crypto.providers import MasterKeys
from consent_service.crypto.transit import Place, Transit
from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database
from consent_service.vault.keys import Keys, create_service_keys, open_keys
from tests.provision.openbao import MOUNT, OpenBao

NOON = 1_780_000_000_000_000
MADE = date(2026, 1, 1)


@dataclass
class Vault:
    """An open database, its provider, and the keys in it."""

    db: Database
    provider: MasterKeys
    keys: Keys
    clock: SettableClock

    async def fill(self, *, candidates: int = 3, recipients: int = 2) -> dict[str, bytes]:
        """Store some keys; what each one is, by whose it is."""
        fresh = [await self.keys.new_candidate(f"candidate-{number:04d}") for number in range(candidates)]
        async with self.db.transaction() as tx:
            for new in fresh:
                await self.keys.store_candidate(tx, new)
        secrets = {new.key.candidate_id: new.key.secret for new in fresh}
        for number in range(recipients):
            owner = f"recipient-{number:04d}"
            secrets[owner] = (await self.keys.recipient(owner)).secret
        return secrets

    async def opens(self, secrets: dict[str, bytes]) -> bool:
        """Whether a process that starts now opens all of these, as they were."""
        keys = await open_keys(self.db, self.provider, self.clock)
        found = {}
        for owner in secrets:
            candidate = owner.startswith("candidate")
            found[owner] = (await (keys.candidate(owner) if candidate else keys.recipient(owner))).secret
        return found == secrets and keys.service.receipts.kid == self.keys.service.receipts.kid


async def open_vault(db: Database, provider: MasterKeys) -> Vault:
    """A vault on a migrated database, with service keys that are made if need be."""
    clock = SettableClock(NOON)
    await create_service_keys(db, provider)
    return Vault(db, provider, await open_keys(db, provider, clock), clock)


async def transit(bao: OpenBao, folder: Path) -> Transit:
    """A fresh key of the key service, and an operator's line to it."""
    token = folder / f"token-{uuid4()}"
    token.write_text(bao.root)
    provider = Transit(Place(bao.url, MOUNT, f"key-{uuid4()}", token))
    await provider.make()
    return provider


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    """A keyring's file."""
    path = tmp_path / "keyring.json"
    create_keyring(path, MADE)
    return path


@pytest.fixture
async def vault(db: Database, keyring: Path) -> Vault:
    """A vault whose keyring lies in ``keyring``."""
    return await open_vault(db, read_keyring(keyring))


@pytest.fixture
async def neighbour(vault: Vault, migrated_url: str, keyring: Path) -> AsyncIterator[Vault]:
    """Another process's view of the same vault: connections and keyring of its own."""
    db = await open_database(migrated_url)
    yield await open_vault(db, read_keyring(keyring))
    await db.close()
