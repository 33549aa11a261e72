"""Parts: sealed under their owner's key, bound to their place, and gone when they are destroyed."""

from __future__ import annotations

from typing import Any

import pytest

from consent_service.crypto.envelope import SealBroken
from consent_service.errors import NotAvailable
from consent_service.storage.engine import Duplicate, Row, Snapshot, Statement
from consent_service.vault.candidate import open_parts
from consent_service.vault.keys import CandidateKey
from consent_service.vault.parts import PartRef
from consent_service.vault.seal import Holding, SealedPart, destroy, erase, holdings, refs, seal
from tests.vault.conftest import NOON, Vault

KARI, OLA = "kari", "ola"
REF = PartRef(KARI, "note", "n1", 1, "interests")
WORDS = "Motorer og fjell, æøå".encode()
PART = Statement("SELECT * FROM part WHERE candidate_id = :candidate_id AND part = :part")
MOVES = {
    "candidate_id": (PartRef(OLA, "note", "n1", 1, "interests"), OLA),
    "resource": (PartRef(KARI, "plan", "n1", 1, "interests"), "plan"),
    "resource_id": (PartRef(KARI, "note", "n2", 1, "interests"), "n2"),
    "version": (PartRef(KARI, "note", "n1", 2, "interests"), 2),
    "part": (PartRef(KARI, "note", "n1", 1, "needs"), "needs"),
}


async def person(vault: Vault, name: str) -> CandidateKey:
    """A candidate with a key."""
    new = await vault.keys.new_candidate(name)
    async with vault.db.transaction() as tx:
        await vault.keys.store_candidate(tx, new)
    return new.key


async def put(vault: Vault, key: CandidateKey, *wanted: PartRef, content: bytes = WORDS) -> list[SealedPart]:
    """Seal ``content`` as each of ``wanted``."""
    async with vault.db.transaction() as tx:
        return [await seal(tx, key, ref, content, held_for="county", at=NOON) for ref in wanted]


async def opened(vault: Vault, key: CandidateKey, *wanted: PartRef) -> dict[PartRef, bytes]:
    """What the owner reads."""
    async with vault.db.snapshot() as view:
        return await open_parts(view, key, wanted)


async def change(vault: Vault, sql: str, **given: object) -> None:
    """What somebody who can write the database does to it."""
    async with vault.db.transaction() as tx:
        assert await tx.run(Statement(sql), **given) > 0


async def row_of(vault: Vault, ref: PartRef) -> Row:
    async with vault.db.snapshot() as view:
        row = await view.row(PART, candidate_id=ref.candidate_id, part=ref.part)
        assert row is not None
        return row


async def test_a_part_opens_for_its_owner(vault: Vault) -> None:
    """Parts of several versions and resources come back in the order in which they were asked for."""
    kari = await person(vault, KARI)
    other = PartRef(KARI, "note", "n1", 2, "interests")
    question = PartRef(KARI, "note", "n1", 1, "question_nav:q1")
    await put(vault, kari, REF, question)
    await put(vault, kari, other, content=b"")
    assert list((await opened(vault, kari, other, question, REF)).items()) == [
        (other, b""),
        (question, WORDS),
        (REF, WORDS),
    ]


class Counting:
    """A view that counts the rows that were read through it."""

    def __init__(self, view: Snapshot) -> None:
        self._view = view
        self.dialect = view.dialect
        self.read = 0

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        found = await self._view.rows(statement, **given)
        self.read += len(found)
        return found

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        return next(iter(await self.rows(statement, **given)), None)

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        return await self._view.value(statement, **given)


async def test_no_more_is_read_than_was_asked_for(vault: Vault) -> None:
    """Of a note with many versions, the parts of one; content that nobody asked for stays where it lies."""
    kari = await person(vault, KARI)
    note = [PartRef(KARI, "note", "n1", version, part) for version in range(1, 6) for part in ("interests", "needs")]
    await put(vault, kari, *note, PartRef(KARI, "plan", "n1", 5, "needs"))
    wanted = [note[1], note[8], note[9]]
    async with vault.db.snapshot() as view:
        counting = Counting(view)
        assert list(await open_parts(counting, kari, wanted)) == wanted
    assert counting.read == len(wanted)


async def test_a_part_is_not_stored_readable(vault: Vault) -> None:
    """Neither its content nor its data key stands in any column; equal contents look different."""
    kari = await person(vault, KARI)
    needs = PartRef(KARI, "note", "n1", 1, "needs")
    first, second = await put(vault, kari, REF, needs)
    rows = [await row_of(vault, ref) for ref in (REF, needs)]
    for row in rows:
        stored = b"".join(value for value in dict(row).values() if isinstance(value, bytes))
        assert not any(secret in stored for secret in (WORDS, first.data_key, second.data_key, kari.secret))
    assert len({row["sealed"] for row in rows} | {row["wrapped_key"] for row in rows}) == 4


async def test_each_part_has_a_data_key_of_its_own(vault: Vault) -> None:
    """Sharing one shares no other."""
    parts = await put(vault, await person(vault, KARI), REF, PartRef(KARI, "note", "n1", 2, "interests"))
    assert len({part.data_key for part in parts}) == 2
    assert repr(parts[0]) == f"SealedPart(ref={REF!r})"


async def test_another_candidates_key_opens_nothing(vault: Vault) -> None:
    """Nor is she told whether there is anything: another's and absent are one answer."""
    kari, ola = await person(vault, KARI), await person(vault, OLA)
    await put(vault, kari, REF)
    for key, ref in [(ola, REF), (kari, PartRef(KARI, "note", "n1", 1, "needs")), (ola, MOVES["candidate_id"][0])]:
        with pytest.raises(NotAvailable):
            await opened(vault, key, ref)
    with pytest.raises(SealBroken):
        await opened(vault, CandidateKey(KARI, ola.secret), REF)


async def test_one_part_that_is_not_there_fails_the_whole_reading(vault: Vault) -> None:
    """A reader never gets less than what was asked for without hearing of it."""
    kari = await person(vault, KARI)
    await put(vault, kari, REF)
    with pytest.raises(NotAvailable):
        await opened(vault, kari, REF, PartRef(KARI, "note", "n1", 1, "needs"))


async def test_a_part_that_was_moved_does_not_open(vault: Vault) -> None:
    """To another candidate, resource, id, version or part name, by hand in the database: for nobody."""
    keys = {KARI: await person(vault, KARI), OLA: await person(vault, OLA)}
    await put(vault, keys[KARI], REF)
    for field, (moved, value) in MOVES.items():
        await change(vault, f"UPDATE part SET {field} = :value", value=value)
        for key in (keys[moved.candidate_id], CandidateKey(moved.candidate_id, keys[KARI].secret)):
            with pytest.raises(SealBroken):
                await opened(vault, key, moved)
        await change(vault, f"UPDATE part SET {field} = :value", value=getattr(REF, field))
        assert await opened(vault, keys[KARI], REF) == {REF: WORDS}


async def test_columns_that_were_swapped_do_not_open(vault: Vault) -> None:
    """The content of one part beside the data key of another, or a data key in another part's place."""
    kari = await person(vault, KARI)
    needs = PartRef(KARI, "note", "n1", 1, "needs")
    await put(vault, kari, REF, needs)
    rows = [await row_of(vault, ref) for ref in (REF, needs)]
    for column in ("sealed", "wrapped_key"):
        for own, other in (rows, rows[::-1]):
            set_column = f"UPDATE part SET {column} = :value WHERE part = :part"
            await change(vault, set_column, value=other[column], part=own["part"])
            with pytest.raises(SealBroken):
                await opened(vault, kari, PartRef(KARI, "note", "n1", 1, own["part"]))
            await change(vault, set_column, value=own[column], part=own["part"])
    assert len(await opened(vault, kari, REF, needs)) == 2


async def test_a_whole_part_from_another_place_does_not_open_there(vault: Vault) -> None:
    """Both columns of an older version put over the newer one: an old text can't be passed off as the new."""
    kari = await person(vault, KARI)
    newer = PartRef(KARI, "note", "n1", 2, "interests")
    await put(vault, kari, REF, newer)
    await change(
        vault,
        "UPDATE part SET sealed = (SELECT sealed FROM part WHERE version = 1),"
        " wrapped_key = (SELECT wrapped_key FROM part WHERE version = 1) WHERE version = 2",
    )
    with pytest.raises(SealBroken):
        await opened(vault, kari, newer)
    assert await opened(vault, kari, REF) == {REF: WORDS}


async def test_a_version_is_written_once(vault: Vault) -> None:
    """A part that exists is never written over."""
    kari = await person(vault, KARI)
    await put(vault, kari, REF)
    with pytest.raises(Duplicate):
        await put(vault, kari, REF, content=b"other")
    assert await opened(vault, kari, REF) == {REF: WORDS}


async def test_a_part_is_sealed_under_its_own_candidates_key(vault: Vault) -> None:
    """Not under another's, by a mistake of ours."""
    with pytest.raises(ValueError, match="own candidate's key"):
        await put(vault, await person(vault, OLA), REF)


async def test_a_version_names_its_parts(vault: Vault) -> None:
    """And no other version's, resource's or person's; a candidate's holdings are all of hers, with their controller."""
    kari, ola = await person(vault, KARI), await person(vault, OLA)
    needs = PartRef(KARI, "note", "n1", 1, "needs")
    others = [moved for field, (moved, _) in MOVES.items() if field not in ("candidate_id", "part")]
    await put(vault, kari, needs, REF, *others)
    await put(vault, ola, MOVES["candidate_id"][0])
    async with vault.db.snapshot() as view:
        assert await refs(view, KARI, "note", "n1", 1) == [REF, needs]
        assert await refs(view, KARI, "note", "n3", 1) == []
        held = await holdings(view, KARI)
    assert set(held) == {Holding(ref, "county", NOON) for ref in (needs, REF, *others)}


async def test_what_is_destroyed_is_gone_in_every_version(vault: Vault) -> None:
    """The whole resource, and nothing else."""
    kari = await person(vault, KARI)
    newer, other = PartRef(KARI, "note", "n1", 2, "interests"), PartRef(KARI, "note", "n2", 1, "interests")
    await put(vault, kari, REF, newer, other)
    async with vault.db.transaction() as tx:
        assert await destroy(tx, KARI, "note", "n1") == 2
    for ref in (REF, newer):
        with pytest.raises(NotAvailable):
            await opened(vault, kari, ref)
    assert await opened(vault, kari, other) == {other: WORDS}


async def test_erasing_leaves_nothing_of_one_person_and_everything_of_another(vault: Vault) -> None:
    """Key and parts; a process that starts now has no key for her."""
    kari, ola = await person(vault, KARI), await person(vault, OLA)
    theirs = MOVES["candidate_id"][0]
    await put(vault, kari, REF, PartRef(KARI, "note", "n1", 2, "interests"))
    await put(vault, ola, theirs)
    async with vault.db.transaction() as tx:
        assert await erase(tx, KARI) == {"keys": 1, "parts": 2, "shares": 0}
    vault.keys.forget(KARI)
    with pytest.raises(NotAvailable):
        await vault.keys.candidate(KARI)
    with pytest.raises(NotAvailable):
        await opened(vault, kari, REF)
    assert await opened(vault, await vault.keys.candidate(OLA), theirs) == {theirs: WORDS}


def test_a_kind_is_the_name_before_the_colon() -> None:
    """What purposes admit: questions by whom they are to, not by their id."""
    assert REF.kind == "note.interests"
    assert PartRef(KARI, "note", "n1", 1, "question_nav:q1").kind == "note.question_nav"
    assert PartRef(KARI, "plan", "p1", 1, "pdf").kind == "plan.pdf"
