"""What is handed out can be checked without us: an entry's place under a signed head, and a whole export offline."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consent_service.api.receipts import receipt_answer
from consent_service.audit import proofs, sequencer
from consent_service.audit.merkle import verify_inclusion
from consent_service.audit.notes import read_note
from consent_service.consents.reading import find_for_candidate
from consent_service.rights import export
from tests.audit.conftest import Log
from tests.consents.conftest import Town, town

__all__ = ["town"]

Change = Callable[[dict[str, Any]], None]


async def receipt(town: Town, consent_id: str) -> dict[str, Any]:
    """The answer of GET …/receipt."""
    async with town.db.snapshot() as view:
        seen = await find_for_candidate(view, town.desk.keys, town.candidate_id, consent_id, now=town.clock.now())
        answer = await receipt_answer(view, town.desk.keys.receipts, seen, unit=False)
    said: dict[str, Any] = json.loads(bytes(answer.body))
    return said


def log_of(town: Town) -> Log:
    return Log(town.db, town.keys.service, town.keys.checkpoints.known, town.clock.now())


async def everything(town: Town) -> dict[str, Any]:
    """Her export, as she has it on her own machine."""
    key = await town.keys.candidate(town.candidate_id)
    signers = await town.keys.checkpoints.current()
    async with town.db.transaction() as tx:
        told = await export.export(tx, key, town.keys.service, signers, now=town.clock.now())
    whole: dict[str, Any] = json.loads(json.dumps(told))
    return whole


def checked(folder: Path, told: dict[str, Any], *saved: dict[str, Any], isolated: bool = False) -> tuple[int, str]:
    """Run the export's own program on it, in a process that knows nothing of this project."""
    (folder / "check_export.py").write_text(told["verification"]["script"])
    names = ["export.json", *(f"receipt{number}.json" for number in range(len(saved)))]
    for name, content in zip(names, (told, *saved), strict=True):
        (folder / name).write_text(json.dumps(content))
    command = [sys.executable, "-I", *(["-S"] if isolated else []), "check_export.py", *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


async def test_a_receipt_gets_its_proof_with_the_next_checkpoint(town: Town) -> None:
    """Before there is none; afterwards it proves that the entry it names is under the signed head."""
    consent = await town.grant()
    assert (await receipt(town, consent.id))["inclusion"] is None
    log = log_of(town)
    await log.number()
    assert (await receipt(town, consent.id))["inclusion"] is None
    await log.sign()
    answer = await receipt(town, consent.id)
    proof, digest = answer["inclusion"], bytes.fromhex(answer["receipt"]["evidence"]["entry_hash"])
    head = read_note(proof["checkpoint"])
    assert head is not None
    assert head.signed_by([log.verifier])
    path = [base64.b64decode(node) for node in proof["path"]]
    assert verify_inclusion(digest, proof["leaf_index"], proof["size"], path, head.root)
    assert not verify_inclusion(bytes(32), proof["leaf_index"], proof["size"], path, head.root)


async def test_every_leaf_is_proved_and_nothing_else(log: Log) -> None:
    """What the newest checkpoint covers has a proof; what it does not cover has none."""
    async with log.db.snapshot() as view:
        note = read_note(str(await sequencer.newest_note(view)))
        assert note is not None
        found = [await proofs.inclusion_of(view, index) for index in range(30)]
    assert [proof is not None for proof in found] == [True] * 24 + [False] * 6


@pytest.mark.parametrize("isolated", [False, True])
async def test_she_checks_her_export_offline(town: Town, tmp_path: Path, isolated: bool) -> None:
    """Chain, details, receipts and proofs hold; without the package for signatures all but those is checked."""
    consent = await town.grant()
    await town.release(consent.id)
    await log_of(town).sign()
    saved = await receipt(town, consent.id)
    await town.revoke(consent.id)
    status, told = checked(tmp_path, await everything(town), saved, isolated=isolated)
    assert status == 0, told
    assert "each linked to the one before" in told
    assert "Your receipts: 3, each naming a line of your log." in told
    assert ("Signatures were NOT checked" if isolated else "Signatures were checked, too") in told


async def test_an_export_before_anything_is_signed_is_checked_too(town: Town, tmp_path: Path) -> None:
    """There is no head yet; the chain is there."""
    status, told = checked(tmp_path, await everything(town))
    assert (status, "not signed yet" in told) == (0, True)


def entry(told: dict[str, Any], number: int, **values: Any) -> None:
    """Say something else in a line, and rehash it alone."""
    line = told["access_log"][number]
    said = {**json.loads(line["entry"]), **values}
    line["entry"] = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


TAMPERED: dict[str, tuple[str, Change]] = {
    "an outcome": ("is not what its hash says", lambda told: entry(told, 1, outcome="other")),
    "a line gone": ("does not follow line", lambda told: told["access_log"].pop(1)),
    "its end gone": (
        "is proved to be in your log, and is not there",
        lambda told: told["access_log"].__delitem__(slice(2, None)),
    ),
    "two lines moved": ("does not follow line", lambda told: told["access_log"].reverse()),
    "a detail": (
        "are not those that were committed to",
        lambda told: told["access_log"][2]["detail"].update(office="1"),
    ),
    "a salt": ("are not those that were committed to", lambda told: told["access_log"][2].update(salt="00" * 32)),
    "a number": ("was numbered before", lambda told: told["access_log"][2].update(leaf_index=0)),
    "a leaf": ("is not in the log", lambda told: told["verification"]["inclusions"][0].update(leaf_index=0)),
    "a path": ("is not in the log", lambda told: told["verification"]["inclusions"][0]["path"].pop()),
    "a head": (
        "is not signed by a key of the log's",
        lambda told: told["verification"].update(
            checkpoint=told["verification"]["checkpoint"].replace("/log\n", "/lug\n", 1)
        ),
    ),
    "a receipt's key": ("is not signed by the service's key", lambda told: told["verification"].update(keys=[])),
    "a receipt": (
        "names another line",
        lambda told: told["consents"][0]["receipts"].append(
            "e30." + base64.urlsafe_b64encode(b'{"evidence":{"chain_position":1,"entry_hash":"00"}}').decode() + ".e30"
        ),
    ),
}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", TAMPERED)
async def test_a_tampered_export_is_found(town: Town, tmp_path: Path, name: str) -> None:
    """Whatever was changed in it, on the way or by us, is said in a sentence, and ends with 1."""
    sentence, change = TAMPERED[name]
    await town.grant()
    await log_of(town).sign()
    told = await everything(town)
    change(told)
    status, said = checked(tmp_path, told)
    assert (status, sentence in said) == (1, True), said
