"""Acting while somebody else waits for the candidate's lock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from consent_service.audit.log import lock
from consent_service.storage.engine import Transaction
from tests.consents.conftest import Town

WAITS = 0.15  # of a second: whatever does not wait has been answered many times over

Act = Callable[[Transaction], Awaitable[object]]


async def meanwhile(town: Town, waiting: Awaitable[object], act: Act) -> object:
    """What ``waiting`` answers, or the class of what it raises, if ``act`` is done while it waits for her lock."""
    async with town.db.transaction() as tx:
        await lock(tx, [town.candidate_id])
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(WAITS)
        assert not task.done()
        await act(tx)
    try:
        return await task
    except Exception as failure:  # noqa: BLE001 - the failure is the answer
        return type(failure)
