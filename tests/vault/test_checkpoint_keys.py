"""Another key for the log's heads: both sign for a while, no process needs a restart, none signs with an old one."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest

from consent_service.audit.log import SERVICE_CHAIN, open_chain, read
from consent_service.audit.notes import VerifierKey, verifier_keys
from consent_service.errors import KeyProviderDown, StorageUnavailable, Tampered
from consent_service.storage.engine import Database, Statement
from consent_service.vault import rotation
from consent_service.vault.checkpoint_keys import CheckpointKeys
from consent_service.vault.keys import Keys, open_keys
from consent_service.vault.rotation import Retired
from tests.provision.openbao import OpenBao
from tests.vault.conftest import NOON, Vault, open_vault, transit

ORIGIN = "consent.example.no/log"


@pytest.fixture
async def logged(vault: Vault) -> Vault:
    """A vault beside the service's own log."""
    async with vault.db.transaction() as tx:
        await open_chain(tx, SERVICE_CHAIN, at=NOON)
    return vault


async def begin(vault: Vault) -> bool:
    return await vault.keys.checkpoints.begin(vault.keys.service.log, vault.clock, ORIGIN)


async def end(vault: Vault, *, trusted: bool = True) -> bool:
    return await vault.keys.checkpoints.end(vault.keys.service.log, vault.clock, ORIGIN, trusted=trusted)


async def events(db: Database) -> list[tuple[str, str]]:
    """What the service's own log says: events and what they are about."""
    async with db.snapshot() as view:
        said = [json.loads(row["body"]) for row in await read(view, SERVICE_CHAIN)]
    return [(one["event"], one["resource"]) for one in said]


async def test_a_new_key_takes_over_in_two_steps(logged: Vault) -> None:
    """Beside the old one at first; then alone, and the old one is destroyed but for its public half. The log has it."""
    old = (await logged.keys.checkpoints.current()).signing.public
    assert await begin(logged)
    both = await logged.keys.checkpoints.current()
    new = both.signing.public
    assert both.publics == (new, old)
    assert new != old
    assert not await begin(logged), "one change at a time"
    assert await end(logged)
    alone = await logged.keys.checkpoints.current()
    assert (alone.signing.public, alone.leaving, alone.former) == (new, None, (old,))
    assert not await end(logged)
    ids = [VerifierKey(ORIGIN, public).id.hex() for public in (new, old)]
    assert await events(logged.db) == [("checkpoint_key.made", ids[0]), ("checkpoint_key.retired", ids[1])]
    again = await open_keys(logged.db, logged.provider, logged.clock)
    assert again.checkpoints.known.publics == (new, old)
    assert verifier_keys(alone, ORIGIN) == [VerifierKey(ORIGIN, new), VerifierKey(ORIGIN, old)]


async def test_a_key_that_got_out_vouches_for_nothing(logged: Vault) -> None:
    """Nothing of it stays."""
    await begin(logged)
    new = (await logged.keys.checkpoints.current()).signing.public
    assert await end(logged, trusted=False)
    assert (await logged.keys.checkpoints.current()).publics == (new,)


async def test_a_running_process_takes_the_new_key_and_lets_go_of_the_old(logged: Vault, neighbour: Vault) -> None:
    """It looks whenever it signs; between its look and its commit nobody changes the keys."""
    theirs = neighbour.keys.checkpoints
    old = await theirs.current()
    await begin(logged)
    async with neighbour.db.transaction() as tx:
        assert not await theirs.still(tx)
    assert (await theirs.current()).leaving is not None
    async with neighbour.db.transaction() as tx:
        assert await theirs.still(tx)
        ending = asyncio.create_task(end(logged))
        await asyncio.sleep(0.2)
        assert not ending.done()
    assert await ending
    assert (await theirs.current()).former == (old.signing.public,)


async def test_two_operators_at_once_make_one_key(logged: Vault, neighbour: Vault) -> None:
    """The other is told that somebody was first, in either way; the keys are those of one of them."""
    both = await asyncio.gather(begin(logged), begin(neighbour), return_exceptions=True)
    assert [one for one in both if one is True] == [True]
    assert all(one in {True, False} or isinstance(one, StorageUnavailable) for one in both)
    assert len(await events(logged.db)) == 1
    assert (await logged.keys.checkpoints.current()).publics == (await neighbour.keys.checkpoints.current()).publics


async def test_rotating_the_master_key_moves_all_of_them(logged: Vault) -> None:
    """The key that signs, the one that leaves and those that were: none is lost when the old version is destroyed."""
    await begin(logged)
    await end(logged)
    await begin(logged)
    before = (await logged.keys.checkpoints.current()).publics
    await logged.provider.add_version(date(2026, 6, 1))
    await rotation.rewrap(logged.db, logged.provider)
    assert await rotation.retire(logged.db, logged.provider, 1) == Retired((1,))
    assert (await logged.keys.checkpoints.current()).publics == before
    assert (await open_keys(logged.db, logged.provider, logged.clock)).checkpoints.known.publics == before


async def test_a_key_that_was_changed_in_the_database_signs_nothing(logged: Vault) -> None:
    """Neither a public key put beside as a former one, nor one row in another's place."""
    await begin(logged)
    for change in (
        "INSERT INTO service_key (use, wrapped) SELECT 'checkpoints-former:00', wrapped FROM service_key"
        " WHERE use = 'checkpoints'",
        "DELETE FROM service_key WHERE use = 'checkpoints'",
    ):
        async with logged.db.transaction() as tx:
            await tx.run(Statement(change))
        with pytest.raises(Tampered):
            await logged.keys.checkpoints.current()


async def test_keys_nobody_looked_at_are_not_known(logged: Vault) -> None:
    """What was never opened is not told."""
    with pytest.raises(KeyProviderDown):
        _ = CheckpointKeys(logged.db, logged.provider).known


async def test_while_the_key_service_is_down_nothing_new_is_signed(
    db: Database, openbao_server: OpenBao, tmp_path: Path
) -> None:
    """What is known and unchanged goes on signing; a change is begun by nobody; afterwards all is well."""
    vault = await open_vault(db, await transit(openbao_server, tmp_path))
    async with db.transaction() as tx:
        await open_chain(tx, SERVICE_CHAIN, at=NOON)
    keys: Keys = vault.keys
    before = (await keys.checkpoints.current()).publics
    openbao_server.seal()
    try:
        assert (await keys.checkpoints.current()).publics == before
        with pytest.raises(KeyProviderDown):
            await begin(vault)
    finally:
        openbao_server.well()
    assert (await keys.checkpoints.current()).publics == before
    assert await events(db) == []
