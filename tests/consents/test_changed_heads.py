"""A chain whose head somebody changed: its candidate's consents are refused, and those of others are not held up."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from consent_service.audit.log import SERVICE_CHAIN, read
from consent_service.consents import endings, grants, standing_refusals
from consent_service.consents.gate import Refused, Released
from consent_service.consents.standing import TAMPERED
from consent_service.errors import Tampered
from consent_service.storage.engine import Statement
from tests.audit.tampering import tamper
from tests.consents.conftest import Town
from tests.consents.townspeople import another

OTHER = "21818297804"
HEAD = Statement("SELECT length, digest, last_at, steps, mac FROM chain WHERE chain_id = :id")


def alarms() -> float:
    """How many there were."""
    return next(sample.value for metric in TAMPERED.collect() for sample in metric.samples)


@pytest.mark.parametrize(
    "change",
    ["length = length - 1", "length = 0", "last_at = last_at + 1", "steps = '{}'", "digest = mac", "mac = digest"],
)
async def test_what_hangs_on_a_changed_head_is_refused_alone(town: Town, change: str) -> None:
    """The attempt is in the service's own chain, and she can end what she shares all the same."""
    consent, other = await town.grant(), await (await another(town, OTHER)).grant()
    await tamper(town.db, f"UPDATE chain SET {change} WHERE chain_id = :id", id=town.candidate_id)
    before = alarms()
    answers = await asyncio.gather(*(town.release(one.id) for one in (other, consent, other, consent, other)))
    assert [answer == Refused("tampered") for answer in answers] == [False, True, False, True, False]
    assert [type(answer) for answer in answers[::2]] == [Released] * 3
    assert alarms() == before + 2
    async with town.db.snapshot() as view:
        assert [row["event"] for row in await read(view, SERVICE_CHAIN)] == ["release.refused"] * 2
    await town.revoke(consent.id)
    async with town.db.snapshot() as view:
        assert await view.rows(Statement("SELECT * FROM share WHERE consent_id = :id"), id=consent.id) == []
        assert [row["event"] for row in await read(view, town.candidate_id)][-1] == "consent.revoked"


@pytest.mark.parametrize("change", ["length = length - 1", "length = 0"])
async def test_the_services_own_head_that_was_changed_hides_no_attempt(town: Town, change: str) -> None:
    """An attempt that names nobody known is answered as ever, and stands behind those before it."""
    assert await town.release(str(uuid4())) == Refused("unknown")
    await tamper(town.db, f"UPDATE chain SET {change} WHERE chain_id = :id", id=SERVICE_CHAIN)
    assert await town.release(str(uuid4())) == Refused("unknown")
    async with town.db.snapshot() as view:
        assert [row["event"] for row in await read(view, SERVICE_CHAIN)] == ["release.refused"] * 2


async def test_a_head_put_back_whole_records_nothing_twice(town: Town) -> None:
    """Its proof is sound, and the place that it names is taken: what can't be recorded is not let out, loudly."""
    consent, other = await town.grant(), await (await another(town, OTHER)).grant()
    async with town.db.snapshot() as view:
        row = await view.row(HEAD, id=town.candidate_id)
    assert row is not None
    assert isinstance(await town.release(consent.id), Released)
    names = ", ".join(f"{name} = :{name}" for name in dict(row))
    await tamper(town.db, f"UPDATE chain SET {names} WHERE chain_id = :id", id=town.candidate_id, **dict(row))
    before = alarms()
    answers = await asyncio.gather(*(town.release(one.id) for one in (other, consent, other)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Released, Tampered, Released]
    assert alarms() == before + 1


async def test_nothing_is_let_go_on_or_refused_under_a_head_put_back(town: Town) -> None:
    """What must be written down where something stands is not done, loudly: her yes, a paused consent, a refusal."""
    consent = await town.grant()
    async with town.db.transaction() as tx:
        await endings.pause(tx, town.desk, town.candidate_id, consent.id, now=town.clock.now())
    async with town.db.snapshot() as view:
        row = await view.row(HEAD, id=town.candidate_id)
    assert row is not None
    await town.grant()
    names = ", ".join(f"{name} = :{name}" for name in dict(row))
    await tamper(town.db, f"UPDATE chain SET {names} WHERE chain_id = :id", id=town.candidate_id, **dict(row))
    keyring, now = await town.keyring(town.nav.id), town.clock.now()
    with capture_logs() as told, pytest.raises(Tampered):
        async with town.db.transaction() as tx:
            await grants.resume(tx, town.desk, keyring, consent.id, now=now)
    with capture_logs() as told_too, pytest.raises(Tampered):
        async with town.db.transaction() as tx:
            await standing_refusals.place(tx, town.desk, town.candidate_id, "nav", now=now)
    with pytest.raises(Tampered):
        await town.grant()
    assert [one["alarm"] for one in (*told, *told_too)] == ["log", "log"]
