"""What an operator types to look after the log, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from consent_service.app.opening import open_service
from consent_service.audit.log import SERVICE_CHAIN, Entry, append, lock
from consent_service.audit.notes import read_note
from consent_service.cli.main import app
from consent_service.clock import SystemClock
from consent_service.crypto.canonical import canonical
from consent_service.settings import Settings, read

CONSENT = "0a0f0d2c-4f4e-4c52-9fcb-6d5a7d4b7c11"


@pytest.fixture(autouse=True)
def _logging_put_back() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class Operator:
    """Somebody with a shell, settings and a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.given = {
            "CONSENT_ENVIRONMENT": "test",
            "CONSENT_DATABASE_URL": f"sqlite:///{folder / 'consent.db'}",
            "CONSENT_KEYRING": str(folder / "keyring.json"),
        }
        self.settings: Settings = read(self.given)

    def types(self, *words: str | Path) -> Result:
        """``consent-service audit words…``."""
        others = {name: None for name in os.environ if name.startswith(("CONSENT_", "DIGIPOST_"))}
        return CliRunner().invoke(app, ["audit", *map(str, words)], env={**others, **self.given})

    def happens(self, times: int = 1, *, step: bool = False) -> str:
        """Entries are written, each a step of the consent or not; a receipt that names the last of them."""
        return asyncio.run(self._happens(times, step))

    async def _happens(self, times: int, step: bool) -> str:
        clock = SystemClock()
        here = await open_service(self.settings, clock)
        try:
            for _ in range(times):
                async with here.db.transaction() as tx:
                    head = (await lock(tx, [SERVICE_CHAIN]))[SERVICE_CHAIN]
                    event = "consent.lapsed" if step else "release.refused"
                    outcome = None if step else "unknown"
                    entry = Entry(event, "unit", consent_id=CONSENT, outcome=outcome, changes_state=step)
                    made = await append(tx, here.keys.service.log, head, entry, at=clock.now())
            evidence = {"chain_position": made.position, "entry_hash": made.digest.hex()}
            said = {"record_id": CONSENT, "evidence": evidence}
            return here.keys.service.receipts.sign(canonical(said))
        finally:
            await here.db.close()

    def tampers(self, *statements: str) -> None:
        """Somebody with the file changes it."""
        with sqlite3.connect(self.folder / "consent.db") as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement)
        connection.close()


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_a_whole_log_ends_with_0(operator: Operator) -> None:
    """What was counted and how fast is said; the head is signed when it is asked for."""
    operator.happens(3)
    note = operator.types("checkpoint")
    assert (note.exit_code, note.stdout.splitlines()[1]) == (0, "3")
    operator.happens()
    done = operator.types("verify")
    assert done.exit_code == 0, done.output
    assert re.search(
        r"The log is whole: 4 entries in 1 chains, 3 .*, 3 under the newest of 1 .* entries/s", done.output
    )


def test_each_finding_is_a_line_that_names_the_attack(operator: Operator) -> None:
    """Ends with 1; ids and positions are told, and no content."""
    operator.happens(3)
    operator.types("checkpoint")
    operator.tampers("UPDATE entry SET event = 'x' WHERE position = 1", "DELETE FROM entry WHERE position = 2")
    done = operator.types("verify")
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert any(line.startswith("A1 a row was edited: chain service, position 1") for line in lines), lines
    assert any(line.startswith("A4 ") for line in lines), lines


def test_a_row_that_the_service_did_not_write_is_named(operator: Operator) -> None:
    """A consent's own row is held against the log and its MACs, and is named by the consent's id; so is one gone."""
    operator.happens(step=True)
    gone = operator.types("verify")
    assert gone.exit_code == 1
    assert f"A1 a row was edited: consent {CONSENT}: " in gone.output
    operator.tampers(
        "INSERT INTO consent (id, recipient_id, purpose, purpose_version, requested_kinds, state, state_position,"
        f" row_mac, terms, terms_mac, uses, requested_at) VALUES ('{CONSENT}', 'x', 'x', 1, '', 'granted', 0, x'', x'',"
        " x'', 0, 0)"
    )
    done = operator.types("verify")
    assert done.exit_code == 1
    assert f"A1 a row was edited: consent {CONSENT}: " in done.output


def test_a_roll_back_shows_by_what_others_kept(operator: Operator) -> None:
    """A11: neither the checkpoint that was published nor a person's receipt is of the database that was put back."""
    operator.happens(2)
    before = (operator.folder / "consent.db").read_bytes()
    receipt, kept, published = operator.happens(2), operator.folder / "receipt.jws", operator.folder / "log.txt"
    kept.write_text(receipt)
    assert operator.types("checkpoint", "--publish", published).exit_code == 0
    assert operator.types("verify", "--checkpoint", published, "--receipt", kept).exit_code == 0
    for file in operator.folder.glob("consent.db-*"):
        file.unlink()
    (operator.folder / "consent.db").write_bytes(before)
    assert operator.types("verify").exit_code == 0
    for given in (("--checkpoint", published), ("--receipt", kept)):
        done = operator.types("verify", *given)
        assert done.exit_code == 1
        assert "A11" in done.output


def test_what_is_published_is_never_set_back(operator: Operator) -> None:
    """A file with a head that this log does not continue is left as it is; another is replaced whole."""
    published = operator.folder / "log.txt"
    operator.happens(2)
    assert operator.types("checkpoint", "--publish", published).exit_code == 0
    operator.happens()
    assert "Published: 3 leaves" in operator.types("checkpoint", "--publish", published).output
    note = read_note(published.read_text())
    assert note is not None
    assert note.size == 3
    foreign = published.read_text().replace("\n3\n", "\n4\n")
    published.write_text(foreign)
    assert operator.types("checkpoint", "--publish", published).exit_code == 1
    assert published.read_text() == foreign
    assert sorted(path.name for path in operator.folder.glob("*log.txt*")) == ["log.txt"]


def test_what_is_no_evidence_is_refused(operator: Operator) -> None:
    """A file that is no checkpoint, a receipt of another's, and a key that is none end with 1 and a sentence."""
    receipt = operator.happens()
    file = operator.folder / "file"
    file.write_text("nothing")
    assert "is not a checkpoint" in operator.types("verify", "--checkpoint", file).output
    head, _, signature = receipt.split(".")
    other = json.dumps({"record_id": CONSENT, "evidence": {}})
    file.write_text(f"{head}.{other.encode().hex()}.{signature}")
    assert "is not a receipt" in operator.types("verify", "--receipt", file).output
    assert "name+id+base64" in operator.types("verify", "--key", "nobody").output
