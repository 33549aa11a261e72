"""Rotation, retirement and relookup killed between every two of their steps: nothing is lost, and each can be finished.

A process may also meet what the dead one left, before anybody finishes it: a service that starts then opens everything.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from consent_service.audit.log import SERVICE_CHAIN, open_chain
from consent_service.crypto.keyring import create_keyring, read_keyring
from consent_service.persons.arrival import arrive, find
from consent_service.persons.lookup import lookup_of
from consent_service.persons.waiting import leave, lying, opened
from consent_service.storage.opening import open_database
from consent_service.vault import rotation
from consent_service.vault.keys import Keys, RelookupUnfinished, create_service_keys, open_keys
from tests.persons.conftest import KARI, OLA, person
from tests.provision.postgresql import Server
from tests.vault.conftest import MADE
from tests.vault.dying import CLOCK, Work, change_lookup, die_before, places, rotate

STRANGER = person("25922947409")
PLACES = {"sqlite": 25, "postgresql": 8}
"""Before how many lines, spread over all, a command is killed on each database; all of them would take minutes."""

Secrets = dict[str, bytes]


class Ground:
    """A database and keyring with people in them, and fresh copies to die on."""

    def __init__(self, url: str, folder: Path, server: Server | None) -> None:
        """Take an empty, migrated database."""
        self.url, self.folder, self.server = url, folder, server
        self.keyring = folder / "keyring.json"
        self.secrets = asyncio.run(self._fill())

    async def _fill(self) -> Secrets:
        db, provider = await open_database(self.url), create_keyring(self.keyring, MADE)
        await create_service_keys(db, provider)
        async with db.transaction() as tx:
            await open_chain(tx, SERVICE_CHAIN, at=CLOCK.now())
        keys = await open_keys(db, provider, CLOCK)
        people = [await arrive(db, keys, CLOCK, who, held_for="county", receivers={}) for who in (KARI, OLA)]
        async with db.transaction() as tx:
            await leave(
                tx,
                keys.service.waiting,
                keys.service.lookup,
                STRANGER,
                kind="consent_request",
                item_id="item",
                payload=b"{}",
                from_unit="nav",
                at=CLOCK.now(),
                lapses_at=CLOCK.now() + 10**12,
            )
        secrets = await _secrets(keys, people)
        await db.close()
        return secrets

    def copy(self) -> tuple[str, Path]:
        """A fresh database and keyring like these."""
        folder = self.folder / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        keyring = Path(shutil.copy(self.keyring, folder / "keyring.json"))
        if self.server is not None:
            return self.server.create(like=self.url), keyring
        return f"sqlite:///{shutil.copy(self.url.removeprefix('sqlite:///'), folder / 'consent.sqlite')}", keyring

    def drop(self, url: str) -> None:
        """Give a copy up."""
        if self.server is not None:
            self.server.drop(url)

    def places(self, work: Work) -> list[int]:
        """Lines to die before: on SQLite all that write the keyring's file, and on both some, spread over the rest."""
        url, keyring = self.copy()
        writing, rest = places(work, url, keyring)
        self.drop(url)
        wanted = PLACES["sqlite" if self.server is None else "postgresql"]
        spread = {rest[place * (len(rest) - 1) // (wanted - 1)] for place in range(wanted)}
        return sorted({*(writing if self.server is None else ()), *spread})


@pytest.fixture
def ground(migrated_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Ground:
    """People to lose."""
    server = None if migrated_url.startswith("sqlite") else request.getfixturevalue("postgresql_server")
    return Ground(migrated_url, tmp_path, server)


async def _secrets(keys: Keys, people: list[str]) -> Secrets:
    found = {candidate: (await keys.candidate(candidate)).secret for candidate in people}
    return {**found, "nav": (await keys.recipient("nav")).secret, "receipts": keys.service.receipts.kid.encode()}


async def _all_there(url: str, keyring: Path, before: Secrets) -> tuple[list[int], set[int]]:
    """Fails unless a service that starts now opens and finds everything; the versions there are, and those needed."""
    db, provider = await open_database(url), read_keyring(keyring)
    try:
        keys = await open_keys(db, provider, CLOCK)
        people = [owner for owner in before if owner not in {"nav", "receipts"}]
        assert await _secrets(keys, people) == before
        lookup = keys.service.lookup
        async with db.snapshot() as view:
            assert [await find(view, lookup, who) for who in (KARI, OLA)] == people
        async with db.transaction() as tx:
            (row,) = await lying(tx, [lookup_of(lookup, STRANGER)], now=CLOCK.now())
        assert opened(keys.service.waiting, row).payload == b"{}"
        versions = [one.version for one in await provider.versions()]
        return versions, set((await rotation.needs(db, provider)).by_version)
    finally:
        await db.close()


def test_a_rotation_may_die_anywhere(ground: Ground) -> None:
    """At each place a service that starts opens everything; the next run finishes what the dead one began."""
    for place in ground.places(rotate):
        url, keyring = ground.copy()
        assert die_before(place, rotate, url, keyring), place
        asyncio.run(_all_there(url, keyring, ground.secrets))
        asyncio.run(rotate(url, keyring))
        versions, needed = asyncio.run(_all_there(url, keyring, ground.secrets))
        assert set(versions) == needed, place
        assert versions in ([2], [3]), place  # 3 where the dead one was done but for its last words
        assert sorted(entry.name for entry in keyring.parent.iterdir() if "keyring" in entry.name) == ["keyring.json"]
        ground.drop(url)


def test_a_relookup_may_die_anywhere(ground: Ground) -> None:
    """At each place it is not begun, unfinished (and nothing starts), or done; the next run finishes it."""
    seen = set()
    for place in ground.places(change_lookup):
        url, keyring = ground.copy()
        assert die_before(place, change_lookup, url, keyring), place
        try:
            asyncio.run(_all_there(url, keyring, ground.secrets))
            seen.add("whole")
        except RelookupUnfinished:
            seen.add("unfinished")
        asyncio.run(change_lookup(url, keyring))
        asyncio.run(_all_there(url, keyring, ground.secrets))
        ground.drop(url)
    assert seen == {"whole", "unfinished"}
