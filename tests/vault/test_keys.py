"""Keys in memory: the right master key before anything else, one set of keys over all processes, a bounded cache."""

from __future__ import annotations

import asyncio

import pytest

from consent_service.clock import MINUTE, SECOND, SettableClock
from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import LocalKeyring
from consent_service.crypto.providers import KeyProvider
from consent_service.errors import KeyProviderDown, NotAvailable, Tampered
from consent_service.storage.engine import Database, Statement
from consent_service.storage.opening import open_database
from consent_service.vault.keys import (
    Keys,
    ServiceKeysMissing,
    WrongMasterKey,
    add_later_keys,
    create_service_keys,
    has_keys,
    open_keys,
)
from tests.vault.conftest import NOON, Vault

KARI, OLA = "kari", "ola"
CACHED = 2_000
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


class Counted:
    """A key provider that counts how often it was asked, and can be switched off."""

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider
        self.unwrapped = 0
        self.down = False

    @property
    def kind(self) -> str:
        return self._provider.kind

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        self._answer()
        return await self._provider.wrap(key, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        self._answer()
        self.unwrapped += 1
        return await self._provider.unwrap(wrapped, context)

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        self._answer()
        return await self._provider.rewrap(wrapped, context)

    def version_of(self, wrapped: bytes) -> int:
        return self._provider.version_of(wrapped)

    def _answer(self) -> None:
        if self.down:
            raise KeyProviderDown


async def begun(db: Database) -> tuple[Counted, SettableClock, Keys]:
    """A database's keys, who unwraps them, and the clock by which they are forgotten."""
    provider, clock = Counted(LocalKeyring({1: new_key()})), SettableClock(NOON)
    await create_service_keys(db, provider)
    return provider, clock, await open_keys(db, provider, clock)


async def add(db: Database, keys: Keys, *candidates: str) -> None:
    """Candidates with keys."""
    fresh = [await keys.new_candidate(candidate) for candidate in candidates]
    async with db.transaction() as tx:
        for new in fresh:
            await keys.store_candidate(tx, new)


def in_memory(keys: Keys) -> set[str]:
    """Whose keys are."""
    return {owner for _, owner in keys._cache}


async def everything(db: Database) -> list[dict[str, object]]:
    """What the tables of keys hold."""
    rows = []
    async with db.snapshot() as view:
        for table in ("service_key", "candidate_key", "recipient_key"):
            rows += [dict(row) for row in await view.rows(Statement(f"SELECT * FROM {table} ORDER BY 1"))]
    return rows


async def test_keys_that_were_made_open_with_the_master_key_that_made_them(vault: Vault) -> None:
    """Each process that starts has the same service keys."""
    again = await open_keys(vault.db, vault.provider, vault.clock)
    ours, theirs = vault.keys.service, again.service
    assert ours.receipts.jwk == theirs.receipts.jwk
    assert vault.keys.checkpoints.known.publics == again.checkpoints.known.publics
    assert ours.lookup.mac(b"m") == theirs.lookup.mac(b"m")
    assert ours.rows.mac(b"m") == theirs.rows.mac(b"m")
    assert theirs.log.open(ours.log.seal(b"m", b""), b"") == b"m"
    assert theirs.waiting.open(ours.waiting.seal(b"m", b""), b"") == b"m"


async def test_a_wrong_master_key_is_refused_before_anything_else(vault: Vault) -> None:
    """Nothing was written, and the message tells nothing of either key."""
    before = await everything(vault.db)
    with pytest.raises(WrongMasterKey) as raised:
        await open_keys(vault.db, LocalKeyring({1: new_key()}), vault.clock)
    assert await everything(vault.db) == before
    assert raised.value.__suppress_context__


async def test_a_database_without_keys_opens_with_no_master_key(db: Database) -> None:
    """Keys are made for an empty database on purpose, never as a side effect of starting."""
    async with db.snapshot() as view:
        assert not await has_keys(view)
    with pytest.raises(WrongMasterKey):
        await open_keys(db, LocalKeyring({1: new_key()}), SettableClock(NOON))
    assert await everything(db) == []


@ON_SQLITE
@pytest.mark.parametrize(
    "changes",
    [
        ["DELETE FROM service_key WHERE use = 'check'"],
        ["DELETE FROM service_key"],
        ["DELETE FROM service_key WHERE use = 'lookup'", "UPDATE service_key SET use = 'lookup' WHERE use = 'rows'"],
        ["UPDATE service_key SET wrapped = (SELECT wrapped FROM service_key WHERE use = 'rows') WHERE use = 'lookup'"],
        ["UPDATE service_key SET wrapped = (SELECT wrapped FROM service_key WHERE use = 'rows') WHERE use = 'check'"],
    ],
)
async def test_service_keys_that_were_changed_do_not_open(vault: Vault, changes: list[str]) -> None:
    """The check value taken away, one key put in another's place: the service does not start with them."""
    async with vault.db.transaction() as tx:
        for change in changes:
            await tx.run(Statement(change))
    with pytest.raises(WrongMasterKey):
        await open_keys(vault.db, vault.provider, vault.clock)


@ON_SQLITE
async def test_an_older_database_gets_the_keys_that_came_later_and_no_other(vault: Vault) -> None:
    """They are made once, and what was there stays; a key that was always there is lost when it is missing."""
    before = [row for row in await everything(vault.db) if row.get("use") != "sessions"]
    async with vault.db.transaction() as tx:
        await tx.run(Statement("DELETE FROM service_key WHERE use = 'sessions'"))
    with pytest.raises(ServiceKeysMissing, match="sessions") as raised:
        await open_keys(vault.db, vault.provider, vault.clock)
    assert not raised.value.lost
    assert [await add_later_keys(vault.db, vault.provider) for _ in range(2)] == [True, False]
    assert [row for row in await everything(vault.db) if row.get("use") != "sessions"] == before
    await open_keys(vault.db, vault.provider, vault.clock)
    async with vault.db.transaction() as tx:
        await tx.run(Statement("DELETE FROM service_key WHERE use = 'rows'"))
    for attempt in (add_later_keys(vault.db, vault.provider), open_keys(vault.db, vault.provider, vault.clock)):
        with pytest.raises(ServiceKeysMissing, match="rows") as raised:
            await attempt
        assert raised.value.lost == {"rows"}


async def test_making_keys_twice_keeps_the_first(vault: Vault) -> None:
    """A second start never writes over what everything was sealed with."""
    before = await everything(vault.db)
    await create_service_keys(vault.db, vault.provider)
    assert await everything(vault.db) == before


async def test_two_processes_that_make_keys_at_once_end_with_one_set(db: Database, migrated_url: str) -> None:
    """Whoever was first, both open the same."""
    other = await open_database(migrated_url)
    provider, clock = LocalKeyring({1: new_key()}), SettableClock(NOON)
    await asyncio.gather(*(create_service_keys(process, provider) for process in (db, other) for _ in range(2)))
    ours, theirs = [await open_keys(process, provider, clock) for process in (db, other)]
    assert ours.service.receipts.kid == theirs.service.receipts.kid
    assert ours.checkpoints.known.publics == theirs.checkpoints.known.publics
    await other.close()


async def test_a_recipients_key_is_made_once(vault: Vault, neighbour: Vault) -> None:
    """At first need, whichever process needs it first, and however many at once."""
    keys = (vault.keys, neighbour.keys)
    found = await asyncio.gather(*(process.recipient("nav") for process in keys for _ in range(3)))
    assert len({key.secret for key in found}) == 1
    assert (await vault.keys.recipient("mailbox")).secret != found[0].secret


async def test_a_candidate_without_a_key_is_not_available(vault: Vault) -> None:
    """Never made, or erased: keys of candidates are made with the candidate and never at need."""
    with pytest.raises(NotAvailable):
        await vault.keys.candidate(KARI)
    assert [row for row in await everything(vault.db) if "candidate_id" in row] == []


async def test_a_wrapped_key_serves_its_owner_alone(vault: Vault) -> None:
    """One candidate's key in another's row opens for nobody."""
    await add(vault.db, vault.keys, KARI, OLA)
    async with vault.db.transaction() as tx:
        await tx.run(
            Statement(
                "UPDATE candidate_key SET wrapped = (SELECT wrapped FROM candidate_key WHERE candidate_id = :of)"
                " WHERE candidate_id = :id"
            ),
            of=KARI,
            id=OLA,
        )
    with pytest.raises(Tampered):
        await vault.keys.candidate(OLA)
    assert (await vault.keys.candidate(KARI)).candidate_id == KARI


@ON_SQLITE
@pytest.mark.parametrize("value", ["text", 7, b""])
async def test_a_wrapped_key_that_is_none_opens_for_nobody(vault: Vault, value: object) -> None:
    """SQLite takes a value of any type: whatever was put there is no key, and is told as a changed one."""
    await add(vault.db, vault.keys, KARI)
    async with vault.db.transaction() as tx:
        await tx.run(Statement("UPDATE candidate_key SET wrapped = :value"), value=value)
    with pytest.raises(Tampered):
        await vault.keys.candidate(KARI)


@ON_SQLITE
async def test_a_key_is_unwrapped_once_and_forgotten_after_a_while(db: Database) -> None:
    """A few minutes are enough for a visit; then the provider is asked again, and while it is down nobody is served."""
    provider, clock, keys = await begun(db)
    await add(db, keys, KARI)
    before = provider.unwrapped
    first = await keys.candidate(KARI)
    assert await keys.candidate(KARI) == first
    assert provider.unwrapped == before + 1
    provider.down = True
    clock.advance(seconds=4 * MINUTE / SECOND)
    assert await keys.candidate(KARI) == first
    clock.advance(seconds=2 * MINUTE / SECOND)
    with pytest.raises(KeyProviderDown):
        await keys.candidate(KARI)
    provider.down = False
    assert await keys.candidate(KARI) == first
    assert provider.unwrapped == before + 2


@ON_SQLITE
async def test_a_key_that_nobody_asks_for_again_leaves_the_memory(db: Database) -> None:
    """Whoever comes next drops what is over, whosever it is; neither use nor a clock set back lengthens anything."""
    _, clock, keys = await begun(db)
    await add(db, keys, KARI, OLA)
    await keys.candidate(KARI)
    clock.advance(seconds=4 * MINUTE / SECOND)
    await keys.candidate(KARI)
    await keys.candidate(OLA)
    clock.advance(seconds=-60 * MINUTE / SECOND)
    clock.advance(seconds=MINUTE / SECOND)
    await keys.candidate(OLA)
    assert in_memory(keys) == {OLA}
    clock.advance(seconds=4 * MINUTE / SECOND)
    keys.drop_expired()
    assert in_memory(keys) == set()


@ON_SQLITE
async def test_a_candidates_key_is_forgotten_when_told(db: Database) -> None:
    """Erasure asks for it: the next reader finds no row, whatever was in memory."""
    provider, _, keys = await begun(db)
    await add(db, keys, KARI, OLA)
    await keys.candidate(KARI)
    await keys.candidate(OLA)
    async with db.transaction() as tx:
        await tx.run(Statement("DELETE FROM candidate_key"))
    keys.forget(KARI)
    with pytest.raises(NotAvailable):
        await keys.candidate(KARI)
    before = provider.unwrapped
    assert (await keys.candidate(OLA)).candidate_id == OLA
    assert provider.unwrapped == before


@ON_SQLITE
async def test_the_cache_is_bounded_and_forgets_who_came_first(db: Database) -> None:
    """However many candidates come by, a bounded number of keys is in memory, and none for longer by being used."""
    provider, _, keys = await begun(db)
    names = [f"candidate-{number}" for number in range(CACHED + 1)]
    await add(db, keys, *names)
    for name in names[:-1]:
        await keys.candidate(name)
    await keys.candidate(names[0])
    await keys.candidate(names[-1])
    assert in_memory(keys) == set(names[1:])
    before = provider.unwrapped
    await keys.candidate(names[1])
    await keys.candidate(names[-1])
    assert provider.unwrapped == before
    await keys.candidate(names[0])
    assert provider.unwrapped == before + 1


@ON_SQLITE
async def test_nothing_is_made_while_the_key_provider_is_down(db: Database) -> None:
    """Neither a candidate's key nor a recipient's, nor a row of one."""
    provider, _, keys = await begun(db)
    before = await everything(db)
    provider.down = True
    for attempt in (keys.new_candidate(KARI), keys.recipient("nav")):
        with pytest.raises(KeyProviderDown):
            await attempt
    assert await everything(db) == before


@ON_SQLITE
async def test_no_key_is_shown(db: Database) -> None:
    """Whatever is logged or raised with a key in it names its owner alone."""
    _, _, keys = await begun(db)
    new = await keys.new_candidate(KARI)
    shown = f"{new!r} {new.key!r} {await keys.recipient('nav')!r}"
    assert shown == (
        "NewCandidateKey(key=CandidateKey(candidate_id='kari')) CandidateKey(candidate_id='kari')"
        " RecipientKey(recipient_id='nav')"
    )
    assert new.key.secret.hex() not in repr(keys) + repr(vars(keys)["service"])
