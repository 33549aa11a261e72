"""Rows that somebody who can write the database moved, or changed beside the consent: nothing leaves, and it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from consent_service.audit.log import SERVICE_CHAIN, leaf_hash, read
from consent_service.consents import judging, requests
from consent_service.consents.gate import Refused, Released
from consent_service.consents.standing import TAMPERED
from consent_service.crypto.canonical import canonical
from consent_service.identity import registry
from consent_service.persons.arrival import arrive
from consent_service.plans.authority import record_refusal
from consent_service.storage.engine import Statement
from tests.audit.tampering import tamper
from tests.consents.conftest import CONTROLLER, Town, nid
from tests.support.acting import BY

ROWS = Statement("SELECT * FROM consent WHERE id = :id"), Statement("SELECT * FROM share WHERE consent_id = :id")


def alarms() -> float:
    """How many there were."""
    return next(sample.value for metric in TAMPERED.collect() for sample in metric.samples)


async def put(town: Town, table: str, row: Mapping[str, Any]) -> None:
    """Write a row by hand."""
    given = dict(row)
    await tamper(town.db, f"INSERT INTO {table} ({', '.join(given)}) VALUES (:{', :'.join(given)})", **given)


async def revoked_and_put_back(town: Town) -> str:
    """A consent that was taken back, with its rows, and its shares, as they were before."""
    consent = await town.grant()
    async with town.db.snapshot() as view:
        (row,), shares = [await view.rows(statement, id=consent.id) for statement in ROWS]
    await town.revoke(consent.id)
    await tamper(town.db, "DELETE FROM consent WHERE id = :id", id=consent.id)
    await put(town, "consent", row)
    for share in shares:
        await put(town, "share", share)
    return consent.id


@pytest.mark.parametrize("candidate_id", [None, "", "nobody", SERVICE_CHAIN, b"\xff"])
async def test_a_consent_moved_away_from_its_candidate_alarms(town: Town, candidate_id: object) -> None:
    """Moved to nobody, or to a stranger, it is no unknown consent: the alarm goes off, and others are not held up."""
    if isinstance(candidate_id, bytes) and town.db.dialect != "sqlite":
        return  # SQLite alone takes a value of another type
    consent, mate = await town.grant(), await town.grant()
    await tamper(town.db, "UPDATE consent SET candidate_id = :to WHERE id = :id", to=candidate_id, id=consent.id)
    before = alarms()
    refused, released = await asyncio.gather(town.release(consent.id), town.release(mate.id))
    assert refused == Refused("tampered")
    assert isinstance(released, Released)
    assert alarms() == before + 1
    async with town.db.snapshot() as view:
        assert [row["event"] for row in await read(view, SERVICE_CHAIN)] == ["release.refused"]


async def test_an_attempt_on_a_consent_moved_to_a_stranger_is_not_in_the_strangers_log(town: Town) -> None:
    """It goes to the service's own chain, and one on a row that was changed otherwise to the candidate's, as ever."""
    moved, changed = await town.grant(), await town.grant()
    stranger = await arrive(
        town.db, town.keys, town.clock, nid("21818297804"), held_for=CONTROLLER.organisation_number, receivers={}
    )
    chains = stranger, SERVICE_CHAIN, town.candidate_id
    async with town.db.snapshot() as view:
        before = [len(await read(view, chain)) for chain in chains]
    await tamper(town.db, "UPDATE consent SET candidate_id = :to WHERE id = :id", to=stranger, id=moved.id)
    await tamper(town.db, "UPDATE consent SET uses = 9 WHERE id = :id", id=changed.id)
    answers = await asyncio.gather(town.release(moved.id), town.release(changed.id), town.release(moved.id))
    assert [*answers] == [Refused("tampered")] * 3
    await record_refusal(
        town.db, town.desk, "plan.refused", town.nav.id, moved.id, "not_in_force", by=BY, now=town.clock.now()
    )
    async with town.db.snapshot() as view:
        after = [len(await read(view, chain)) for chain in chains]
    assert [now - then for now, then in zip(after, before, strict=True)] == [0, 3, 1]


async def test_a_request_that_concerns_nobody_yet_alarms_nobody(town: Town) -> None:
    """It is unknown, as it was written."""
    async with town.db.transaction() as tx:
        consent_id = await requests.ask(
            tx,
            town.desk,
            town.desk.purposes.get("guidance_follow_up"),
            recipient=town.nav,
            requester=town.nav,
            part_kinds=("note.interests",),
            reply_by=town.clock.now() + 1_000_000,
            at=town.clock.now(),
        )
    before = alarms()
    assert await town.release(consent_id) == Refused("unknown")
    assert alarms() == before


async def test_a_step_marked_otherwise_is_a_step(town: Town) -> None:
    """An entry's mark is 0 or 1; with that rule taken away, whatever is not 0 is a step, and hides none."""
    consent_id = await revoked_and_put_back(town)
    lift = "ALTER TABLE entry DROP CONSTRAINT entry_changes_state"
    if town.db.dialect == "sqlite":
        lift = "PRAGMA ignore_check_constraints = 1"
    marked = "UPDATE entry SET changes_state = 2 WHERE consent_id = :id AND event = 'consent.revoked'"
    if town.db.dialect == "sqlite":
        await tamper(town.db, "PRAGMA ignore_check_constraints = 0")
    with pytest.raises(Exception, match="entry_changes_state"):
        async with town.db.transaction() as tx:
            await tx.run(Statement(marked), id=consent_id)
    await tamper(town.db, lift)
    await tamper(town.db, marked, id=consent_id)
    before = alarms()
    assert await town.release(consent_id) == Refused("tampered")
    assert alarms() == before + 1


_ITS_END = "WHERE consent_id = :id AND event = 'consent.revoked'"


@pytest.mark.parametrize(
    "hide",
    [
        f"UPDATE entry SET changes_state = 0 {_ITS_END}",
        f"UPDATE entry SET consent_id = NULL {_ITS_END}",
        f"UPDATE entry SET chain_id = 'service', position = 9999 {_ITS_END}",
        f"DELETE FROM entry {_ITS_END}",
        "DELETE FROM entry WHERE consent_id = :id",
    ],
)
async def test_a_step_that_is_hidden_is_a_step(town: Town, hide: str) -> None:
    """A consent's row is put back as it was, and its end in the log made not to be found: the chain's head knows it."""
    consent_id, mate = await revoked_and_put_back(town), await town.grant()
    await tamper(town.db, hide, id=consent_id)
    before = alarms()
    for _ in range(2):
        assert await town.release(consent_id) == Refused("tampered")
    async with town.db.snapshot() as view:
        judged = await judging.judge(view, town.desk, consent_id, town.nav.id, at=town.clock.now())
    assert judged == judging.NotInForce("tampered")
    assert alarms() == before + 3
    assert isinstance(await town.release(mate.id), Released)


async def test_a_step_that_is_rewritten_as_the_end_is_none(town: Town) -> None:
    """The head knows no step of a consent that has ended, and an older entry that says to be its end is none."""
    consent_id = await revoked_and_put_back(town)
    where = "consent_id = :id AND event = 'consent.granted'"
    async with town.db.snapshot() as view:
        body = await view.value(Statement(f"SELECT body FROM entry WHERE {where}"), id=consent_id)
    said = canonical({**json.loads(body), "event": "consent.revoked"})
    changed = f"UPDATE entry SET body = :said, digest = :digest WHERE {where}"
    await tamper(town.db, changed, said=said, digest=leaf_hash(said), id=consent_id)
    await tamper(town.db, f"UPDATE entry SET changes_state = 0 {_ITS_END}", id=consent_id)
    assert await town.release(consent_id) == Refused("tampered")


@pytest.mark.parametrize("change", ["steps = :steps", "steps = :steps, mac = :mac", "mac = :mac"])
async def test_a_head_put_back_in_part_lets_nothing_out(town: Town, change: str) -> None:
    """What she shares under it she can still end; a chain whose head was changed is not believed any more."""
    consent = await town.grant()
    async with town.db.snapshot() as view:
        (row,) = await view.rows(ROWS[0], id=consent.id)
        (head,) = await view.rows(Statement("SELECT steps, mac FROM chain WHERE chain_id = :id"), id=town.candidate_id)
    mate = await town.grant()
    await town.revoke(consent.id)
    await tamper(town.db, "DELETE FROM consent WHERE id = :id", id=consent.id)
    await put(town, "consent", row)
    await tamper(town.db, f"UPDATE entry SET changes_state = 0 {_ITS_END}", id=consent.id)
    given = {name: value for name, value in dict(head).items() if f":{name}" in change}
    await tamper(town.db, f"UPDATE chain SET {change} WHERE chain_id = :id", id=town.candidate_id, **given)
    for one in (consent, mate, mate):
        assert await town.release(one.id) == Refused("tampered")
    await town.revoke(mate.id)
    async with town.db.snapshot() as view:
        assert await view.rows(ROWS[1], id=mate.id) == []
    assert await town.release(mate.id) == Refused("tampered")


@pytest.mark.parametrize("change", [{"state": False}, {"consent": "another"}, {"position": 99}, {"chain": "another"}])
async def test_a_step_whose_entry_says_otherwise_is_none(town: Town, change: dict[str, object]) -> None:
    """The columns beside an entry are not enough: its own words are that it is a step of this consent, here."""
    consent = await town.grant()
    where = "consent_id = :id AND event = 'consent.granted'"
    async with town.db.snapshot() as view:
        body = await view.value(Statement(f"SELECT body FROM entry WHERE {where}"), id=consent.id)
    said = canonical({**json.loads(body), **change})
    changed = f"UPDATE entry SET body = :said, digest = :digest WHERE {where}"
    await tamper(town.db, changed, said=said, digest=leaf_hash(said), id=consent.id)
    assert await town.release(consent.id) == Refused("tampered")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff"])
async def test_a_step_whose_entry_can_not_be_read_is_none(town: Town, body: bytes) -> None:
    """An entry that says nothing that can be read is refused alone."""
    consent, mate = await town.grant(), await town.grant()
    changed = "UPDATE entry SET body = :body WHERE consent_id = :id AND event = 'consent.granted'"
    await tamper(town.db, changed, body=body, id=consent.id)
    refused, released = await asyncio.gather(town.release(consent.id), town.release(mate.id))
    assert refused == Refused("tampered")
    assert isinstance(released, Released)


async def test_two_chains_that_claim_a_step_agree_on_none(town: Town) -> None:
    """A consent's steps are in its candidate's chain: a second entry at the same place is somebody else's."""
    consent = await town.grant()
    async with town.db.snapshot() as view:
        entry = await view.row(
            Statement("SELECT * FROM entry WHERE consent_id = :id AND changes_state <> 0"), id=consent.id
        )
    assert entry is not None
    body = canonical({**json.loads(entry["body"]), "chain": "another"})
    await put(town, "entry", {**entry, "chain_id": "another", "body": body, "digest": leaf_hash(body)})
    assert await town.release(consent.id) == Refused("tampered")


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "career_centre"), ("kind", "vocational_training"), ("organisation_number", "817920632")],
)
async def test_a_recipient_that_was_changed_gets_nothing(town: Town, column: str, value: str) -> None:
    """A unit has one kind and one organisation number: another than the consent's own is refused, with an alarm."""
    consent = await town.grant()
    await tamper(town.db, f"UPDATE unit SET {column} = :value WHERE id = :id", value=value, id=town.nav.id)
    before = alarms()
    assert await town.release(consent.id) == Refused("recipient_changed")
    async with town.db.snapshot() as view:
        judged = await judging.judge(view, town.desk, consent.id, town.nav.id, at=town.clock.now())
    assert judged == judging.NotInForce("recipient_changed")
    assert alarms() == before + 2


@pytest.mark.parametrize("change", ["UPDATE unit SET enabled = 1 WHERE id = :id", "DELETE FROM unit WHERE id = :id"])
async def test_a_recipient_that_is_not_as_registered_gets_nothing(town: Town, change: str) -> None:
    """One that was disabled and is enabled by hand, and one whose row is gone: refused, with an alarm."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await registry.disable(tx, town.desk.keys, town.nav.id, at=town.clock.now())
    assert await town.release(consent.id) == Refused("unit_disabled")
    await tamper(town.db, change, id=town.nav.id)
    before = alarms()
    assert await town.release(consent.id) == Refused("recipient_changed")
    assert alarms() == before + 1
