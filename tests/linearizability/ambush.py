"""Releases as close to a revoke as they can be: whoever keeps an answer for a moment is caught with it.

One thing at a time, so that the calls are as fast as the machine is. Each consent is released by one process, revoked
in the same moment, and as soon as the revoke is answered asked for again where it was released. Half of the time that
process is stopped (SIGSTOP) in between, at any of its steps: if it had committed and not yet heard of it, it keeps what
has been revoked since, and finds the next question waiting when it goes on. That shows however slow the machine is.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import time
from collections.abc import Coroutine
from typing import Any

from tests.linearizability.processes import Process
from tests.linearizability.wire import Wire
from tests.linearizability.workload import SLOTS, Consent, Load

A_LITTLE = 0.0003  # seconds
MOST_STEPS = 40


class Ambush(Load):
    """A load of one owner who lies in wait for one process after the other."""

    def works(self, chance: random.Random) -> list[Coroutine[Any, Any, None]]:
        """See ``Load.works``."""
        return [self._lies_in_wait(chance)]

    async def _lies_in_wait(self, chance: random.Random) -> None:
        async with self.wires() as wires, self.wires() as others:
            for place in itertools.cycle(range(SLOTS)):
                if self.over(self):
                    return
                at = chance.randrange(len(wires))
                began = time.monotonic()
                await self.release(self.hot[place - 1], wires[at], chance)
                await self._ambush(self.hot[place], at, wires[at], others, chance, usual=time.monotonic() - began)
                self.hot[place] = await self.until_granted(wires, self.hot[place].owner, chance)

    async def _ambush(
        self, consent: Consent, at: int, asks: Wire, others: list[Wire], chance: random.Random, *, usual: float
    ) -> None:
        """Release at the process ``at``, revoke meanwhile, and ask ``at`` again. A call takes ``usual`` seconds."""
        stepwise = chance.random() < 0.5
        process = self.town.processes[at]
        released = asyncio.create_task(self.release(consent, asks, chance))
        await asyncio.sleep(chance.uniform(0.0, 0.7) * usual)
        if stepwise:
            process.signal(signal.SIGSTOP)
        revoked = asyncio.create_task(self.change("revoke", consent, others[at - 1 if stepwise else at]))
        if stepwise:
            await _step(process, revoked, 3 * usual)
        await asyncio.wait([revoked])
        again = asyncio.create_task(self.release(consent, others[at], chance))
        if stepwise:
            await asyncio.sleep(0.001)  # it is sent
            process.signal(signal.SIGCONT)
        await asyncio.gather(released, again)


async def _step(process: Process, revoked: asyncio.Task[None], pause: float) -> None:
    """Let a process that is stopped go on a little at a time, until what it may keep waiting is done."""
    for _ in range(MOST_STEPS):
        await asyncio.wait([revoked], timeout=pause)
        if revoked.done():
            return
        process.signal(signal.SIGCONT)
        time.sleep(A_LITTLE)  # noqa: ASYNC251 - the event loop counts in milliseconds, and nothing else is to be done
        process.signal(signal.SIGSTOP)
    process.signal(signal.SIGCONT)
