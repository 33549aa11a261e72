"""Each attack on the log is planted in a real database, and is found by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from consent_service.audit.notes import VerifierKey, read_note, signed_note
from consent_service.audit.verification.tree import Kept
from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import CheckpointKey, Signers
from consent_service.storage.engine import Database
from tests.audit.conftest import ANNA, BERIT, ERASED, ORIGIN, Log, begun
from tests.audit.tampering import Bodies, bodies, heads_proofs, number, put_back, rebuild_tree, rewrite, tamper

Attack = Callable[[Log], Awaitable[None]]


def kept(note: str, name: str = "nav.txt") -> Kept:
    """A copy of a checkpoint that somebody kept."""
    read = read_note(note)
    assert read is not None
    return Kept(name, read)


def sql(*statements: str) -> Attack:
    """An attack by statements alone."""

    async def attack(log: Log) -> None:
        await tamper(log.db, *statements)

    return attack


def rewriting(chain: str, change: Callable[[Bodies], None], *, tree: bool = False) -> Attack:
    """An attack that recomputes the chain, and the Merkle tree too if asked."""

    async def attack(log: Log) -> None:
        await rewrite(log.db, chain, change)
        if tree:
            await rebuild_tree(log.db)

    return attack


def outcome(position: int, value: str = "granted") -> Callable[[Bodies], None]:
    """Another outcome for one entry."""

    def change(said: Bodies) -> None:
        said[position]["outcome"] = value

    return change


def deleted(position: int) -> Callable[[Bodies], None]:
    def change(said: Bodies) -> None:
        del said[position]

    return change


def inserted(position: int) -> Callable[[Bodies], None]:
    def change(said: Bodies) -> None:
        said.insert(position, {**said[position], "at": said[position]["at"] - 1, "outcome": "forged"})

    return change


def swapped(one: int, other: int) -> Callable[[Bodies], None]:
    def change(said: Bodies) -> None:
        said[one], said[other] = said[other], said[one]

    return change


def columns(table: str, condition: str, other: str, *names: str) -> Attack:
    """Two rows exchange what stands in some columns."""

    async def attack(log: Log) -> None:
        whole = ", ".join(names)
        await tamper(
            log.db,
            f"CREATE TABLE stolen AS SELECT 1 AS which, {whole} FROM {table} WHERE {condition}",
            f"INSERT INTO stolen SELECT 2 AS which, {whole} FROM {table} WHERE {other}",
            *(f"UPDATE {table} SET {n} = (SELECT {n} FROM stolen WHERE which = 2) WHERE {condition}" for n in names),
            *(f"UPDATE {table} SET {n} = (SELECT {n} FROM stolen WHERE which = 1) WHERE {other}" for n in names),
        )

    return attack


async def before_it_is_numbered(log: Log) -> None:
    """Edit the entry that waits, with head and hash, and number it; the head is signed, life goes on."""
    await rewrite(log.db, ANNA, outcome(7))
    await number(log.db, ANNA, 7)
    await log.sign()
    await log.write(ANNA)
    await log.sign()


async def numbered_as_another(log: Log) -> None:
    """Edit the entry that waits, number that, have it signed, and put the true one back."""
    said = await bodies(log.db, ANNA)
    await rewrite(log.db, ANNA, outcome(7))
    await number(log.db, ANNA, 7)
    await log.sign()

    def put_back(now: Bodies) -> None:
        now[:] = said

    await rewrite(log.db, ANNA, put_back)


async def chain_cut_at_end(log: Log) -> None:
    """Cut two signed entries off with everything about them, and set the head back."""
    for _ in range(4):
        await rewrite(log.db, ANNA, deleted(-1))
    for table in ("entry_detail", "pending_leaf"):
        await tamper(log.db, f"DELETE FROM {table} WHERE chain_id = 'anna' AND position >= 4")


ANNAS = "chain_id = 'anna'"
BERITS = "chain_id = 'berit'"
WHOLE_ROW = ("at", "event", "consent_id", "changes_state", "body", "digest")
EVERYWHERE = ("entry", "entry_detail", "pending_leaf", "leaf")

PLANTED: dict[str, tuple[set[str], Attack]] = {
    "A1: a body": ({"A1"}, sql(f"UPDATE entry SET body = (SELECT body FROM entry WHERE {BERITS} AND position = 3)"
                               f" WHERE {ANNAS} AND position = 2")),
    "A1: no JSON": ({"A1"}, sql(f"UPDATE entry SET body = digest WHERE {ANNAS} AND position = 2")),
    "A1: a hash": ({"A1"}, sql(f"UPDATE entry SET digest = body WHERE {ANNAS} AND position = 2")),
    "A1: a time beside the body": ({"A1"}, sql(f"UPDATE entry SET at = at + 1 WHERE {ANNAS} AND position = 2")),
    "A1: an event beside the body": ({"A1"}, sql(f"UPDATE entry SET event = 'x' WHERE {ANNAS} AND position = 2")),
    "A1: a consent": ({"A1"}, sql(f"UPDATE entry SET consent_id = 'x' WHERE {ANNAS} AND position = 2")),
    "A1: a step": ({"A1"}, sql(f"UPDATE entry SET changes_state = 1 WHERE {ANNAS} AND position = 2")),
    "A1: another step": ({"A1"}, sql(f"UPDATE entry SET changes_state = 2 WHERE {ANNAS} AND position = 2")),
    "A1: a detail": ({"A1", "A13"}, columns("entry_detail", f"{ANNAS} AND position = 1",
                                            f"{ANNAS} AND position = 2", "sealed")),
    "A1: a detail deleted": ({"A1"}, sql(f"DELETE FROM entry_detail WHERE {ANNAS} AND position = 1")),
    "A1: a head": ({"A1"}, sql(f"UPDATE chain SET last_at = last_at + 1 WHERE {ANNAS}")),
    "A1: what a head knows": ({"A1"}, sql(f"UPDATE chain SET steps = '{{}} ' WHERE {BERITS}")),
    "A1: a head's proof": ({"A1"}, sql(f"UPDATE chain SET mac = digest WHERE {ANNAS}")),
    "A1: a head set back": ({"A1"}, sql(f"UPDATE chain SET length = length - 1 WHERE {ANNAS}")),
    "A1: a chain closed": ({"A1"}, sql(f"UPDATE chain SET closed = 1 WHERE {BERITS}")),
    "A1: an erased chain opened": ({"A1"}, sql("UPDATE chain SET closed = 0 WHERE chain_id = 'erased'")),
    "A1: an inner hash": ({"A1"}, sql("UPDATE node SET digest = (SELECT root FROM checkpoint WHERE size = 12)"
                                      " WHERE level = 1 AND node_index = 1")),
    "A1: a checkpoint": ({"A1"}, sql("UPDATE checkpoint SET root = (SELECT digest FROM node WHERE level = 0"
                                     " AND node_index = 0) WHERE size = 12")),
    "A1: a checkpoint's text": ({"A1"}, sql("UPDATE checkpoint SET note = REPLACE(note, 'example', 'examplf')")),
    "A2: a chain": ({"A2"}, rewriting(ANNA, outcome(2))),
    "A2: a chain and the tree": ({"A2"}, rewriting(ERASED, outcome(2), tree=True)),
    "A2: of an erased person": ({"A2"}, rewriting(ERASED, outcome(2))),
    "A3: an entry": ({"A3"}, sql(f"DELETE FROM entry WHERE {ANNAS} AND position = 2")),
    "A3: an entry everywhere": ({"A3"}, sql(*(f"DELETE FROM {t} WHERE {ANNAS} AND position = 2" for t in EVERYWHERE))),
    "A3: and recomputed": ({"A3"}, rewriting(ERASED, deleted(2))),
    "A3: a leaf's hash": ({"A3"}, sql("DELETE FROM node WHERE level = 0 AND node_index = 5")),
    "A4: a chain's end": ({"A4"}, sql(f"DELETE FROM entry WHERE {ANNAS} AND position >= 4")),
    "A4: with its head": ({"A4"}, chain_cut_at_end),
    "A4: with its numbers": ({"A4"}, sql(*(f"DELETE FROM {t} WHERE {ANNAS} AND position >= 4" for t in EVERYWHERE))),
    "A4: the log's end": ({"A4"}, sql("DELETE FROM leaf WHERE leaf_index >= 20",
                                      "DELETE FROM node WHERE (node_index + 1) * (1 << CAST(level AS INTEGER)) > 20")),
    "A5: what waits": ({"A5"}, sql(*(f"DELETE FROM {t} WHERE {ANNAS} AND position = 7" for t in EVERYWHERE))),
    "A6: two rows": ({"A6"}, columns("entry", f"{ANNAS} AND position = 2", f"{ANNAS} AND position = 3", *WHOLE_ROW)),
    "A6: and recomputed": ({"A6"}, rewriting(ERASED, swapped(2, 3))),
    "A7: and recomputed": ({"A7"}, rewriting(ANNA, inserted(2))),
    "A7: of an erased person": ({"A7"}, rewriting(ERASED, inserted(2))),
    "A7: at the end": ({"A7"}, rewriting(ANNA, lambda said: said.append({**said[-1], "at": said[-1]["at"] + 1}))),
    "A8: two rows": ({"A8"}, columns("entry", f"{ANNAS} AND position = 2", f"{BERITS} AND position = 2", *WHOLE_ROW)),
    "A9: its entries": ({"A9"}, sql(f"DELETE FROM entry WHERE {ANNAS}")),
    "A9: and its head": ({"A9"}, sql(*(f"DELETE FROM {t} WHERE {ANNAS}" for t in ("entry", "entry_detail", "chain")))),
    "A9: all of it": ({"A9"}, sql(*(f"DELETE FROM {t} WHERE {ANNAS}" for t in (*EVERYWHERE, "chain")))),
    "A13: before it was numbered": ({"A13"}, before_it_is_numbered),
    "A13: and put back": ({"A13"}, numbered_as_another),
    "A13: kept out": ({"A13"}, sql(f"DELETE FROM pending_leaf WHERE {ANNAS}")),
    "A13: a hash of a leaf": ({"A1", "A13"}, columns("node", "level = 0 AND node_index = 1",
                                                     "level = 0 AND node_index = 2", "digest")),
    "A14: what waits": ({"A13", "A14"}, rewriting(ANNA, outcome(7))),
    "A14: what is not signed": ({"A14"}, rewriting(ANNA, outcome(6))),
    "A14: and the tree": ({"A14"}, rewriting(ANNA, outcome(6), tree=True)),
    "A14: a forged erasure": ({"A14"}, rewriting(ERASED, outcome(6, "forged"), tree=True)),
}  # fmt: skip


ON_BOTH = [next(name for name in PLANTED if name.startswith(f"A{n}:")) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14)]
CASES = [("sqlite", name) for name in PLANTED] + [("postgresql", name) for name in ON_BOTH]


@pytest.mark.parametrize(("database_kind", "name"), CASES, indirect=["database_kind"])
async def test_an_attack_is_found_by_its_name(log: Log, name: str) -> None:
    """Whoever writes the database and has no key leaves what names the attack."""
    expected, attack = PLANTED[name]
    await attack(log)
    found = (await log.verified()).findings
    assert expected <= {code for finding in found for code in finding.attacks}, [str(finding) for finding in found]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("entry", "position", "'x'"),
        ("entry", "at", "1.5"),
        ("entry", "body", "'{}'"),
        ("leaf", "position", "x'00'"),
        ("node", "node_index", "'x'"),
        ("checkpoint", "size", "'x'"),
        ("chain", "length", "'x'"),
        ("chain", "steps", "x'7b7d'"),
    ],
)
async def test_a_value_of_another_type_is_named(log: Log, table: str, column: str, value: str) -> None:
    """A1: SQLite takes anything in any column. It is told by its table, and stops nobody from hearing of it."""
    await tamper(log.db, f"UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT MAX(rowid) FROM {table})")
    (finding,) = (await log.verified()).findings
    assert finding.attacks == ("A1",)
    assert table in finding.where


async def test_a_cut_log_shows_by_a_checkpoint_kept_elsewhere(db: Database) -> None:
    """A5, A11 (or A10): cut back with its newest checkpoint it looks whole, and is smaller than somebody saw it."""
    log = await begun(db, ANNA, BERIT)
    await log.write(ANNA, BERIT)
    await log.sign()
    proofs = await heads_proofs(db)
    await log.write(ANNA, BERIT)
    seen = await log.sign()
    await tamper(
        db,
        "DELETE FROM leaf WHERE leaf_index >= 2",
        "DELETE FROM node WHERE (node_index + 1) * (1 << CAST(level AS INTEGER)) > 2",
        "DELETE FROM checkpoint WHERE size > 2",
        "DELETE FROM entry_detail WHERE position >= 1",
    )
    for chain in (ANNA, BERIT):
        await rewrite(db, chain, deleted(-1))
    await put_back(db, proofs)
    assert await log.attacks() == set()
    assert await log.attacks(kept(seen)) == {"A5", "A10", "A11"}


async def test_a_log_that_went_on_after_a_roll_back_shows_too(db: Database) -> None:
    """A11: larger than what was kept, and no continuation of it."""
    log, rolled_back = await begun(db, ANNA), 0
    await log.write(ANNA)
    await log.sign()
    proofs = await heads_proofs(db)
    await log.write(ANNA)
    seen = await log.sign()
    await rewrite(db, ANNA, deleted(-1))
    await put_back(db, proofs)
    for table in ("leaf WHERE leaf_index", "node WHERE node_index", "entry_detail WHERE position"):
        await tamper(db, f"DELETE FROM {table} > {rolled_back}")
    await tamper(db, "DELETE FROM node WHERE level > 0", "DELETE FROM checkpoint WHERE size > 1")
    for _ in range(3):
        await log.write(ANNA)
    await log.sign()
    assert await log.attacks() == set()
    assert "A11" in await log.attacks(kept(seen))


async def test_a_fork_shows_by_a_checkpoint_kept_elsewhere(log: Log) -> None:
    """A10: what others were shown is signed, and is no beginning of what is here."""
    other = signed_note(log.signers, ORIGIN, 13, bytes(32))
    assert "A10" in await log.attacks(kept(other))


async def test_two_roots_of_one_size_show(log: Log) -> None:
    """A12, which a fork and a roll-back that grew again leave too: against our own checkpoint, and between two."""
    note = await log.sign()
    size = kept(note).note.size
    forged = [signed_note(log.signers, ORIGIN, size, bytes([n]) * 32) for n in (1, 2)]
    assert await log.attacks(kept(forged[0])) == {"A10", "A11", "A12"}
    uncovered = [signed_note(log.signers, ORIGIN, 13, bytes([n]) * 32) for n in (1, 2)]
    assert "A12" in await log.attacks(kept(uncovered[0]), kept(uncovered[1], "county.txt"))


async def test_a_strangers_checkpoint_is_no_evidence(log: Log) -> None:
    """What the log's key did not sign is said, and is no attack."""
    stranger = signed_note(Signers(CheckpointKey(bytes(32))), ORIGIN, 13, bytes(32))
    found = (await log.verified(kept(stranger))).findings
    assert [finding.attacks for finding in found] == [()]
    assert "not signed by this log's key" in str(found[0])


async def test_an_unwritten_key_signs_for_nobody(log: Log) -> None:
    """The name in the signature line must be the key's, too."""
    note = read_note(await log.sign())
    assert note is not None
    assert note.signed_by([log.verifier])
    assert not note.signed_by([VerifierKey("example.org/other", log.verifier.public)])


@pytest.mark.parametrize("event", [[], {}, 1, None])
async def test_an_entry_of_any_shape_stops_no_verification(log: Log, event: object) -> None:
    """What somebody wrote in an event's place is named as an edit, and what comes after it is looked at."""
    said = {**(await bodies(log.db, ANNA))[0], "event": event, "state": True, "consent": "x", "unit": "x"}
    change = "UPDATE entry SET body = :body WHERE chain_id = :chain AND position = 0"
    await tamper(log.db, change, body=canonical(said), chain=ANNA)
    assert "A1" in await log.attacks()
