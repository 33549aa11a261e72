"""Where a call was done and its answer can't be read, nobody hears that nothing was done."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from consent_service.app.waking import WakingDatabase
from consent_service.identity.units import UnitKind
from tests.api.conftest import KARI, NOTE
from tests.support.house import House

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


async def with_all_readers_taken(house: House, call: Any) -> httpx.Response:
    """The answer to ``call``, whose first commit is followed at once by others who keep every reading connection."""
    assert isinstance(house.service.db, WakingDatabase)
    committed = house.service.db.waker()

    async def take_all() -> None:
        await committed.wait()
        async with contextlib.AsyncExitStack() as readers:
            for _ in range(4):
                await readers.enter_async_context(house.service.db.snapshot())
            await asyncio.sleep(3600)

    taking = asyncio.create_task(take_all())
    try:
        answer: httpx.Response = await call
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
    return answer


async def test_an_answer_that_is_lost_is_called_so(house: House) -> None:
    """The consent is revoked; the answer says that it may be, and what to do."""
    note = await house.own_note(KARI, NOTE)
    consent = (await house.share(KARI, note, "interests"))["id"]
    kari, house.http.timeout = await house.as_person(KARI), httpx.Timeout(20)
    call = house.http.post(f"/v1/me/consents/{consent}/revoke", json={}, headers=kari)
    answer = await with_all_readers_taken(house, call)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/outcome-unknown"), answer.text
    seen = await house.http.get(f"/v1/me/consents/{consent}", headers=kari)
    assert seen.json()["state"] == "revoked"


async def test_a_release_is_not_begun_where_its_answer_could_not_be_given(house: House) -> None:
    """All that is read for the answer is had before the gate is asked: what was released is handed out."""
    note = await house.own_note(KARI, NOTE)
    consent = (await house.share(KARI, note, "interests"))["id"]
    await house.as_unit(UnitKind.NAV)
    house.http.timeout = httpx.Timeout(20)
    answer = await with_all_readers_taken(house, house.release(consent))
    assert answer.status_code == 200
