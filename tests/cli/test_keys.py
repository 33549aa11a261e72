"""What an operator types about keys, envelopes and erasures: what it does, says, and refuses."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from consent_service.clock import MINUTE, SystemClock
from consent_service.crypto.service_keys import MacKey
from consent_service.rights.journal import JournalFile
from consent_service.storage.lease import hold
from consent_service.storage.opening import open_database
from tests.cli.conftest import Environment
from tests.cli.test_commands import run
from tests.provision.openbao import MOUNT, OpenBao


def _keyring(environment: Environment) -> Path:
    return Path(str(environment["CONSENT_KEYRING"]))


def _database(environment: Environment) -> str:
    return str(environment["CONSENT_DATABASE_URL"]).removeprefix("sqlite:///")


def _made(environment: Environment, days_ago: int) -> None:
    """Let every version in the keyring have been made so long ago."""
    content = json.loads(_keyring(environment).read_text())
    for item in content["keys"]:
        item["created"] = (date.today() - timedelta(days=days_ago)).isoformat()  # noqa: DTZ011 - a day, not a time
    _keyring(environment).write_text(json.dumps(content))


def test_a_master_key_is_rotated_and_retired(environment: Environment) -> None:
    """One version after the other: made, wrapped under, needed by nothing, destroyed."""
    run(environment, "keys", "init")
    assert "needed by 8 keys" in run(environment, "keys", "status").output
    rotated = run(environment, "keys", "rotate")
    assert "Version 2 of the master key was made. Wrapped under it now: 8 keys." in rotated.output, rotated.output
    assert "version 1 " in run(environment, "keys", "status").output
    assert "Retired: 1." in run(environment, "keys", "retire").output
    status = run(environment, "keys", "status")
    assert "version 1 " not in status.output
    assert status.exit_code == 0
    assert "There is nothing to retire." in run(environment, "keys", "retire").output
    assert run(environment, "keys", "retire", "2").exit_code == 1


def test_an_interrupted_rotation_is_gone_on_with(environment: Environment) -> None:
    """A version that was made and not yet wrapped under is used, no third one is made, nothing is retired."""
    run(environment, "keys", "init")
    content = json.loads(_keyring(environment).read_text())
    content["keys"].append({**content["keys"][0], "version": 2, "key": "A" * 43 + "="})
    _keyring(environment).write_text(json.dumps(content))
    refused = run(environment, "keys", "retire")
    assert (refused.exit_code, "8 keys still need it" in refused.output) == (1, True)
    late = run(environment, "keys", "status")
    assert (late.exit_code, "8 keys are not under the newest version yet" in late.output) == (1, True)
    again = run(environment, "keys", "rotate")
    assert "Version 2 of the master key was there already" in again.output
    assert run(environment, "keys", "status").exit_code == 0


@pytest.mark.parametrize("garbage", [b"\0\0\0\1CS\1\0", "text"])
def test_a_damaged_key_is_named_and_can_be_given_up(environment: Environment, garbage: object) -> None:
    """It holds up no rotation; its version goes when an operator, who is told what that means, gives it up."""
    run(environment, "keys", "init")
    with sqlite3.connect(_database(environment)) as connection:
        connection.execute("INSERT INTO candidate_key (candidate_id, wrapped) VALUES ('somebody', ?)", (garbage,))
    connection.close()
    for version in (2, 3):
        rotated = run(environment, "keys", "rotate")
        assert f"Version {version} of the master key was made. Wrapped under it now: 8 keys." in rotated.output
        assert (rotated.exit_code, "1 keys do not open" in rotated.output) == (1, True)
        assert '"item":"somebody"' in rotated.output
    refused = run(environment, "keys", "retire")
    assert (refused.exit_code, "Nothing was retired: 1 keys do not open" in refused.output) == (1, True)
    assert '"item":"somebody"' in refused.output
    assert "Retired: 1, 2." in run(environment, "keys", "retire", "--but-broken").output
    assert run(environment, "keys", "status").exit_code == 1
    assert run(environment, "vault", "reseal").exit_code == (1 if garbage == "text" else 0)  # the other begins as one


def test_a_keyring_that_lags_makes_no_version(environment: Environment) -> None:
    """A key that needs a later version than there is: a newer copy of the keyring is wanted, or the operator's word."""
    run(environment, "keys", "init")
    ahead = b"\0\0\0\2CS\1" + bytes(90)
    with sqlite3.connect(_database(environment)) as connection:
        connection.execute("INSERT INTO candidate_key (candidate_id, wrapped) VALUES ('somebody', ?)", (ahead,))
    connection.close()
    refused = run(environment, "keys", "rotate")
    assert (refused.exit_code, "No version was made: 1 keys" in refused.output) == (1, True)
    assert '"item":"somebody"' in refused.output
    assert "Version 2 of the master key was made" in run(environment, "keys", "rotate", "--but-broken").output


@pytest.mark.parametrize(("days_ago", "code"), [(89, 0), (91, 1)])
def test_status_warns_when_a_rotation_is_due(environment: Environment, days_ago: int, code: int) -> None:
    """A master key that is older than backups are kept lets an erasure be undone from one: that ends with 1."""
    run(environment, "keys", "init")
    _made(environment, days_ago)
    status = run(environment, "keys", "status")
    assert (status.exit_code, "older than the 90 days" in status.output) == (code, bool(code))
    assert run({**environment, "CONSENT_BACKUP_DAYS": "30"}, "keys", "status").exit_code == 1


def test_the_lookup_key_is_replaced_while_nobody_works(environment: Environment) -> None:
    """While a process holds a lease it is refused; when all are stopped it is done."""
    run(environment, "keys", "init")
    url = str(environment["CONSENT_DATABASE_URL"])

    async def work() -> None:
        db, now = await open_database(url), SystemClock().now()
        async with db.transaction() as tx:
            await hold(tx, "log-sequencer", "somebody", now=now, duration=MINUTE)
        await db.close()

    async def stop() -> None:
        db = await open_database(url)
        async with db.transaction() as tx:
            await hold(tx, "log-sequencer", "somebody", now=0, duration=0)
        await db.close()

    asyncio.run(work())
    refused = run(environment, "keys", "relookup")
    assert (refused.exit_code, "stop all" in refused.output) == (3, True)
    asyncio.run(stop())
    assert "Found under a new lookup key now: 0 numbers" in run(environment, "keys", "relookup").output
    assert run(environment, "keys", "status").exit_code == 0


def test_a_lookup_key_stays_while_somebody_needs_it(environment: Environment) -> None:
    """Somebody who can't be moved would be cut off: it ends with 1 and says what to do, and all is as before."""
    run(environment, "keys", "init")
    with sqlite3.connect(_database(environment)) as connection:
        connection.execute("INSERT INTO candidate (id, created_at, named) VALUES ('somebody', 0, 0)")
    connection.close()
    for _ in range(2):
        refused = run(environment, "keys", "relookup")
        assert (refused.exit_code, "1 people or items can't be moved" in refused.output) == (1, True), refused.output
        assert "Nothing was changed" in refused.output
        assert '"item":"somebody"' in refused.output
        assert run(environment, "keys", "status").exit_code == 0
    with sqlite3.connect(_database(environment)) as connection:
        connection.execute("DELETE FROM candidate")
    connection.close()
    assert run(environment, "keys", "relookup").exit_code == 0


def test_envelopes_are_counted(environment: Environment) -> None:
    """There is one format, so none is left in an old one."""
    run(environment, "keys", "init")
    told = run(environment, "vault", "reseal")
    assert told.exit_code == 0
    assert "part.sealed: none" in told.output
    assert "Left in old formats: 0." in told.output


def test_a_replay_needs_its_journal(environment: Environment, tmp_path: Path) -> None:
    """Without a journal, or with one that is not there or not ours, an operator is told; it is never passed over."""
    run(environment, "keys", "init")
    assert run(environment, "erasures", "replay").exit_code == 3
    journal = {**environment, "CONSENT_ERASURE_JOURNAL": str(tmp_path / "erasures.jsonl")}
    assert run(journal, "erasures", "replay").exit_code == 1
    assert not (tmp_path / "erasures.jsonl").exists()
    (tmp_path / "erasures.jsonl").touch()
    done = run(journal, "erasures", "replay")
    assert (done.exit_code, "Erased again: 0." in done.output) == (0, True)
    asyncio.run(JournalFile(tmp_path / "erasures.jsonl", MacKey(bytes(32))).record("somebody", 1))
    foreign = run(journal, "erasures", "replay", "--restored-at", "2026-11-21T20:55:31Z")
    assert (foreign.exit_code, "1 lines of the journal are not the service's" in foreign.output) == (1, True)
    assert run(journal, "erasures", "replay", "--restored-at", "yesterday").exit_code == 2


def test_keys_move_to_a_key_service(environment: Environment, openbao_server: OpenBao, tmp_path: Path) -> None:
    """As ``keys move --help`` says it: half-way everything works, and afterwards the keyring is needless."""
    run(environment, "keys", "init")
    assert "CONSENT_OTHER_KEY_PROVIDER" in run(environment, "keys", "move").output
    (tmp_path / "token").write_text(openbao_server.root)
    there = {
        **environment,
        "CONSENT_KEY_PROVIDER": "transit",
        "CONSENT_TRANSIT_URL": openbao_server.url,
        "CONSENT_TRANSIT_MOUNT": MOUNT,
        "CONSENT_TRANSIT_KEY": f"key-{uuid4()}",
        "CONSENT_TRANSIT_TOKEN_FILE": str(tmp_path / "token"),
    }
    moving = {**there, "CONSENT_OTHER_KEY_PROVIDER": "keyring"}
    assert run(there, "keys", "status").exit_code == 3
    assert run(moving, "keys", "status").exit_code == 3
    assert run(moving, "keys", "init").exit_code == 0
    status = run(moving, "keys", "status")
    assert (status.exit_code, "8 keys are held by another provider" in status.output) == (1, True), status.output
    assert "Nothing was retired: 8 keys" in run(moving, "keys", "retire").output
    moved = run(moving, "keys", "move")
    assert (moved.exit_code, "Moved: 8 keys." in moved.output) == (0, True), moved.output
    assert "Moved: 0 keys." in run(moving, "keys", "move").output
    _keyring(environment).unlink()
    assert run(there, "keys", "status").exit_code == 0
    assert run(environment, "keys", "status").exit_code == 3
    same = {**there, "CONSENT_OTHER_KEY_PROVIDER": "transit"}
    assert "is another than CONSENT_KEY_PROVIDER" in run(same, "keys", "status").output
