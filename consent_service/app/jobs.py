"""What runs beside the requests: numbering events and log entries after commit, signing the log, lapsing what is over.

Any number of processes may run these: a lease lets one at a time do each job, and a process that dies or is paused
loses it by itself. A job that fails is logged and tried again; it never stops the others.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from consent_service.api import idempotency
from consent_service.app.waking import WakingDatabase
from consent_service.audit import sequencer as log_sequencer
from consent_service.clock import MINUTE, SECOND, Clock
from consent_service.consents.desk import Desk
from consent_service.errors import Unavailable
from consent_service.events import sequencer as event_sequencer
from consent_service.rights import lapsing
from consent_service.vault.keys import Keys

_GATHER_EVENTS = 0.1
_GATHER_ENTRIES = 0.25
"""Seconds from a commit to its numbering: those of the same moment share a transaction. Units ask for their events now
and then, and nobody for an entry's number: the log's head is signed every ten seconds at most."""
_LOOK_AGAIN = 1.0
"""Seconds until other processes' commits are looked for."""
_SIGN_EVERY = SECOND
_LAPSE_EVERY = MINUTE
_AFTER_FAILURE = 1.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Kept:
    """How long things are kept, in microseconds."""

    events: int
    answers: int


class Jobs:
    """The jobs of one process. ``origin`` is the log's name in its checkpoints (C2SP)."""

    def __init__(self, db: WakingDatabase, desk: Desk, clock: Clock, keys: Keys, *, origin: str, kept: Kept) -> None:
        """Take what the jobs need; the holder's name is chance, so that no two processes ever share a lease."""
        self._db = db
        self._desk = desk
        self._clock = clock
        self._keys = keys
        self._checkpoints = keys.checkpoints
        self._origin = origin
        self._kept = kept
        self._holder = secrets.token_hex(8)
        self._signed_at = 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for job, wait, work in (
                ("events", self._after_commits(_GATHER_EVENTS), self.number_events),
                ("log", self._after_commits(_GATHER_ENTRIES), self.sequence_log),
                ("lapse", self._pause, self.lapse),
            ):
                group.create_task(self._again_and_again(job, wait, work), name=job)

    async def number_events(self) -> None:
        """Number the events that were committed.

        Only a full batch has left any over. To look again after any other would cost a commit, here and below.
        """
        while await self._number_events() >= event_sequencer.BATCH:
            continue

    async def sequence_log(self) -> None:
        """Number the log entries that were committed, and sign the log's head now and then.

        Apart from the events: a log that was tampered with stops the log's numbering, and no unit's feed.
        """
        while await self._sequence_log() >= log_sequencer.BATCH:
            continue
        await self._sign_log()

    # Past the waking database: these jobs' own commits are nothing to wake up for.

    async def _number_events(self) -> int:
        async with self._db.behind.transaction() as tx:
            return await event_sequencer.number(tx, holder=self._holder, now=self._clock.now())

    async def _sequence_log(self) -> int:
        async with self._db.behind.transaction() as tx:
            return await log_sequencer.sequence(tx, self._desk.keys.log, holder=self._holder, now=self._clock.now())

    async def _sign_log(self) -> None:
        now = self._clock.now()
        if now < self._signed_at + _SIGN_EVERY:
            return
        signers = await self._checkpoints.current()  # before the transaction: a key service may be asked
        async with self._db.behind.transaction() as tx:
            if await self._checkpoints.still(tx):
                await log_sequencer.sign_checkpoint(tx, signers, self._origin, holder=self._holder, now=now)
        self._signed_at = now

    async def lapse(self) -> None:
        """Write down and destroy what is over by itself, and forget keys that nobody has asked for again."""
        self._keys.drop_expired()
        await lapsing.lapse(self._db, self._desk, self._clock, events_kept=self._kept.events)
        async with self._db.transaction() as tx:
            await idempotency.lapse(tx, before=self._clock.now() - self._kept.answers)

    def _after_commits(self, gather: float) -> Callable[[], Awaitable[None]]:
        committed = self._db.waker()

        async def wait() -> None:
            try:
                async with asyncio.timeout(_LOOK_AGAIN):
                    await committed.wait()
            except TimeoutError:
                return
            await asyncio.sleep(gather)
            committed.clear()

        return wait

    async def _pause(self) -> None:
        await asyncio.sleep(_LAPSE_EVERY / SECOND)

    async def _again_and_again(
        self, job: str, wait: Callable[[], Awaitable[None]], work: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            try:
                await work()
            except Unavailable:
                _log.warning("a job waits for the database or the keys", job=job)
                await asyncio.sleep(_AFTER_FAILURE)
            except Exception:  # noqa: BLE001 - one turn of one job; the others go on, and operators hear of it
                _log.exception("a job failed", job=job, alarm="job")
                await asyncio.sleep(_AFTER_FAILURE)
            await wait()
