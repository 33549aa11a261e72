"""The sweep, and the closing of a unit: one person's rows that can't be read or written stand in nobody else's way."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from consent_service.consents.closing import Closed
from consent_service.consents.sweep import sweep
from consent_service.storage.engine import Statement
from tests.audit.tampering import tamper
from tests.consents.conftest import Town
from tests.consents.requesting import ask, leave
from tests.consents.test_closing import close
from tests.consents.test_endings import held
from tests.consents.test_put_back import HEAD, put_back, rows
from tests.consents.townspeople import another

STATES = Statement("SELECT id, state FROM consent")
OTHER = "21818297804"


async def states(town: Town) -> dict[str, str]:
    """How each consent stands, by its column."""
    async with town.db.snapshot() as view:
        return {row["id"]: row["state"] for row in await view.rows(STATES)}


async def some_requests(town: Town) -> tuple[str, list[str]]:
    """One in her chain, whose head is then put back, and some that wait, before it and after it by their ids."""
    hers = await ask(town)
    (before,) = await rows(town, HEAD, town.candidate_id)
    await town.release((await town.grant()).id)
    await put_back(town, "chain", before)
    others = [await leave(town) for _ in range(6)]
    while not min(others) < hers < max(others):
        others.append(await leave(town))
    return hers, others


async def test_what_cant_be_written_down_keeps_no_other_request_from_lapsing(town: Town) -> None:
    """The place in her chain is taken; that is told, without a word of what it says, and the others lapse."""
    hers, others = await some_requests(town)
    town.clock.advance(days=2)
    with capture_logs() as told:
        assert await sweep(town.db, town.desk, town.clock) == len(others)
    assert [one["consent_id"] for one in told if "consent_id" in one] == [hers]
    assert [one["alarm"] for one in told if "alarm" in one] == ["log"]
    after = await states(town)
    assert (after[hers], {after[one] for one in others}) == ("requested", {"lapsed"})


async def test_nor_does_it_keep_a_unit_from_being_closed(town: Town) -> None:
    """What else it asked for falls away, and what it received ends; one is passed over, for a second run."""
    hers, others = await some_requests(town)
    consent = await (await another(town, OTHER)).grant()
    closed = await close(town, town.nav)
    assert (closed.ended, closed.fallen_away, closed.passed_over) == (2, len(others), 1)
    after = await states(town)
    assert (after[hers], {after[one] for one in others}) == ("requested", {"cancelled"})
    assert await held(town, consent.id) == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_row_that_cant_be_read_stands_in_nobodys_way(town: Town) -> None:
    """SQLite takes anything: bytes for a candidate, and words for a date."""
    consents = [await town.grant() for _ in range(3)]
    others = [await (await another(town, number)).grant() for number in (OTHER, "20914695016")]
    await tamper(town.db, "UPDATE consent SET candidate_id = x'00' WHERE id = :id", id=consents[0].id)
    request, cut = await leave(town), await leave(town)
    await tamper(town.db, "UPDATE consent SET reply_by = 'x' WHERE id = :id", id=request)
    with capture_logs() as told:
        assert await close(town, town.nav) == Closed(ended=4, fallen_away=1, passed_over=2)
    assert {one["consent_id"] for one in told if one.get("alarm") == "closing"} == {consents[0].id, request}
    assert (await states(town))[cut] == "cancelled"
    town.clock.advance(days=60)
    with capture_logs() as told:
        await sweep(town.db, town.desk, town.clock)
    assert (consents[0].id, "sweep") in {(one["consent_id"], one.get("alarm")) for one in told}
    assert [await held(town, one.id) for one in (*consents[1:], *others)] == [0, 0, 0, 0]
