"""Revocation is linearisable: nothing is released to a call that began after the revoke was answered, anywhere.

Two processes of the service on one database, two dozen clients over HTTP, a dozen hot consents; one process is killed
and started again, one is paused (SIGSTOP) and goes on. ``LINEARIZABILITY_CALLS`` and ``LINEARIZABILITY_SEEDS`` make it
longer (``make soak``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

from consent_service.audit.log import read as read_log
from consent_service.storage.engine import Statement
from consent_service.storage.opening import open_database
from tests.linearizability.ambush import Ambush
from tests.linearizability.history import linearizable
from tests.linearizability.processes import SERVE, town
from tests.linearizability.workload import SLOTS, Consent, Load

CALLS = int(os.environ.get("LINEARIZABILITY_CALLS", "10500"))
SEEDS = [int(seed) for seed in os.environ.get("LINEARIZABILITY_SEEDS", "1 2 3").split()]
SECONDS_TO_SEE = 120.0  # as a rule it takes two
PLANTED = ("tests.linearizability.server",)


async def faults(load: Load) -> None:
    """One process is paused now and then, once for longer than a lock may be held; the other is killed."""
    killed, paused = load.town.processes
    for share, seconds in ((0.1, 0.05), (0.2, 0.2), (0.3, 0.05), (0.4, 2.5), (0.8, 0.1)):
        await load.reached(share)
        paused.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        paused.signal(signal.SIGCONT)
        if share == 0.4:
            await load.reached(0.5)
            await killed.kill()
            await killed.start()


def broken(consents: list[Consent]) -> list[Consent]:
    """Those whose history can't have happened one call at a time."""
    return [consent for consent in consents if not linearizable(consent.calls)]


async def out_of_order(database_url: str) -> list[str]:
    """Consents of which the log itself says that something was released when they were not in force."""
    db = await open_database(database_url)
    wrong, open_to = [], set()
    try:
        async with db.snapshot() as view:
            chains = [row["id"] for row in await view.rows(Statement("SELECT id FROM candidate"))]
            for chain in chains:
                for entry in await read_log(view, chain, limit=1_000_000):
                    consent, event = entry["consent_id"], entry["event"]
                    if event in {"consent.granted", "consent.resumed"}:
                        open_to.add(consent)
                    elif event in {"consent.revoked", "consent.paused"}:
                        open_to.discard(consent)
                    elif event == "release.released" and consent not in open_to:
                        wrong.append(consent)
    finally:
        await db.close()
    return wrong


async def test_every_history_could_have_happened_one_call_at_a_time(migrated_url: str, tmp_path: Path) -> None:
    """With several seeds, a kill and pauses in between, each consent's history is that of a register; so is the log."""
    counted: Counter[tuple[str, str]] = Counter()
    async with town(migrated_url, tmp_path, module=SERVE) as here:
        for seed in SEEDS:
            load = Load(here, seed, CALLS // len(SEEDS))
            await load.run(faults)
            assert [consent.calls for consent in broken(load.consents)] == []
            counted += load.counted()
    assert await out_of_order(migrated_url) == []
    known = sum(number for (_, outcome), number in counted.items() if outcome != "unknown")
    assert known >= 10_000 * CALLS / 10_500, counted
    assert counted["release", "done"] > CALLS / 10
    assert counted["release", "refused"] > CALLS / 20
    assert counted["revoke", "done"] > CALLS / 100


async def test_a_cache_of_5_ms_is_seen(migrated_url: str, tmp_path: Path) -> None:
    """Against a gate that keeps its answers for 5 ms, calls close to a revoke have a history that no register has."""
    async with town(migrated_url, tmp_path, module=PLANTED) as here:
        load = Ambush(here, 1, 0, over=Seen(SECONDS_TO_SEE))
        await load.run()
    assert broken(load.consents)


class Seen:
    """Whether a broken history was seen; asked after every call, it looks at each consent when it has ended."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._looked = 0
        self._seen = False

    def __call__(self, load: Load) -> bool:
        ended = len(load.consents) - SLOTS  # the newest may still be in use
        if ended > self._looked + 5:
            self._seen |= bool(broken(load.consents[self._looked : ended]))
            self._looked = ended
        return self._seen or time.monotonic() > self._until
