"""What a destroyed key leaves behind on disk: nothing, in the embedded default."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent_service.storage.engine import Statement
from consent_service.vault.seal import destroy as destroy_part
from consent_service.vault.seal import erase
from consent_service.vault.shares import destroy
from tests.vault.conftest import Vault
from tests.vault.test_parts import KARI, REF, person, put
from tests.vault.test_shares import grant

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

WRAPPED = {
    "candidate_key": Statement("SELECT wrapped FROM candidate_key"),
    "part": Statement("SELECT wrapped_key FROM part"),
    "sealed": Statement("SELECT sealed FROM part"),
    "share": Statement("SELECT wrapped_key FROM share"),
}


@pytest.fixture
async def wrapped(vault: Vault) -> dict[str, bytes]:
    """A candidate with one part, shared: the bytes of each key as they are stored."""
    await put(vault, await person(vault, KARI), REF)
    await grant(vault, REF)
    async with vault.db.snapshot() as view:
        return {what: await view.value(statement) for what, statement in WRAPPED.items()}


def found(migrated_url: str, wrapped: dict[str, bytes]) -> set[str]:
    """Which of the keys have a piece of theirs in any of the database's files."""
    path = migrated_url.removeprefix("sqlite:///")
    disk = b"".join(Path(f"{path}{ending}").read_bytes() for ending in ("", "-wal", "-shm"))
    pieces = {what: [raw[start : start + 16] for start in range(0, len(raw) - 15, 16)] for what, raw in wrapped.items()}
    return {what for what, parts in pieces.items() if any(piece in disk for piece in parts if piece.strip(b"\0"))}


async def test_destroyed_shares_leave_no_trace(vault: Vault, wrapped: dict[str, bytes], migrated_url: str) -> None:
    """From the commit on, no file has a piece of the share's key; the owner's own keys are still there."""
    assert found(migrated_url, wrapped) == set(wrapped)
    async with vault.db.transaction() as tx:
        await destroy(tx, "c1")
    assert found(migrated_url, wrapped) == {"candidate_key", "part", "sealed"}


async def test_a_destroyed_part_leaves_no_trace(vault: Vault, wrapped: dict[str, bytes], migrated_url: str) -> None:
    """Neither its data key nor its content, nor a share of it."""
    async with vault.db.transaction() as tx:
        await destroy_part(tx, KARI, "note", "n1")
    assert found(migrated_url, wrapped) == {"candidate_key"}


async def test_an_erased_person_leaves_no_trace(vault: Vault, wrapped: dict[str, bytes], migrated_url: str) -> None:
    """Not her key, nor any part or share of hers."""
    async with vault.db.transaction() as tx:
        await erase(tx, KARI)
    assert found(migrated_url, wrapped) == set()
