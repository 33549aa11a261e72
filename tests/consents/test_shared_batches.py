"""Those who share a transaction at the gate: whatever is wrong with one, the others have their answers."""

from __future__ import annotations

import asyncio

import pytest

from consent_service.audit.log import SERVICE_CHAIN, read
from consent_service.consents.asks import Answer
from consent_service.consents.gate import Refused, ReleaseAsk, Released
from tests.consents.conftest import Town


async def together(town: Town, ask: ReleaseAsk, consent_id: str) -> tuple[Answer, list[Answer]]:
    """What the gate answers to ``ask``, and to five others who come at the same time for ``consent_id``."""
    one, *others = await asyncio.gather(town.gate.release(ask), *(town.release(consent_id) for _ in range(5)))
    return one, list(others)


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
