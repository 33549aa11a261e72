"""Those who share a transaction at the gate: whatever is wrong with one, the others have their answers."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import Counter

from consent_service.audit.log import SERVICE_CHAIN, read
from consent_service.consents.asks import Answer
from consent_service.consents.gate import Refused, ReleaseAsk, Released
from consent_service.consents.standing import TAMPERED
from consent_service.identity.units import TAMPERED as UNITS_TAMPERED
from consent_service.storage.engine import Statement
from tests.consents.conftest import Town


async def together(town: Town, ask: ReleaseAsk, consent_id: str) -> tuple[Answer, list[Answer]]:
    """What the gate answers to ``ask``, and to five others who come at the same time for ``consent_id``."""
    one, *others = await asyncio.gather(town.gate.release(ask), *(town.release(consent_id) for _ in range(5)))
    return one, list(others)


async def write(town: Town, statement: str, **given: object) -> None:
    """What somebody with the database in her hands does."""
    async with town.db.transaction() as tx:
        await tx.run(Statement(statement), **given)


def count(counter: Counter) -> float:
    """How often there was an alarm."""
    return next(sample.value for metric in counter.collect() for sample in metric.samples)


@pytest.mark.parametrize(
    ("employee", "office", "key"),
    [("A21879498012", "0501", "k"), ("A1", "NAV 218794-98012", "k"), ("Kari Nordmann", "0501", "k"), ("A1", "æ", "k")],
)
async def test_what_the_log_may_not_hold_is_refused_alone(town: Town, employee: str, office: str, key: str) -> None:
    """An employee or an office that the log refuses is refused at the gate; the attempt is logged without them."""
    consent = await town.grant(town.choice(max_uses=6))
    refused, others = await together(town, ReleaseAsk(consent.id, town.nav.id, employee, office, key), consent.id)
    assert refused == Refused("undecidable")
    assert [type(other) for other in others] == [Released] * 5
    assert isinstance(await town.release(consent.id), Released)  # nothing was spent for the one refused
    async with town.db.snapshot() as view:
        events = [row["event"] for row in await read(view, town.candidate_id)]
    assert events.count("release.refused") == 1


@pytest.mark.parametrize(
    ("consent_id", "reason"),
    [
        ("aaaaaaaa-aaaa-aaaa-aaaa-a12345678901", "unknown"),
        ("21879498012", "undecidable"),
    ],
)
async def test_an_id_that_looks_like_a_number_harms_nobody(town: Town, consent_id: str, reason: str) -> None:
    """A random id may look like an identity number; anything else that does is not written down."""
    consent = await town.grant()
    refused, others = await together(town, ReleaseAsk(consent_id, town.nav.id, "A1", "0501", "k"), consent.id)
    assert refused == Refused(reason)
    assert [type(other) for other in others] == [Released] * 5
    async with town.db.snapshot() as view:
        bodies = [row["body"] for row in await read(view, SERVICE_CHAIN)]
    assert len(bodies) == 1
    assert b"21879498012" not in bodies[0]


async def test_a_key_that_is_no_text_harms_nobody(town: Town) -> None:
    """Any key has a hash to be remembered by."""
    consent = await town.grant()
    released, others = await together(town, ReleaseAsk(consent.id, town.nav.id, "A1", "0501", "\ud800"), consent.id)
    assert [type(one) for one in (released, *others)] == [Released] * 6


@pytest.mark.parametrize("mac", [bytes(32), b"", "text"])
async def test_a_changed_remembered_release_is_refused_alone(town: Town, mac: object) -> None:
    """Each repeat with its key is refused, with an alarm, and nothing is remembered in its place."""
    if isinstance(mac, str) and town.db.dialect != "sqlite":
        return  # SQLite alone takes a value of another type
    consent, mate = await town.grant(town.choice(max_uses=2)), await town.grant()
    await town.release(consent.id, key="k")
    await write(town, "UPDATE release SET mac = :mac", mac=mac)
    alarms = count(TAMPERED)
    for _ in range(2):
        refused, others = await together(town, ReleaseAsk(consent.id, town.nav.id, "A1", "0501", "k"), mate.id)
        assert refused == Refused("tampered")
        assert [type(other) for other in others] == [Released] * 5
    assert count(TAMPERED) == alarms + 2
    assert isinstance(await town.release(consent.id, key="another"), Released)


@pytest.mark.parametrize(("column", "value"), [("kind", "nonsense"), ("name", b"\xff")])
async def test_a_unit_that_can_not_be_read_is_refused_alone(town: Town, column: str, value: object) -> None:
    """A unit's row of a kind, or a type, that none can have is no unit; those beside it have their answers."""
    if isinstance(value, bytes) and town.db.dialect != "sqlite":
        return
    consent = await town.grant()
    ask = ReleaseAsk(consent.id, town.training.id, "A1", "0501", "k")
    await write(town, f"UPDATE unit SET {column} = :value WHERE id = :id", value=value, id=town.training.id)
    alarms = count(UNITS_TAMPERED)
    refused, others = await together(town, ask, consent.id)
    assert isinstance(refused, Refused)
    assert [type(other) for other in others] == [Released] * 5
    assert count(UNITS_TAMPERED) > alarms
    await write(town, f"UPDATE unit SET {column} = :value WHERE id = :id", value=value, id=town.nav.id)
    assert await town.release(consent.id) == Refused("recipient_changed")
