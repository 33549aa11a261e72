"""Rotation: every key under a new master version, the old one destroyed, and nothing lost on the way."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.crypto.service_keys import CHECKPOINTS, USES
from consent_service.errors import KeyProviderDown, NotAvailable, Tampered
from consent_service.storage.engine import Database, Statement
from consent_service.vault import rotation
from consent_service.vault.keys import WrongMasterKey, open_keys
from consent_service.vault.rotation import Ahead, Begun, Broken, Retired, Rewrapped, StillNeeded
from tests.provision.openbao import OpenBao
from tests.vault.conftest import Vault, open_vault, transit

LATER = date(2026, 6, 1)
SERVICE_KEYS = len((*USES, CHECKPOINTS, "check"))
_SPOIL = Statement("UPDATE candidate_key SET wrapped = :wrapped WHERE candidate_id = :id")
_GONE = Statement("DELETE FROM candidate_key WHERE candidate_id = :id")


async def test_rotation_wraps_every_key_anew(vault: Vault) -> None:
    """Candidates', recipients' and service keys and the check value move; each key stays what it was."""
    secrets = await vault.fill()
    assert (await rotation.needs(vault.db, vault.provider)).by_version == {1: SERVICE_KEYS + 5}
    await vault.provider.add_version(LATER)
    seen: list[int] = []
    assert await rotation.rewrap(vault.db, vault.provider, seen.append) == Rewrapped(SERVICE_KEYS + 5, 0)
    assert sum(seen) == SERVICE_KEYS + 5
    assert (await rotation.needs(vault.db, vault.provider)).by_version == {2: SERVICE_KEYS + 5}
    assert await vault.opens(secrets)
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))
    assert await vault.opens(secrets)


async def test_rotating_twice_changes_nothing_more(vault: Vault) -> None:
    """A rotation that is begun again finds what is left, which is nothing."""
    secrets = await vault.fill()
    await vault.provider.add_version(LATER)
    await rotation.rewrap(vault.db, vault.provider)
    assert await rotation.rewrap(vault.db, vault.provider) == Rewrapped(0, 0)
    assert await vault.opens(secrets)


async def test_several_batches(vault: Vault) -> None:
    """More keys than a batch holds are all met."""
    count = rotation.BATCH + 1
    secrets = await vault.fill(candidates=count, recipients=0)
    await vault.provider.add_version(LATER)
    assert (await rotation.rewrap(vault.db, vault.provider)).done == SERVICE_KEYS + count
    assert await vault.opens(dict(list(secrets.items())[:3]))


async def test_a_version_in_use_is_not_retired(vault: Vault) -> None:
    """Retiring refuses while one key needs the version, and for the newest; nothing is destroyed."""
    secrets = await vault.fill()
    assert await rotation.retire(vault.db, vault.provider, 1) == StillNeeded(SERVICE_KEYS + 5)
    await vault.provider.add_version(LATER)
    assert await rotation.retire(vault.db, vault.provider, 1) == StillNeeded(SERVICE_KEYS + 5)
    await rotation.rewrap(vault.db, vault.provider)
    assert await rotation.retire(vault.db, vault.provider, 2) == StillNeeded(SERVICE_KEYS + 5)
    assert [one.version for one in await vault.provider.versions()] == [1, 2]
    assert await vault.opens(secrets)


async def test_a_key_from_before_the_retirement_is_not_stored_after_it(vault: Vault) -> None:
    """A process that wrapped under the old version, and was paused, is refused: its key could never be opened."""
    await vault.fill()
    late = await vault.keys.new_candidate("late")
    await vault.provider.add_version(LATER)
    await rotation.rewrap(vault.db, vault.provider)
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))
    with pytest.raises(KeyProviderDown):
        async with vault.db.transaction() as tx:
            await vault.keys.store_candidate(tx, late)
    with pytest.raises(NotAvailable):
        await vault.keys.candidate("late")
    again = await vault.keys.new_candidate("late")
    async with vault.db.transaction() as tx:
        await vault.keys.store_candidate(tx, again)


async def test_a_key_that_is_being_stored_is_waited_for(vault: Vault, neighbour: Vault) -> None:
    """While a transaction that stores an old-version key is open, retiring does not pass it by, and then counts it."""
    late = await neighbour.keys.new_candidate("candidate-late")
    await vault.provider.add_version(LATER)
    await rotation.rewrap(vault.db, vault.provider)
    async with neighbour.db.transaction() as tx:
        await neighbour.keys.store_candidate(tx, late)
        retiring = asyncio.create_task(rotation.retire(vault.db, vault.provider, 1))
        await asyncio.sleep(0.2)
        assert not retiring.done()
    assert await retiring == StillNeeded(1)
    assert (await rotation.rewrap(vault.db, vault.provider)).done == 1
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))
    assert await vault.opens({"candidate-late": late.key.secret})


async def test_keys_that_come_and_go_meanwhile(vault: Vault, neighbour: Vault) -> None:
    """New people arrive and others are erased while keys are wrapped anew: nobody is lost and nobody comes back."""
    secrets = await vault.fill(candidates=40)
    await vault.provider.add_version(LATER)

    async def come_and_go() -> None:
        for number in range(40, 60):
            new = await neighbour.keys.new_candidate(f"candidate-{number:04d}")
            async with neighbour.db.transaction() as tx:
                await neighbour.keys.store_candidate(tx, new)
            secrets[new.key.candidate_id] = new.key.secret
            async with neighbour.db.transaction() as tx:
                await tx.run(_GONE, id=f"candidate-{number - 40:04d}")
            del secrets[f"candidate-{number - 40:04d}"]

    await asyncio.gather(come_and_go(), rotation.rewrap(vault.db, vault.provider))
    await rotation.rewrap(vault.db, vault.provider)
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))
    assert await vault.opens(secrets)
    with pytest.raises(NotAvailable):
        await (await open_keys(vault.db, vault.provider, vault.clock)).candidate("candidate-0000")


async def test_two_rotations_at_once(vault: Vault, neighbour: Vault) -> None:
    """Two operators who rotate at the same moment move every key once each way, and lose none."""
    secrets = await vault.fill(candidates=30)
    await vault.provider.add_version(LATER)
    both = await asyncio.gather(
        rotation.rewrap(vault.db, vault.provider), rotation.rewrap(neighbour.db, neighbour.provider)
    )
    assert sum(one.done for one in both) == SERVICE_KEYS + 32
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))
    assert await vault.opens(secrets)


async def test_a_running_process_never_needs_a_restart(vault: Vault, neighbour: Vault) -> None:
    """A process that began before the rotation opens what was wrapped anew, and what came after the retirement."""
    secrets = await vault.fill()
    await vault.provider.add_version(LATER)
    await rotation.rewrap(vault.db, vault.provider)
    await rotation.retire(vault.db, vault.provider, 1)
    fresh = await vault.keys.new_candidate("fresh")
    async with vault.db.transaction() as tx:
        await vault.keys.store_candidate(tx, fresh)
    assert (await neighbour.keys.candidate("candidate-0001")).secret == secrets["candidate-0001"]
    assert (await neighbour.keys.candidate("fresh")).secret == fresh.key.secret


async def test_a_key_that_does_not_open_is_left_and_told(vault: Vault) -> None:
    """One row that was changed keeps no other from being moved; it is counted, left, and not retired over."""
    secrets = await vault.fill()
    async with vault.db.transaction() as tx:
        await tx.run(_SPOIL, id="candidate-0001", wrapped=(1).to_bytes(4, "big") + bytes(150))
    await vault.provider.add_version(LATER)
    assert await rotation.rewrap(vault.db, vault.provider) == Rewrapped(SERVICE_KEYS + 4, 1)
    assert await rotation.retire(vault.db, vault.provider, 1) == Broken(1)
    del secrets["candidate-0001"]
    assert await vault.opens(secrets)
    with pytest.raises(Tampered):
        await (await open_keys(vault.db, vault.provider, vault.clock)).candidate("candidate-0001")


GARBAGE = {
    "of a version": (1).to_bytes(4, "big") + b"CS\x01" + bytes(90),
    "nothing at all": b"",
    "no provider's": b"x" * 99,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_a_damaged_key_holds_up_no_rotation(vault: Vault, garbage: bytes) -> None:
    """Versions are made and wrapped under as ever; the old ones go when the damaged key is given up, and not before."""
    secrets = await vault.fill()
    async with vault.db.transaction() as tx:
        await tx.run(_SPOIL, id="candidate-0001", wrapped=garbage)
    del secrets["candidate-0001"]
    for version in (2, 3):
        begun = await rotation.begin(vault.db, vault.provider, LATER)
        assert begun == Begun(version, fresh=True, keys=SERVICE_KEYS + 5)
        assert await rotation.begin(vault.db, vault.provider, LATER) == Begun(version, False, SERVICE_KEYS + 5)
        assert await rotation.rewrap(vault.db, vault.provider) == Rewrapped(SERVICE_KEYS + 4, 1)
        assert await rotation.retire(vault.db, vault.provider, version - 1) == Broken(1)
    assert [one.version for one in await vault.provider.versions()] == [1, 2, 3]
    assert await rotation.retire(vault.db, vault.provider, 2, but_broken=True) == Retired((1, 2))
    assert await vault.opens(secrets)


async def test_a_damaged_key_that_is_put_back_is_rotated_as_all(vault: Vault) -> None:
    """Until its version is destroyed nothing is lost; giving up the damaged destroys nothing that sound keys need."""
    secrets = await vault.fill()
    async with vault.db.transaction() as tx:
        wrapped = await tx.value(Statement("SELECT wrapped FROM candidate_key WHERE candidate_id = 'candidate-0001'"))
        await tx.run(_SPOIL, id="candidate-0001", wrapped=b"x")
    await vault.provider.add_version(LATER)
    assert await rotation.retire(vault.db, vault.provider, 1, but_broken=True) == StillNeeded(SERVICE_KEYS + 5)
    await rotation.rewrap(vault.db, vault.provider)
    async with vault.db.transaction() as tx:
        await tx.run(_SPOIL, id="candidate-0001", wrapped=wrapped)
    assert await rotation.retire(vault.db, vault.provider, 1, but_broken=True) == StillNeeded(1)
    assert await rotation.rewrap(vault.db, vault.provider) == Rewrapped(1, 0)
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))
    assert await vault.opens(secrets)


async def test_an_old_copy_of_the_keyring_makes_no_version(vault: Vault) -> None:
    """It would be another of a number that there is; where the key is known to be damaged, an operator says so."""
    await vault.fill()
    async with vault.db.transaction() as tx:
        await tx.run(_SPOIL, id="candidate-0001", wrapped=(9).to_bytes(4, "big") + b"CS\x01" + bytes(90))
    assert await rotation.begin(vault.db, vault.provider, LATER) == Ahead(1)
    assert [one.version for one in await vault.provider.versions()] == [1]
    begun = await rotation.begin(vault.db, vault.provider, LATER, but_broken=True)
    assert begun == Begun(2, fresh=True, keys=SERVICE_KEYS + 5)
    assert await rotation.rewrap(vault.db, vault.provider) == Rewrapped(SERVICE_KEYS + 4, 0)
    assert await rotation.retire(vault.db, vault.provider, 1) == Retired((1,))


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_key_of_another_type_is_a_damaged_one(vault: Vault) -> None:
    """SQLite takes text in a column of bytes: it is counted, left and told; as a service key it refuses to start."""
    await vault.fill()
    async with vault.db.transaction() as tx:
        await tx.run(Statement("UPDATE candidate_key SET wrapped = 'text' WHERE candidate_id = 'candidate-0001'"))
    assert (await rotation.needs(vault.db, vault.provider)).by_version == {0: 1, 1: SERVICE_KEYS + 4}
    await rotation.begin(vault.db, vault.provider, LATER)
    assert await rotation.rewrap(vault.db, vault.provider) == Rewrapped(SERVICE_KEYS + 4, 1)
    assert await rotation.retire(vault.db, vault.provider, 1) == Broken(1)
    async with vault.db.transaction() as tx:
        await tx.run(Statement("UPDATE service_key SET wrapped = 'text' WHERE use = 'rows'"))
    with pytest.raises(WrongMasterKey):
        await open_keys(vault.db, vault.provider, vault.clock)


async def test_another_keyring_is_refused(vault: Vault) -> None:
    """A master key that is not this database's is refused before anything is written, after a rotation as before."""
    await vault.provider.add_version(LATER)
    await rotation.rewrap(vault.db, vault.provider)
    with pytest.raises(WrongMasterKey):
        await open_keys(vault.db, LocalKeyring({1: new_key(), 2: new_key()}), vault.clock)


async def test_rotation_in_a_key_service(db: Database, openbao_server: OpenBao, tmp_path: Path) -> None:
    """The same with a master key that never leaves its service: made, wrapped under, retired, and nothing lost."""
    provider = await transit(openbao_server, tmp_path)
    vault = await open_vault(db, provider)
    secrets = await vault.fill(candidates=30)
    await provider.add_version(LATER)
    assert await rotation.rewrap(db, provider) == Rewrapped(SERVICE_KEYS + 32, 0)
    assert (await rotation.needs(db, provider)).by_version == {2: SERVICE_KEYS + 32}
    assert await rotation.retire(db, provider, 1) == Retired((1,))
    assert [one.version for one in await provider.versions()] == [2]
    assert await vault.opens(secrets)
    async with db.transaction() as tx:
        await tx.run(_SPOIL, id="candidate-0001", wrapped=b"vault:v2:" + b"A" * 60)
    await provider.add_version(LATER)
    assert await rotation.rewrap(db, provider) == Rewrapped(SERVICE_KEYS + 31, 1)
    assert await rotation.retire(db, provider, 2) == Broken(1)
