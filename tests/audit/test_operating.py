"""What an operator types about the log's heads: where they are put, and by whose key they are signed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from consent_clients.checkpoints import Checkpoints, VerifierKey
from consent_clients.problems import ProofBroken
from consent_service.app.assembly import log_origin
from consent_service.app.opening import open_service
from consent_service.audit.notes import read_note, signed_note
from consent_service.clock import SystemClock
from consent_service.crypto.service_keys import CheckpointKey, Signers
from tests.audit.test_verification_command import Operator, _logging_put_back, operator

__all__ = ["_logging_put_back", "operator"]

ROOT = bytes(32)


def head(operator: Operator) -> str:
    """The log's head, signed now."""
    done = operator.types("checkpoint")
    assert done.exit_code == 0, done.output
    return done.stdout


def keys_in(output: str) -> list[VerifierKey]:
    """The keys that a command printed."""
    return [VerifierKey.parse(found) for found in re.findall(r"\S+\+[0-9a-f]{8}\+\S+", output)]


def forged(operator: Operator, size: int) -> str:
    """A head that is signed by the log's own key, over leaves that are nobody's."""

    async def sign() -> str:
        here = await open_service(operator.settings, SystemClock())
        try:
            return signed_note(here.keys.checkpoints.known, log_origin(operator.settings), size, ROOT)
        finally:
            await here.db.close()

    return asyncio.run(sign())


def test_a_key_is_rotated_and_nobody_loses_sight_of_the_log(operator: Operator) -> None:
    """A client that holds the old key goes on through the change; the whole log verifies before, in it and after."""
    operator.happens(2)
    before = head(operator)
    rotated = operator.types("rotate-key")
    assert "A new key signs the log's heads now." in rotated.output, rotated.output
    new, old = keys_in(rotated.output)
    again = operator.types("rotate-key")
    assert "signs already" in again.output
    assert keys_in(again.output) == [new, old]

    client, asleep = Checkpoints(keys=[old]), Checkpoints(keys=[old])
    for party in (client, asleep):
        party.see(before, held=0)
    client.see(head(operator), held=2)
    assert list(client.keys) == [new, old]
    assert operator.types("verify").exit_code == 0

    assert operator.types("retire-key").exit_code == 0
    operator.happens()
    after = head(operator)
    client.see(after, held=client.size)
    assert list(client.keys) == [new]
    with pytest.raises(ProofBroken):
        asleep.see(after, held=2)
    done = operator.types("verify")
    assert done.exit_code == 0, done.output
    assert operator.types("retire-key").exit_code == 1


def test_a_key_that_got_out_is_believed_no_more(operator: Operator) -> None:
    """What it alone signed is named, unless the operator says that it is to be believed."""
    operator.happens()
    head(operator)
    _, old = keys_in(operator.types("rotate-key").output)
    assert operator.types("retire-key", "--distrust").exit_code == 0
    done = operator.types("verify")
    assert (done.exit_code, "it is not signed by the log's key" in done.output) == (1, True)
    assert operator.types("verify", "--key", str(old)).exit_code == 0


def test_a_running_process_signs_with_both_before_one_is_retired(operator: Operator) -> None:
    """Whoever numbers the log just now signs too; an operator who is too quick is told to wait."""
    operator.happens()
    operator.types("rotate-key")
    operator.tampers("DELETE FROM checkpoint")
    operator.tampers("UPDATE lease SET holder = 'somebody', until = until + 60000000")
    operator.tampers("DELETE FROM leaf", "DELETE FROM node")
    done = operator.types("retire-key")
    assert (done.exit_code, "Wait some seconds" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("larger", "has 9 leaves, and this log 2"),
        ("forked", "has 2 leaves that are not the first of this log's 2"),
        ("a stranger's", "is not signed by a key of this log's"),
        ("nothing", "is not a checkpoint"),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_what_this_log_does_not_continue_is_left(operator: Operator, what: str, why: str, folder: bool) -> None:
    """In a file or in a folder: not replaced, not added to, and an alarm."""
    operator.happens(2)
    stranger = signed_note(Signers(CheckpointKey(ROOT)), log_origin(operator.settings), 1, ROOT)
    there = {"larger": forged(operator, 9), "forked": forged(operator, 2), "a stranger's": stranger}.get(what, "")
    where = file = operator.folder / "published"
    if folder:
        where.mkdir()
        file = where / "checkpoint-000000000000009.txt"
    file.write_text(there)
    done = operator.types("checkpoint", "--publish", where)
    assert (done.exit_code, why in done.output) == (1, True), done.output
    assert "alarm" in done.output
    assert file.read_text() == there
    assert [path for path in where.parent.rglob("*") if "published" in str(path) and path.is_file()] == [file]


def test_a_folder_gets_a_file_for_each_head(operator: Operator) -> None:
    """None is written twice, so the place may take new files alone."""
    folder = operator.folder / "heads"
    folder.mkdir()
    kept: dict[Path, str] = {}
    for size in (1, 2, 3):
        operator.happens()
        for _ in range(2):
            assert f"Published: {size} leaves" in operator.types("checkpoint", "--publish", folder).output
        assert {path: path.read_text() for path in kept} == kept
        kept = {path: path.read_text() for path in sorted(folder.iterdir())}
        for path in kept:
            path.chmod(0o444)
    sizes = [note.size for note in map(read_note, kept.values()) if note is not None]
    assert sizes == [1, 2, 3]
    assert operator.types("verify", *(word for path in kept for word in ("--checkpoint", path))).exit_code == 0


def test_a_place_that_is_not_there_is_said(operator: Operator) -> None:
    """And nothing is made where nobody looks."""
    operator.happens()
    done = operator.types("checkpoint", "--publish", operator.folder / "nowhere" / "log.txt")
    assert (done.exit_code, "No such file or directory" in done.output) == (1, True)


def test_a_head_that_was_published_under_the_old_key_is_continued(operator: Operator) -> None:
    """The old key's public half still vouches for it."""
    published = operator.folder / "log.txt"
    operator.happens()
    assert operator.types("checkpoint", "--publish", published).exit_code == 0
    operator.types("rotate-key")
    operator.types("retire-key")
    done = operator.types("checkpoint", "--publish", published)
    assert done.exit_code == 0, done.output
