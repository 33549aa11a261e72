"""Where what is left can't tell attacks apart, the one that was done is among those that are named, readably."""

from __future__ import annotations

import json

import pytest

from consent_service.audit.log import leaf_hash
from consent_service.audit.notes import signed_note
from consent_service.audit.verification.attacks import ATTACKS, legend
from consent_service.crypto.canonical import canonical
from consent_service.storage.engine import Statement
from tests.audit.conftest import ANNA, BERIT, ERASED, ORIGIN, Log
from tests.audit.tampering import Bodies, rebuild_tree, rewrite, tamper
from tests.audit.test_verification import EVERYWHERE, Attack, deleted, inserted, kept, rewriting, sql

BESIDE = EVERYWHERE[1:]


async def cut(log: Log) -> None:
    """Anna's last entries go from every table, four of them covered, and her head is set back."""
    for _ in range(5):
        await rewrite(log.db, ANNA, deleted(-1))
    await tamper(log.db, *(f"DELETE FROM {table} WHERE chain_id = 'anna' AND position >= 3" for table in BESIDE))


async def taken_out(log: Log) -> None:
    """One goes from the middle of every table; the rest moves up and is recomputed."""
    for table in BESIDE:
        await tamper(
            log.db,
            f"DELETE FROM {table} WHERE chain_id = 'anna' AND position = 2",
            f"UPDATE {table} SET position = -position + 1 WHERE chain_id = 'anna' AND position > 2",
            f"UPDATE {table} SET position = -position WHERE chain_id = 'anna' AND position < 0",
        )
    await rewrite(log.db, ANNA, deleted(2))


async def gone(log: Log) -> None:
    """A whole chain goes."""
    await tamper(log.db, *(f"DELETE FROM {table} WHERE chain_id = 'anna'" for table in (*EVERYWHERE, "chain")))


def closed_up(attack: Attack) -> Attack:
    """``attack``, and the Merkle log made again without holes."""

    async def both(log: Log) -> None:
        await attack(log)
        read = Statement("SELECT leaf_index FROM leaf ORDER BY leaf_index")
        async with log.db.snapshot() as view:
            numbers = [row["leaf_index"] for row in await view.rows(read)]
        for new, old in enumerate(numbers):
            await tamper(log.db, "UPDATE leaf SET leaf_index = :new WHERE leaf_index = :old", new=new, old=old)
        await rebuild_tree(log.db)

    return both


async def appended(log: Log) -> None:
    """Berit gets an entry that the service never wrote, with a number, which is not signed."""
    await log.number()
    await rewrite(log.db, BERIT, lambda said: said.append({**said[-1], "at": said[-1]["at"] + 1}))
    await tamper(
        log.db,
        "INSERT INTO leaf (leaf_index, chain_id, position)"
        " SELECT (SELECT MAX(leaf_index) + 1 FROM leaf), 'berit', MAX(position) FROM entry WHERE chain_id = 'berit'",
    )
    await rebuild_tree(log.db)


async def after_an_erasure(log: Log) -> None:
    """What waits of a person who was erased is edited, with its hash."""
    await log.write(BERIT)
    await log.erase(BERIT)
    read = Statement("SELECT body FROM entry WHERE chain_id = 'berit' AND position = 7")
    async with log.db.snapshot() as view:
        said = json.loads(await view.value(read))
    body = canonical({**said, "outcome": "granted"})
    change = "UPDATE entry SET body = :body, digest = :digest WHERE chain_id = 'berit' AND position = 7"
    await tamper(log.db, change, body=body, digest=leaf_hash(body))


async def another_end(log: Log) -> None:
    """The erasure itself becomes something else while it waits."""
    await log.erase(BERIT)

    def change(said: Bodies) -> None:
        said[-1]["event"] = "release.refused"

    await rewrite(log.db, BERIT, change)


async def another_time(log: Log) -> None:
    """An entry is dated back, and what follows recomputed."""

    def change(said: Bodies) -> None:
        said[3]["at"] = said[1]["at"]

    await rewrite(log.db, ANNA, change)


async def another_detail(log: Log) -> None:
    """The detail of an entry that is not signed yet is replaced."""
    await tamper(log.db, "UPDATE entry_detail SET sealed = :other WHERE chain_id = 'anna' AND position = 6", other=b"x")


TOGETHER: dict[str, tuple[str, Attack]] = {
    "A4: with all beside it and its head": ("A4", cut),
    "A4: and the tree": ("A4", closed_up(cut)),
    "A3: moved up": ("A3", taken_out),
    "A3: and the tree": ("A3", closed_up(taken_out)),
    "A9: and the tree": ("A9", closed_up(gone)),
    "A9: its head alone": ("A9", sql("DELETE FROM chain WHERE chain_id = 'anna'")),
    "A7: before an erasure": ("A7", rewriting(ERASED, inserted(6), tree=True)),
    "A1: the seal of an erasure": ("A1", sql("UPDATE chain SET closing = digest WHERE chain_id = 'erased'")),
    "A7: numbered, not signed": ("A7", appended),
    "A14: of a person who was erased": ("A14", after_an_erasure),
    "A14: of an erasure": ("A14", another_end),
    "A2: a time": ("A2", another_time),
    "A1: a detail, not signed": ("A1", another_detail),
}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", TOGETHER)
async def test_what_was_done_is_among_what_is_named(log: Log, name: str) -> None:
    """Each leaves a trace that others leave as well."""
    expected, attack = TOGETHER[name]
    await attack(log)
    found = (await log.verified()).findings
    assert expected in {code for finding in found for code in finding.attacks}, [str(finding) for finding in found]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_longer_fork_is_named_too(log: Log) -> None:
    """A10: a head kept elsewhere that is larger than the log may be that of the other history."""
    assert await log.attacks(kept(signed_note(log.signers, ORIGIN, 99, bytes(32)))) == {"A5", "A10", "A11"}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_several_names_are_one_short_line(log: Log) -> None:
    """The line has the names alone, the legend what they mean; a single name stands with its meaning."""
    await cut(log)
    await tamper(log.db, "UPDATE entry SET event = 'x' WHERE chain_id = 'berit' AND position = 1")
    found = (await log.verified()).findings
    lines = [str(finding) for finding in found]
    assert any(line.startswith("A3, A4 or A9: the Merkle log: 4 leaves") for line in lines), lines
    assert any(line.startswith(f"A1 {ATTACKS['A1']}: chain berit, position 1: ") for line in lines), lines
    assert legend(found) == [f"{code} means: {ATTACKS[code]}" for code in ("A3", "A4", "A9")]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_one_changed_detail_is_one(log: Log) -> None:
    """What follows it is as it was written, and is not said to be changed."""
    await another_detail(log)
    (finding,) = (await log.verified()).findings
    assert "it is not what was written (1 in all)" in str(finding)
    assert ERASED not in str(finding)
