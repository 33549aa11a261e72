"""Another process on the same SQLite file: ``python -m tests.storage.neighbour VERB PATH``."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys

from consent_service.errors import StorageUnavailable
from consent_service.storage.sqlite import SQLite
from tests.storage.things import ADD, COUNT, LOCK, SET

TIMES = 50


def say(word: str) -> None:
    print(word, flush=True)


async def hold(db: SQLite) -> None:
    """Write until told to stop."""
    async with db.transaction() as tx:
        await tx.run(ADD, id="neighbour", n=1)
        say("holding")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def count(db: SQLite) -> None:
    """Read a number and write it one higher, each time in a transaction of its own."""
    for _ in range(TIMES):
        async with db.transaction() as tx:
            n = await tx.value(LOCK, id="number")
            await asyncio.sleep(0)
            await tx.run(SET, id="number", n=n + 1)


async def die(db: SQLite) -> None:
    """Write a lot, and be killed before the commit."""
    async with db.transaction() as tx:
        for number in range(20_000):  # more than SQLite keeps in memory: it spills to the log before the commit
            await tx.run(ADD, id=f"{number:0500}", n=number)
        say("dying")
        os.kill(os.getpid(), signal.SIGKILL)


async def fill(db: SQLite) -> None:
    """Write until the file system has no more room, and tell what came of it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    kept = 0
    try:
        for number in range(10_000):
            async with db.transaction() as tx:
                await tx.run(ADD, id=f"{number}a{'x' * 500}", n=number)
                await tx.run(ADD, id=f"{number}b{'x' * 500}", n=number)
            kept += 2
    except StorageUnavailable:
        say(f"full {kept}")
    async with db.snapshot() as view:
        say(f"stored {await view.value(COUNT)}")


async def main(verb: str, path: str) -> None:
    db = SQLite(path, patience=60)
    await {"hold": hold, "count": count, "die": die, "fill": fill}[verb](db)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
