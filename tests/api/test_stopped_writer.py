"""What callers hear while another process is stopped (SIGSTOP) with a candidate's chain in its hands.

On PostgreSQL they wait for two seconds at most, and are served. On SQLite, where one process writes at a time, whoever
must write is told 503 after five seconds, and whoever reads is served, until the writer goes on.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from consent_service.identity.units import UnitKind
from consent_service.storage.engine import Statement
from tests.api.conftest import KARI, NOTE
from tests.consents.holder import stopped
from tests.support.house import House

PATIENCE = {"postgresql": 3.0, "sqlite": 6.0}  # seconds, of which one is for a busy machine

_WHO = Statement("SELECT id FROM candidate")


async def timed(call: Any) -> tuple[float, httpx.Response]:
    """How long a call took, and its answer."""
    began = time.monotonic()
    answer = await call
    return time.monotonic() - began, answer


async def test_nobody_waits_for_ever_and_readers_not_at_all(house: House, migrated_url: str) -> None:
    """Each answer comes in time, is whole, and says what is so; when the other process goes on, so does everything."""
    note = await house.own_note(KARI, NOTE)
    read, taken_back = [(await house.share(KARI, note, part))["id"] for part in ("interests", "strengths")]
    kari, nav = await house.as_person(KARI), await house.as_unit(UnitKind.NAV)
    async with house.service.db.snapshot() as view:
        chains = [row["id"] for row in await view.rows(_WHO)]

    async def calls() -> list[tuple[float, httpx.Response]]:
        every = await asyncio.gather(
            timed(house.http.get(f"/v1/consents/{read}", headers=nav)),
            timed(house.release(read)),
            timed(house.http.post(f"/v1/me/consents/{taken_back}/revoke", json={}, headers=kari)),
            timed(house.http.post("/v1/consents/search", json={"national_id": KARI}, headers=nav)),
        )
        return list(every)

    kind, house.http.timeout = house.service.db.dialect, httpx.Timeout(10)
    async with stopped({"verb": "lock", "url": migrated_url, "chains": chains}) as holder:
        reading, *writing = await calls()
        assert reading[0] < 1
        assert reading[1].status_code == 200
        for seconds, answer in writing:
            assert seconds < PATIENCE[kind]
            assert answer.status_code == (503 if kind == "sqlite" else 200), answer.text
            if kind == "sqlite":
                assert (answer.json()["type"], answer.headers["retry-after"]) == ("/problems/storage-unavailable", "1")
        assert await holder.goes_on() == ("committed" if kind == "sqlite" else "OutcomeUnknown")
    _, released, revoked, _ = await calls()
    assert released[1].status_code == 200
    assert revoked[1].status_code == (200 if kind == "sqlite" else 409)  # there it had been revoked the first time
