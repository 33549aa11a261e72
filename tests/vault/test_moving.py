"""From a keyring to a key service and back: every key moves, none is lost, nothing else is touched, nobody stops."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring, create_keyring
from consent_service.crypto.moving import Moving
from consent_service.crypto.providers import MasterKeys
from consent_service.errors import KeyProviderDown, NotAvailable, Tampered
from consent_service.storage.engine import Database, Statement
from consent_service.vault import rotation
from consent_service.vault.keys import WrongMasterKey, open_keys
from consent_service.vault.rotation import Retired, Rewrapped, StillNeeded
from tests.provision.openbao import OpenBao
from tests.vault.conftest import Vault, open_vault, transit
from tests.vault.test_parts import REF, WORDS, opened, person, put
from tests.vault.test_rotation import SERVICE_KEYS
from tests.vault.test_shares import grant

LATER = date(2026, 6, 1)


class Tiring(Moving):
    """Two providers, of which one gives up after a number of keys."""

    def __init__(self, to: MasterKeys, other: MasterKeys, *, after: int) -> None:
        super().__init__(to, other)
        self._left = after

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise KeyProviderDown
        return await super().rewrap(wrapped, context)


async def sealed(db: Database) -> list[dict[str, object]]:
    """Everything that is sealed under keys that move, as it lies there."""
    found: list[dict[str, object]] = []
    async with db.snapshot() as view:
        for table in ("part", "share", "entry_detail"):
            found += [dict(row) for row in await view.rows(Statement(f"SELECT * FROM {table} ORDER BY 1, 2"))]
    return found


async def test_keys_move_to_a_key_service_and_back(vault: Vault, openbao_server: OpenBao, tmp_path: Path) -> None:
    """Afterwards the one alone opens everything, the other nothing; sealed content is, byte for byte, what it was."""
    kari = await person(vault, "kari")
    await put(vault, kari, REF)
    await grant(vault, REF)
    secrets, before = await vault.fill(candidates=30), await sealed(vault.db)
    total = SERVICE_KEYS + 30 + 2 + 2
    keyring, bao = vault.provider, await transit(openbao_server, tmp_path)
    await keyring.add_version(LATER)
    await rotation.rewrap(vault.db, keyring)
    await rotation.retire(vault.db, keyring, 1)

    seen: list[int] = []
    there = Moving(bao, keyring)
    assert (await rotation.needs(vault.db, there)).by_version == {0: total}
    assert await rotation.move(vault.db, there, seen.append) == Rewrapped(total, 0)
    assert sum(seen) == total
    assert (await rotation.needs(vault.db, bao)).by_version == {1: total}
    with pytest.raises(WrongMasterKey):
        await open_keys(vault.db, LocalKeyring({2: new_key()}), vault.clock)
    moved = Vault(vault.db, bao, await open_keys(vault.db, bao, vault.clock), vault.clock)
    assert await moved.opens(secrets)
    assert await opened(moved, await moved.keys.candidate("kari"), REF) == {REF: WORDS}
    await moved.fill(recipients=3, candidates=0)

    fresh = create_keyring(tmp_path / "fresh.json", LATER)
    assert await rotation.move(vault.db, Moving(fresh, bao)) == Rewrapped(total + 1, 0)
    assert (await rotation.needs(vault.db, fresh)).by_version == {1: total + 1}
    back = Vault(vault.db, fresh, await open_keys(vault.db, fresh, vault.clock), vault.clock)
    assert await back.opens(secrets)
    await person(back, "ola")
    assert await sealed(vault.db) == before


async def test_a_move_that_was_interrupted_is_gone_on_with(
    vault: Vault, openbao_server: OpenBao, tmp_path: Path
) -> None:
    """Wherever it stopped, all keys open under the two; nothing is retired before it is finished; then it is."""
    secrets, bao = await vault.fill(candidates=250, recipients=3), await transit(openbao_server, tmp_path)
    for after in (0, 3, SERVICE_KEYS + 1, SERVICE_KEYS + 210):
        with pytest.raises(KeyProviderDown):
            await rotation.move(vault.db, Tiring(bao, vault.provider, after=after))
        half = Moving(bao, vault.provider)
        assert await Vault(vault.db, half, vault.keys, vault.clock).opens(dict(list(secrets.items())[::50]))
    assert 0 < (await rotation.needs(vault.db, half)).by_version[0] < SERVICE_KEYS + 253
    await bao.add_version(LATER)
    assert isinstance(await rotation.retire(vault.db, half, 1), StillNeeded)
    await rotation.move(vault.db, half)
    assert (await rotation.needs(vault.db, bao)).by_version == {2: SERVICE_KEYS + 253}
    assert await rotation.retire(vault.db, bao, 1) == Retired((1,))
    assert await Vault(vault.db, bao, vault.keys, vault.clock).opens(dict(list(secrets.items())[::25]))


async def test_who_runs_meanwhile_goes_on(
    vault: Vault, neighbour: Vault, openbao_server: OpenBao, tmp_path: Path
) -> None:
    """Processes that know both open and store before, while and after; one that was forgotten stores nothing then."""
    secrets, bao = await vault.fill(), await transit(openbao_server, tmp_path)
    both = Moving(bao, vault.provider)
    running = await open_vault(vault.db, both)
    paused = await neighbour.keys.new_candidate("late")
    await person(running, "newcomer")
    await rotation.move(vault.db, both)
    assert await running.opens(secrets)
    await person(running, "another")
    with pytest.raises(KeyProviderDown):
        async with neighbour.db.transaction() as tx:
            await neighbour.keys.store_candidate(tx, paused)
    with pytest.raises(KeyProviderDown):
        await person(neighbour, "late")
    with pytest.raises(Tampered):
        await neighbour.keys.candidate("newcomer")
    with pytest.raises(NotAvailable):
        await running.keys.candidate("late")
    assert (await rotation.needs(vault.db, bao)).by_version == {1: SERVICE_KEYS + 5 + 2}


def test_keys_move_between_two_kinds_alone() -> None:
    """Two keyrings could not tell whose a wrapped key is."""
    with pytest.raises(ValueError, match="two kinds"):
        Moving(LocalKeyring({1: new_key()}), LocalKeyring({2: new_key()}))
