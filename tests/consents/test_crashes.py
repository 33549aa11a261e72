"""A process killed between any two steps of grant, release, revoke, pause or erase leaves all of it, or nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from consent_service.audit.log import FIRST, leaf_hash
from consent_service.clock import DAY
from consent_service.consents import _store
from consent_service.consents.standing import terms_of, verify
from consent_service.crypto.envelope import new_key
from consent_service.errors import NotAvailable
from consent_service.rights.journal import JournalFile, Line
from consent_service.rights.replay import Replayed, replay
from consent_service.storage.opening import open_database
from tests.consents.crash_victim import UNTIL_DAYS
from tests.consents.lifecycle_world import World, refs_of
from tests.consents.settled import settle
from tests.rights.conftest import stored

VERBS = ("grant", "release", "revoke", "pause", "erase")

Order = dict[str, Any]


@pytest.fixture(scope="module")
def obey() -> Iterator[Callable[[Order], str]]:
    """What carries orders out and dies of them, as often as it is told to: each in a process of its own."""
    command = [sys.executable, "-m", "tests.consents.crash_victim"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout
        assert stdout.readline() == "ready\n"

        def order(given: Order) -> str:
            stdin.write(json.dumps(given) + "\n")
            return stdout.readline().strip()

        yield order


@pytest.fixture
def copies(database_kind: str, migrated_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Makes a copy of the database, and drops the one before."""
    made: list[str] = []

    def copy() -> str:
        if database_kind == "sqlite":
            path = migrated_url.removeprefix("sqlite:///")
            return f"sqlite:///{shutil.copy(path, tmp_path / f'copy-{len(list(tmp_path.iterdir()))}.sqlite')}"
        server = request.getfixturevalue("postgresql_server")
        while made:
            server.drop(made.pop())
        made.append(server.create(like=migrated_url))
        return made[0]

    yield copy
    for url in made:
        request.getfixturevalue("postgresql_server").drop(url)


@pytest.mark.parametrize("verb", VERBS)
async def test_all_of_it_or_nothing(
    verb: str, migrated_url: str, copies: Callable[[], str], obey: Callable[[Order], str], tmp_path: Path
) -> None:
    """Before the commit not a row has changed, and the verb can be done again; after it everything holds together.

    No erasure commits that is not in the journal. One that stands there alone is done by a replay, or she has gone on.
    """
    given = await settle(migrated_url, new_key())
    steps, committed, written, url = 0, 0, 0, ""
    before: dict[str, list[dict[str, object]]] = {}
    while True:
        steps += 1
        erasures = tmp_path / f"erasures-{steps}"
        if not url:
            url = copies()
            before = await _rows(url)
        order = {**given, "verb": verb, "step": steps, "url": url, "erasures": str(erasures)}
        became = await asyncio.to_thread(obey, order)
        assert became in {"killed", "done"}
        world = World(url, master_key=bytes.fromhex(given["master_key"]), erasures=erasures)
        await world.open()
        after = await stored(world.db)
        await holds_together(world, after)
        happened, lines = _has_happened(verb, given, after), _lines(erasures, world)
        assert happened or after == before
        assert lines or not happened or verb != "erase"
        if happened:  # else the next round does it again, and dies a step later
            committed, url = committed + 1, ""
            await _again(world, verb, given)
        if lines and not happened:
            written, url = written + 1, ""
            await (_goes_on if written == 1 else _is_erased_by_a_replay)(world, given, lines)
        await world.db.close()
        if became == "done":
            break
    assert steps > 6
    assert committed == 2  # killed just after the commit, and not at all
    assert written == (2 if verb == "erase" else 0)  # killed just after the line, and before the commit


async def _rows(url: str) -> dict[str, list[dict[str, object]]]:
    """Every row, before anybody has opened the database."""
    db = await open_database(url)
    try:
        return await stored(db)
    finally:
        await db.close()


def _has_happened(verb: str, given: Order, rows: dict[str, list[dict[str, object]]]) -> bool:
    states = {row["id"]: row["state"] for row in rows["consent"]}
    return {
        "grant": len(states) == 2,
        "release": bool(rows["release"]),
        "revoke": states[given["consent"]] == "revoked",
        "pause": states[given["consent"]] == "paused",
        "erase": not rows["candidate"],
    }[verb]


async def _again(world: World, verb: str, given: Order) -> None:
    """Whoever got no answer asks again."""
    owner, unit, consent = given["owner"], given["unit"], given["consent"]
    if verb == "grant":
        refs = refs_of(owner, given["note"], 1, {"strengths"})
        assert await world.grant(owner, unit, refs, world.until(UNTIL_DAYS), None, None) is not None
    elif verb == "release":
        # The same key is the same release: of two uses one is left for another.
        assert await world.release(consent, unit, "once") is not None
        assert await world.release(consent, unit, "twice") is not None
        assert await world.release(consent, unit, "thrice") is None
    elif verb == "erase":
        with pytest.raises(NotAvailable):
            await world.erase(owner)
        assert await world.release(consent, unit, "once") is None
    else:
        assert not await world.end(verb, owner, consent)
        assert await world.release(consent, unit, "once") is None
    await holds_together(world, await stored(world.db))


def _lines(erasures: Path, world: World) -> tuple[Line, ...]:
    """What the journal holds, each line whole and ours."""
    if not erasures.exists():
        return ()
    read = JournalFile(erasures, world.keys.service.rows).read()
    assert (read.unreadable, read.cut) == (0, 0)
    return read.lines


async def _goes_on(world: World, given: Order, lines: tuple[Line, ...]) -> None:
    """She is here, whole, and does something herself: a replay has nothing to do."""
    world.clock.advance(seconds=1)
    await world.write(given["owner"], given["note"], 1, {"interests": "Sjø"})
    assert (await _replayed(world, lines)).never_erased == 1
    assert await world.owners() == {given["owner"]}


async def _is_erased_by_a_replay(world: World, given: Order, lines: tuple[Line, ...]) -> None:
    """She does nothing more: a replay erases her, as she asked."""
    assert (await _replayed(world, lines)).erased == 1
    assert _has_happened("erase", given, await stored(world.db))
    await _again(world, "erase", given)
    assert (await _replayed(world, lines)).erased_already == 1


async def _replayed(world: World, lines: tuple[Line, ...]) -> Replayed:
    """What an operator does after a restore a second from now."""
    world.clock.advance(seconds=1)
    return await replay(
        world.db, world.desk, world.clock, lines, restored_at=world.clock.now(), answer_within=UNTIL_DAYS * DAY
    )


async def holds_together(world: World, rows: dict[str, list[dict[str, object]]]) -> None:
    """A consent is granted if and only if it has its receipt, its shares and its entry; chains are whole."""
    here = {row["id"] for row in rows["candidate"]}
    for table in ("candidate_key", "person_number", "note", "part", "share"):
        assert {row["candidate_id"] for row in rows[table]} <= here
    assert {row["candidate_id"] for row in rows["candidate_key"]} == here
    chains = here | {"service"} | {f"registry-{row['id']}" for row in rows["unit"]}
    assert chains == {row["chain_id"] for row in rows["chain"] if not row["closed"]}
    _chains_are_whole(rows)
    async with world.db.snapshot() as view:
        for row in rows["consent"]:
            consent = await _store.find(view, str(row["id"]))
            assert consent is not None
            await verify(view, world.desk.keys, consent)
            entries = [str(entry["event"]) for entry in rows["entry"] if entry["consent_id"] == consent.id]
            receipts = {one["type"] for one in rows["receipt"] if one["consent_id"] == consent.id}
            held = {(s["resource_id"], s["part"]) for s in rows["share"] if s["consent_id"] == consent.id}
            parts = {(ref.resource_id, ref.part) for ref in (*terms_of(consent).parts, terms_of(consent).salt_ref)}
            granted, told = consent.state == "granted", {"given"} | ({"termination"} if consent.ended_at else set())
            assert held == (parts if granted else set())
            assert receipts == told
            assert entries.count("consent.granted") == 1
            assert (f"consent.{consent.state}" in entries) == (consent.state in {"granted", "paused", "revoked"})
            assert entries.count("release.released") == consent.uses
            states = [str(event["state"]) for event in rows["event"] if event["consent_id"] == consent.id]
            assert sorted(states) == sorted(e.partition(".")[2] for e in entries if e.startswith("consent."))
    assert len(rows["release"]) == sum(e["event"] == "release.released" for e in rows["entry"])


def _chains_are_whole(rows: dict[str, list[dict[str, object]]]) -> None:
    for chain in rows["chain"]:
        entries = sorted(
            (entry for entry in rows["entry"] if entry["chain_id"] == chain["chain_id"]),
            key=lambda entry: int(str(entry["position"])),
        )
        assert [entry["position"] for entry in entries] == list(range(int(str(chain["length"]))))
        previous = FIRST
        for entry in entries:
            body = entry["body"]
            assert isinstance(body, bytes)
            assert json.loads(body)["previous"] == previous.hex()
            previous = leaf_hash(body)
            assert entry["digest"] == previous
        assert chain["digest"] == previous
        waiting = [row for row in rows["pending_leaf"] if row["chain_id"] == chain["chain_id"]]
        details = [row for row in rows["entry_detail"] if row["chain_id"] == chain["chain_id"]]
        assert len(waiting) == len(entries)
        assert len(details) == (0 if chain["closed"] else len(entries))
