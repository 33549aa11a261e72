"""What is shared says who the person is now, whatever somebody else writes in her rows."""

from __future__ import annotations

import orjson
import pytest

from consent_service.consents.preview import preview
from consent_service.errors import NotAvailable, Tampered
from consent_service.persons.number import current, set_name
from consent_service.storage.engine import Statement
from tests.audit.tampering import tamper
from tests.consents.conftest import Town

_HEAD = Statement("SELECT length, digest, last_at, steps, mac FROM chain WHERE chain_id = :id")
_PUT_BACK = (
    "UPDATE chain SET length = :length, digest = :digest, last_at = :last_at, steps = :steps, mac = :mac"
    " WHERE chain_id = :id"
)


async def renamed(town: Town) -> None:
    """She has another name from now on."""
    key = await town.keys.candidate(town.candidate_id)
    async with town.db.transaction() as tx:
        await set_name(tx, key, town.keys.service.log, "Kari Ny", held_for="county", at=town.clock.now())


async def goes_along(town: Town) -> tuple[str | None, str]:
    """The name that she is called by, and the one that the preview shows."""
    key, log_key = await town.keys.candidate(town.candidate_id), town.keys.service.log
    async with town.db.snapshot() as view:
        who = await current(view, key, log_key)
        shown = await preview(view, key, log_key, town.choice())
    return who.name, orjson.loads(shown.person)["name"]


async def test_no_column_of_hers_sets_back_who_she_is(town: Town) -> None:
    """Whatever number is written there, her present name goes along: not the former one, nor to a former number."""
    await renamed(town)
    async with town.db.snapshot() as view:
        row = await view.row(Statement("SELECT * FROM candidate WHERE id = :id"), id=town.candidate_id)
    assert row is not None
    for column in set(row.keys()) - {"id"}:
        await tamper(town.db, f"UPDATE candidate SET {column} = 1 WHERE id = :id", id=town.candidate_id)
        assert await goes_along(town) == ("Kari Ny", "Kari Ny")


async def test_a_head_that_was_put_back_shows_nothing_of_who_she_is(town: Town) -> None:
    """It is whole, and names the former version: nothing is previewed, granted, or written upon it."""
    async with town.db.snapshot() as view:
        before = await view.row(_HEAD, id=town.candidate_id)
    assert before is not None
    seen = await town.sha256(town.choice())
    await renamed(town)
    await tamper(town.db, _PUT_BACK, id=town.candidate_id, **dict(before))
    with pytest.raises(Tampered):
        await goes_along(town)
    with pytest.raises(Tampered):
        await town.sha256(town.choice())
    with pytest.raises(Tampered):
        await town.grant(sha256=seen)
    with pytest.raises(Tampered):
        await renamed(town)


async def test_a_version_that_was_taken_makes_no_former_one_the_last(town: Town) -> None:
    """The part that says who she is now is gone: it is missed, and the one before is not taken for it."""
    await renamed(town)
    await tamper(
        town.db,
        "DELETE FROM part WHERE resource = 'person' AND version = 3 AND candidate_id = :id",
        id=town.candidate_id,
    )
    with pytest.raises(NotAvailable):
        await goes_along(town)
