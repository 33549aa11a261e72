"""A process that is stopped (SIGSTOP) in the middle of a transaction, with a candidate's chain in its hands.

On PostgreSQL the server takes its transaction away before anybody else's patience ends: it holds up no revoke. On
SQLite nobody can: a stopped writer holds up all writers, who say so within their patience, until it goes on or is
killed.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from consent_service.crypto.envelope import new_key
from consent_service.errors import StorageUnavailable
from consent_service.storage.engine import Database, Statement
from consent_service.storage.sqlite import SQLite
from tests.consents.holder import stopped
from tests.consents.lifecycle_world import World
from tests.consents.settled import settle

HELD_UP_AT_MOST = 3.0  # seconds: half of them the server gives a paused transaction, the rest is for a busy machine
IMPATIENT = 0.4


async def events(world: World, order: dict[str, Any]) -> list[str]:
    """What her chain says, in order."""
    return [entry["event"] for entry in await world.log(order["owner"])]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("verb", ["release", "grant", "erase"])
async def test_a_stopped_process_holds_up_no_revoke(migrated_url: str, verb: str) -> None:
    """The revoke is through within three seconds; what the stopped process was doing is undone, and it hears so."""
    key = new_key()
    order = {**await settle(migrated_url, key), "url": migrated_url, "verb": verb}
    world = World(migrated_url, master_key=key)
    await world.open()
    before = await events(world, order)
    async with stopped(order) as holder:
        began = time.monotonic()
        assert await world.end("revoke", order["owner"], order["consent"])
        assert time.monotonic() - began < HELD_UP_AT_MOST
        assert await world.release(order["consent"], order["unit"], "later") is None
        assert await holder.goes_on() == "OutcomeUnknown"
    assert await events(world, order) == [*before, "consent.revoked", "release.refused"]
    assert await world.owners() == {order["owner"]}
    await world.db.close()


async def held_up(world: World, order: dict[str, Any]) -> None:
    """Nobody writes and everybody hears so in time, and meanwhile all can read."""
    began, before = time.monotonic(), await events(world, order)
    for verb in (
        world.end("revoke", order["owner"], order["consent"]),
        world.release(order["consent"], order["unit"], "another"),
    ):
        with pytest.raises(StorageUnavailable):
            await asyncio.wait_for(verb, HELD_UP_AT_MOST)
    assert time.monotonic() - began < 2 * IMPATIENT + 1
    assert await events(world, order) == before
    async with world.db.snapshot() as view:
        assert await view.value(Statement("SELECT state FROM consent WHERE id = :id"), id=order["consent"]) == "granted"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("killed", [True, False])
async def test_a_stopped_writer_holds_up_all_writers_of_sqlite_until_it_goes_on(
    migrated_url: str, *, killed: bool
) -> None:
    """Who wants to write hears in time that it can't be done, and nothing is half written. Then all goes on.

    Let go on, the writer commits what it held, and the revoke comes after it. Killed, it has done nothing.
    """
    key, replaced = new_key(), list[Database]()

    def impatient(db: Database) -> Database:
        replaced.append(db)
        return SQLite(migrated_url.removeprefix("sqlite:///"), patience=IMPATIENT)

    order = {**await settle(migrated_url, key), "url": migrated_url, "verb": "release"}
    world = World(migrated_url, master_key=key, through=impatient)
    await world.open()
    before = await events(world, order)
    async with stopped(order) as holder:
        await held_up(world, order)
        if killed:
            await holder.dies()
        else:
            assert await holder.goes_on() == "committed"
        released = [] if killed else ["release.released"]
        assert await events(world, order) == [*before, *released]
        assert await world.end("revoke", order["owner"], order["consent"])
        assert await world.release(order["consent"], order["unit"], "later") is None
    assert await events(world, order) == [*before, *released, "consent.revoked", "release.refused"]
    await asyncio.gather(world.db.close(), *(db.close() for db in replaced))
