"""A process that is stopped in the middle of a transaction: ``python -m tests.consents.holder``.

It reads one order (JSON), does what it says, and stops itself (SIGSTOP) when all of the transaction is written and
nothing is committed, with its locks in its hands. Let go on, it says what came of it: ``committed``, or the failure.
The orders are those of ``crash_victim``, and ``lock``, which holds chains and does nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from consent_service.audit.log import lock
from consent_service.storage.engine import Database, Dialect, Snapshot, Transaction
from consent_service.storage.opening import open_database
from tests.consents.crash_victim import verb
from tests.consents.lifecycle_world import World

REPOSITORY = Path(__file__).parents[2]
STARTS_WITHIN_SECONDS = 60


class StoppingDatabase:
    """A database at whose commit the process stops."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._db.transaction() as tx:
            yield tx
            os.kill(os.getpid(), signal.SIGSTOP)

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.snapshot()

    def glance(self) -> AbstractAsyncContextManager[Snapshot]:
        return self._db.glance()

    async def close(self) -> None:
        await self._db.close()


async def carry_out(order: Mapping[str, Any]) -> None:
    """What the order asks for."""
    if order["verb"] == "lock":
        db = StoppingDatabase(await open_database(order["url"]))
        async with db.transaction() as tx:
            await lock(tx, order["chains"])
        return
    world = World(order["url"], master_key=bytes.fromhex(order["master_key"]), through=StoppingDatabase)
    await world.open()
    await verb(world, order)


class Stopped:
    """The process, from outside."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def stops(self) -> None:
        """Come back when it has stopped."""
        began = time.monotonic()
        look = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, self._process.pid, look) is None:  # noqa: ASYNC222 - it only looks (WNOHANG)
            assert self._process.returncode is None
            assert time.monotonic() < began + STARTS_WITHIN_SECONDS
            await asyncio.sleep(0.01)

    async def goes_on(self) -> str:
        """Let it go on; what came of what it did."""
        self._process.send_signal(signal.SIGCONT)
        said, _ = await self._process.communicate()
        return said.decode().strip()

    async def dies(self) -> None:
        """Kill it (SIGKILL) as it stands."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def stopped(order: Mapping[str, Any]) -> AsyncIterator[Stopped]:
    """A process that has stopped in the middle of what it was ordered to do; it has ended when the block has."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.consents.holder", stdin=PIPE, stdout=PIPE, cwd=REPOSITORY
    )
    holder = Stopped(process)
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        await holder.stops()
        yield holder
    finally:
        await holder.dies()


def main() -> str:
    """Do it; what came of it."""
    try:
        asyncio.run(carry_out(json.loads(sys.stdin.readline())))
    except Exception as failure:  # noqa: BLE001 - whatever it is, the test is told its name
        return type(failure).__name__
    return "committed"


if __name__ == "__main__":
    print(main(), flush=True)
